"""What a run sends before it has the claim, and how it comes to it."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest

from gl2gh_batch.domain.errors import TargetLockedError, TargetNotOursError
from gl2gh_batch.domain.plan import CREATE_STEP, Call
from gl2gh_batch.engines._writer import LOOK_HOLDS_S
from gl2gh_batch.engines.rest import RestEngine
from gl2gh_batch.kit.claim import LEASE_S, TargetClaim
from gl2gh_batch.kit.git_claim import CLAIM_REF, GitClaim
from gl2gh_batch.kit.git_trees import TreeFile

CREATE = Call(
    id=CREATE_STEP,
    kind="repository",
    method="POST",
    path="/orgs/acme/repos",
    body={"name": "app", "private": True},
    keep=("id",),
)
PERMISSIONS = "/repos/acme/app/actions/permissions"
OFF = Call(
    id="repository/actions-off",
    kind="repository",
    method="PUT",
    path=PERMISSIONS,
    body={"enabled": False},
    early=True,
)
LABEL = Call(
    id="labels/bug",
    kind="labels",
    method="POST",
    path="/repos/acme/app/labels",
    body={"name": "x", "color": "ffffff"},
)


class Time:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s


def claimed(bench: Any, folder: Path, time: Time) -> RestEngine:
    """The engine of the bench, with a claim of its own on the target."""
    folder.mkdir(exist_ok=True)
    work = bench.engine.bench
    ref = GitClaim(folder, work.git_url)
    claim = TargetClaim(ref, work.git_auth, folder, target=str(bench.repo), seconds=time)
    return RestEngine(dataclasses.replace(work, claim=claim))


async def test_what_does_no_harm_goes_before_the_claim(bench: Any, tmp_path: Path) -> None:
    """Nothing is pushed for switching Actions off in a repository just made; a label takes the claim."""
    engine = claimed(bench, tmp_path / "a", Time())
    await engine.open()
    assert await engine.perform(CREATE)
    assert await engine.perform(OFF)
    assert not any("receive-pack" in one for one in bench.lab.writes())
    assert await engine.perform(LABEL)
    assert any("receive-pack" in one for one in bench.lab.writes())
    assert engine.bench.claim is not None
    await engine.bench.claim.release()


async def test_a_claim_that_came_with_a_push_is_renewed_and_given_back(bench: Any, tmp_path: Path) -> None:
    """Its commit lies in another repository of ours: that hinders neither the next one nor taking it away."""
    time = Time()
    engine = claimed(bench, tmp_path / "a", time)
    work, claim = engine.bench, engine.bench.claim
    assert claim is not None
    assert await engine.perform(CREATE)
    mirror = tmp_path / "mirror.git"
    files = [TreeFile(path="a", content=b"a")]
    main = await work.git.write_branch(mirror, "heads/main", files, message="One", seconds=1)
    auth = await work.git_auth()
    proposal = await claim.propose(mirror)
    await work.git.push(mirror, work.git_url, {"refs/heads/main": main}, auth, found=proposal.refs)
    claim.won(proposal)
    time.s += LEASE_S / 2
    assert not await claim.ensure()
    held = (await work.git.ls_remote(work.git_url, auth)).refs
    assert held[CLAIM_REF] != proposal.sha
    await claim.release()
    assert set((await work.git.ls_remote(work.git_url, auth)).refs) == {"refs/heads/main"}
    proposal = await claim.propose(mirror)
    await work.git.push(mirror, work.git_url, {}, auth, found=proposal.refs, expect={"refs/heads/main": main})
    claim.won(proposal)
    shutil.rmtree(tmp_path / "a" / "claim.git")
    await claim.release()
    assert set((await work.git.ls_remote(work.git_url, auth)).refs) == {"refs/heads/main"}


async def test_an_old_look_is_had_again_before_an_early_write(bench: Any, tmp_path: Path) -> None:
    """A run that slept between its look and its first write finds what others put there, and stops."""
    time = Time()
    engine = claimed(bench, tmp_path / "a", time)
    await engine.open()
    assert await engine.perform(CREATE)
    other = claimed(bench, tmp_path / "b", Time())
    issue = {"title": "from another run"}
    await other.bench.github.write("POST", "/repos/acme/app/issues", issue)
    time.s += LOOK_HOLDS_S + 1
    mark = bench.lab.mark()
    with pytest.raises(TargetNotOursError):
        await engine.perform(OFF)
    assert bench.lab.writes(mark) == []


async def test_an_early_write_is_kept_from_a_folder_in_use(bench: Any, tmp_path: Path) -> None:
    """Two processes in one work directory: the second sends not even what would do no harm."""
    engine = claimed(bench, tmp_path / "a", Time())
    assert await engine.perform(CREATE)
    assert await engine.perform(OFF)
    second = claimed(bench, tmp_path / "a", Time())
    with pytest.raises(TargetLockedError):
        await second.perform(dataclasses.replace(OFF, id="repository/private"))
