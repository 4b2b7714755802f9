"""What recover, cleanup and unlock did, project by project, for the job summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gl2gh_batch.domain.result import ProjectStatus
from gl2gh_batch.output.escape import cell, code

# GitHub shows at most 1 MiB of a summary; the result has all of them.
ROWS: Final = 1000


def repair_summary(task: str, result: Mapping[str, Any]) -> str:
    """The page: what it came to, and a row for each project."""
    rows = list(result["results"])
    failed = sum(one["status"] != ProjectStatus.SUCCESS for one in rows)
    many = f"{len(rows)} project{'' if len(rows) == 1 else 's'}"
    head = f"❌ {task}: {failed} of {many} failed" if failed else f"✅ {task}: {many}"
    lines = [f"## {head}", "", "| Project | Repository | What happened |", "|---|---|---|"]
    lines += [
        f"| {code(one.get('source') or one['project_id'])} | {code(one.get('target') or '')} |"
        f" {'<br>'.join(_said(one))} |"
        for one in rows[:ROWS]
    ]
    if len(rows) > ROWS:
        lines += ["", f"{len(rows) - ROWS} more are in `batch-result.json`."]
    return "\n".join(lines) + "\n"


def _said(project: Mapping[str, Any]) -> Iterator[str]:
    error = project.get("error")
    if error is not None:
        yield f"<b>{cell(error['reason'])}</b>: {cell(error['message'], 600)}"
        if error.get("hint"):
            yield cell(error["hint"], 600)
        return
    for agent in (project.get("agents") or {}).values():
        yield cell(agent.get("summary") or "", 600)
