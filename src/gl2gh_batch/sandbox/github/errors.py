"""GitHub's refusals, with its words."""

from __future__ import annotations

from typing import Any, Final

DOCS: Final = "https://docs.github.com/rest"


class Refused(Exception):  # noqa: N818 - not an error of ours, but an answer
    """An answer other than success; `errors` are GitHub's entries of what is wrong."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: list[Any] | None = None,
        documentation_url: str = DOCS,
        headers: dict[str, str] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        self.document: dict[str, Any] = {"message": message}
        if errors is not None:
            self.document["errors"] = errors
        self.document |= {"documentation_url": documentation_url, "status": str(status), **(extra or {})}


def not_found() -> Refused:
    """What is not there, or what the credential may not see."""
    return Refused(404, "Not Found")


def forbidden(message: str) -> Refused:
    """What the credential may see but not do."""
    return Refused(403, message)


def invalid(*errors: Any, message: str = "Validation Failed") -> Refused:
    """A document whose shape is right and whose content is not."""
    return Refused(422, message, errors=list(errors))


def wrong(resource: str, field: str, code: str = "invalid", **more: Any) -> dict[str, Any]:
    """One entry of a validation error; `code` is missing_field, invalid, already_exists or custom."""
    return {"resource": resource, "field": field, "code": code, **more}


def too_long(resource: str, field: str, most: float) -> dict[str, Any]:
    """The entry for a text over its limit."""
    words = f"{field} is too long (maximum is {most:.0f} characters)"
    return wrong(resource, field, "custom", message=words)
