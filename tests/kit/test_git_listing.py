"""An empty list of refs is believed when git said it, and never when a page did."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from gl2gh_batch.domain.errors import GitError
from gl2gh_batch.kit.git import Git
from gl2gh_batch.kit.git_process import GitAuth
from gl2gh_batch.sandbox.git_http import serve_git

AUTH = GitAuth(username="oauth2", token="glpat-x")
# None of them ends in the line break without which git finds no ref to object to.
PAGES = [
    "",
    "null",
    '[1,null,"x"]',
    "<html>one moment</html>",
    "[" * 100_000,
    "001e# service=git-upload-pack",
]


async def _at_once(seconds: float) -> None:
    del seconds


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two repositories: `empty.git`, and `app.git` with a branch."""
    folder = tmp_path / "served"
    for name in ("empty", "app"):
        subprocess.run(["git", "init", "-q", "--bare", str(folder / f"{name}.git")], check=True)
    stream = "commit refs/heads/main\ncommitter A <a@b.c> 0 +0000\ndata 1\nx\n"
    command = ["git", f"--git-dir={folder / 'app.git'}", "fast-import", "--quiet"]
    subprocess.run(command, input=stream.encode(), check=True)
    return folder


class _Server:
    """Repositories behind `pages` at first, or for ever; `old` speaks the first version of the protocol."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = ""
        self.pages: list[str] = []
        self.for_ever = False
        self.old = False
        self.seen = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen += 1
        if self.pages:
            page = self.pages[0] if self.for_ever else self.pages.pop(0)
            return web.Response(text=page, content_type="text/html")
        if self.old:
            kept = {name: value for name, value in request.headers.items() if name != "Git-Protocol"}
            request = request.clone(headers=kept)
        repository, _, rest = request.path.strip("/").partition("/")
        return await serve_git(
            request, root=self.root, repository=repository, path_info=f"/{rest}", user="u", hidden_refs=()
        )


@pytest.fixture
async def server(root: Path) -> AsyncIterator[_Server]:
    """Git's own server over them."""
    server = _Server(root)
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", server.answer)
    runner = web.AppRunner(app, auto_decompress=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


@pytest.mark.parametrize("old", [False, True])
async def test_an_empty_repository_is_empty(tmp_path: Path, server: _Server, old: bool) -> None:
    """Without another request, in both versions of the protocol."""
    server.old = old
    assert (await Git(tmp_path).ls_remote(f"{server.url}/empty.git", AUTH)).refs == {}
    assert server.seen == (1 if old else 2)


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_in_between_hides_no_ref(tmp_path: Path, server: _Server, page: str) -> None:
    """It is asked again."""
    server.pages = [page]
    refs = (await Git(tmp_path, sleep=_at_once).ls_remote(f"{server.url}/app.git", AUTH)).refs
    assert list(refs) == ["refs/heads/main"]
    assert not list((tmp_path / "git-home").iterdir())


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_that_stays_is_told(tmp_path: Path, server: _Server, page: str) -> None:
    """Nobody takes a repository for empty that way."""
    server.pages, server.for_ever = [page], True
    with pytest.raises(GitError, match="git ls-remote failed"):
        await Git(tmp_path, sleep=_at_once).ls_remote(f"{server.url}/app.git", AUTH)
