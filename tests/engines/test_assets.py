"""Uploads of files: once, whole, under the name that was planned, whatever the answers are."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gl2gh_batch.domain.errors import (
    Gl2ghError,
    PlanRefusedError,
    TargetError,
    UnclearAnswerError,
    WorkDirectoryError,
)
from gl2gh_batch.domain.ledger import StepState
from gl2gh_batch.domain.plan import CREATE_STEP, Call, Lookup, Upload
from gl2gh_batch.domain.refs import RepoRef

REPOSITORY = "/repos/acme/app"
CREATE = Call(
    id=CREATE_STEP,
    kind="repository",
    method="POST",
    path="/orgs/acme/repos",
    body={"name": "app", "private": True, "auto_init": True},
    lookup=Lookup(path=REPOSITORY, field="full_name", value="acme/app"),
    keep=("id", "full_name"),
)
RELEASE = Call(
    id="releases/v1",
    kind="releases",
    method="POST",
    path=f"{REPOSITORY}/releases",
    body={"tag_name": "v1", "draft": True},
    keep=("id",),
)
CONTENT = bytes(range(256)) * 100
ASSETS = "/api/uploads/repos/acme/app/releases/*/assets"
UPLOAD = Upload(
    id="releases/v1/a.bin",
    kind="releases",
    repo=RepoRef(owner="acme", name="app"),
    release="releases/v1",
    file="files/a",
    name="a.bin",
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    size=len(CONTENT),
    label="ä (1).bin",
)


@pytest.fixture
async def ready(bench: Any, tmp_path: Path) -> Any:
    """The bench with a release and the file that is to be sent."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a").write_bytes(CONTENT)
    await bench.engine.perform(CREATE)
    await bench.engine.perform(RELEASE)
    return bench


async def assets(bench: Any) -> list[dict[str, Any]]:
    """The assets of the one release."""
    (release,) = (await bench.lab.repository())["releases"]
    found = release["assets"]
    assert isinstance(found, list)
    return found


async def is_whole(bench: Any) -> bool:
    """Whether the file is there, once and right."""
    (asset,) = await assets(bench)
    assert (asset["name"], asset["label"], asset["state"]) == ("a.bin", "ä (1).bin", "uploaded")
    return base64.b64decode(asset["content"]) == CONTENT


async def test_a_file_is_sent_once(ready: Any) -> None:
    """The second time its receipt is enough; a lost receipt is found again without sending."""
    assert await ready.engine.perform(UPLOAD)
    assert await is_whole(ready)
    mark = ready.lab.mark()
    assert not await ready.engine.perform(UPLOAD)
    assert ready.lab.github(mark) == []
    assert ready.ledger.receipt(UPLOAD.id).state is StepState.DONE


async def test_a_broken_upload_is_cleaned_up_and_sent_again(ready: Any) -> None:
    """What a 502 leaves behind holds the name: it is deleted first."""
    ready.lab.sandbox.github.settings.broken_uploads = 2
    assert await ready.engine.perform(UPLOAD)
    assert await is_whole(ready)
    assert sum(one.startswith("DELETE") for one in ready.lab.writes()) == 2


@pytest.mark.parametrize("effect", [{"drop": True}, {"status": 502}, {"foreign_body": "html", "status": 200}])
async def test_a_lost_answer_is_looked_up(ready: Any, effect: dict[str, Any]) -> None:
    """The file that arrived is found by its name and size, and not sent again."""
    await ready.lab.faults({"path": ASSETS, "method": "POST", "nth": 1, "when": "after", "effect": effect})
    assert await ready.engine.perform(UPLOAD)
    assert await is_whole(ready)
    assert sum("/api/uploads/" in one for one in ready.lab.writes()) == 1


@pytest.mark.parametrize("begun", [False, True])
async def test_a_file_that_shows_late_is_waited_for(ready: Any, begun: bool) -> None:
    """An answer that is lost, and a file that readers see seconds later: it is not sent a second time."""
    late = {"drop": True, "lag_s": 0.05}  # with the brisk clock 2.5 s of the client's
    await ready.lab.faults({"path": ASSETS, "method": "POST", "nth": 1, "when": "after", "effect": late})
    if begun:  # by a run that was killed while it waited for the answer
        github, release = ready.engine.bench.github, ready.ledger.receipt(RELEASE.id).fields["id"]
        ready.ledger.intent(UPLOAD.id, "0" * 64, "2026-01-01T00:00:00+00:00")
        path = ready.engine.bench.folder.path / UPLOAD.file
        address = f"{REPOSITORY}/releases/{release}/assets"
        with pytest.raises(UnclearAnswerError):
            await github.upload(address, path, name=UPLOAD.name, label=UPLOAD.label)
    assert await ready.engine.perform(UPLOAD) is not begun
    assert await is_whole(ready)
    assert sum("/api/uploads/" in one for one in ready.lab.writes()) == 1
    assert not any(one.startswith("DELETE") for one in ready.lab.writes())


@pytest.mark.parametrize("effect", [{"drop": True}, {"status": 503}])
async def test_a_lost_request_is_sent_again(ready: Any, effect: dict[str, Any]) -> None:
    """One that had no effect is sent once more."""
    await ready.lab.faults({"path": ASSETS, "method": "POST", "nth": 1, "effect": effect})
    assert await ready.engine.perform(UPLOAD)
    assert await is_whole(ready)


async def test_a_rate_limit_is_waited_for(ready: Any) -> None:
    """A refusal by a limit was not carried out: the file is sent again from its beginning."""
    await ready.lab.faults(
        {
            "path": ASSETS,
            "method": "POST",
            "nth": 1,
            "effect": {"rate_limit": "secondary", "retry_after": 1},
        }
    )
    assert await ready.engine.perform(UPLOAD)
    assert await is_whole(ready)


async def test_another_file_of_that_name_makes_way(ready: Any) -> None:
    """An asset of the same name and another size is ours from an earlier, different plan: replaced."""
    other = replace(UPLOAD, id="releases/v1/other", sha256=hashlib.sha256(b"x").hexdigest(), size=1, file="b")
    (ready.engine.bench.folder.path / "b").write_bytes(b"x")
    assert await ready.engine.perform(other)
    assert await ready.engine.perform(UPLOAD)
    assert await is_whole(ready)


async def test_giving_up_names_the_file_and_resumes(ready: Any) -> None:
    """Tries that all break off are an error that can be run again, and then succeeds."""
    ready.lab.sandbox.github.settings.broken_uploads = 50
    with pytest.raises(UnclearAnswerError, match=r"a\.bin") as raised:
        await ready.engine.perform(UPLOAD)
    assert raised.value.item == UPLOAD.id
    ready.lab.sandbox.github.settings.broken_uploads = 0
    assert await ready.engine.perform(UPLOAD)
    assert await is_whole(ready)


@pytest.mark.parametrize("content", [b"", CONTENT[:-1], CONTENT[:-1] + b"x"])
async def test_a_changed_file_is_not_sent(ready: Any, content: bytes) -> None:
    """What is not what was exported stays here, and the error says how to mend it."""
    (ready.engine.bench.folder.path / UPLOAD.file).write_bytes(content)
    with pytest.raises(WorkDirectoryError) as raised:
        await ready.engine.perform(UPLOAD)
    assert "resume_from=export" in raised.value.hint
    assert await assets(ready) == []


async def test_refusals_are_told(ready: Any) -> None:
    """A file that is too large, a release that was never made, and a name that GitHub changes are errors."""
    ready.lab.sandbox.github.settings.asset_bytes = 10
    with pytest.raises(TargetError, match="422"):
        await ready.engine.perform(UPLOAD)
    ready.lab.sandbox.github.settings.asset_bytes = 10**9
    with pytest.raises(PlanRefusedError, match="releases/v2"):
        await ready.engine.perform(replace(UPLOAD, release="releases/v2"))
    with pytest.raises(TargetError, match="under the name"):
        await ready.engine.perform(replace(UPLOAD, id="releases/v1/odd", name="a b.bin"))


@pytest.mark.parametrize("status", [403, 404])
async def test_a_release_that_is_gone_or_closed_is_an_error(ready: Any, status: int) -> None:
    """Neither is taken for a reason to go on."""
    await ready.lab.faults(
        {"path": ASSETS, "method": "POST", "effect": {"status": status, "body": {"message": "no"}}}
    )
    with pytest.raises(Gl2ghError):
        await ready.engine.perform(UPLOAD)
