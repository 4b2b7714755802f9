"""The census of a project's people takes what could be a person, and is not led into counting without end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gl2gh_batch import codec
from gl2gh_batch.agents import _people
from gl2gh_batch.agents._people import Census
from gl2gh_batch.domain.people import AccountKind, Person, PersonSeen, Role
from gl2gh_batch.kit.workdir import lines_to, read_lines


class Records:
    """A kind whose records are people and texts themselves."""

    def people(self, record: Any) -> Iterator[Person]:
        return iter(record if isinstance(record, list) else ())

    def texts(self, record: Any) -> Iterator[str]:
        return iter([record] if isinstance(record, str) else ())


def _counted(path: Path, *records: Any) -> tuple[list[PersonSeen], Census]:
    census = Census()
    kind: Any = Records()
    for record in records:
        census.take(kind, record)
    with lines_to(path) as lines:
        census.write(lines)
    return [codec.decode(line, PersonSeen) for line in read_lines(path)], census


def test_a_name_in_a_text_becomes_a_person_when_a_record_has_it(tmp_path: Path) -> None:
    """Counts of one person come together, whatever the case and the order; what is no address is none."""
    ann = Person(username="Ann", name="Ann B", id=7, email="=x y")
    found, _ = _counted(
        tmp_path / "people.ndjson",
        "@ann @ann",
        [ann, Person(username="ann", name="Ann B", role=Role.ASSIGNEE)],
        [Person(username="::error::x", name="x"), Person(username="a" * 300, name="x")],
        f"@{'b' * 300}",
    )
    assert found == [
        PersonSeen(
            username="Ann", name="Ann B", id=7, account=AccountKind.PERSON, author=1, assignee=1, mentioned=2
        )
    ]


def test_a_text_of_nothing_but_names_is_counted_to_a_limit(tmp_path: Path) -> None:
    """Names that only texts know are kept up to a number; what is beyond is said, and people are all kept."""
    text = " ".join(f"@n{at}" for at in range(_people.MOST_UNKNOWN + 5))
    found, census = _counted(tmp_path / "people.ndjson", text, [Person(username="zoe", name="Zoe")])
    assert len(found) == _people.MOST_UNKNOWN + 1
    assert census.left_out == 5
    assert found[-1].username == "zoe"
