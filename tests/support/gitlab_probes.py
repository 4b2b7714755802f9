"""For each row of the sandbox's table that is about GitLab, a probe: whether its rule is met.

A probe takes a client of a sandbox that holds `PROJECT`, and a git worktree.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from gl2gh_batch.sandbox.seeds.records import Label

Probe = Callable[[Any, Any], Awaitable[bool]]

PROJECT: Final = """
project: {path: closed/app, id: 1, visibility: private}
users: {anna: {name: Anna}}
members: {gus: guest, mona: maintainer, dora: developer}
labels: [{title: one}, {title: two}]
issues:
  - {title: Open, author: anna, notes: [{body: seen}, {body: hidden, internal: true}]}
  - {title: Secret, author: anna, confidential: true}
repository: {commits: [{name: a, message: A, author: anna, files: {x: "1"}}]}
"""
LABELS: Final = "/projects/1/labels"


async def ask(client: Any, path: str, who: str | None = "", **options: Any) -> Any:
    """Read a path below the API as somebody: the migrator when empty, nobody when None."""
    world = client.sandbox.gitlab
    if who:
        world.add_token(who, who)
    secret = world.token if who == "" else who
    headers = {**({} if secret is None else {"PRIVATE-TOKEN": secret}), **options}
    return await client("GET", f"{world.url}/api/v4{path}", token=None, headers=headers)


def answered(path: str, status: int, who: str | None = "") -> Probe:
    """Whether a path is answered with a status."""

    async def probe(client: Any, worktree: Any) -> bool:
        return bool((await ask(client, path, who)).status == status)

    return probe


def header(name: str, path: str) -> Probe:
    """Whether an answer has a header."""

    async def probe(client: Any, worktree: Any) -> bool:
        return name in (await ask(client, path)).headers

    return probe


async def total(client: Any, worktree: Any) -> bool:
    """Whether a list of 10,001 rows does not tell its length, one of 10,000 having told it."""
    labels = client.sandbox.gitlab.projects[1].labels
    labels += [Label(title=f"l{number}", id=1000 + number) for number in range(10_000 - len(labels))]
    at_most = await ask(client, LABELS)
    labels.append(Label(title="last straw", id=999))
    over = await ask(client, LABELS)
    assert at_most.headers["X-Total"] == "10000"
    return "X-Total" not in over.headers and 'rel="last"' not in over.headers["Link"]


async def per_page(client: Any, worktree: Any) -> bool:
    """Whether a page has no more rows than that."""
    labels = client.sandbox.gitlab.projects[1].labels
    labels += [Label(title=f"l{number}", id=1000 + number) for number in range(100)]
    return len((await ask(client, f"{LABELS}?per_page=101")).body) == 100


async def unknown_token(client: Any, worktree: Any) -> bool:
    """Whether a token that nobody made is refused, where nobody at all is not."""
    address = f"{client.sandbox.gitlab_url}/api/v4/projects"
    assert (await client("GET", address, token=None)).status == 200
    answer = await client("GET", address, token=None, headers={"PRIVATE-TOKEN": "unknown"})
    return bool(answer.status == 401)


async def revoked(client: Any, worktree: Any) -> bool:
    """Whether a revoked token is refused as such."""
    client.sandbox.gitlab.tokens[client.sandbox.gitlab_token].revoked = True
    answer = await ask(client, "/projects/1")
    return answer.status == 401 and answer.body["error"] == "invalid_token"


async def blocked(client: Any, worktree: Any) -> bool:
    """Whether a blocked user is refused."""
    client.sandbox.gitlab.user("mona").state = "blocked"
    return bool((await ask(client, "/projects/1", "mona")).status == 403)


async def scope(client: Any, worktree: Any) -> bool:
    """Whether a token for one's own name opens no project."""
    client.sandbox.gitlab.add_token("narrow", "mona", scopes=("read_user",))
    address = f"{client.sandbox.gitlab_url}/api/v4/projects/1"
    answer = await client("GET", address, token=None, headers={"PRIVATE-TOKEN": "narrow"})
    return bool(answer.status == 403)


async def internal_notes(client: Any, worktree: Any) -> bool:
    """Whether a guest sees no internal note."""
    notes = (await ask(client, "/projects/1/issues/1/notes", "gus")).body
    return bool([note["body"] for note in notes] == ["seen"])


async def feature_off(client: Any, worktree: Any) -> bool:
    """Whether the issue of a project without issues is not there."""
    client.sandbox.gitlab.edit(1).edit_project(features={"issues": "disabled"})
    return bool((await ask(client, "/projects/1/issues/1")).status == 404)


async def _push(client: Any, worktree: Any, refspec: str) -> bool:
    await asyncio.to_thread(worktree.commit)
    client.sandbox.gitlab.add_token("dora", "dora")
    address = f"{client.sandbox.gitlab_url}/closed/app.git".replace("//", "//x:dora@")
    return bool((await worktree.push(address, refspec)).returncode != 0)


async def internal_refs(client: Any, worktree: Any) -> bool:
    """Whether a push to GitLab's own refs is declined."""
    return await _push(client, worktree, "HEAD:refs/merge-requests/9/head")


async def archived(client: Any, worktree: Any) -> bool:
    """Whether a push to an archived project is declined."""
    client.sandbox.gitlab.projects[1].archived = True
    return await _push(client, worktree, "HEAD:refs/heads/new")


async def _described(client: Any, text: str) -> int:
    url = f"{client.sandbox.gitlab_url}/api/v4/projects/1"
    headers = {"PRIVATE-TOKEN": client.sandbox.gitlab.token, "Content-Type": "application/json"}
    answer = await client("PUT", url, {"description": text}, token=None, headers=headers)
    return int(answer.status)


async def archived_settings(client: Any, worktree: Any) -> bool:
    """Whether the settings of an archived project take no change, where others do."""
    assert await _described(client, "before") == 200
    client.sandbox.gitlab.projects[1].archived = True
    return await _described(client, "after") == 403


async def description(client: Any, worktree: Any) -> bool:
    """Whether a description of one sign too many is refused."""
    assert await _described(client, "x" * 2000) == 200
    return await _described(client, "x" * 2001) == 400


async def challenge(client: Any, worktree: Any) -> bool:
    """Whether git is asked for a password."""
    address = f"{client.sandbox.gitlab_url}/closed/app.git/info/refs?service=git-upload-pack"
    answer = await client("GET", address, token=None)
    assert answer.status == 401
    return "WWW-Authenticate" in answer.headers


GITLAB_PROBES: Final[dict[str, Probe]] = {
    "gitlab_link": header("Link", LABELS),
    "gitlab_pages": header("X-Next-Page", LABELS),
    "gitlab_total": total,
    "gitlab_etag": header("ETag", "/projects/1"),
    "gitlab_per_page": per_page,
    "gitlab_page_number": answered(f"{LABELS}?page=0", 400),
    "gitlab_offset": answered("/projects?page=502&per_page=100", 405),
    "gitlab_keyset": answered("/projects/1/issues?pagination=keyset", 405),
    "gitlab_credentials": unknown_token,
    "gitlab_revoked": revoked,
    "gitlab_sign_in": answered("/user", 401, None),
    "gitlab_blocked": blocked,
    "gitlab_scope": scope,
    "gitlab_invisible": answered("/projects/1", 404, "stranger"),
    "gitlab_level": answered("/projects/1/hooks", 403, "dora"),
    "gitlab_code": answered("/projects/1/repository/branches", 403, "gus"),
    "gitlab_confidential": answered("/projects/1/issues/2", 404, "gus"),
    "gitlab_internal_notes": internal_notes,
    "gitlab_feature_off": feature_off,
    "gitlab_archived": archived,
    "gitlab_archived_settings": archived_settings,
    "gitlab_description": description,
    "gitlab_internal_refs": internal_refs,
    "gitlab_challenge": challenge,
}
