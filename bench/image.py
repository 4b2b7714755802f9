"""The image of the Action: how large what a runner pulls is, and how long it takes to start."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TOOL: Final = Path(__file__).parents[1] / "tools/image.py"
# What tools/image.py says where a machine can build none.
NO_ENGINE: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """`megabytes` compressed, `seconds` from the start of the container to the end of `--version`.

    `processor_seconds` are those of them in which it was at work.
    """

    megabytes: float
    seconds: float
    processor_seconds: float
    base: str


def measured() -> Image | str:
    """Build the image and measure it; where this machine cannot, why."""
    built = _tool("build")
    if built.returncode == NO_ENGINE:
        return built.stderr.strip().rsplit("\n", 1)[-1].removeprefix("image: ")
    built.check_returncode()
    done = _tool("measure")
    done.check_returncode()
    said = json.loads(done.stdout)
    return Image(
        megabytes=said["bytes"] / 1e6,
        seconds=said["seconds"],
        processor_seconds=said["processor_seconds"],
        base=said["base"],
    )


def _tool(word: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, TOOL, word], check=False, capture_output=True, text=True)
