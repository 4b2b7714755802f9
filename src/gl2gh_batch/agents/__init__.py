"""The six agents, and the orchestrator that runs them for one project."""

from __future__ import annotations

from gl2gh_batch.agents._desk import Desk
from gl2gh_batch.agents._numbers import read_numbers
from gl2gh_batch.agents._people import read_resolved
from gl2gh_batch.agents.orchestrator import ALL_AGENTS, AgentOrchestrator

__all__ = ["ALL_AGENTS", "AgentOrchestrator", "Desk", "read_numbers", "read_resolved"]
