"""The designs of issues, which GraphQL alone tells (GitLab docs: api/graphql/reference, DesignCollection)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gl2gh_batch import codec
from gl2gh_batch.domain.errors import NotFoundError, SourceError
from gl2gh_batch.source.api import GitLab

# Of about 21 points an issue; a query may have 250 (api/graphql, maximum query complexity).
ISSUES_A_QUERY: Final = 10
_PICTURE: Final = re.compile(r"/-/design_management/designs/[0-9]+(?:/[0-9a-f]{40,64})?/raw_image\Z")
_FIELDS: Final = "pageInfo { hasNextPage endCursor } nodes { id filename image notesCount }"


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """A picture in the designs of an issue; `path` is where its latest version lies, below the instance."""

    id: int
    filename: str
    path: str = ""
    notes_count: int = 0

    @property
    def secret(self) -> str:
        """What tells it from other attached files, in the place of an upload's secret."""
        return f"design-{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _PageInfo:
    hasNextPage: bool = False  # noqa: N815 - GitLab's word
    endCursor: str | None = None  # noqa: N815 - GitLab's word


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    id: str
    filename: str
    image: str = ""
    notesCount: int = 0  # noqa: N815 - GitLab's word


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    nodes: tuple[_Node, ...] = ()
    pageInfo: _PageInfo = _PageInfo()  # noqa: N815 - GitLab's word


async def read_designs(
    gitlab: GitLab, project_path: str, iids: Sequence[int]
) -> Mapping[int, tuple[Design, ...]] | None:
    """The designs of at most `ISSUES_A_QUERY` issues, in one request for each hundred that one of them has.

    None where this GitLab does not tell them, or not in the form that is documented. An issue that is gone
    has no entry.
    """
    try:
        return await _read(gitlab, project_path, iids)
    except (NotFoundError, SourceError):
        return None


async def _read(gitlab: GitLab, project_path: str, iids: Sequence[int]) -> Mapping[int, tuple[Design, ...]]:
    found: dict[int, list[Design]] = {}
    wanted: dict[int, str] = dict.fromkeys(iids, "")
    while wanted:
        answer = await gitlab.graphql(_query(wanted), {"path": project_path})
        following: dict[int, str] = {}
        for iid in wanted:
            page = _page(answer, iid)
            if page is None:
                continue
            found.setdefault(iid, []).extend(_design(node, gitlab.web_url) for node in page.nodes)
            cursor = page.pageInfo.endCursor or ""
            if page.pageInfo.hasNextPage and cursor and cursor != wanted[iid]:
                following[iid] = cursor
        wanted = following
    return {iid: tuple(designs) for iid, designs in found.items()}


def _query(wanted: Mapping[int, str]) -> str:
    issues = " ".join(
        f'i{iid}: issue(iid: "{iid}") {{ designCollection {{ designs(first: 100{_after(cursor)})'
        f" {{ {_FIELDS} }} }} }}"
        for iid, cursor in wanted.items()
    )
    return f"query designs($path: ID!) {{ project(fullPath: $path) {{ {issues} }} }}"


def _after(cursor: str) -> str:
    if not cursor:
        return ""
    if not re.fullmatch(r"[\w=+/-]+", cursor):
        raise SourceError("GitLab answered with a cursor that is none")
    return f', after: "{cursor}"'


def _page(answer: Any, iid: int) -> _Page | None:
    for name in ("project", f"i{iid}", "designCollection", "designs"):
        answer = answer.get(name) if isinstance(answer, dict) else None
    if answer is None:
        return None
    try:
        return codec.convert(answer, _Page)
    except ValueError as error:
        raise SourceError(f"GitLab tells of designs in another form than documented: {error}") from error


def _design(node: _Node, web_url: str) -> Design:
    number = node.id.rpartition("/")[2]
    path = node.image.removeprefix(web_url)
    return Design(
        id=int(number) if number.isdecimal() else 0,
        filename=node.filename,
        path=path if path.startswith("/") and _PICTURE.search(path) else "",
        notes_count=node.notesCount,
    )
