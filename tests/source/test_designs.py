"""Designs as GraphQL tells them: pages, gaps, and answers that lead elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

from gl2gh_batch.domain.errors import TransportError
from gl2gh_batch.source.designs import read_designs
from gl2gh_batch.source.refusals import RefusedAnswerError

PLACE = "https://gitlab.example.com/group/app/-/design_management/designs/7"


class _GitLab:
    """Answers queries in turn, and remembers them."""

    web_url = "https://gitlab.example.com"

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.queries: list[str] = []

    async def graphql(self, query: str, variables: Any) -> Any:
        assert variables == {"path": "group/app"}
        self.queries.append(query)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return {"project": {key: {"designCollection": {"designs": page}} for key, page in answer.items()}}


def _page(*nodes: Any, cursor: str | None = None) -> dict[str, Any]:
    return {"pageInfo": {"hasNextPage": cursor is not None, "endCursor": cursor}, "nodes": list(nodes)}


def _node(number: int, image: str = f"{PLACE}/{'a' * 40}/raw_image", **more: Any) -> dict[str, Any]:
    name = f"gid://gitlab/DesignManagement::Design/{number}"
    return {"id": name, "filename": f"{number}.png", "image": image, "notesCount": 0, **more}


async def _read(gitlab: Any, *iids: int) -> Any:
    return await read_designs(gitlab, "group/app", iids)


async def test_only_what_goes_on_is_asked_for_again() -> None:
    """The next page of one issue is asked for without the others, and its designs are in their order."""
    gitlab = _GitLab({"i1": _page(_node(1), cursor="abc=="), "i2": _page(_node(3))}, {"i1": _page(_node(2))})
    found = await _read(gitlab, 1, 2, 9)
    assert {iid: [one.id for one in designs] for iid, designs in found.items()} == {1: [1, 2], 2: [3]}
    assert 'after: "abc=="' in gitlab.queries[1]
    assert "i2:" not in gitlab.queries[1]


async def test_a_cursor_that_stays_ends_it() -> None:
    """A server that gives the same page for ever is not asked for ever."""
    gitlab = _GitLab(*[{"i1": _page(_node(1), cursor="same")}] * 5)
    assert len((await _read(gitlab, 1))[1]) == 2


@pytest.mark.parametrize(
    "image",
    [
        "",
        "https://evil.example.com/-/design_management/designs/7/raw_image",
        "https://gitlab.example.com.evil.org/x/-/design_management/designs/7/raw_image",
        "https://gitlab.example.com/api/v4/user",
        f"{PLACE}/raw_image?x=1",
        "//evil.example.com/-/design_management/designs/7/raw_image\n",
    ],
)
async def test_a_picture_is_read_from_its_own_place_only(image: str) -> None:
    """An address of another host or of another thing is none."""
    found = await _read(_GitLab({"i1": _page(_node(7, image))}), 1)
    assert [one.path for one in found[1]] == [""]


async def test_a_picture_has_its_path() -> None:
    """With the version that is shown, or without."""
    for rest in ("", f"{'b' * 40}/"):
        found = await _read(_GitLab({"i1": _page(_node(7, f"{PLACE}/{rest}raw_image"))}), 1)
        assert found[1][0].path == f"/group/app/-/design_management/designs/7/{rest}raw_image"


@pytest.mark.parametrize(
    "answer",
    [
        RefusedAnswerError("no", status=200),
        {"i1": {"nodes": [{"id": 5}]}},
        {"i1": {"nodes": [], "pageInfo": {"hasNextPage": True, "endCursor": '"x{'}}},
    ],
)
async def test_an_answer_that_is_none_tells_nothing(answer: Any) -> None:
    """Refused, of another form, or with a cursor that would change the query: nothing is known."""
    assert await _read(_GitLab(answer), 1) is None


async def test_a_gitlab_that_does_not_answer_is_no_gitlab_without_designs() -> None:
    """When there is no answer at all the export ends, to be taken up again: nothing is lost in silence."""
    with pytest.raises(TransportError):
        await _read(_GitLab(TransportError("no answer")), 1)
