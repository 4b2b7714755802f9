"""Which error an answer of GitHub's stands for."""

from __future__ import annotations

from gl2gh_batch.domain.errors import (
    AuthenticationError,
    Gl2ghError,
    NotFoundError,
    TargetError,
    TransportError,
)
from gl2gh_batch.kit.http import Answer
from gl2gh_batch.kit.verdict import Verdict
from gl2gh_batch.target import sansio


class RefusedAnswerError(TargetError):
    """GitHub refused one request; `status` and `body` say how."""

    def __init__(self, message: str, *, status: int, body: sansio.ErrorBody, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.body = body


def refusal_of(answer: Answer) -> Gl2ghError:
    """The error that fits an answer that is not the one hoped for."""
    where = f"{answer.method} {_shown(answer.url)}"
    body = sansio.read_error(answer.body)
    said = f": {body}" if str(body) else ""
    match answer.verdict:
        case Verdict.MISSING:
            return NotFoundError(
                f"{where} is missing on GitHub, or not visible to the token",
                hint="Check the name, and the rights of the token.",
            )
        case Verdict.FORBIDDEN:
            if sansio.denial(answer.status, answer.headers, answer.body) is sansio.Denial.SAML:
                return AuthenticationError(
                    f"the organisation wants the token authorised for its single sign-on ({where})",
                    hint=f"Authorise it at {sansio.saml_url(answer.headers) or 'the settings of the token'}.",
                )
            return RefusedAnswerError(
                f"GitHub does not allow {where}{said}",
                status=answer.status,
                body=body,
                hint="Give the token the right that this needs (docs/permissions.md), and run again.",
            )
        case Verdict.MOVED:
            return RefusedAnswerError(
                f"{where} has moved; not followed",
                status=answer.status,
                body=body,
                hint="The repository was renamed or transferred: use its present name.",
            )
        case Verdict.DONE | Verdict.UNCLEAR:
            return TransportError(
                f"{where} got status {answer.status} from GitHub",
                hint="GitHub may be in trouble. Running again is safe: what was done is kept.",
            )
        case _:
            return RefusedAnswerError(
                f"GitHub refused {where} with {answer.status}{said}",
                status=answer.status,
                body=body,
                hint="Remove what it complains of, then run again: what was done is kept.",
            )


def _shown(url: str) -> str:
    return "/" + url.split("://", maxsplit=1)[-1].partition("/")[2].split("?", maxsplit=1)[0]
