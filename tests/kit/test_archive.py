"""An archive from elsewhere is unpacked inside its folder, or not at all."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import pytest

from gl2gh_batch.domain.errors import WorkDirectoryError
from gl2gh_batch.kit.archive import unpack


def _zip(path: Path, **files: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, data in files.items():
            zipped.writestr(name, data)
    return path


def test_files_and_folders_come_out(tmp_path: Path) -> None:
    """Every file of the archive is there afterwards, byte for byte."""
    path = _zip(tmp_path / "a.zip", **{"plan.json": b"{}", "projects/a/b.ndjson": b"1\n"})
    assert unpack(path, tmp_path / "out") == 2
    assert (tmp_path / "out/plan.json").read_bytes() == b"{}"
    assert (tmp_path / "out/projects/a/b.ndjson").read_bytes() == b"1\n"


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "a\\..\\x", "a/../x"])
def test_nothing_leads_out(tmp_path: Path, name: str) -> None:
    """A name that leads elsewhere refuses the whole archive, and nothing of it stays."""
    path = _zip(tmp_path / "a.zip", **{"good": b"1", name: b"2"})
    with pytest.raises(WorkDirectoryError, match="leads out of its folder"):
        unpack(path, tmp_path / "out")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.zip"]


def test_links_are_refused(tmp_path: Path) -> None:
    """A symbolic link in an archive could lead anywhere."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        entry = zipfile.ZipInfo("link")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        zipped.writestr(entry, "/etc/passwd")
    with pytest.raises(WorkDirectoryError, match="is a link"):
        unpack(path, tmp_path / "out")


def test_a_bomb_is_stopped(tmp_path: Path) -> None:
    """What comes out counts, not what the archive says of itself."""
    path = _zip(tmp_path / "a.zip", big=b"\0" * 1_000_000)
    with pytest.raises(WorkDirectoryError, match="larger than 100,000 bytes"):
        unpack(path, tmp_path / "out", most_bytes=100_000)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("cut", range(0, 120, 7))
def test_a_torn_archive_is_told(tmp_path: Path, cut: int) -> None:
    """A download that broke off gives one clear error and leaves nothing."""
    path = _zip(tmp_path / "a.zip", file=b"some text" * 5)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(WorkDirectoryError, match="cannot be unpacked"):
        unpack(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
