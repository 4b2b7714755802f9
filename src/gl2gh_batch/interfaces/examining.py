"""The doctor behind each door."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gl2gh_batch.batch.doctor import examine
from gl2gh_batch.domain.checks import Check, CheckState
from gl2gh_batch.domain.request import SourceAfter
from gl2gh_batch.interfaces.wiring import Batch, resources_for
from gl2gh_batch.kit.redact import Redactor
from gl2gh_batch.output.checks_view import check_lines, verdict_line


def run_doctor(batch: Batch, redactor: Redactor, write: Callable[[str], None]) -> list[Check]:
    """Look at everything and write each finding as it comes; all of them."""
    checks = asyncio.run(_all(batch, redactor, write))
    write("")
    write(f"  {verdict_line(checks)}")
    return checks


def exit_code(checks: list[Check]) -> int:
    """0 when nothing is wrong, else 1; warnings are no fault."""
    return int(any(one.state is CheckState.BAD for one in checks))


def _source_after(batch: Batch) -> SourceAfter:
    """The most that is to be done to any project on GitLab afterwards; the enumeration grows in it."""
    said = {str(one.get("source_after") or "") for one in (*batch.configs, *batch.groups, batch.policies)}
    asked = [one for one in SourceAfter if one.value in said]
    return asked[-1] if asked else SourceAfter.NOTHING


async def _all(batch: Batch, redactor: Redactor, write: Callable[[str], None]) -> list[Check]:
    named = [one["project_id"] for one in batch.configs]
    checks = []
    async with resources_for(batch, redactor) as resources:
        examined = examine(
            resources,
            batch.shared,
            named,
            work_dir=batch.work_dir,
            exports=batch.exports,
            source_after=_source_after(batch),
        )
        async for check in examined:
            checks.append(check)
            for line in check_lines(check):
                write(redactor.redact(line))
    return checks
