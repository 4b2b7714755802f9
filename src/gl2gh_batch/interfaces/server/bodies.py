"""The bodies of requests as values: each field checked, every wrong one named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gl2gh_batch import codec
from gl2gh_batch.batch.fields import shown
from gl2gh_batch.domain.modes import AGENTS_OF, MigrationMode
from gl2gh_batch.domain.request import DEFAULT_PARALLEL_LIMIT, PARALLEL_LIMITS
from gl2gh_batch.interfaces.server.problems import FieldError, Problem, conflict, invalid

HIGHEST_ID: Final = 2**53 - 1
MOST_PROJECTS: Final = 10_000
MOST_ERRORS: Final = 20
DIGEST: Final = r"[0-9a-f]{64}"
KEY: Final = r"[!-~]{1,128}"
ACCEPT: Final = "accept_source_changes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A batch that somebody wants."""

    project_ids: tuple[int, ...]
    mode: MigrationMode
    parallel_limit: int
    resume_from: str | None
    accept_source_changes: bool = False

    @property
    def digest(self) -> str:
        """Equal for equal requests, however their bodies were written."""
        said: list[Any] = [self.project_ids, self.mode, self.parallel_limit, self.resume_from]
        return codec.digest([*said, ACCEPT] if self.accept_source_changes else said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """The digest of the plan that is approved, and whether it holds although the source changed since."""

    digest: str
    accept_source_changes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumption:
    """How a batch goes on: with which agent, and whether although the source changed."""

    resume_from: str | None = None
    accept_source_changes: bool = False


def parse_start(body: Any) -> Start:
    """The start of a batch; raises `Problem` 422 that names every wrong field."""
    errors: list[FieldError] = []
    raw = _object(body, ("project_ids", "mode", "parallel_limit", "resume_from", ACCEPT), errors)
    ids = _project_ids(raw, errors)
    mode = MigrationMode.PLAN_ONLY
    said = raw.get("mode", MigrationMode.PLAN_ONLY.value)
    if isinstance(said, str) and said in list(MigrationMode):
        mode = MigrationMode(said)
    else:
        errors.append(
            FieldError(
                field="mode",
                detail=f"{shown(said)} is no mode",
                hint=f"Use one of {', '.join(MigrationMode)}.",
            )
        )
    limit = _whole(raw.get("parallel_limit", DEFAULT_PARALLEL_LIMIT))
    if limit is None or limit not in PARALLEL_LIMITS:
        errors.append(
            FieldError(
                field="parallel_limit",
                detail=f"{shown(raw.get('parallel_limit'))} is not a whole number from 1 to 20",
                hint=f"Leave it out for {DEFAULT_PARALLEL_LIMIT}.",
            )
        )
    resume = _resume_from(raw, mode, errors)
    accept = _accept(raw, errors)
    if ACCEPT in raw and mode is not MigrationMode.APPLY:
        errors.append(
            FieldError(
                field=ACCEPT,
                detail=f"mode {mode} carries out no plan that was made before",
                hint="Give it with APPLY, when a plan is approved, or when such a batch is resumed.",
            )
        )
    if errors:
        raise invalid(*errors)
    return Start(
        project_ids=ids,
        mode=mode,
        parallel_limit=limit or DEFAULT_PARALLEL_LIMIT,
        resume_from=resume,
        accept_source_changes=accept,
    )


def parse_approval(body: Any) -> Approval:
    """The approval of a plan; raises `Problem` 422."""
    errors: list[FieldError] = []
    raw = _object(body, ("plan_digest", ACCEPT), errors)
    accept = _accept(raw, errors)
    digest = raw.get("plan_digest")
    if not isinstance(digest, str) or not re.fullmatch(DIGEST, digest):
        errors.append(
            FieldError(
                field="plan_digest",
                detail="this is no digest of a plan",
                hint="It is plan_digest of the batch that made the plan: 64 hexadecimal digits.",
            )
        )
    if errors:
        raise invalid(*errors)
    return Approval(digest=str(digest), accept_source_changes=accept)


def parse_resume(body: Any, mode: MigrationMode) -> Resumption:
    """How to go on; raises `Problem` 422, and 409 for what is not of the batch's mode."""
    errors: list[FieldError] = []
    raw = {} if body is None else _object(body, ("resume_from", ACCEPT), errors)
    resume = _resume_from(raw, MigrationMode.FULL, errors)
    accept = _accept(raw, errors)
    if errors:
        raise invalid(*errors)
    if resume is not None and resume not in AGENTS_OF[mode]:
        raise conflict("not-in-mode", f"{resume} is not an agent of the batch's mode, {mode}")
    if accept and mode is not MigrationMode.APPLY:
        raise conflict("not-in-mode", f"mode {mode} carries out no plan that was made before")
    return Resumption(resume_from=resume, accept_source_changes=accept)


def parse_key(text: str | None) -> str | None:
    """The Idempotency-Key; raises `Problem` 422."""
    if text is not None and not re.fullmatch(KEY, text):
        raise invalid(
            FieldError(
                field="Idempotency-Key",
                detail="is not 1 to 128 visible ASCII characters",
                hint="A fresh UUID for each batch will do.",
            )
        )
    return text


def parse_number(text: str | None, field: str, default: int, allowed: range) -> int:
    """A parameter in the address or a header; raises `Problem` 422."""
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,18}", text, re.ASCII) or int(text) not in allowed:
        raise invalid(
            FieldError(
                field=field,
                detail=f"{shown(text)} is not a number from {allowed.start} to {allowed.stop - 1}",
            )
        )
    return int(text)


def _object(body: Any, keys: tuple[str, ...], errors: list[FieldError]) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        problem: Problem = invalid(FieldError(field="", detail=f"{shown(body)} is not an object"))
        raise problem
    errors.extend(
        FieldError(field=str(key)[:100], detail="there is no such field", hint=f"Known: {', '.join(keys)}.")
        for key in list(body)[:MOST_ERRORS]
        if key not in keys
    )
    return body


def _project_ids(raw: Mapping[str, Any], errors: list[FieldError]) -> tuple[int, ...]:
    said = raw.get("project_ids")
    if not isinstance(said, list):
        errors.append(
            FieldError(
                field="project_ids",
                detail="is missing" if "project_ids" not in raw else f"{shown(said)} is not a list",
                hint="Give the ids of GitLab projects, for example [123, 456].",
            )
        )
        return ()
    if len(said) > MOST_PROJECTS:
        errors.append(FieldError(field="project_ids", detail=f"holds more than {MOST_PROJECTS:,} projects"))
        return ()
    first: dict[int, int] = {}
    for place, one in enumerate(said):
        number = _whole(one)
        if number is None or not 1 <= number <= HIGHEST_ID:
            detail = f"{shown(one)} is not the id of a project"
        elif number in first:
            detail = f"project {number} is listed already, as entry {first[number]}"
        else:
            first[number] = place
            continue
        if len(errors) < MOST_ERRORS:
            errors.append(
                FieldError(field=f"project_ids[{place}]", detail=detail, hint="Whole numbers, each once.")
            )
    return tuple(first)


def _resume_from(raw: Mapping[str, Any], mode: MigrationMode, errors: list[FieldError]) -> str | None:
    said = raw.get("resume_from")
    agents = AGENTS_OF[mode]
    if said is None:
        return None
    if isinstance(said, str) and said in agents:
        return said
    errors.append(
        FieldError(
            field="resume_from",
            detail=f"{shown(said)} is not an agent of mode {mode}",
            hint=f"{mode} runs {', '.join(agents)}; null begins where it stopped.",
        )
    )
    return None


def _accept(raw: Mapping[str, Any], errors: list[FieldError]) -> bool:
    said = raw.get(ACCEPT, False)
    if isinstance(said, bool):
        return said
    errors.append(
        FieldError(
            field=ACCEPT, detail=f"{shown(said)} is neither true nor false", hint="Leave it out for false."
        )
    )
    return False


def _whole(value: Any) -> int | None:
    """A whole number as JSON has it: 5 and 5.0 are the same, true is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) else None
