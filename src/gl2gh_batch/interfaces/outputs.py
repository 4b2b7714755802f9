"""What the Action gives back, and what of it is known before anything is begun.

It imports next to nothing: a signal may come while the rest of the program is still being imported.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from gl2gh_batch.interfaces.inputs import BY_NAME

OUTPUTS: Final = (
    "status",
    "batch_id",
    "total_projects",
    "successful",
    "failed",
    "incomplete",
    "not_started",
    "plan_digest",
    "matrix",
    "result_path",
    "artifact_path",
    "resume_key",
    "failure_reason",
    "predicted_requests",
    "predicted_hours",
)
COUNTS: Final = ("total_projects", "successful", "failed", "incomplete", "not_started")
FAILED: Final = "failed"
CANCELLED: Final = "cancelled"
# A batch of one shard.
WHOLE_BATCH: Final = '{"shard": ["1/1"]}'
INTERRUPTED: Final = "interrupted before the batch began"
RUN_AGAIN: Final = "Run again: nothing was done yet."


def first_outputs(environment: Mapping[str, str], reason: str) -> dict[str, str]:
    """Every output as it is before anything is begun; `reason` is why it does not begin."""
    run = environment.get("GITHUB_RUN_ID", "")
    return (
        dict.fromkeys(OUTPUTS, "")
        | dict.fromkeys(COUNTS, "0")
        | {
            "status": FAILED,
            "matrix": WHOLE_BATCH,
            "artifact_path": BY_NAME["work_dir"].default,
            "resume_key": f"gl2gh-{run}" if run else "",
            "failure_reason": reason,
        }
    )


def tell_interrupted(environment: Mapping[str, str]) -> None:
    """Give the runner every output, a summary and an annotation of a run that a signal ended at once.

    Called from within a signal handler: it imports nothing, and nothing else is done afterwards.
    """
    outputs = first_outputs(environment, CANCELLED)
    for variable in (BY_NAME["work_dir"].variable, "INPUT_WORK-DIR"):
        if given := environment.get(variable, "").strip():
            outputs["artifact_path"] = str(Path(given))
    end = f"ghadelimiter_{os.urandom(16).hex()}"
    lines = [f"{name}<<{end}\n{value}\n{end}\n" for name, value in outputs.items()]
    _append(environment.get("GITHUB_OUTPUT", ""), "".join(lines))
    page = f"## ❌ Nothing was migrated\n\n**{CANCELLED}**: {INTERRUPTED}\n\nWhat to do: {RUN_AGAIN}\n\n"
    _append(environment.get("GITHUB_STEP_SUMMARY", ""), page)
    with suppress(OSError):
        line = f"::error title=gl2gh-batch%3A {CANCELLED}::{INTERRUPTED}. {RUN_AGAIN}\n"
        os.write(1, line.encode())


def _append(path: str, text: str) -> None:
    """To a file that the runner made; where there is none, nobody waits for it."""
    with suppress(OSError):
        file = os.open(path, os.O_WRONLY | os.O_APPEND)
        try:
            left = text.encode("utf-8", "replace")
            while left:
                left = left[os.write(file, left) :]
        finally:
            os.close(file)
