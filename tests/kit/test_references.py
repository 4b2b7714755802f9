"""The map of a batch: found by id, by path and by the name that the user gave."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from gl2gh_batch.domain.errors import ConfigurationError, WorkDirectoryError
from gl2gh_batch.domain.numbering import Numbers
from gl2gh_batch.domain.references import ProjectReference
from gl2gh_batch.domain.refs import ProjectRef, RepoRef
from gl2gh_batch.kit.references import References


def _row(number: int, path: str, named: str = "", highest: int = 0) -> ProjectReference:
    return ProjectReference(
        named=named or path,
        project=ProjectRef(id=number, full_path=path),
        repo=RepoRef(owner="acme", name=f"p{number}"),
        numbers=Numbers(highest_issue=highest),
    )


def test_rows_are_found_by_every_name(tmp_path: Path) -> None:
    """By id, by path without regard to case, by the user's name, and after the file was opened again."""
    path = tmp_path / "deep" / "references.sqlite"
    references = References(path)
    row = _row(7, "Group/App", named="group/old-name")
    references.put(row)
    references.close()
    references = References(path)
    for name in (7, "7", "group/app", "GROUP/APP", "group/old-name"):
        assert references.named(name) == row
    assert references.by_path("group/APP") == row
    assert references.named(8) is None
    assert references.by_path("group/old-name") is None
    references.close()


def test_a_row_is_replaced_and_a_name_is_one_projects() -> None:
    """A project that moved keeps one row; a name or path that goes to another project leaves the first."""
    references = References()
    references.put(_row(1, "group/app"))
    references.put(_row(1, "group/moved", named="group/app", highest=5))
    assert list(references) == [_row(1, "group/moved", named="group/app", highest=5)]
    references.put(_row(2, "group/app"))
    assert references.named("group/app") == _row(2, "group/app")
    assert list(references) == [_row(2, "group/app")]
    references.close()


def test_the_digest_follows_targets_and_numbers() -> None:
    """It changes with a target or a number, not with the moment of the survey or the order of rows."""
    one, other = References(), References()
    one.put(_row(1, "a/b", highest=1))
    one.put(_row(2, "a/c"))
    other.put(_row(2, "a/c"))
    other.put(_row(1, "a/b", highest=1))
    assert one.digest() == other.digest()
    other.put(_row(1, "a/b", highest=2))
    assert one.digest() != other.digest()
    one.close()
    other.close()


def _use(path: Path) -> WorkDirectoryError | None:
    """Do everything with a map; the error of ours that it ends with, if any."""
    try:
        with contextlib.closing(References(path)) as references:
            list(references)
            references.named(3)
            references.put(_row(99, "group/new"))
    except WorkDirectoryError as error:
        return error
    return None


def test_a_file_cut_anywhere_is_told_with_a_remedy(tmp_path: Path) -> None:
    """A map that was torn is used whole or refused with a remedy; never another error."""
    path = tmp_path / "references.sqlite"
    references = References(path)
    for number in range(1, 40):
        references.put(_row(number, f"group/project-{number}"))
    references.close()
    whole = path.read_bytes()
    for length in range(0, len(whole), 509):
        path.write_bytes(whole[:length])
        outcome = _use(path)
        assert outcome is None or outcome.hint


def test_an_unusable_place_is_told(tmp_path: Path) -> None:
    """Where no file can be, the error is ours."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WorkDirectoryError):
        References(tmp_path / "file" / "references.sqlite")


def test_two_instances_are_not_taken_for_one(tmp_path: Path) -> None:
    """A project of the same id or path of another GitLab is refused, naming whose it is."""
    references = References(tmp_path / "references.sqlite")
    references.bind(_row(1, "group/app"), "https://one.example")
    references.put(_row(1, "group/app"))
    references.bind(_row(1, "group/app"), "https://ONE.example")
    for row in (_row(1, "other/app"), _row(2, "group/app")):
        with pytest.raises(ConfigurationError, match=r"https://one\.example"):
            references.bind(row, "https://two.example")
    references.bind(_row(3, "group/lib"), "https://two.example")
    assert references.of_instance(1, "https://one.example") == _row(1, "group/app")
    assert references.of_instance("group/app", "https://two.example") is None
    references.close()
