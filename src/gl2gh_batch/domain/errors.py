"""Every error of ours, with what it means to the user.

Gl2ghError
├── ConfigurationError (also a ValueError)   wrong usage or configuration, exit code 2
├── AuthenticationError                      a credential was refused
├── NotFoundError                            missing, or not visible to the token
├── SourceError                              GitLab answered with something we cannot go on from
├── TargetError                              GitHub refused a request for good
│   ├── TargetNotOursError                   the repository holds what we did not put there
│   ├── TargetLockedError                    another run writes to the repository
│   ├── CapabilityMissingError               the target lacks what the plan counts on
│   └── NumberMismatchError                  an item got another number than planned
├── UnclearAnswerError                       a write was sent and nobody knows whether it took effect
├── TransportError                           no answer at all, after the tries that are safe
├── RateLimitedError                         the wait would be longer than allowed
├── GitError                                 a git command failed
├── PlanRefusedError                         no plan, or one that no longer fits
│   └── SourceChangedError                   people went on working on GitLab since the plan was made
├── PublicArtifactsError                     what is private would be in artifacts that anybody can download
├── ChecksFailedError                        what was looked at beforehand would make every project fail
├── BlockedError                             the plan holds findings that must be solved first
├── WorkDirectoryError                       a file of the work directory is damaged or foreign
└── StoppedError                             a signal, a deadline or a cancel ended the run
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Final

from gl2gh_batch.domain.checks import Check


class FailureReason(StrEnum):
    """The closed set of reasons that results and outputs name."""

    CONFIG_INVALID = "config-invalid"
    AUTH_FAILED = "auth-failed"
    NOT_FOUND = "not-found"
    SOURCE_FAILED = "source-failed"
    TARGET_REFUSED = "target-refused"
    TARGET_NOT_EMPTY = "target-not-empty"
    TARGET_LOCKED = "target-locked"
    CAPABILITY_MISSING = "capability-missing"
    NUMBER_MISMATCH = "number-mismatch"
    UNCLEAR_ANSWER = "unclear-answer"
    UNREACHABLE = "unreachable"
    RATE_LIMITED = "rate-limited"
    GIT_FAILED = "git-failed"
    PLAN_MISSING = "plan-missing"
    PLAN_CHANGED = "plan-changed"
    SOURCE_CHANGED = "source-changed"
    FINDINGS_BLOCK = "findings-block"
    VERIFY_DIFFERENCES = "verify-differences"
    WORK_DIR_DAMAGED = "work-dir-damaged"
    CHECKS_FAILED = "checks-failed"
    ARTIFACTS_PUBLIC = "artifacts-public"
    PARTIAL = "partial"
    CANCELLED = "cancelled"
    INTERNAL = "internal"


# What to do where nothing more is known of a failure than its reason; docs/troubleshooting.md says more.
REMEDIES: Final[Mapping[FailureReason, str]] = {
    FailureReason.CONFIG_INVALID: "Correct what the message names; nothing was done.",
    FailureReason.AUTH_FAILED: "Check that the token is valid and has its scopes; doctor tells which.",
    FailureReason.NOT_FOUND: "Check the id or path, and that the token's user may see it.",
    FailureReason.SOURCE_FAILED: "Run again; if it stays, look at GitLab's own log for this request.",
    FailureReason.TARGET_REFUSED: "Remove what GitHub complains of, then run again: what was done is kept.",
    FailureReason.TARGET_NOT_EMPTY: "Give another target, or empty the repository.",
    FailureReason.TARGET_LOCKED: "Let the other run end, then run again.",
    FailureReason.CAPABILITY_MISSING: "Plan again: the new plan goes without what the target lacks.",
    FailureReason.NUMBER_MISMATCH: "Stop whoever else writes to the repository, delete it, and run again.",
    FailureReason.UNCLEAR_ANSWER: "Run again: what is unclear is looked up before anything is sent.",
    FailureReason.UNREACHABLE: "Check address, proxy and certificates; running again is safe.",
    FailureReason.RATE_LIMITED: "Wait, or tell lower limits by the input limits; then run again.",
    FailureReason.GIT_FAILED: "Act on git's own words, then run again.",
    FailureReason.PLAN_MISSING: "Run PLAN_ONLY first with the same work directory.",
    FailureReason.PLAN_CHANGED: "Plan again, and review the plan.",
    FailureReason.SOURCE_CHANGED: "Plan again and review it, or give accept_source_changes: true.",
    FailureReason.FINDINGS_BLOCK: "Solve the findings of the plan, then plan again.",
    FailureReason.VERIFY_DIFFERENCES: "See verify.json of the project; remove the cause and run APPLY again.",
    FailureReason.WORK_DIR_DAMAGED: "Restore the file, make room, or start with an empty folder.",
    FailureReason.CHECKS_FAILED: "Mend what each line names, then run again: nothing was begun.",
    FailureReason.ARTIFACTS_PUBLIC: "Run the workflow in a private repository.",
    FailureReason.PARTIAL: "See what is said of each project.",
    FailureReason.CANCELLED: "Run again with the same work directory to go on.",
    FailureReason.INTERNAL: "Please report it with the log; what was done is kept. Running again is safe.",
}


class Gl2ghError(Exception):
    """What happened, to which project and item, what to do, and whether running again is safe."""

    exit_code = 1
    reason = FailureReason.INTERNAL
    retryable = False

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        project: str | None = None,
        item: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.project = project
        self.item = item

    @property
    def remedy(self) -> str:
        """What to do: the hint, else what helps against any failure of this reason."""
        return self.hint or REMEDIES[self.reason]

    def __str__(self) -> str:
        where = " ".join(part for part in (self.project, self.item) if part)
        text = f"{where}: {self.message}" if where else self.message
        return f"{text}. {self.hint}" if self.hint else text


@contextmanager
def about(item: str) -> Iterator[None]:
    """What goes wrong in here, and names nothing smaller, is told of this item."""
    try:
        yield
    except Gl2ghError as error:
        error.item = error.item or item
        raise


class ConfigurationError(Gl2ghError, ValueError):
    """Wrong usage or configuration; `field` names the input that is wrong."""

    exit_code = 2
    reason = FailureReason.CONFIG_INVALID

    def __init__(
        self,
        message: str,
        *,
        field: str = "",
        hint: str = "",
        project: str | None = None,
        item: str | None = None,
    ) -> None:
        super().__init__(f"{field}: {message}" if field else message, hint=hint, project=project, item=item)
        self.field = field


class AuthenticationError(Gl2ghError):
    """A credential was refused; nothing is tried again with it."""

    reason = FailureReason.AUTH_FAILED


class NotFoundError(Gl2ghError):
    """Missing, or not visible to the token: the platforms do not say which."""

    reason = FailureReason.NOT_FOUND


class SourceError(Gl2ghError):
    """GitLab answered with something we cannot go on from."""

    reason = FailureReason.SOURCE_FAILED
    retryable = True


class TargetError(Gl2ghError):
    """GitHub refused a request for good."""

    reason = FailureReason.TARGET_REFUSED


class TargetNotOursError(TargetError):
    """The target repository holds what this migration did not put there."""

    reason = FailureReason.TARGET_NOT_EMPTY


class TargetLockedError(TargetError):
    """Another run holds the claim on the target repository; nothing more is written to it."""

    reason = FailureReason.TARGET_LOCKED
    retryable = True


class CapabilityMissingError(TargetError):
    """The target lacks what the plan counts on; nothing of that kind was written."""

    reason = FailureReason.CAPABILITY_MISSING


class NumberMismatchError(TargetError):
    """An item got another number than planned: somebody else writes to the repository."""

    reason = FailureReason.NUMBER_MISMATCH


class DifferencesFoundError(TargetError):
    """The target is not what was planned; nothing is closed and the repository stays private."""

    reason = FailureReason.VERIFY_DIFFERENCES


class UnclearAnswerError(Gl2ghError):
    """A write was sent and it is not known whether it took effect; the next run looks it up."""

    reason = FailureReason.UNCLEAR_ANSWER
    retryable = True


class TransportError(Gl2ghError):
    """No usable answer, after all the tries that are safe."""

    reason = FailureReason.UNREACHABLE
    retryable = True


class RateLimitedError(Gl2ghError):
    """The platform keeps refusing, or the wait would be longer than allowed."""

    reason = FailureReason.RATE_LIMITED
    retryable = True


class GitError(Gl2ghError):
    """A git command failed; the message holds git's own words, without credentials."""

    reason = FailureReason.GIT_FAILED
    retryable = True


class PlanRefusedError(Gl2ghError):
    """There is no plan to apply, or it no longer fits what it was made from."""

    reason = FailureReason.PLAN_CHANGED

    def __init__(
        self,
        message: str,
        *,
        missing: bool = False,
        hint: str = "",
        project: str | None = None,
        item: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, project=project, item=item)
        if missing:
            self.reason = FailureReason.PLAN_MISSING


class EarlierStepMissingError(PlanRefusedError):
    """A step needs what an earlier one would have made."""


class SourceChangedError(PlanRefusedError):
    """The source is not what was reviewed any more; nothing was written."""

    reason = FailureReason.SOURCE_CHANGED


class BlockedError(Gl2ghError):
    """The plan holds findings that must be solved before anything is written."""

    reason = FailureReason.FINDINGS_BLOCK


class ChecksFailedError(Gl2ghError):
    """What was looked at beforehand would make every project fail; nothing was begun."""

    reason = FailureReason.CHECKS_FAILED

    checks: tuple[Check, ...] = ()

    @classmethod
    def of(cls, checks: Sequence[Check]) -> ChecksFailedError:
        """The error of these checks: what those found that stop a run, and how each is mended."""
        wrong = [one for one in checks if one.stops]
        error = cls(
            "; ".join(f"{one.name}: {one.found}" for one in wrong),
            hint=" ".join(one.remedy for one in wrong),
        )
        error.checks = tuple(checks)
        return error


class PublicArtifactsError(Gl2ghError):
    """Artifacts of a public repository can be downloaded by anybody, and a source is not public."""

    reason = FailureReason.ARTIFACTS_PUBLIC


class WorkDirectoryError(Gl2ghError):
    """A file of the work directory is damaged, of a newer version, or not ours."""

    reason = FailureReason.WORK_DIR_DAMAGED


class StoppedError(Gl2ghError):
    """A signal, a deadline or a cancel ended the run; what was done is durable."""

    reason = FailureReason.CANCELLED
    retryable = True
