"""Move batches of GitLab projects to GitHub: discover, export, transform, plan, apply, verify."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gl2gh_batch.agents import AgentOrchestrator
    from gl2gh_batch.batch.orchestrator import BatchOrchestrator
    from gl2gh_batch.batch.resources import SharedResources
    from gl2gh_batch.domain.errors import ConfigurationError, Gl2ghError
    from gl2gh_batch.domain.modes import MigrationMode
    from gl2gh_batch.domain.people import UserMapping

__all__ = [
    "AgentOrchestrator",
    "BatchOrchestrator",
    "ConfigurationError",
    "Gl2ghError",
    "MigrationMode",
    "SharedResources",
    "UserMapping",
]

_HOMES = {
    "AgentOrchestrator": "gl2gh_batch.agents",
    "BatchOrchestrator": "gl2gh_batch.batch.orchestrator",
    "ConfigurationError": "gl2gh_batch.domain.errors",
    "Gl2ghError": "gl2gh_batch.domain.errors",
    "MigrationMode": "gl2gh_batch.domain.modes",
    "SharedResources": "gl2gh_batch.batch.resources",
    "UserMapping": "gl2gh_batch.domain.people",
}


def __getattr__(name: str) -> Any:
    """Load a name of the library's face when it is first used (PEP 562)."""
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
