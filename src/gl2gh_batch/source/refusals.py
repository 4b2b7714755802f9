"""Which error an answer of GitLab's stands for."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

from gl2gh_batch.domain.errors import Gl2ghError, NotFoundError, SourceError, TransportError
from gl2gh_batch.kit.http import Answer
from gl2gh_batch.kit.verdict import Verdict
from gl2gh_batch.source import sansio

API_PATH: Final = "/api/v4"
_NAMED: Final = re.compile(r"/(project|group)s/([^/]+)(?:/projects)?")


class RefusedAnswerError(SourceError):
    """GitLab refused a request, with this `status`; running again changes nothing by itself."""

    retryable = False

    def __init__(self, message: str, *, status: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status


def missing(method: str, path: str) -> NotFoundError:
    """The error for what is not there: a project or group by its name, anything else by its request."""
    found = _NAMED.fullmatch(path)
    what = f"{found[1]} {unquote(found[2])}" if found else f"{method} {path}"
    return NotFoundError(
        f"{what} is missing on GitLab, or not visible to the token",
        hint="Check the id or path, gitlab_url, and that the token's user is a member.",
    )


def refusal_of(answer: Answer) -> Gl2ghError:
    """The error that fits an answer that is not the one hoped for."""
    path = answer.url.split("?", maxsplit=1)[0].rsplit(API_PATH, maxsplit=1)[-1]
    said = sansio.read_message(answer.body)
    details = f": {said}" if said else ""
    match answer.verdict:
        case Verdict.MISSING | Verdict.GONE:
            return missing(answer.method, path)
        case Verdict.FORBIDDEN:
            return RefusedAnswerError(
                f"GitLab does not allow {answer.method} {path}{details}",
                status=answer.status,
                hint="Give the token the right or scope that this needs, or switch the feature on there.",
            )
        case Verdict.DONE | Verdict.UNCLEAR:
            return TransportError(f"{answer.method} {path} got status {answer.status} from GitLab")
        case _:
            return RefusedAnswerError(
                f"GitLab refused {answer.method} {path} with {answer.status}{details}", status=answer.status
            )
