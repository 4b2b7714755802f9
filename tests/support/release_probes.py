"""Requests that meet each rule of releases and their assets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from gl2gh_batch.sandbox.github.published import Asset

APP = "/repos/acme/app"
Probe = Callable[[Any, Any], Awaitable[bool]]


def release(fields: dict[str, Any], *, twice: bool = False, filled: bool = True) -> Probe:
    """Whether a release is refused in a repository with a commit; with `twice`, for the second time."""

    async def probe(client: Any, worktree: Any) -> bool:
        if filled:
            await _fill(client)
        answers = [await client("POST", f"{APP}/releases", fields) for _ in range(2 if twice else 1)]
        return bool(answers[-1].status == 422)

    return probe


def asset(*names: str, content: bytes = b"x", full: bool = False, **options: Any) -> Probe:
    """Whether the last of these uploads is refused."""

    async def probe(client: Any, worktree: Any) -> bool:
        made = await _release(client)
        if full:
            repository = client.sandbox.github.repository("acme/app")
            kept = repository.releases[made["id"]].assets
            for number in range(1000):
                kept[number] = Asset(
                    id=number, name=f"a{number}", uploader="x", created_at="", path=Path("none")
                )
        answers = [await _upload(client, made, name, content, **options) for name in names]
        return bool(answers[-1].status in (400, 422))

    return probe


async def _digest(client: Any, worktree: Any) -> bool:
    made = await _release(client)
    return (await _upload(client, made, "a", b"x")).body["digest"] is not None


async def _too_large(client: Any, worktree: Any) -> bool:
    client.sandbox.github.settings.asset_bytes = 10
    return await asset("a", content=b"x" * 10)(client, worktree)


async def _fill(client: Any) -> None:
    """Give the repository a commit."""
    made = await client("POST", "/orgs/acme/repos", {"name": "other", "auto_init": True})
    assert made.status == 201, made.body
    state = client.sandbox.github
    state.rename(state.repository("acme/app"), "old")
    state.rename(state.repository("acme/other"), "app")


async def _release(client: Any) -> Any:
    return (await client("POST", f"{APP}/releases", {"tag_name": "v1", "draft": True})).body


async def _upload(client: Any, made: Any, name: str, content: bytes, **options: Any) -> Any:
    options.setdefault("headers", {"Content-Type": "text/plain"})
    address = made["upload_url"].partition("{")[0]
    return await client("POST", address, data=content, params={"name": name}, **options)


RELEASE_PROBES: dict[str, Probe] = {
    "release_exists": release({"tag_name": "v1"}, twice=True),
    "release_tag_form": release({"tag_name": "a b", "draft": True}),
    "release_needs_commit": release({"tag_name": "v1"}, filled=False),
    "release_latest": release({"tag_name": "v1", "prerelease": True, "make_latest": "true"}),
    "release_body_chars": release({"tag_name": "v1", "body": "x" * 125_001}),
    "asset_exists": asset("a", "a"),
    "asset_length": asset("a", content=b""),
    "asset_type": asset("a", headers={}, skip_auto_headers=["Content-Type"]),
    "asset_bytes": _too_large,
    "assets": asset("a", full=True),
    "asset_digest": _digest,
}
