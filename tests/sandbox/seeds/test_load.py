"""The forms of seeds are told apart, and what is no seed is refused with words."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from gl2gh_batch.sandbox import seeds


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("a/b.yml", ("a/b.yml", None, None)),
        ("a/b.yml=12:group/sub/name", ("a/b.yml", 12, "group/sub/name")),
        ("a/b.yml=12", ("a/b.yml", 12, None)),
        ("a/b.yml=:group/name", ("a/b.yml", None, "group/name")),
        ("a/b.yml=group/name", ("a/b.yml", None, "group/name")),
        ("a=b/c.yml=3:x/y", ("a=b/c.yml", 3, "x/y")),
    ],
)
def test_a_spec_is_a_path_with_an_id_and_a_place(
    spec: str, expected: tuple[str, int | None, str | None]
) -> None:
    """`PATH[=ID:group/path]`, each part on its own too."""
    path, number, place = seeds.parse_spec(spec)
    assert (str(path), number, place) == expected


def test_a_path_that_exists_wins_over_an_id(tmp_path: Path) -> None:
    """A `=` in the name of a file does no harm."""
    path = tmp_path / "x=12:a"
    path.write_text("")
    assert seeds.parse_spec(str(path)) == (path, None, None)


def test_a_wrong_id_is_refused() -> None:
    """What stands before the colon is a number."""
    with pytest.raises(seeds.SeedError, match="'twelve' is not an id"):
        seeds.parse_spec("a.yml=twelve:group/name")


def archive(path: Path, members: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
    """A tar archive with files and symbolic links."""
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            tar.addfile(member)
    return path


def test_what_is_no_seed_is_refused(tmp_path: Path) -> None:
    """A missing file, an empty folder, other archives and other JSON are named, not crashed on."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "text.tar.gz").write_text("no archive")
    archive(tmp_path / "other.tar.gz", {"README": b"x"})
    for name in ("missing.yml", "empty", "list.json", "broken.json", "text.tar.gz", "other.tar.gz"):
        with pytest.raises(seeds.SeedError, match=name):
            seeds.load(tmp_path / name, git_root=tmp_path)


@pytest.mark.parametrize("name", ["../out.json", "/tmp/gl2gh-out.json", "uploads/../../out"])
def test_an_archive_writes_nothing_outside(tmp_path: Path, name: str) -> None:
    """A member that leads out of the archive is refused, whatever its name."""
    folder = tmp_path / "inside"
    folder.mkdir()
    path = archive(tmp_path / "evil.tar.gz", {"project.json": b'{"issues": []}', name: b"x"})
    before = sorted(tmp_path.iterdir())
    with pytest.raises(seeds.SeedError, match="outside itself"):
        seeds.load(path, git_root=folder)
    assert sorted(tmp_path.iterdir()) == before


def test_links_of_an_archive_are_left_out(tmp_path: Path) -> None:
    """A symbolic link among the uploads is not followed and not kept."""
    (tmp_path / "secret").write_text("secret")
    secret = "a" * 32
    path = archive(
        tmp_path / "links.tar.gz",
        {"project.json": b'{"issues": []}', f"uploads/{secret}/good.txt": b"x", "other/bad": b"y"},
        {f"uploads/{secret}/link.txt": str(tmp_path / "secret")},
    )
    (tmp_path / "work").mkdir()
    seed = seeds.load(path, git_root=tmp_path / "work")
    assert [upload.filename for upload in seed.project.uploads] == ["good.txt"]
    assert not (tmp_path / "work/export/other").exists()


def test_the_samples_are_part_of_the_package() -> None:
    """Six files, in the order of their names."""
    assert [Path(path).name for path in seeds.SAMPLES] == [
        "10-billing-api.yml",
        "20-storefront.yml",
        "30-empty-repo.yml",
        "40-handbook.yml",
        "50-intranet.yml",
        "60-terraform.yml",
    ]
