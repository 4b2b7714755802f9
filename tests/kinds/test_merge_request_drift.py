"""Merge requests and their commits, while people push, merge and delete."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gl2gh_batch.domain.inventory import Inventory, Watermark
from gl2gh_batch.domain.refs import ProjectRef
from gl2gh_batch.kinds import Source
from gl2gh_batch.kinds._merge_request_read import has_changed
from gl2gh_batch.kinds._merge_request_values import MergeRequestRecord, Obstacle
from gl2gh_batch.kinds.merge_requests import MergeRequestsKind
from gl2gh_batch.kit.git import Git
from gl2gh_batch.source.merge_models import Discussion, MergeRequest


class _GitLab:
    """Answers as a project with these merge requests does, and counts what is asked about each."""

    def __init__(self, *items: MergeRequest) -> None:
        self.items = list(items)
        self.asked: list[int] = []

    async def merge_requests(self, _project: int) -> Any:
        for item in list(self.items):
            yield item

    async def discussions(self, _project: int, iid: int, *, settled: bool = False) -> Any:
        del settled
        self.asked.append(iid)
        yield Discussion(id=str(iid))

    async def approvals(self, _project: int, _iid: int) -> None:
        return None


def _item(iid: int, sha: str, **fields: Any) -> MergeRequest:
    return MergeRequest(
        id=iid,
        iid=iid,
        title="One",
        sha=sha,
        source_branch="work",
        target_branch="main",
        created_at="2024-01-01T10:00:00Z",
        **fields,
    )


INVENTORY = Inventory(
    project=ProjectRef(id=1, full_path="group/app"),
    name="App",
    description="",
    web_url="",
    visibility="private",
    default_branch="main",
    archived=False,
    empty_repository=False,
    issues_enabled=False,
    wiki_enabled=False,
    topics=(),
    created_at="2024-01-01T10:00:00Z",
    counts={},
    sizes={},
    gitlab_version="17.0",
    watermark=Watermark(last_activity_at="", refs_sha256=""),
)


async def _read(gitlab: Any, source: Source) -> list[MergeRequestRecord]:
    return [one async for one in MergeRequestsKind().read(gitlab, source)]


async def _read_again(
    gitlab: Any, source: Source, before: list[MergeRequestRecord]
) -> list[MergeRequestRecord]:
    known = {str(one.merge_request.iid): one for one in before}
    return [one async for one in MergeRequestsKind().read_again(gitlab, source, known.get)]


class _Remote:
    """A repository, a mirror of what it held at first, and all that was fetched since."""

    def __init__(self, folder: Path) -> None:
        self._remote, self._mirror = folder / "remote.git", folder / "mirror.git"
        _git("init", "--bare", "--quiet", "--initial-branch=main", str(self._remote))
        _git(f"--git-dir={self._remote}", "config", "uploadpack.allowAnySHA1InWant", "true")
        self.main = self._commit("refs/heads/main")
        self.first = self._commit("refs/heads/work")
        _git("clone", "--mirror", "--quiet", str(self._remote), str(self._mirror))
        self.fetches: list[list[str]] = []
        self.source = Source(
            inventory=INVENTORY,
            refs={"refs/heads/main": self.main, "refs/heads/work": self.first},
            history=Git(folder / "work").history(self._mirror),
            fetch=self._fetch,
        )

    def push(self) -> str:
        """A further commit that no ref leads to."""
        return self._commit("refs/hidden/one", self.first)

    def _commit(self, ref: str, parent: str = "") -> str:
        chain = ["-p", parent or self.main] if parent or ref != "refs/heads/main" else []
        place = f"--git-dir={self._remote}"
        tree = _git(place, "mktree")
        sha = _git(place, "commit-tree", tree, "-m", ref, *chain)
        _git(place, "update-ref", ref, sha)
        return sha

    async def _fetch(self, shas: Sequence[str]) -> None:
        """All or nothing, as git does."""
        self.fetches.append(list(shas))
        try:
            place = f"--git-dir={self._mirror}"
            await asyncio.to_thread(_git, place, "fetch", "--quiet", str(self._remote), *shas)
        except subprocess.CalledProcessError:
            assert "f" * 40 in shas


def _git(*arguments: str) -> str:
    """Plain git, apart from the code under test."""
    who = {
        f"GIT_{one}_{part}": "a@example.com" for one in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")
    }
    done = subprocess.run(
        ["git", *arguments], input=b"", capture_output=True, check=True, env={**os.environ, **who}
    )
    return done.stdout.decode().strip()


@pytest.fixture
def remote(tmp_path: Path) -> _Remote:
    """A remote repository with a branch `work`, and the way from it to its mirror."""
    return _Remote(tmp_path)


async def test_what_was_pushed_meanwhile_is_fetched(remote: _Remote) -> None:
    """A head that came after the mirror is fetched when the list is read again, and its commits are there."""
    gitlab = _GitLab(_item(1, remote.first), _item(2, remote.first))
    before = await _read(gitlab, remote.source)
    gitlab.items[0] = _item(1, remote.push(), updated_at="2024-01-02T10:00:00Z")
    gitlab.asked.clear()
    after = {one.merge_request.iid: one for one in await _read_again(gitlab, remote.source, before)}
    assert after[1].git.head == gitlab.items[0].sha
    assert (before[0].git.commit_count, after[1].git.commit_count, after[2].git.commit_count) == (1, 2, 1)
    assert gitlab.asked == [1]


async def test_one_refused_head_does_not_keep_the_others_away(remote: _Remote) -> None:
    """GitLab gives nothing when it refuses one; when that one is gone, the others get their commits."""
    hidden, lost = remote.push(), "f" * 40
    gitlab = _GitLab(_item(1, hidden), _item(2, lost))
    before = await _read(gitlab, remote.source)
    assert [one.git.rebuilt for one in before] == [Obstacle.NO_HEAD, Obstacle.NO_HEAD]
    del gitlab.items[1]
    (after,) = await _read_again(gitlab, remote.source, before)
    assert after.git.head == hidden


async def test_what_is_lost_for_good_is_asked_for_once_more_only(remote: _Remote) -> None:
    """A head that GitLab has not got costs one more fetch, and no request about its merge request."""
    gitlab = _GitLab(_item(1, "f" * 40))
    before = await _read(gitlab, remote.source)
    gitlab.asked.clear()
    assert await _read_again(gitlab, remote.source, before) == before
    assert gitlab.asked == []
    assert remote.fetches == [["f" * 40]] * 2


@pytest.mark.parametrize(
    "change",
    [
        {"updated_at": "2024-02-01T10:00:00Z"},
        {"user_notes_count": 3},
        {"state": "merged"},
        {"sha": "a" * 40},
        {"target_branch": "other"},
        {"merge_commit_sha": "b" * 40},
        {"upvotes": 1},
    ],
)
def test_a_change_is_seen(change: dict[str, Any]) -> None:
    """Whatever tells of something new has it read again; a new title in the list is enough by itself."""
    item = _item(1, "c" * 40)
    assert has_changed(item, replace(item, **change))
    assert not has_changed(item, replace(item, title="Two", labels=("new",)))
