"""Refusals as problem details (RFC 9457): what was wrong, with which field, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from gl2gh_batch.domain.errors import ConfigurationError

CONTENT_TYPE: Final = "application/problem+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """One field of a request that is wrong: `project_ids[2]`, or `` for the whole."""

    field: str
    detail: str
    hint: str = ""


class Problem(Exception):  # noqa: N818 - RFC 9457's word
    """A request that is refused with a status from 400 to 599."""

    def __init__(
        self,
        status: int,
        slug: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.slug = slug
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})

    def document(self) -> dict[str, Any]:
        """The answer's body."""
        found: dict[str, Any] = {
            "type": f"urn:gl2gh-batch:problem:{self.slug}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            **self.extra,
        }
        if self.errors:
            found["errors"] = [
                {"field": one.field, "detail": one.detail, "hint": one.hint} for one in self.errors
            ]
        return found


def invalid(*errors: FieldError) -> Problem:
    """A body or parameter that is well-formed and wrong."""
    detail = "; ".join(f"{one.field or 'body'}: {one.detail}" for one in errors[:5])
    return Problem(422, "invalid-request", detail, errors=errors)


def invalid_from(error: ConfigurationError) -> Problem:
    """The same, from an error of ours."""
    said = error.message.removeprefix(f"{error.field}: ")
    return invalid(FieldError(field=error.field, detail=said, hint=error.hint))


def not_found(what: str) -> Problem:
    """Nothing of that name."""
    return Problem(404, "not-found", what)


def conflict(slug: str, detail: str, **extra: Any) -> Problem:
    """What is asked for does not go with what there is."""
    return Problem(409, slug, detail, extra=extra)
