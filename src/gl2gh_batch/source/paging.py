"""How GitLab's lists are read whole although records come and go meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final

from gl2gh_batch.domain.errors import SourceError
from gl2gh_batch.kit.http import Answer
from gl2gh_batch.source import sansio
from gl2gh_batch.source.refusals import RefusedAnswerError

# Readings of a list of several pages, after which it is given up: somebody renames without end.
_READINGS: Final = 12
PER_PAGE: Final = 100  # the largest that GitLab gives (api/rest, pagination)

Params = Mapping[str, str | int]
Get = Callable[[str, Params], Awaitable[Answer]]


async def read_pages(get: Get, path: str, params: Params) -> AsyncIterator[list[Any]]:
    """The pages of a list, following `Link`; a record that moved to a later page is not given twice.

    For lists that fit into memory as ids (labels, members, the notes of one issue).
    """
    wanted: Params = {**params, "per_page": PER_PAGE}
    seen: set[Any] = set()
    while True:
        answer = await get(path, wanted)
        page = records(answer, path)
        fresh = [raw for raw in page if _identity(raw) not in seen]
        seen.update(_identity(raw) for raw in fresh)
        yield fresh
        following = sansio.next_params(answer.headers)
        if following is None:
            return
        wanted = following


async def read_settled(get: Get, path: str, params: Params) -> list[Any]:
    """A list as it stood at one moment, each record once, although others come, go and are renamed meanwhile.

    One page is of one moment. Of several, a record may have slipped from a later to an earlier one: so they
    are read until two readings name the same records. Raises `SourceError` when that never comes.
    """
    before: list[Any] | None = None
    for _ in range(_READINGS):
        pages = [page async for page in read_pages(get, path, params)]
        found = [raw for page in pages for raw in page]
        names = sorted(str(_identity(raw)) for raw in found)
        if len(pages) == 1 or names == before:
            return found
        before = names
    raise SourceError(
        f"the list {path} changes faster than it can be read",
        hint="Run again when fewer people work in the project, or archive it on GitLab meanwhile.",
    )


async def read_by_creation(
    get: Get, path: str, params: Params, *, refused: set[str] | None = None
) -> AsyncIterator[list[Any]]:
    """The pages of a list in the order of creation, exact although records are added or deleted meanwhile.

    Keyset pagination where GitLab offers it for the list (project issues: merge request 199887). Elsewhere
    each page begins where the last one ended, by `created_after`, which is inclusive; so a deletion shifts
    nothing, no offset grows beyond the 50,000 that GitLab allows, and only the ids of one moment are kept.
    (Within a page full of records of the very same millisecond the pages are numbered after all.)
    `refused` remembers the lists that have no keyset pagination, so that each is asked for it once.
    """
    fixed: Params = {**params, "order_by": "created_at", "sort": "asc", "per_page": PER_PAGE}
    answer = await _first(get, path, fixed, set() if refused is None else refused)
    moment = ""
    at_moment: set[int] = set()
    while True:
        page = records(answer, path)
        if moment and page and _time(page[0]["created_at"]) < _time(moment):
            raise SourceError(
                f"GitLab does not keep to created_after in {path}",
                hint="The list cannot be read reliably. Report the version of GitLab.",
            )
        fresh = [raw for raw in page if raw["created_at"] != moment or raw["id"] not in at_moment]
        yield fresh
        following = sansio.next_params(answer.headers)
        if following is None or not page:
            return
        last = page[-1]["created_at"]
        if sansio.is_keyset(following):
            wanted: Params = following
        elif last == moment and not fresh:
            wanted = following  # a whole page made in one moment: number the pages within it
        else:
            if last != moment:
                moment, at_moment = last, set()
            at_moment.update(raw["id"] for raw in page if raw["created_at"] == moment)
            wanted = {**fixed, "created_after": moment}
        answer = await get(path, wanted)


async def _first(get: Get, path: str, fixed: Params, refused: set[str]) -> Answer:
    if path not in refused:
        try:
            return await get(path, {**fixed, "pagination": "keyset"})
        except RefusedAnswerError as error:
            if (
                error.status != 405
            ):  # "Keyset pagination is not yet available for this type of request" (12.x)
                raise
        refused.add(path)
    return await get(path, fixed)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def records(answer: Answer, path: str) -> list[Any]:
    """The records of one page; raises `SourceError` for another shape."""
    page = answer.json()
    if not isinstance(page, list) or not all(isinstance(raw, dict) for raw in page):
        raise SourceError(
            f"GitLab answered GET {path} with something that is no list of records",
            hint="Run again. If it stays so, look at that address: GitLab or a proxy before it is broken.",
        )
    return page


def _identity(raw: Mapping[str, Any]) -> Any:
    return raw.get("id", raw.get("name"))
