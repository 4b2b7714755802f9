"""git runs clean, safe and repeatable, against real repositories over real smart HTTP."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import BasicAuth, web

from gl2gh_batch.domain.errors import (
    AuthenticationError,
    ConfigurationError,
    GitError,
    NotFoundError,
    TargetError,
    TargetNotOursError,
)
from gl2gh_batch.kit.git import MERGE_REQUEST_HEADS, Git, RefsRefusedError
from gl2gh_batch.kit.git_process import GitAuth, GitProcess, origin_of
from gl2gh_batch.kit.git_refs import PushedState
from gl2gh_batch.sandbox.git_http import serve_git

TOKEN = "glpat-verysecrettoken"
AUTH = GitAuth(username="oauth2", token=TOKEN)
PLAIN_ENV = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.com",
    "GIT_AUTHOR_DATE": "2020-01-01T00:00:00Z",
    "GIT_COMMITTER_DATE": "2020-01-01T00:00:00Z",
}


def git(repository: Path, *arguments: str, data: bytes = b"") -> str:
    """Plain git, apart from the code under test."""
    done = subprocess.run(
        ["git", f"--git-dir={repository}", *arguments],
        input=data,
        capture_output=True,
        check=True,
        env=PLAIN_ENV,
    )
    return done.stdout.decode().strip()


def bare(path: Path) -> Path:
    git(path, "init", "--bare", "--quiet", "--initial-branch=main")
    return path


def commit(repository: Path, content: bytes, ref: str, *parents: str, name: str = "file") -> str:
    """A commit with one file, under a ref; returns its id."""
    blob = git(repository, "hash-object", "-w", "--stdin", data=content)
    tree = git(repository, "mktree", data=f"100644 blob {blob}\t{name}\n".encode())
    chain = [part for one in parents for part in ("-p", one)]
    sha = git(repository, "commit-tree", tree, "-m", "a commit", *chain)
    git(repository, "update-ref", ref, sha)
    return sha


class Server:
    """Repositories below `root` over smart HTTP, with the token demanded as the platforms demand it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = ""
        self.seen: list[str] = []
        self.redirect = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(f"{request.method} {request.path_qs}")
        if self.redirect:
            return web.Response(status=301, headers={"Location": self.redirect + request.path_qs})
        given = request.headers.get("Authorization")
        if given is None or BasicAuth.decode(given).password != TOKEN:
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})
        name = request.match_info["name"] + ".git"
        if not (self.root / name).exists():
            return web.Response(status=404)
        return await serve_git(
            request,
            root=self.root,
            repository=name,
            path_info=request.match_info["rest"],
            user="u",
            hidden_refs=["refs/pull"],
        )


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    root = tmp_path / "served"
    root.mkdir()
    server = Server(root)
    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", r"/{name:[^.]+}.git{rest:.*}", server.answer)
    runner = web.AppRunner(app, auto_decompress=False)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


@pytest.fixture
def source(server: Server) -> Path:
    """A repository with branches, tags of both sorts, odd names and refs that are nobody's business."""
    source = bare(server.root / "source.git")
    first = commit(source, b"one", "refs/heads/main")
    second = commit(source, b"two", "refs/heads/main", first)
    git(source, "update-ref", "refs/heads/feature/ünïcode-✓", first)
    git(source, "update-ref", "refs/heads/--upload-pack=touch${IFS}canary", second)
    git(source, "update-ref", 'refs/heads/quo"te;#x', first)
    git(source, "tag", "light", first)
    git(source, "tag", "-a", "-m", "annotated", "v1.0", second)
    git(source, "update-ref", "refs/merge-requests/1/head", second)
    git(source, "update-ref", "refs/keep-around/abc", first)
    return source


async def test_mirror_takes_branches_and_tags_and_follows_changes(
    server: Server, source: Path, tmp_path: Path
) -> None:
    """A mirror holds every branch and tag by id and nothing else; run again, it follows what changed."""
    work = Git(tmp_path / "work")
    dest = tmp_path / "work" / "project" / "mirror.git"
    url = f"{server.url}/source.git"
    refs = await work.mirror(url, dest, AUTH)
    expected = dict(
        reversed(line.split(" ", 1))
        for line in git(
            source, "for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/tags"
        ).splitlines()
    )
    assert refs == expected
    remote = await work.ls_remote(url, AUTH)
    assert remote.head == "refs/heads/main"
    assert remote.pushed() == expected
    assert "refs/keep-around/abc" in remote.refs

    git(source, "update-ref", "-d", "refs/tags/light")
    moved = commit(source, b"rewritten", "refs/heads/main")
    (dest / "packed-refs.lock").touch()
    (dest / "refs" / "heads" / "main.lock").touch()
    again = await work.mirror(url, dest, AUTH)
    assert "refs/tags/light" not in again
    assert again["refs/heads/main"] == moved

    with_heads = await work.mirror(url, dest, AUTH, refspecs=[MERGE_REQUEST_HEADS])
    assert "refs/merge-requests/1/head" in with_heads


async def test_mirror_of_an_empty_repository_is_empty(server: Server, tmp_path: Path) -> None:
    """An empty repository gives an empty mirror and no error."""
    bare(server.root / "empty.git")
    work = Git(tmp_path)
    assert await work.mirror(f"{server.url}/empty.git", tmp_path / "m.git", AUTH) == {}
    assert (await work.ls_remote(f"{server.url}/empty.git", AUTH)).refs == {}


async def test_push_brings_every_ref_and_the_second_time_sends_nothing(
    server: Server, source: Path, tmp_path: Path
) -> None:
    """A push carries every ref by id, hostile names included; repeated, it writes nothing."""
    bare(server.root / "target.git")
    work, mirror = Git(tmp_path / "work"), tmp_path / "mirror.git"
    refs = await work.mirror(f"{server.url}/source.git", mirror, AUTH)
    url = f"{server.url}/target.git"
    report = await work.push(mirror, url, refs, AUTH)
    assert {one.name: one.state for one in report.refs} == dict.fromkeys(refs, PushedState.CREATED)
    held = await work.ls_remote(url, AUTH)
    assert held.refs == refs

    server.seen.clear()
    again = await work.push(mirror, url, refs, AUTH)
    assert {one.state for one in again.refs} == {PushedState.UNCHANGED}
    assert not [line for line in server.seen if "receive-pack" in line]


async def test_a_ref_that_must_not_be_there_comes_with_the_push_or_nothing_does(
    server: Server, source: Path, tmp_path: Path
) -> None:
    """Of many pushes that make one and the same ref at once one takes effect, whole, and no other."""
    bare(server.root / "target.git")
    mirror, url, own = tmp_path / "mirror.git", f"{server.url}/target.git", "refs/gl2gh-batch/claim"
    refs = await Git(tmp_path / "work").mirror(f"{server.url}/source.git", mirror, AUTH)
    main = refs["refs/heads/main"]
    made = {number: commit(mirror, b"%d" % number, f"refs/gl2gh/{number}") for number in range(8)}

    async def push(number: int) -> bool:
        branch = {f"refs/heads/of-{number}": main}
        try:
            await Git(tmp_path / f"work-{number}").push(mirror, url, branch, AUTH, found={own: made[number]})
        except (TargetError, TargetNotOursError):
            return False
        return True

    won = await asyncio.gather(*(push(number) for number in made))
    assert sum(won) == 1
    first = won.index(True)
    held = (await Git(tmp_path / "work").ls_remote(url, AUTH)).refs
    assert held == {f"refs/heads/of-{first}": main, own: made[first]}
    server.seen.clear()
    with pytest.raises(RefsRefusedError, match="claim already"):
        await Git(tmp_path / "work").push(mirror, url, {}, AUTH, found={own: made[0]}, expect=held)
    assert not [line for line in server.seen if "receive-pack" in line]


async def test_a_push_takes_away_what_it_is_told_to(server: Server, source: Path, tmp_path: Path) -> None:
    """Branches made for a while go in one push; repeated it sends nothing; a stranger's branch stops it."""
    target = bare(server.root / "target.git")
    work, mirror = Git(tmp_path / "work"), tmp_path / "mirror.git"
    refs = await work.mirror(f"{server.url}/source.git", mirror, AUTH)
    url, sha = f"{server.url}/target.git", refs["refs/heads/main"]
    passing = {f"refs/heads/passing/{number}": sha for number in range(3)}
    await work.push(mirror, url, {**refs, **passing}, AUTH)
    report = await work.push(mirror, url, {}, AUTH, expect=refs, remove=passing)
    assert report.counts()["removed"] == 3
    assert (await work.ls_remote(url, AUTH)).refs == refs
    server.seen.clear()
    await work.push(mirror, url, {}, AUTH, expect=refs, remove=passing)
    assert not [line for line in server.seen if "receive-pack" in line]
    commit(target, b"theirs", "refs/heads/passing/1")
    with pytest.raises(TargetNotOursError, match="passing/1"):
        await work.push(mirror, url, {}, AUTH, expect=refs, remove=passing)


async def test_commits_that_no_ref_leads_to_are_fetched(server: Server, source: Path, tmp_path: Path) -> None:
    """What the remote still has is given by its id; one that it has not leaves the mirror as it is."""
    hidden = commit(source, b"hidden", "refs/heads/gone")
    git(source, "update-ref", "-d", "refs/heads/gone")
    work, mirror, url = Git(tmp_path / "work"), tmp_path / "mirror.git", f"{server.url}/source.git"
    before = await work.mirror(url, mirror, AUTH)
    history = work.history(mirror)
    await work.fetch_commits(url, mirror, ["f" * 40, "--upload-pack=x"], AUTH)
    assert not await history.has(hidden)
    assert await work.refs(mirror) == before
    await work.fetch_commits(url, mirror, [hidden, ""], AUTH)
    assert await history.has(hidden)


async def test_push_of_thousands_of_refs_is_one_push(server: Server, tmp_path: Path) -> None:
    """However many refs there are, they do not meet the limit of an argument list."""
    source, target = bare(tmp_path / "many.git"), bare(server.root / "target.git")
    sha = commit(source, b"x", "refs/heads/main")
    refs = {f"refs/tags/{number:05d}-{'n' * 200}": sha for number in range(9000)}
    server.seen.clear()
    report = await Git(tmp_path / "work").push(source, f"{server.url}/target.git", refs, AUTH)
    assert report.counts()["created"] == len(refs)
    assert len([line for line in server.seen if line.startswith("POST") and "receive-pack" in line]) <= 2
    assert len(git(target, "for-each-ref").splitlines()) == len(refs)


async def test_push_refuses_a_target_with_refs_of_others(
    server: Server, source: Path, tmp_path: Path
) -> None:
    """A branch that the plan does not know stops the push before anything is sent; an expected one not."""
    target = bare(server.root / "target.git")
    theirs = commit(target, b"theirs", "refs/heads/main")
    work, mirror = Git(tmp_path / "work"), tmp_path / "mirror.git"
    refs = await work.mirror(f"{server.url}/source.git", mirror, AUTH)
    url = f"{server.url}/target.git"
    with pytest.raises(TargetNotOursError, match="refs/heads/main"):
        await work.push(mirror, url, refs, AUTH)
    assert (await work.ls_remote(url, AUTH)).refs == {"refs/heads/main": theirs}

    other = {name: sha for name, sha in refs.items() if name != "refs/heads/main"}
    report = await work.push(mirror, url, other, AUTH, expect={"refs/heads/main": theirs})
    assert report.counts()["created"] == len(other)


async def test_push_is_never_forced(server: Server, source: Path, tmp_path: Path) -> None:
    """An expected branch with another history is refused, and with it the whole push: nothing changes."""
    target = bare(server.root / "target.git")
    theirs = commit(target, b"theirs", "refs/heads/main")
    work, mirror = Git(tmp_path / "work"), tmp_path / "mirror.git"
    refs = await work.mirror(f"{server.url}/source.git", mirror, AUTH)
    url = f"{server.url}/target.git"
    with pytest.raises(TargetError) as caught:
        await work.push(mirror, url, refs, AUTH, expect={"refs/heads/main": theirs})
    assert "somebody else writes" in caught.value.hint
    assert (await work.ls_remote(url, AUTH)).refs == {"refs/heads/main": theirs}


@pytest.mark.parametrize(
    ("name", "sha"),
    [
        ("refs/pull/1/head", "a" * 40),
        ("--receive-pack=x", "a" * 40),
        ("refs/heads/x:refs/heads/y", "a" * 40),
        ("refs/heads/x\nrefs/heads/y", "a" * 40),
        ("refs/heads/x", ""),
        ("refs/heads/x", "+" + "a" * 39),
        ("refs/heads/x", "refs/heads/main"),
    ],
)
async def test_nothing_but_branches_and_tags_by_id_becomes_a_refspec(
    name: str, sha: str, tmp_path: Path
) -> None:
    """A name or value that would mean something else to git is refused before git is started."""
    with pytest.raises(ConfigurationError):
        await Git(tmp_path).push(tmp_path, "https://127.0.0.1:1/x.git", {name: sha})


async def test_a_wrong_token_is_an_authentication_error_without_the_token(
    server: Server, source: Path, tmp_path: Path
) -> None:
    """A refused credential ends at once, and no word of it is in the error."""
    wrong = GitAuth(username="oauth2", token="glpat-wrongtoken", refused=(told := list[str]()).append)
    with pytest.raises(AuthenticationError) as caught:
        await Git(tmp_path).ls_remote(f"{server.url}/source.git", wrong)
    assert "wrongtoken" not in str(caught.value)
    assert wrong.encoded not in str(caught.value)
    with pytest.raises(AuthenticationError):
        await Git(tmp_path).ls_remote(f"{server.url}/source.git", None)
    assert len(told) == 1


async def test_a_missing_repository_is_not_found(server: Server, tmp_path: Path) -> None:
    """A repository that is not there is told apart from a failure of the transport."""
    with pytest.raises(NotFoundError):
        await Git(tmp_path).ls_remote(f"{server.url}/nowhere.git", AUTH)
    with pytest.raises(GitError):
        await Git(tmp_path).ls_remote("http://127.0.0.1:1/nowhere.git", AUTH)


async def test_redirects_are_not_followed(server: Server, source: Path, tmp_path: Path) -> None:
    """The credential goes to no other address than the one that was configured."""
    server.redirect = "http://127.0.0.1:1"
    with pytest.raises(GitError):
        await Git(tmp_path).ls_remote(f"{server.url}/source.git", AUTH)
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c touch% canary",
        "file:///etc",
        "/etc",
        "--upload-pack=touch canary",
        "ssh://host/x",
        "https://user:token@host/x",
        "https://host/x\n--y",
        "https:///x",
        "",
    ],
)
async def test_only_plain_http_addresses_reach_git(url: str, tmp_path: Path) -> None:
    """Every other transport, and credentials in an address, are refused before git is started."""
    with pytest.raises(ConfigurationError):
        await Git(tmp_path).ls_remote(url)
    with pytest.raises(ConfigurationError):
        await Git(tmp_path).mirror(url, tmp_path / "m.git")


def test_the_environment_of_a_child_is_a_closed_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of ours reaches a child, and the token only as a header bound to one origin."""
    for name in ("GITLAB_TOKEN", "INPUT_GITHUB_TOKEN", "ACTIONS_RUNTIME_TOKEN", "GIT_DIR", "GIT_SSH_COMMAND"):
        monkeypatch.setenv(name, "secret-of-ours")
    child = GitProcess(tmp_path).environment(url="https://gitlab.example.com:8443/g/p.git", auth=AUTH)
    assert "secret-of-ours" not in child.values()
    assert [name for name, value in child.items() if TOKEN in value] == []
    pairs = {
        child[f"GIT_CONFIG_KEY_{index}"]: child[f"GIT_CONFIG_VALUE_{index}"]
        for index in range(int(child["GIT_CONFIG_COUNT"]))
    }
    assert pairs["http.https://gitlab.example.com:8443/.extraHeader"] == AUTH.header
    assert pairs["core.hooksPath"] == os.devnull
    assert child["GIT_ALLOW_PROTOCOL"] == "https"
    assert child["GIT_TERMINAL_PROMPT"] == "0"
    assert TOKEN not in repr(AUTH)


async def test_the_token_is_not_left_on_disk(server: Server, source: Path, tmp_path: Path) -> None:
    """After a mirror and a push, no file below the work directory holds the token in any form."""
    bare(server.root / "target.git")
    work = Git(tmp_path / "work")
    mirror = tmp_path / "work" / "mirror.git"
    refs = await work.mirror(f"{server.url}/source.git", mirror, AUTH)
    await work.push(mirror, f"{server.url}/target.git", refs, AUTH)
    for path in (tmp_path / "work").rglob("*"):
        if path.is_file():
            assert TOKEN.encode() not in path.read_bytes()
            assert AUTH.encoded.encode() not in path.read_bytes()


class Silent:
    """A server that takes connections and never answers; `gone` is set when the client hangs up."""

    def __init__(self) -> None:
        self.accepted = asyncio.Event()
        self.gone = asyncio.Event()
        self.url = ""

    async def _hang(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted.set()
        await reader.read()
        writer.close()
        self.gone.set()


@pytest.fixture
async def silent() -> AsyncIterator[Silent]:
    silent = Silent()
    server = await asyncio.start_server(silent._hang, "127.0.0.1", 0)
    silent.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x.git"
    yield silent
    server.close()
    await server.wait_closed()


async def test_cancelling_ends_the_whole_process_group(silent: Silent, tmp_path: Path) -> None:
    """A git that is cancelled leaves no child behind, not even the transport helper below it."""
    running = asyncio.create_task(Git(tmp_path).ls_remote(silent.url, AUTH))
    await silent.accepted.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await asyncio.wait_for(silent.gone.wait(), 30)


async def test_a_git_that_takes_too_long_is_ended(silent: Silent, tmp_path: Path) -> None:
    """A time limit ends the command with an error that says that running again is safe."""
    with pytest.raises(GitError) as caught:
        await Git(tmp_path, timeout_s=1).ls_remote(silent.url)
    assert caught.value.retryable
    assert "Run again" in caught.value.hint
    await asyncio.wait_for(silent.gone.wait(), 30)


async def test_words_of_git_pass_through_the_redactor(server: Server, tmp_path: Path) -> None:
    """Whatever git says is redacted before it becomes part of an error."""
    work = Git(tmp_path, lambda text: text.replace("nowhere", "***"))
    with pytest.raises(NotFoundError) as caught:
        await work.ls_remote(f"{server.url}/nowhere.git", AUTH)
    assert "nowhere" not in str(caught.value)


async def test_oversized_files_are_found_where_the_history_has_them(tmp_path: Path) -> None:
    """A file above the limit is named with size and path, also when a later commit removed it; others not."""
    mirror = bare(tmp_path / "m.git")
    work = Git(tmp_path / "work")
    small = commit(mirror, b"x" * 1000, "refs/heads/main")
    assert await work.oversized_blobs(mirror, 1000) == []
    large = commit(mirror, b"y" * 1001, "refs/heads/main", small, name="big ü\tfile.bin")
    commit(mirror, b"z", "refs/heads/main", large)
    git(mirror, "hash-object", "-w", "--stdin", data=b"unused" * 1000)
    (found,) = await work.oversized_blobs(mirror, 1000)
    assert (found.size, found.path) == (1001, "big ü\tfile.bin")
    with pytest.raises(GitError):
        await work.oversized_blobs(tmp_path / "not-there.git")


async def test_a_half_made_mirror_is_made_again(server: Server, source: Path, tmp_path: Path) -> None:
    """Whatever an interrupted first run left of a mirror, the next run completes it."""
    work, dest = Git(tmp_path / "work"), tmp_path / "mirror.git"
    whole = await work.mirror(f"{server.url}/source.git", tmp_path / "other.git", AUTH)
    (dest / "objects").mkdir(parents=True)
    assert await work.mirror(f"{server.url}/source.git", dest, AUTH) == whole
    (dest / "config").unlink()
    assert await work.mirror(f"{server.url}/source.git", dest, AUTH) == whole


async def test_a_mirror_that_died_in_the_middle_is_completed(
    server: Server, source: Path, tmp_path: Path
) -> None:
    """A fetch that was killed hard leaves a mirror that the next run brings to the same end."""
    commit(source, os.urandom(8 << 20), "refs/heads/large")
    dest = tmp_path / "mirror.git"
    work = GitProcess(tmp_path / "work")
    assert (await work.run("init", "--bare", "--quiet", "--template=", mirror=dest)).code == 0
    url = f"{server.url}/source.git"
    async with work.started(
        "fetch", "--no-tags", "--", url, "+refs/heads/*:refs/heads/*", mirror=dest, url=url, auth=AUTH
    ) as process:
        pack = dest / "objects" / "pack"
        while process.returncode is None and not list(pack.glob("tmp_*")):  # noqa: ASYNC110 - no event
            await asyncio.sleep(0)
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
    refs = await Git(tmp_path / "work").mirror(url, dest, AUTH)
    assert refs["refs/heads/large"] == git(source, "rev-parse", "refs/heads/large")
    assert not list(pack.glob("tmp_*"))
    git(dest, "fsck", "--strict")


def test_the_origin_of_an_address_has_its_port() -> None:
    """A credential is bound to scheme, host and port."""
    assert origin_of("http://127.0.0.1:8080/a/b.git") == ("http", "http://127.0.0.1:8080")
