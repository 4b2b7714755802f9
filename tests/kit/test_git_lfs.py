"""Git LFS: which objects a history names."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from servers import serving

from gl2gh_batch.domain.errors import GitError, SourceError
from gl2gh_batch.kit import git_process
from gl2gh_batch.kit.git import Git
from gl2gh_batch.kit.git_lfs_server import LfsObject
from gl2gh_batch.kit.git_process import GitAuth

HEAD = "version https://git-lfs.github.com/spec/v1\n"
OID, OTHER = "a" * 64, "b" * 64


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """An empty bare repository."""
    path = tmp_path / "mirror.git"
    subprocess.run(["git", "init", "-q", "--bare", str(path)], check=True)
    return path


def keep(mirror: Path, content: bytes) -> None:
    """Put a blob into the repository."""
    command = ["git", f"--git-dir={mirror}", "hash-object", "-w", "--stdin"]
    subprocess.run(command, input=content, check=True, capture_output=True)


def import_stream(mirror: Path, stream: str) -> None:
    """Make objects out of a stream."""
    command = ["git", f"--git-dir={mirror}", "fast-import", "--quiet"]
    subprocess.run(command, input=stream.encode(), check=True)


async def test_pointers_are_told_from_what_looks_like_them(tmp_path: Path, mirror: Path) -> None:
    """With and without extensions; not in large files, not in the middle of a text, not with another id."""
    keep(mirror, f"{HEAD}oid sha256:{OID}\nsize 12\n".encode())
    keep(mirror, f"{HEAD}ext-0-foo sha256:{OTHER}\noid sha256:{OTHER}\nsize 0\n".encode())
    keep(mirror, f"quoted:\n{HEAD}oid sha256:{'c' * 64}\nsize 1\n".encode())
    keep(mirror, f"{HEAD}oid sha256:{'d' * 64}\nsize 1\n{'x' * 1024}".encode())
    keep(mirror, f"{HEAD}oid sha256:--upload-pack=evil\nsize 1\n".encode())
    keep(mirror, f"{HEAD}oid sha256:{'e' * 64}\nsize -1\n".encode())
    keep(mirror, b"\0binary\n\xff")
    assert await Git(tmp_path).lfs.pointers(mirror) == [
        LfsObject(oid=OID, size=12),
        LfsObject(oid=OTHER, size=0),
    ]


async def test_many_small_files_are_read_in_parts(tmp_path: Path, mirror: Path) -> None:
    """More than go into one question, with a pointer as the last."""
    stream = "".join(f"blob\ndata {len(str(n))}\n{n}\n" for n in range(4100))
    pointer = f"{HEAD}oid sha256:{OID}\nsize 12\n"
    stream += f"blob\ndata {len(pointer)}\n{pointer}\n"
    import_stream(mirror, stream)
    assert await Git(tmp_path).lfs.pointers(mirror) == [LfsObject(oid=OID, size=12)]


def test_an_object_is_held_when_it_is_whole(tmp_path: Path, mirror: Path) -> None:
    """A torn one, or a folder in its place, is not."""
    folder = mirror / "lfs" / "objects"
    for oid, size in ((OID, 3), (OTHER, 2)):
        place = folder / oid[:2] / oid[2:4]
        place.mkdir(parents=True)
        (place / oid).write_bytes(b"x" * size)
    (folder / "cc" / "cc" / ("c" * 64)).mkdir(parents=True)
    objects = [LfsObject(oid=letter * 64, size=3) for letter in "abc"]
    assert Git(tmp_path).lfs.held(mirror, objects) == {OID}


CONTENT = b"large"
KEPT = LfsObject(oid=hashlib.sha256(CONTENT).hexdigest(), size=len(CONTENT))
AUTH = GitAuth(username="oauth2", token="glpat-x")
needs_lfs = pytest.mark.skipif(shutil.which("git-lfs") is None, reason="git-lfs is not installed")


async def _at_once(seconds: float) -> None:
    del seconds


@pytest.fixture
def large(mirror: Path) -> Path:
    """The repository with a file that stands for an LFS object."""
    pointer = f"{HEAD}oid sha256:{KEPT.oid}\nsize {KEPT.size}\n"
    import_stream(
        mirror,
        "commit refs/heads/main\ncommitter A <a@b.c> 0 +0000\ndata 1\nx\n"
        f"M 100644 inline a.bin\ndata {len(pointer)}\n{pointer}\n",
    )
    return mirror


def _answers(*first: Any) -> Any:
    """An LFS server that answers so at first, then as one should."""
    left = list(first)

    async def serve(request: web.Request) -> web.StreamResponse:
        if request.path == "/object":
            return web.Response(body=CONTENT)
        download = {"href": f"http://{request.host}/object"}
        right = {"objects": [{"oid": KEPT.oid, "size": KEPT.size, "actions": {"download": download}}]}
        said = json.dumps(left.pop(0) if left else right)
        return web.Response(text=said, content_type="application/vnd.git-lfs+json")

    return serve


@pytest.mark.parametrize("odd", [{"objects": []}, {"objects": [{"oid": OTHER, "size": 1}]}, {}, [], None, 7])
async def test_an_object_that_an_answer_leaves_out_is_not_missing(tmp_path: Path, odd: object) -> None:
    """The server is asked again; where it never speaks of it, that is trouble and no empty result."""
    git = Git(tmp_path, sleep=_at_once)
    async with serving(_answers(odd)) as seen:
        assert await git.lfs.present(f"{seen.url}/a.git", [KEPT], AUTH) == {KEPT.oid: KEPT.size}
        assert len(seen.requests) == 2
    async with serving(_answers(*[odd] * 3)) as seen:
        with pytest.raises(GitError, match="no answer that can be read"):
            await git.lfs.present(f"{seen.url}/a.git", [KEPT], AUTH)


async def test_an_answer_nested_without_end_is_none(tmp_path: Path) -> None:
    """It is read as trouble of the moment, too."""
    pages = ["[" * 100_000, '{"objects": ' * 100_000, None]

    async def serve(request: web.Request) -> web.StreamResponse:
        page = pages.pop(0)
        return await _answers()(request) if page is None else web.Response(text=page)

    git = Git(tmp_path, sleep=_at_once)
    async with serving(serve) as seen:
        assert await git.lfs.present(f"{seen.url}/a.git", [KEPT], AUTH) == {KEPT.oid: KEPT.size}


@needs_lfs
@pytest.mark.timeout(120)
@pytest.mark.parametrize("odd", [{"id": None}, [], None, {"objects": []}, {"objects": [None]}, "x"])
async def test_an_answer_that_names_no_object_ends_by_itself(
    tmp_path: Path, large: Path, monkeypatch: pytest.MonkeyPatch, odd: object
) -> None:
    """git-lfs itself would wait for ever; the next try brings the object."""
    monkeypatch.setattr(git_process, "STILL_S", 1.0)
    git = Git(tmp_path, sleep=_at_once)
    async with serving(_answers(odd)) as seen:
        assert await git.lfs.fetch(f"{seen.url}/a.git", large, [KEPT], AUTH) == []
    assert git.lfs.held(large, [KEPT]) == {KEPT.oid}
    assert not list((tmp_path / "git-home").glob("lfs-*"))


@needs_lfs
@pytest.mark.timeout(120)
async def test_a_server_that_never_names_it_is_told_of(
    tmp_path: Path, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where git-lfs gets no sense and our own question does, the objects are not taken for missing."""
    monkeypatch.setattr(git_process, "STILL_S", 0.5)

    async def serve(request: web.Request) -> web.StreamResponse:
        if request.headers.get("User-Agent", "").startswith("git-lfs"):
            return web.json_response({"id": None})
        return await _answers()(request)

    async with serving(serve) as seen:
        with pytest.raises(SourceError, match=r"1 LFS objects were not fetched: git lfs stood still"):
            await Git(tmp_path, sleep=_at_once).lfs.fetch(f"{seen.url}/a.git", large, [KEPT], AUTH)


@needs_lfs
@pytest.mark.timeout(120)
async def test_what_gets_on_slowly_is_let_be(
    tmp_path: Path, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An object that takes longer than the patience, and moves all the while, arrives whole."""
    monkeypatch.setattr(git_process, "STILL_S", 1.0)
    content = bytes(3_000_000)
    size, oid = len(content), hashlib.sha256(content).hexdigest()
    one = LfsObject(oid=oid, size=size)
    pointer = f"{HEAD}oid sha256:{oid}\nsize {size}\n"
    import_stream(
        large,
        "commit refs/heads/other\ncommitter A <a@b.c> 0 +0000\ndata 1\nx\n"
        f"M 100644 inline a.bin\ndata {len(pointer)}\n{pointer}\n",
    )

    async def serve(request: web.Request) -> web.StreamResponse:
        if request.path != "/big":
            asked = (await request.json())["objects"]
            download = {"href": f"http://{request.host}/big"}
            rows = [{"oid": oid, "size": size, "actions": {"download": download}}]
            rows += [
                {"oid": each["oid"], "size": each["size"], "error": {"code": 404, "message": "gone"}}
                for each in asked
                if each["oid"] != oid
            ]
            return web.json_response({"objects": rows}, content_type="application/vnd.git-lfs+json")
        response = web.StreamResponse(headers={"Content-Length": str(size)})
        await response.prepare(request)
        for start in range(0, size, 250_000):
            await response.write(content[start : start + 250_000])
            await asyncio.sleep(0.25)
        return response

    git = Git(tmp_path, sleep=_at_once)
    async with serving(serve) as seen:
        assert await git.lfs.fetch(f"{seen.url}/a.git", large, [one], AUTH) == []
    assert git.lfs.held(large, [one]) == {oid}
