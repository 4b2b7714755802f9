"""Lists are read whole while records are added and deleted between the pages."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gl2gh_batch.domain.errors import SourceError
from gl2gh_batch.kit.http import Answer
from gl2gh_batch.source import paging
from gl2gh_batch.source.paging import read_by_creation, read_pages, read_settled
from gl2gh_batch.source.refusals import RefusedAnswerError


def moment(number: int) -> str:
    """A time of creation; neighbours may share one."""
    return f"2026-01-01T00:{number // 60:02d}:{number % 60:02d}.000Z"


@dataclass
class List:
    """A list of GitLab's: ordered by creation, offset pages, keyset when it is offered."""

    records: list[dict[str, Any]]
    keyset: bool = False
    keeps_to_created_after: bool = True
    refuses_keyset: bool = False
    between: Callable[[List, int], None] = lambda _, __: None
    asked: list[dict[str, Any]] = field(default_factory=list)

    async def get(self, path: str, params: Any) -> Answer:
        """One page; `between` happens after it was made."""
        self.asked.append(dict(params))
        if self.refuses_keyset and "pagination" in params:
            raise RefusedAnswerError("405", status=405)
        size = int(params["per_page"])
        found = sorted(self.records, key=lambda one: (one["created_at"], one["id"]))
        if self.keeps_to_created_after and "created_after" in params:
            found = [one for one in found if one["created_at"] >= params["created_after"]]
        if self.keyset and "cursor" in params:
            at, number = json.loads(params["cursor"])
            found = [one for one in found if (one["created_at"], one["id"]) > (at, number)]
        first = 0 if self.keyset else (int(params.get("page", 1)) - 1) * size
        page = found[first : first + size]
        headers = {}
        if first + size < len(found):
            following = {key: value for key, value in params.items() if key != "cursor"}
            if self.keyset:
                following["cursor"] = json.dumps([page[-1]["created_at"], page[-1]["id"]])
            else:
                following["page"] = int(params.get("page", 1)) + 1
            query = (
                "&".join(f"{key}={value}" for key, value in following.items())
                .replace(" ", "")
                .replace('"', "%22")
            )
            headers["link"] = f'<https://x/y?{query}>; rel="next"'
        self.between(self, len(self.asked))
        return Answer(
            service="GitLab",
            method="GET",
            url="https://x/y",
            status=200,
            headers=headers,
            body=json.dumps(page).encode(),
        )


def record(number: int, at: int | None = None) -> dict[str, Any]:
    """One record, by its id and second of creation."""
    return {"id": number, "created_at": moment(number if at is None else at)}


async def read(source: List, reader: Any = read_by_creation) -> list[int]:
    """The ids in the order in which they came."""
    return [raw["id"] async for page in reader(source.get, "/x", {"state": "all"}) for raw in page]


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "PER_PAGE", 5)


@pytest.mark.parametrize("keyset", [True, False])
async def test_every_record_comes_once_in_order(keyset: bool) -> None:
    """With and without keyset pagination, at about one request a page."""
    source = List([record(number) for number in range(33)], keyset=keyset)
    assert await read(source) == list(range(33))
    assert len(source.asked) <= (7 if keyset else 9)
    assert source.asked[0]["pagination"] == "keyset"


async def test_an_instance_that_refuses_keyset_is_read_without() -> None:
    """405 for the parameter, as versions 12.x answer."""
    source = List([record(number) for number in range(12)], refuses_keyset=True)
    assert await read(source) == list(range(12))


async def test_many_records_of_one_moment_are_not_lost() -> None:
    """A bulk import gives hundreds of records one time: they are numbered within it."""
    source = List([record(number, at=number // 17) for number in range(60)])
    assert await read(source) == list(range(60))


async def test_an_instance_that_ignores_the_filter_is_noticed() -> None:
    """Reading on would never end, or lose records: it is an error."""
    source = List([record(number) for number in range(33)], keeps_to_created_after=False)
    with pytest.raises(SourceError, match="created_after"):
        await read(source)


async def test_a_short_list_takes_one_request_and_an_empty_one_too() -> None:
    """No page is asked for that is known to be empty."""
    for size in (0, 1, 5):
        source = List([record(number) for number in range(size)])
        assert await read(source) == list(range(size))
        assert len(source.asked) == 1


changes = st.lists(
    st.tuples(st.integers(1, 8), st.sampled_from(["delete", "add"]), st.integers(0, 40)), max_size=12
)


@given(st.integers(0, 40), changes, st.booleans(), st.integers(1, 4))
def test_drift_loses_nothing_and_repeats_nothing(
    size: int, drift: list[tuple[int, str, int]], keyset: bool, per_moment: int
) -> None:
    """Deletions and additions between pages: what was there all the time comes exactly once."""
    records = [record(number, at=number // per_moment) for number in range(size)]
    gone: set[int] = set()

    def between(source: List, page: int) -> None:
        for number, (at_page, what, which) in enumerate(drift):
            if at_page != page:
                continue
            if what == "add":
                source.records.append(record(1000 + number, at=2000 + number))
            else:
                gone.add(which)
                source.records = [one for one in source.records if one["id"] != which]

    source = List(list(records), keyset=keyset, between=between)
    found = asyncio.run(read(source))
    assert len(found) == len(set(found))
    stayed = {one["id"] for one in records} - gone
    assert stayed <= set(found)


async def test_plain_pages_drop_what_moved_to_a_later_page() -> None:
    """A record inserted before the page at hand pushes another one over: it is given once."""

    def between(source: List, page: int) -> None:
        if page == 1:
            source.records.append(record(-1, at=0))

    source = List([record(number, at=number + 1) for number in range(12)], between=between)
    assert await read(source, read_pages) == list(range(12))


async def test_a_list_of_several_pages_is_read_until_it_stands_still() -> None:
    """One page is enough by itself; of several, what slipped to an earlier page is found."""
    source = List([record(number) for number in range(5)])
    assert [raw["id"] for raw in await read_settled(source.get, "/x", {})] == list(range(5))
    assert len(source.asked) == 1

    def between(source: List, page: int) -> None:
        if page == 1:
            source.records = source.records[1:]

    source = List([record(number) for number in range(12)], between=between)
    assert [raw["id"] for raw in await read_settled(source.get, "/x", {})] == list(range(1, 12))

    def restless(source: List, page: int) -> None:
        source.records = [*source.records[1:], record(100 + page)]

    source = List([record(number) for number in range(12)], between=restless)
    with pytest.raises(SourceError, match="faster than it can be read"):
        await read_settled(source.get, "/x", {})


async def test_a_refused_keyset_is_asked_for_once() -> None:
    """Who reads a list twice is refused once."""
    source = List([record(number) for number in range(12)], refuses_keyset=True)
    refused: set[str] = set()
    for _ in range(2):
        found = read_by_creation(source.get, "/x", {}, refused=refused)
        assert [raw["id"] async for page in found for raw in page] == list(range(12))
    assert sum("pagination" in params for params in source.asked) == 1


async def test_an_answer_that_is_no_list_is_an_error() -> None:
    """A message with status 200, or texts instead of records."""
    for body in (b'{"message": "x"}', b'["x"]', b"[null]"):

        async def get(path: str, params: Any, body: bytes = body) -> Answer:
            return Answer(service="GitLab", method="GET", url="x", status=200, headers={}, body=body)

        for reader in (read_by_creation, read_pages):
            with pytest.raises(SourceError, match="no list of records"):
                [page async for page in reader(get, "/x", {})]
