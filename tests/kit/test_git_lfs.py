"""Git LFS: which objects a history names."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gl2gh_batch.kit.git import Git
from gl2gh_batch.kit.git_lfs_server import LfsObject

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
