"""Connections of GraphQL: their pages and cursors, what a query costs, and how much one may ask for.

GitHub docs, graphql/overview: rate-limits-and-query-limits-for-the-graphql-api.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from gl2gh_batch.sandbox.github.graphql_answers import GraphqlError, selected
from gl2gh_batch.sandbox.graphql_syntax import Field

Item = TypeVar("Item")
MOST: Final = 100
MOST_NODES: Final = 500_000
CALLS_A_POINT: Final = 100
_CURSOR: Final = "cursor:v2:"


def page_of(
    field: Field, items: Sequence[Item], render: Callable[[Item, Sequence[Field]], Any]
) -> dict[str, Any]:
    """What a connection answers: the nodes from `after` on, `first` at most, and where that ends."""
    first, after = field.arguments.get("first"), field.arguments.get("after")
    if not isinstance(first, int) or isinstance(first, bool) or first < 1:
        message = (
            f"You must provide a `first` or `last` value to properly paginate the `{field.name}` connection."
        )
        raise GraphqlError("MISSING_PAGINATION_BOUNDARIES", message)
    if first > MOST:
        message = (
            f"Requesting {first} records on the `{field.name}` connection"
            f" exceeds the `first` limit of {MOST} records."
        )
        raise GraphqlError("EXCESSIVE_PAGINATION", message)
    start = 0 if after is None else _place(after)
    end = min(start + first, len(items))
    answer: dict[str, Any] = {}
    for each in field.selection:
        if each.name == "nodes":
            answer[each.alias] = [render(item, each.selection) for item in items[start:end]]
            continue
        known = {
            "totalCount": len(items),
            "pageInfo": {
                "hasNextPage": end < len(items),
                "endCursor": _cursor(end) if end > start else None,
            },
        }
        answer |= selected("Connection", known, (each,))
    return answer


def calls_of(selection: Sequence[Field], parents: int = 1) -> tuple[int, int]:
    """The calls that a selection takes when each page is full, and the nodes that it could bring."""
    calls = nodes = 0
    for field in selection:
        most = field.arguments.get("first", field.arguments.get("last"))
        below = parents
        if isinstance(most, int):
            calls, below = calls + parents, parents * most
            nodes += below
        more, further = calls_of(field.selection, below)
        calls, nodes = calls + more, nodes + further
    return calls, nodes


def score_of(selection: Sequence[Field]) -> int:
    """The points of the primary limit that a query takes: a hundredth of its calls, one at least."""
    return max(1, (calls_of(selection)[0] + CALLS_A_POINT // 2) // CALLS_A_POINT)


def refuse_too_many(selection: Sequence[Field]) -> None:
    """Refuse a query that could bring more nodes than GitHub gives at once."""
    nodes = calls_of(selection)[1]
    if nodes > MOST_NODES:
        message = f"This query requests up to {nodes} possible nodes, more than the limit of {MOST_NODES}."
        raise GraphqlError("MAX_NODE_LIMIT_EXCEEDED", message)


def _cursor(place: int) -> str:
    return base64.b64encode(f"{_CURSOR}{place}".encode()).decode()


def _place(cursor: object) -> int:
    try:
        text = base64.b64decode(str(cursor), validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    if not text.startswith(_CURSOR) or not text.removeprefix(_CURSOR).isdecimal():
        raise GraphqlError("INVALID_CURSOR_ARGUMENTS", f"`{cursor}` does not appear to be a valid cursor.")
    return int(text.removeprefix(_CURSOR))
