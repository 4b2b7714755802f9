"""What was sent stays as it was sent: records that GitHub has already are not planned otherwise again.

An issue, a comment or a release is made by a request that is never sent twice. When its text would be another
one by now (GitLab went on, the users' map grew, another project joined the batch), the plan keeps the one
that was sent, and says so among its losses; what was not sent yet follows the change. What was under way when
a run was killed may be there: it counts as sent.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gl2gh_batch import codec
from gl2gh_batch.agents._agent import TRANSFORM_REMEDY
from gl2gh_batch.agents._desk import Desk
from gl2gh_batch.agents.plan import is_begun, read_plan
from gl2gh_batch.domain.errors import WorkDirectoryError
from gl2gh_batch.domain.numbering import PLACEHOLDERS
from gl2gh_batch.domain.plan import Call, Loss, Plan
from gl2gh_batch.engines._engine import digest_of, may_repeat
from gl2gh_batch.kinds import Kind
from gl2gh_batch.kit.ledger import Ledger
from gl2gh_batch.kit.workdir import ProjectFolder, is_whole, read_lines, read_manifest

ONCE = "what was sent once is not sent again, nor changed"


class Sent:
    """The records of the plan that was applied from here, as that plan has them; none where none was."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._ledger: Ledger | None = None
        self._plan: Plan | None = None

    def __enter__(self) -> Self:
        desk = self._desk
        if desk.folder.ledger.exists():
            _put_aside(desk)
            self._plan = _plan_of(desk.folder.sent)
            if self._plan is not None:
                self._ledger = Ledger(desk.folder.ledger)
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._ledger is not None:
            self._ledger.close()

    def lines(self, kind: Kind[Any, Any]) -> Iterator[tuple[int, Any, bytes]]:
        """The records of a kind in their order: place, record, line; without what only fills a gap."""
        path = self._desk.folder.lines_of(self._desk.folder.sent, kind.name)
        if self._ledger is None or not kind.is_sent_once or not path.is_file():
            return
        for place, line in enumerate(read_lines(path), start=1):
            record = codec.decode(line, kind.desired_type)
            if kind.source_of(record).partition("/")[0] != PLACEHOLDERS:
                yield place, record, line

    def has(self, kind: Kind[Any, Any], record: Any) -> bool:
        """Whether something of the record has been sent."""
        return any(self._receipt(step) is not None for step in self._steps(kind, record))

    def contradicts(self, kind: Kind[Any, Any], record: Any) -> bool:
        """Whether something of the record has been sent in other words than it has now."""
        return any(
            (digest := self._receipt(step)) is not None and digest != digest_of(step)
            for step in self._steps(kind, record)
        )

    def _steps(self, kind: Kind[Any, Any], record: Any) -> Iterator[Call]:
        if self._plan is not None:
            for step in kind.steps(record, self._plan.repo, self._plan.facts):
                if isinstance(step, Call) and not may_repeat(step):
                    yield step

    def _receipt(self, step: Call) -> str | None:
        found = None if self._ledger is None else self._ledger.receipt(step.id)
        return None if found is None else found.step_sha256


def kept(kind: Kind[Any, Any], record: Any, *, is_gone: bool) -> Loss:
    """How a plan tells of a record that stays as it was sent."""
    what = "that it is gone from GitLab since it was sent" if is_gone else "what changed since it was sent"
    return Loss(kind=kind.name, item=f"{kind.name}/{kind.identity(record)}", what=what, reason=ONCE)


def _put_aside(desk: Desk) -> None:
    """Keep the records of the plan that is being applied, before they are written anew."""
    folder = desk.folder
    try:
        plan = read_plan(folder)
        manifest = read_manifest(folder.desired, remedy=TRANSFORM_REMEDY)
    except WorkDirectoryError:
        return
    if plan is None or manifest is None or not is_begun(desk, plan):
        return
    if plan.inputs.get("desired") != codec.digest(manifest.files) or not is_whole(folder.desired, manifest):
        return
    fresh = folder.sent.with_name(f"{folder.sent.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(folder.desired, fresh)
    shutil.copyfile(folder.plan, fresh / folder.plan.name)
    shutil.rmtree(folder.sent, ignore_errors=True)
    fresh.rename(folder.sent)


def _plan_of(folder: Path) -> Plan | None:
    try:
        return read_plan(ProjectFolder(folder))
    except WorkDirectoryError:
        return None
