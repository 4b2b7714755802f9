"""The six agents, the six modes, and which agents a mode runs."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from gl2gh_batch.domain.errors import ConfigurationError


class AgentName(StrEnum):
    """One of the six agents, in the order in which they work."""

    DISCOVERY = "discovery"
    EXPORT = "export"
    TRANSFORM = "transform"
    PLAN = "plan"
    APPLY = "apply"
    VERIFY = "verify"


class MigrationMode(StrEnum):
    """How far a batch goes."""

    DISCOVER_ONLY = "DISCOVER_ONLY"
    EXPORT_ONLY = "EXPORT_ONLY"
    TRANSFORM_ONLY = "TRANSFORM_ONLY"
    PLAN_ONLY = "PLAN_ONLY"
    APPLY = "APPLY"
    FULL = "FULL"


class Task(StrEnum):
    """What can be done to the projects of a batch outside the modes."""

    VERIFY = "verify"
    RECOVER = "recover"
    CLEANUP = "cleanup"
    UNLOCK = "unlock"
    UNDO_SOURCE = "source"


AGENTS_OF: Final[dict[MigrationMode, tuple[AgentName, ...]]] = {
    MigrationMode.DISCOVER_ONLY: (AgentName.DISCOVERY,),
    MigrationMode.EXPORT_ONLY: (AgentName.DISCOVERY, AgentName.EXPORT),
    MigrationMode.TRANSFORM_ONLY: (AgentName.DISCOVERY, AgentName.EXPORT, AgentName.TRANSFORM),
    MigrationMode.PLAN_ONLY: (
        AgentName.DISCOVERY,
        AgentName.EXPORT,
        AgentName.TRANSFORM,
        AgentName.PLAN,
    ),
    MigrationMode.APPLY: (AgentName.APPLY, AgentName.VERIFY),
    MigrationMode.FULL: (
        AgentName.DISCOVERY,
        AgentName.EXPORT,
        AgentName.TRANSFORM,
        AgentName.PLAN,
        AgentName.APPLY,
        AgentName.VERIFY,
    ),
}


def parse_mode(text: str) -> MigrationMode:
    """The mode of that name; raises `ConfigurationError` with the names there are."""
    try:
        return MigrationMode(text)
    except ValueError:
        names = ", ".join(MigrationMode)
        raise ConfigurationError(
            f"unknown mode {text!r}", field="mode", hint=f"Use one of: {names}."
        ) from None


def parse_resume_from(text: str | None, mode: MigrationMode) -> AgentName | None:
    """The agent to start again from; raises `ConfigurationError` when it is not one of the mode's."""
    if text is None or text == "":
        return None
    agents = AGENTS_OF[mode]
    if text not in agents:
        raise ConfigurationError(
            f"{text!r} is not an agent of mode {mode}",
            field="resume_from",
            hint=f"{mode} runs: {', '.join(agents)}. Name one of these, or leave resume_from empty.",
        )
    return AgentName(text)
