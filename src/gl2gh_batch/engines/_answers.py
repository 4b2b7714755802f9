"""Whether an answer of success is GitHub's own: a proxy's page, or another document, tells of no effect."""

from __future__ import annotations

from typing import Any, Final

from gl2gh_batch.domain.errors import TransportError
from gl2gh_batch.domain.plan import Call, Completion
from gl2gh_batch.kit.http import Answer
from gl2gh_batch.kit.verdict import Verdict

GRAPHQL: Final = "/graphql"
# GitHub's ids are 64-bit integers (its OpenAPI description: `integer`, format `int64`).
_LARGEST: Final = 2**63


def is_told(call: Call, answer: Answer) -> bool:
    """False for a success whose body does not say what was made: then it is looked up like a lost answer.

    GitHub answers POST and PATCH with the thing that was made or changed, which has an id and, where it has
    a number, that; PUT and DELETE with nothing, but for topics; GraphQL with data or errors.
    """
    if answer.verdict is not Verdict.DONE:
        return True
    try:
        body = answer.json() if answer.body else None
    except TransportError:
        return False
    if call.path == GRAPHQL:
        return isinstance(body, dict) and (isinstance(body.get("data"), dict) or bool(body.get("errors")))
    if call.method in {"PUT", "DELETE"}:
        if call.path.endswith("/topics"):
            return isinstance(body, dict) and isinstance(body.get("names"), list)
        return not answer.body
    if not isinstance(body, dict) or not _is_number(body.get("id")):
        return False
    is_job = call.completion is Completion.IMPORT_JOB
    return is_job or "number" not in call.keep or _is_number(body.get("number"))


def _is_number(value: Any) -> bool:
    return type(value) is int and 0 < value < _LARGEST
