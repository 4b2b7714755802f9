"""The benchmark batch on the sandbox, on a clock that jumps: figures next to the floor that bounds them."""

from __future__ import annotations

import sys
from pathlib import Path

# The loop with virtual time is one for benchmarks and tests.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "support"))
