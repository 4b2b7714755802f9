"""The table of all limits, headers and refusals: each row is kept, and only its row keeps it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gitlab_probes
import lfs_probes
import pull_probes
import pytest
import release_probes

from gl2gh_batch.sandbox.rules import TABLE, Sort

APP = "/repos/acme/app"
IMPORTS = {"Accept": "application/vnd.github.golden-comet-preview+json"}
BLOCKED_BY = "dependencies/blocked_by"
Probe = Callable[[Any, Any], Awaitable[bool]]


def refused(method: str, path: str, body: Any = None, *, status: int = 422, **options: Any) -> Probe:
    """Whether a request is refused with a status."""

    async def probe(client: Any, worktree: Any) -> bool:
        answer = await client(method, path, body, **options)
        return answer.status == status

    return probe


def header(name: str, path: str = "/user") -> Probe:
    """Whether an answer has a header."""

    async def probe(client: Any, worktree: Any) -> bool:
        return name in (await client("GET", path)).headers

    return probe


def limited(limit_class: str, method: str, path: str, body: Any = None) -> Probe:
    """Whether the second of two requests is refused when one is allowed."""

    async def probe(client: Any, worktree: Any) -> bool:
        most = 1 if limit_class != "points" or method == "GET" else 5
        await client.control("PUT", "/limits", {limit_class: {"limit": most, "window_s": 1000}})
        gitlab = path.startswith("/api/v4")
        headers = {"PRIVATE-TOKEN": client.sandbox.gitlab_token} if gitlab else {}
        url = client.sandbox.gitlab_url + path if gitlab else path
        token = None if gitlab else ""
        answers = [await client(method, url, body, token=token, headers=headers) for _ in range(2)]
        return answers[1].status in (403, 429)

    return probe


def related(*pairs: tuple[str, str, int, int]) -> Probe:
    """Whether the last of these relations is refused: its place, its field, and which two of three issues."""

    async def probe(client: Any, worktree: Any) -> bool:
        made = [(await client("POST", f"{APP}/issues", {"title": "t"})).body for _ in range(3)]
        answers = [
            await client("POST", f"{APP}/issues/{made[one]['number']}/{rest}", {field: made[other]["id"]})
            for rest, field, one, other in pairs
        ]
        assert all(answer.status == 201 for answer in answers[:-1])
        return answers[-1].status == 422

    return probe


def many(rest: str, field: str, count: int) -> Probe:
    """Whether the last of so many relations of one issue is refused."""

    async def probe(client: Any, worktree: Any) -> bool:
        first = (await client("POST", f"{APP}/issues", {"title": "t"})).body["number"]
        status = 0
        for _ in range(count):
            assert status in {0, 201}
            other = (await client("POST", f"{APP}/issues", {"title": "t"})).body["id"]
            status = (await client("POST", f"{APP}/issues/{first}/{rest}", {field: other})).status
        return status == 422

    return probe


async def foreign_part(client: Any, worktree: Any) -> bool:
    """Whether an issue of another owner is refused as a sub-issue."""
    await client("POST", "/user/repos", {"name": "own"})
    login = (await client("GET", "/user")).body["login"]
    other = (await client("POST", f"/repos/{login}/own/issues", {"title": "t"})).body["id"]
    first = (await client("POST", f"{APP}/issues", {"title": "t"})).body["number"]
    answer = await client("POST", f"{APP}/issues/{first}/sub_issues", {"sub_issue_id": other})
    return answer.status == 422


async def late_reason(client: Any, worktree: Any) -> bool:
    """Whether a closed issue keeps its reason when it is closed again with another."""
    place = f"{APP}/issues/{(await client('POST', f'{APP}/issues', {'title': 't'})).body['number']}"
    await client("PATCH", place, {"state": "closed"})
    await client("PATCH", place, {"state": "closed", "state_reason": "not_planned"})
    return (await client("GET", place)).body["state_reason"] == "completed"


def import_fails(**issue: Any) -> Probe:
    """Whether an import fails."""

    async def probe(client: Any, worktree: Any) -> bool:
        done = await client.imported(APP, {"title": "t", **issue})
        return done.body["status"] == "failed"

    return probe


def push_fails(refspec: str, name: str = "a.txt", size: int = 1, repository: str = "app.git") -> Probe:
    """Whether a push is declined."""

    async def probe(client: Any, worktree: Any) -> bool:
        with (worktree.folder / name).open("wb") as file:
            file.truncate(size)
        worktree.git("add", ".")
        worktree.git("commit", "-q", "-m", "one")
        token = client.sandbox.github_token
        address = f"{client.sandbox.github_url}/acme/{repository}".replace("//", f"//x:{token}@")
        return (await worktree.push(address, refspec)).returncode != 0

    return probe


def after(setting: tuple[str, str, Any], probe: Probe) -> Probe:
    """A probe after a request that has to succeed."""

    async def prepared(client: Any, worktree: Any) -> bool:
        answer = await client(*setting)
        assert answer.status < 300, answer.body
        return await probe(client, worktree)

    return prepared


async def concurrency(client: Any, worktree: Any) -> bool:
    """Whether the second of two requests at once is refused."""
    await client.control("PUT", "/limits", {"concurrency": {"limit": 1}})
    slow = {"side": "github", "path": "/user", "effect": {"delay_s": 0.3}}
    await client.control("PUT", "/faults", [slow])
    statuses = [
        answer.status for answer in await asyncio.gather(client("GET", "/user"), client("GET", "/user"))
    ]
    return 403 in statuses


async def retry_after(client: Any, worktree: Any) -> bool:
    """Whether a secondary refusal says how long to wait."""
    await client.control("PUT", "/limits", {"points": {"limit": 0, "window_s": 60}})
    return "Retry-After" in (await client("GET", "/user")).headers


async def gitlab_header(client: Any, worktree: Any) -> bool:
    """Whether GitLab tells its limits."""
    await client.control("PUT", "/limits", {"gitlab_requests": {"limit": 9, "window_s": 60}})
    headers = {"PRIVATE-TOKEN": client.sandbox.gitlab_token}
    answer = await client("GET", f"{client.sandbox.gitlab_url}/api/v4/user", token=None, headers=headers)
    return "RateLimit-Remaining" in answer.headers


async def request_date(client: Any, worktree: Any) -> bool:
    """Whether the date is that of the sandbox's own clock."""
    return (await client("GET", "/user")).headers.get("Date", "").startswith("Wed, 01 Jan 2031")


async def weak_token(client: Any, worktree: Any) -> bool:
    """Whether a reader cannot write."""
    await client.token("weak", login="octocat", scopes=["repo"])
    return (await client("POST", f"{APP}/labels", {"name": "x"}, token="weak")).status == 403


async def moved(client: Any, worktree: Any) -> bool:
    """Whether the former name redirects."""
    await client("PATCH", APP, {"name": "renamed"})
    return (await client("GET", APP)).status == 301


async def deleted_issue(client: Any, worktree: Any) -> bool:
    """Whether a deleted issue is told from one that never was."""
    await client("POST", f"{APP}/issues", {"title": "t"})
    await client.control("PATCH", "/state", [{"op": "remove", "path": "/repositories/acme~1app/issues/0"}])
    return (await client("GET", f"{APP}/issues/1")).status == 410


async def status_lag(client: Any, worktree: Any) -> bool:
    """Whether the status of a new import is unknown at first."""
    await client.control(
        "PATCH", "/state", [{"op": "replace", "path": "/settings/import_status_lag_s", "value": 3600}]
    )
    begun = await client(
        "POST", f"{APP}/import/issues", {"issue": {"title": "t", "body": "b"}}, headers=IMPORTS
    )
    return (await client("GET", begun.body["url"], headers=IMPORTS)).status == 404


async def default_branch(client: Any, worktree: Any) -> bool:
    """Whether a default branch has to be there."""
    return (await client("PATCH", APP, {"default_branch": "none"})).status == 422


async def anonymous(client: Any, worktree: Any) -> bool:
    """Whether the 61st request without a token is refused."""
    answers = [await client("GET", "/meta", token=None) for _ in range(61)]
    assert answers[59].status == 200
    return answers[60].status == 403


async def per_page(client: Any, worktree: Any) -> bool:
    """Whether a page holds no more than a hundred."""
    for number in range(101):
        await client("POST", f"{APP}/labels", {"name": f"label {number}"})
    return len((await client("GET", f"{APP}/labels?per_page=101")).body) == 100


async def challenge(client: Any, worktree: Any) -> bool:
    """Whether git is asked for a password."""
    address = f"{client.sandbox.github_url}/acme/app.git/info/refs?service=git-upload-pack"
    answer = await client("GET", address, token=None)
    assert answer.status == 401
    return "WWW-Authenticate" in answer.headers


async def comment_blank(client: Any, worktree: Any) -> bool:
    """Whether a comment needs words."""
    await client("POST", f"{APP}/issues", {"title": "t"})
    return (await client("POST", f"{APP}/issues/1/comments", {"body": " "})).status == 422


def with_branch(method: str, path: str, body: dict[str, Any] | None) -> Probe:
    """Whether a request is refused where `main` has two commits; its `sha` is the first of them."""

    async def probe(client: Any, worktree: Any) -> bool:
        old = await asyncio.to_thread(worktree.commit, "a.txt")
        await asyncio.to_thread(worktree.commit, "b.txt")
        address = f"{client.sandbox.github_url}/acme/app.git".replace(
            "//", f"//x:{client.sandbox.github_token}@"
        )
        assert (await worktree.push(address, "HEAD:refs/heads/main")).returncode == 0
        fields = None if body is None else {**body, "sha": old}
        return (await client(method, f"{APP}/git/refs{path}", fields)).status == 422

    return probe


ISSUE = {"title": "t"}
BIG_IMPORT = {"issue": {"title": "t", "body": "b"}, "padding": "x" * 1_048_576}
PROBES: dict[str, Probe] = {
    "primary": limited("primary", "GET", "/user"),
    "points": limited("points", "GET", "/user"),
    "content_minute": limited("content_minute", "POST", f"{APP}/issues", ISSUE),
    "content_hour": limited("content_hour", "POST", f"{APP}/issues", ISSUE),
    "search": limited("search", "GET", "/search/issues?q=x"),
    "concurrency": concurrency,
    "anonymous": anonymous,
    "per_page": per_page,
    "gitlab_requests": limited("gitlab_requests", "GET", "/api/v4/user"),
    "gitlab_exports": limited("gitlab_exports", "POST", "/api/v4/projects/1/export"),
    "x-ratelimit": header("X-RateLimit-Remaining"),
    "retry-after": retry_after,
    "ratelimit": gitlab_header,
    "etag": header("ETag"),
    "link": header("Link", f"{APP}/labels?per_page=1"),
    "x-oauth-scopes": header("X-OAuth-Scopes"),
    "x-github-request-id": header("X-GitHub-Request-Id"),
    "date": request_date,
    "x-github-media-type": header("X-GitHub-Media-Type"),
    "x-github-api-version-selected": header("X-GitHub-Api-Version-Selected"),
    "www-authenticate": challenge,
    "sign_in": refused("GET", "/user", status=401, token=None),
    "json_object": refused("POST", f"{APP}/labels", ["x"], status=400),
    "bad_credentials": refused("GET", "/users/octocat", status=401, token="nonsense"),
    "invisible": refused("GET", APP, status=404, token=None),
    "permission": weak_token,
    "archived": after(
        ("PATCH", APP, {"archived": True}), refused("POST", f"{APP}/labels", {"name": "x"}, status=403)
    ),
    "moved": moved,
    "issues_disabled": after(
        ("PATCH", APP, {"has_issues": False}), refused("POST", f"{APP}/issues", ISSUE, status=410)
    ),
    "issue_deleted": deleted_issue,
    "repository_exists": refused("POST", "/orgs/acme/repos", {"name": "app"}),
    "repository_name_chars": refused("POST", "/orgs/acme/repos", {"name": "x" * 101}),
    "description_chars": refused("PATCH", APP, {"description": "x" * 351}),
    "description_control": refused("PATCH", APP, {"description": "a\tb"}),
    "default_branch_exists": default_branch,
    "empty_repository": refused("GET", f"{APP}/git/matching-refs/heads", status=409),
    "topics": refused("PUT", f"{APP}/topics", {"names": [f"t{n}" for n in range(21)]}),
    "merge_method_left": refused(
        "PATCH",
        APP,
        {"allow_merge_commit": False, "allow_squash_merge": False, "allow_rebase_merge": False},
    ),
    "topic_chars": refused("PUT", f"{APP}/topics", {"names": ["x" * 51]}),
    "label_name_chars": refused("POST", f"{APP}/labels", {"name": "x" * 51}),
    "label_description_chars": refused("POST", f"{APP}/labels", {"name": "x", "description": "x" * 101}),
    "label_description_plane": refused("POST", f"{APP}/labels", {"name": "x", "description": "\U0001f600"}),
    "label_color": refused("POST", f"{APP}/labels", {"name": "x", "color": "#fff"}),
    "label_exists": refused("POST", f"{APP}/labels", {"name": "BUG"}),
    "milestone_exists": after(
        ("POST", f"{APP}/milestones", {"title": "v"}), refused("POST", f"{APP}/milestones", {"title": "v"})
    ),
    "title_chars": refused("POST", f"{APP}/issues", {"title": "x" * 257}),
    "body_chars": refused("POST", f"{APP}/issues", {"title": "t", "body": "x" * 65_537}),
    "assignees": refused("POST", f"{APP}/issues", {"title": "t", "assignees": ["octocat"] * 11}),
    "assignable": refused("POST", f"{APP}/issues", {"title": "t", "assignees": ["stranger"]}),
    "milestone_known": refused("POST", f"{APP}/issues", {"title": "t", "milestone": 9}),
    "sub_issues": many("sub_issues", "sub_issue_id", 101),
    "sub_issue_owner": foreign_part,
    "sub_issue_parent": related(("sub_issues", "sub_issue_id", 0, 1), ("sub_issues", "sub_issue_id", 2, 1)),
    "sub_issue_circle": related(("sub_issues", "sub_issue_id", 0, 1), ("sub_issues", "sub_issue_id", 1, 0)),
    "dependencies": many(BLOCKED_BY, "issue_id", 51),
    "dependency_once": related((BLOCKED_BY, "issue_id", 0, 1), (BLOCKED_BY, "issue_id", 0, 1)),
    "dependency_circle": related((BLOCKED_BY, "issue_id", 0, 1), (BLOCKED_BY, "issue_id", 1, 0)),
    "state_reason": late_reason,
    "issue_type": refused("POST", f"{APP}/issues", {"title": "t", "type": "Epic"}),
    "import_accept": refused(
        "POST", f"{APP}/import/issues", {"issue": {"title": "t", "body": "b"}}, status=415
    ),
    "import_bytes": refused("POST", f"{APP}/import/issues", BIG_IMPORT, status=413, headers=IMPORTS),
    "import_label": import_fails(labels=["unknown"]),
    "import_milestone": import_fails(milestone=9),
    "import_assignee": import_fails(assignee="stranger"),
    "import_body": import_fails(body="x" * 65_537),
    "import_status_lag": status_lag,
    "comment_blank": comment_blank,
    "ref_form": with_branch("POST", "", {"ref": "refs/new"}),
    "ref_exists": with_branch("POST", "", {"ref": "refs/heads/main"}),
    "fast_forward": with_branch("PATCH", "/heads/main", {"force": False}),
    "default_branch_stays": with_branch("DELETE", "/heads/main", None),
    "hidden_refs": push_fails("HEAD:refs/pull/1/head"),
    "ref_bytes": push_fails("HEAD:refs/heads/" + "x" * 245),
    "file_bytes": push_fails("HEAD:refs/heads/main", size=101 * 1024 * 1024),
    "wiki_first_page": push_fails("HEAD:refs/heads/master", repository="app.wiki.git"),
    **release_probes.RELEASE_PROBES,
    **gitlab_probes.GITLAB_PROBES,
    **pull_probes.PULL_PROBES,
    **lfs_probes.LFS_PROBES,
}


def test_every_row_has_a_probe() -> None:
    """A new rule needs a probe of its own here."""
    assert set(PROBES) == {row.name for row in TABLE}
    assert {row.sort for row in TABLE} == set(Sort)


@pytest.mark.parametrize("row", [row.name for row in TABLE])
async def test_a_row_is_kept_and_can_be_loosened(start: Any, worktree: Any, tmp_path: Path, row: str) -> None:
    """Strict, the probe of a row meets its rule; with that row loosened, it does not."""
    seed = tmp_path / "project.yml"
    seed.write_text(gitlab_probes.PROJECT)
    common = {"profile": "unlimited", "started_at": datetime(2031, 1, 1, tzinfo=UTC), "projects": [seed]}
    strict = await start(**common)
    await strict.repository()
    assert await PROBES[row](strict, worktree)
    # What a loosened GitHub answers is no longer GitHub's.
    loose = await start(**common, loosened=[row], observe=lambda _: None)
    await loose.repository()
    assert not await PROBES[row](loose, type(worktree)(tmp_path / "second"))
