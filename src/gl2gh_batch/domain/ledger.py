"""Receipts: the proof of each performed step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class StepState(StrEnum):
    """What the ledger knows of a step."""

    INTENT = "intent"
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One row of the ledger; `fields` holds what later steps may refer to (`id`, `number` …).

    `step_sha256` is the digest of the step as it was sent: a changed step has no receipt.
    """

    step: str
    state: StepState
    at: str
    step_sha256: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
