"""For each row of the sandbox's table that is about pull requests, a probe: whether its rule is met."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from branches import branched, opened, push

APP: Final = "/repos/acme/app"
PULL: Final = f"{APP}/pulls/1"
Probe = Callable[[Any, Any], Awaitable[bool]]


def _refused(method: str, path: str, body: dict[str, Any]) -> Probe:
    """Whether a request is 422 where pull request 1 is open."""

    async def probe(client: Any, worktree: Any) -> bool:
        await branched(client, worktree)
        await opened(client, APP)
        return bool((await client(method, path, body)).status == 422)

    return probe


def _reviewed(**fields: Any) -> Probe:
    """Whether a review is refused."""
    return _refused("POST", f"{PULL}/reviews", {"event": "COMMENT", "body": "b", **fields})


def _commented(**place: Any) -> Probe:
    """Whether a review is refused for the place of a comment."""
    return _reviewed(comments=[{"path": "long.txt", "body": "c", **place}])


async def _title(client: Any, worktree: Any) -> bool:
    await branched(client, worktree)
    return bool((await client("POST", f"{APP}/pulls", {"head": "topic", "base": "main"})).status == 422)


async def _commits(client: Any, worktree: Any) -> bool:
    await branched(client, worktree)
    await push(client, worktree, "main:refs/heads/same")
    fields = {"title": "t", "head": "same", "base": "main"}
    return bool((await client("POST", f"{APP}/pulls", fields)).status == 422)


async def _history(client: Any, worktree: Any) -> bool:
    await branched(client, worktree)
    worktree.git("checkout", "-q", "--orphan", "other")
    await asyncio.to_thread(worktree.commit, "other.txt")
    await push(client, worktree, "other")
    fields = {"title": "t", "head": "other", "base": "main"}
    return bool((await client("POST", f"{APP}/pulls", fields)).status == 422)


async def _base_of_closed(client: Any, worktree: Any) -> bool:
    await branched(client, worktree, "topic", "second")
    await opened(client, APP)
    await client("PATCH", PULL, {"state": "closed"})
    return bool((await client("PATCH", PULL, {"base": "second"})).status == 422)


async def _reopen(client: Any, worktree: Any) -> bool:
    await branched(client, worktree)
    await opened(client, APP)
    await push(client, worktree, ":refs/heads/topic")
    return bool((await client("PATCH", PULL, {"state": "open"})).status == 422)


async def _commits_listed(client: Any, worktree: Any) -> bool:
    await branched(client, worktree)
    worktree.git("checkout", "-q", "topic")
    stream = "".join(
        "commit refs/heads/topic\ncommitter a <a@b> 1700000000 +0000\ndata 1\nx"
        + ("\nfrom refs/heads/topic^0\n" if number == 0 else "\n")
        for number in range(250)
    )
    await asyncio.to_thread(worktree.fast_import, stream)
    await push(client, worktree, "topic")
    await opened(client, APP)
    return len((await client("GET", f"{PULL}/commits?per_page=100&page=3")).body) == 50


async def _reviewers(client: Any, worktree: Any) -> bool:
    await branched(client, worktree)
    await opened(client, APP)
    names = [f"reviewer-{number}" for number in range(16)]
    patch = [
        {"op": "add", "path": f"/users/{name}", "value": {"name": None, "email": None}} for name in names
    ]
    patch += [
        {"op": "add", "path": f"/repositories/acme~1app/collaborators/{name}", "value": "push"}
        for name in names
    ]
    assert (await client.control("PATCH", "/state", patch)).status == 200
    return bool((await client("POST", f"{PULL}/requested_reviewers", {"reviewers": names})).status == 422)


async def _pending(client: Any, worktree: Any) -> bool:
    await branched(client, worktree)
    await opened(client, APP)
    assert (await client("POST", f"{PULL}/reviews", {"body": "later"})).status == 200
    return bool((await client("POST", f"{PULL}/reviews", {"event": "COMMENT", "body": "b"})).status == 422)


async def _reply(client: Any, worktree: Any) -> bool:
    tips = await branched(client, worktree)
    await opened(client, APP)
    fields = {"body": "c", "commit_id": tips["topic"], "path": "long.txt", "line": 2}
    first = await client("POST", f"{PULL}/comments", fields)
    second = await client("POST", f"{PULL}/comments/{first.body['id']}/replies", {"body": "r"})
    third = await client("POST", f"{PULL}/comments/{second.body['id']}/replies", {"body": "r"})
    return bool(third.status == 422)


_SECOND: Final = {"title": "t", "head": "topic", "base": "main"}
PULL_PROBES: Final[dict[str, Probe]] = {
    "pull_title": _title,
    "pull_exists": _refused("POST", f"{APP}/pulls", _SECOND),
    "pull_commits": _commits,
    "pull_history": _history,
    "pull_base_open": _base_of_closed,
    "pull_reopen": _reopen,
    "pull_commits_listed": _commits_listed,
    "reviewer_author": _refused("POST", f"{PULL}/requested_reviewers", {"reviewers": ["acme-migrator"]}),
    "reviewer_known": _refused("POST", f"{PULL}/requested_reviewers", {"reviewers": ["stranger"]}),
    "reviewers": _reviewers,
    "review_own": _reviewed(event="APPROVE"),
    "review_body": _reviewed(body=" "),
    "review_pending": _pending,
    "review_comment_fields": _commented(line=2, subject_type="line"),
    "review_commit": _reviewed(commit_id="0" * 40),
    "review_path": _commented(path="other.txt", line=2),
    "review_line": _commented(line=20),
    "review_start_line": _commented(start_line=2, line=39),
    "review_reply": _reply,
}
