"""How GraphQL's answers and errors are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gl2gh_batch.sandbox.graphql_syntax import Field


class GraphqlError(Exception):
    """One entry of `errors`; `kind` is GitHub's `type`."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def selected(typename: str, known: Mapping[str, Any], selection: Sequence[Field]) -> dict[str, Any]:
    """The asked fields of what is known, as deep as they were asked."""
    found = {}
    for each in selection:
        if each.name not in known:
            message = f"Field '{each.name}' doesn't exist on type '{typename}'"
            raise GraphqlError("undefinedField", message)
        found[each.alias] = _below(each, known[each.name])
    return found


def _below(field: Field, value: Any) -> Any:
    if isinstance(value, list):
        return [_below(field, each) for each in value]
    if isinstance(value, Mapping):
        if not field.selection:
            message = f"Field must have selections (field '{field.name}' returns an object)"
            raise GraphqlError("selectionMismatch", message)
        return selected(field.name, value, field.selection)
    return value


def unresolved(identity: object) -> GraphqlError:
    """What is not there, or may not be seen."""
    return GraphqlError("NOT_FOUND", f"Could not resolve to a node with the global id of '{identity}'.")
