"""Lists of issues and merge requests, filtered and sorted as asked (docs: api/issues, api/merge_requests)."""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

from gl2gh_batch.sandbox.gitlab.call import Call
from gl2gh_batch.sandbox.seeds.records import Item, Project

# Parameters that ask for one value of a field.
_EQUALS: Final = {
    "author_username": "author",
    "issue_type": "issue_type",
    "source_branch": "source_branch",
    "target_branch": "target_branch",
}
_ORDERS: Final = (
    "created_at",
    "updated_at",
    "relative_position",
    "title",
    "due_date",
    "weight",
    "priority",
    "label_priority",
    "milestone_due",
    "popularity",
    "closed_at",
    "merged_at",
)
# Sorting a list of this length for every page would cost more than keeping its order.
_WORTH_KEEPING: Final = 1000
_KEPT_ORDERS: Final = 16


class Orders:
    """The last orders of long lists, by project, revision and query: a reader asks for every page of one."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Any, ...], list[Any]] = OrderedDict()

    def get(self, key: tuple[Any, ...], make: Callable[[], list[Any]]) -> list[Any]:
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        rows = make()
        if len(rows) >= _WORTH_KEEPING:
            self._kept[key] = rows
            if len(self._kept) > _KEPT_ORDERS:
                self._kept.popitem(last=False)
        return rows


def listed(call: Call, project: Project, orders: Orders, kind: str) -> list[Any]:
    """The items of a list, filtered and sorted as asked."""
    paging = ("page", "per_page", "private_token")
    query = tuple(sorted(pair for pair in call.request.query.items() if pair[0] not in paging))
    viewer = call.caller.user.username if call.caller.user is not None else None
    key = (id(project), project.revision, kind, query, viewer, call.caller.level(project))
    return orders.get(key, lambda: _sorted(call, _filtered(call, project, kind)))


def _filtered(call: Call, project: Project, kind: str) -> list[Any]:
    if kind == "issues":
        rows: list[Any] = [
            each for each in project.issues.values() if call.caller.can_see_issue(project, each)
        ]
    else:
        rows = list(project.merge_requests.values())
    for keeps in _filters(call, kind):
        rows = [each for each in rows if keeps(each)]
    return rows


def _filters(call: Call, kind: str) -> list[Callable[[Any], bool]]:
    """What an item has to be for the parameters of the request."""
    closed_too = ("opened", "closed") if kind == "issues" else ("opened", "closed", "merged", "locked")
    filters: list[Callable[[Any], bool]] = []
    if (state := call.choice("state", (*closed_too, "all"), "all")) != "all":
        filters.append(lambda each: each.state == state)
    if iids := set(call.numbers("iids")):
        filters.append(lambda each: each.iid in iids)
    if labels := call.texts("labels"):
        filters.append(lambda each: _has_labels(each, labels))
    if milestone := call.text("milestone"):
        filters.append(lambda each: _is(each.milestone, milestone))
    for field in ("created_at", "updated_at"):
        name = field.removesuffix("_at")
        if (after := call.moment(f"{name}_after")) is not None:
            filters.append(_compares(field, operator.ge, after))
        if (before := call.moment(f"{name}_before")) is not None:
            filters.append(_compares(field, operator.le, before))
    for parameter, field in _EQUALS.items():
        if value := call.text(parameter):
            filters.append(_compares(field, operator.eq, value))
    if assignees := call.texts("assignee_username"):
        filters.append(lambda each: any(name in each.assignees for name in assignees))
    if "confidential" in call.request.query:
        filters.append(_compares("confidential", operator.eq, call.flag("confidential")))
    if search := call.text("search").lower():
        filters.append(lambda each: search in f"{each.title}\n{each.description or ''}".lower())
    return filters


def _compares(field: str, compare: Callable[[Any, Any], bool], value: object) -> Callable[[Any], bool]:
    """A filter on one field; an item without that field does not pass."""
    return lambda each: hasattr(each, field) and compare(getattr(each, field), value)


def _sorted(call: Call, rows: list[Any]) -> list[Any]:
    order = call.choice("order_by", _ORDERS, "created_at")
    is_ascending = (
        call.choice("sort", ("asc", "desc"), "asc" if order == "relative_position" else "desc") == "asc"
    )

    def key(each: Any) -> tuple[bool, Any, int]:
        value = getattr(each, order, None)
        # What has no such value comes last, whatever the direction.
        return (value is None) == is_ascending, value if value is not None else "", each.id

    with_value = [each for each in rows if getattr(each, order, None) is not None]
    without = [each for each in rows if getattr(each, order, None) is None]
    with_value.sort(key=key, reverse=not is_ascending)
    return with_value + sorted(without, key=lambda each: -each.id)


def _has_labels(item: Item, wanted: list[str]) -> bool:
    if wanted == ["None"]:
        return not item.labels
    if wanted == ["Any"]:
        return bool(item.labels)
    return set(wanted) <= set(item.labels)


def _is(value: str | None, wanted: str) -> bool:
    if wanted in ("None", "Any"):
        return (value is None) == (wanted == "None")
    return value == wanted
