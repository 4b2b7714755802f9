"""What performs steps."""

from __future__ import annotations

from typing import Final

from gl2gh_batch.engines._engine import Engine
from gl2gh_batch.engines.rest import RestEngine

ALL_ENGINES: Final[dict[str, type[Engine]]] = {
    "rest": RestEngine,
}

__all__ = ["ALL_ENGINES", "Engine"]
