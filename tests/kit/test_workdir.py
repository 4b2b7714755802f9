"""A file is there whole or not at all, and what was torn or edited is noticed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gl2gh_batch.domain.errors import WorkDirectoryError
from gl2gh_batch.kit.workdir import (
    FileFacts,
    Manifest,
    damaged_files,
    facts_of,
    is_whole,
    lines_to,
    read_document,
    read_lines,
    read_manifest,
    slug,
    write_atomic,
    write_document,
    write_manifest,
)


def test_a_file_appears_whole(tmp_path: Path) -> None:
    """Writing replaces what was there and leaves nothing beside it."""
    path = tmp_path / "deep" / "file.json"
    for data in (b"first", b"second"):
        write_atomic(path, data)
        assert path.read_bytes() == data
    assert [one.name for one in path.parent.iterdir()] == ["file.json"]


def test_lines_appear_at_the_end_only(tmp_path: Path) -> None:
    """Until all lines are written the old file stands; an error leaves it as it was."""
    path = tmp_path / "x.ndjson"
    with lines_to(path) as lines:
        lines.write(b"1")
        assert not path.exists()
        lines.write(b"2")
    assert list(read_lines(path)) == [b"1", b"2"]
    assert lines.facts == facts_of(path) == FileFacts(sha256=lines.facts.sha256, count=2)

    def fail() -> None:
        with lines_to(path) as lines:
            lines.write(b"other")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(read_lines(path)) == [b"1", b"2"]
    assert [one.name for one in tmp_path.iterdir()] == ["x.ndjson"]


def test_a_place_that_takes_no_file_is_told_with_a_remedy(tmp_path: Path) -> None:
    """Where nothing can be written, the error is ours and says what to do."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WorkDirectoryError) as caught, lines_to(tmp_path / "file" / "x.ndjson"):
        pass
    assert "run the same command again" in caught.value.hint
    (tmp_path / "folder").mkdir()
    with pytest.raises(WorkDirectoryError):
        write_atomic(tmp_path / "folder", b"x")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["file", "folder"]


def test_a_seal_notices_every_change_of_a_file(tmp_path: Path) -> None:
    """A file that is cut at any byte, changed at any byte, or lost does not fit its manifest any more."""
    path = tmp_path / "a.ndjson"
    with lines_to(path) as lines:
        for number in range(3):
            lines.write(json.dumps({"n": number}).encode())
    write_manifest(tmp_path, Manifest(files={"a.ndjson": lines.facts}, inputs={}, made_at="now"))
    manifest = read_manifest(tmp_path, remedy="again")
    assert manifest is not None
    assert is_whole(tmp_path, manifest)
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place])
        assert damaged_files(tmp_path, manifest) == ["a.ndjson"]
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert damaged_files(tmp_path, manifest) == ["a.ndjson"]
    path.unlink()
    assert damaged_files(tmp_path, manifest) == ["a.ndjson"]


def test_a_damaged_document_names_its_remedy(tmp_path: Path) -> None:
    """Cut anywhere it is an error with the remedy given; a newer one asks for the newer program."""
    path = tmp_path / "x.json"
    assert read_document(path, "x", 1, dict[str, int], remedy="do this") is None
    write_document(path, "x", 1, {"a": 1})
    whole = path.read_bytes().rstrip()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(WorkDirectoryError) as caught:
            read_document(path, "x", 1, dict[str, object], remedy="do this")
        assert caught.value.hint == "do this"
    write_document(path, "x", 9, {"a": 1})
    with pytest.raises(WorkDirectoryError) as caught:
        read_document(path, "x", 1, dict[str, object], remedy="do this")
    assert "newer" in caught.value.hint


@given(st.text(max_size=300), st.integers(1, 10**9))
def test_a_folder_name_is_safe_and_its_own(path: str, number: int) -> None:
    """Whatever a project is called, its folder is one plain name, and no other project's."""
    name = slug(path, number)
    assert name == Path(name).name
    assert name not in {"", ".", ".."}
    assert name.isascii()
    assert len(name) <= 91
    assert not name.startswith((".", "-"))
    assert name != slug(path, number + 1)
