"""What a verified migration leaves on GitLab when asked to: a note where it went, and archived.

`source.json` in the project's folder says what was there before, and is durable before each request: a run
that was killed goes on from it, and `gl2gh-batch source --undo` restores by it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from gl2gh_batch.agents._desk import Desk
from gl2gh_batch.domain.errors import BlockedError, NotFoundError
from gl2gh_batch.domain.plan import Finding, Plan, Severity
from gl2gh_batch.domain.request import SourceAfter
from gl2gh_batch.domain.result import AgentResult
from gl2gh_batch.kit.workdir import ProjectFolder, read_document, write_document
from gl2gh_batch.source.models import Project
from gl2gh_batch.source.refusals import RefusedAnswerError
from gl2gh_batch.source.writing import MOST_OF_A_DESCRIPTION, SourceWriter

SCHEMA: Final = "gl2gh-batch/source"
VERSION: Final = 1
REMEDY: Final = "Restore it from the handover or a backup: it says what was on GitLab before."
ENDED: Final = "…"
UNDO: Final = "gl2gh-batch source --undo takes it back."


class MarkState(StrEnum):
    """How far a mark is; `skipped` is one that the project had already, or could not get."""

    BEGUN = "begun"
    DONE = "done"
    SKIPPED = "skipped"
    UNDONE = "undone"


SET: Final = (MarkState.BEGUN, MarkState.DONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteMark:
    """The note at the head of the description: its line, and the description before and with it."""

    state: MarkState
    at: str
    line: str = ""
    before: str | None = None
    after: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveMark:
    """The archiving of a project that was not archived before."""

    state: MarkState
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceMarks:
    """What was changed on GitLab for which plan."""

    project_id: int
    plan_digest: str
    target: str
    note: NoteMark | None = None
    archive: ArchiveMark | None = None

    @property
    def is_set(self) -> bool:
        """True while anything on GitLab is other than it was before."""
        return any(one is not None and one.state in SET for one in (self.note, self.archive))


def read_marks(folder: ProjectFolder) -> SourceMarks | None:
    """What `source.json` says; None when GitLab was never changed."""
    return read_document(folder.source_marks, SCHEMA, VERSION, SourceMarks, remedy=REMEDY)


def unmarked(folder: ProjectFolder, project: Project) -> Project:
    """The project as it would be without our marks: a later run must not carry them to GitHub."""
    marks = read_marks(folder)
    if marks is None or marks.project_id != project.id:
        return project
    note, archive = marks.note, marks.archive
    if archive is not None and archive.state in SET:
        project = replace(project, archived=False)
    if note is not None and note.state in SET and is_noted(project.description, note.line):
        project = replace(project, description=without_note(project.description, note))
    return project


def findings_of(desk: Desk) -> tuple[Finding, ...]:
    """What the plan says of the source beforehand."""
    after = desk.request.policies.source_after
    if after is SourceAfter.NOTHING:
        return ()
    archived = " and it is archived there" if after is SourceAfter.ARCHIVE else ""
    role = "Owner" if after is SourceAfter.ARCHIVE else "Maintainer"
    return (
        Finding(
            code="source-after",
            severity=Severity.NOTICE,
            message=f"once {desk.label} is verified, its description on GitLab begins with a link to"
            f" {desk.repo},{archived or ' and nothing else changes there'}",
            hint=f"The GitLab token needs the scope api, its user the role {role}; {UNDO}",
            item=desk.label,
        ),
    )


async def require_rights(desk: Desk) -> None:
    """Raise `BlockedError`, before anything is written, where the token can never mark the source."""
    if desk.request.policies.source_after is SourceAfter.NOTHING:
        return
    try:
        scopes = set((await desk.cold.token()).scopes)
    except (NotFoundError, RefusedAnswerError):
        return  # an OAuth token, or an old GitLab: it shows when it is used
    if "api" not in scopes:
        raise BlockedError(
            f"source_after: {desk.request.policies.source_after} changes the project on GitLab, and the token"
            f" has only {', '.join(sorted(scopes)) or 'no scopes'}",
            hint="Give a GitLab token with the scope api, or write source_after: nothing and plan again.",
            project=desk.label,
        )


async def mark_source(desk: Desk, plan: Plan) -> SourceMarks | None:
    """Set the marks that were asked for and are not set yet; None when none were asked for."""
    after = desk.request.policies.source_after
    if after is SourceAfter.NOTHING or desk.source_writer is None:
        return None
    marks = read_marks(desk.folder)
    if marks is None or (marks.plan_digest != plan.digest and not marks.is_set):
        # Undone ones stay so for the plan that set them; a later plan is a new migration.
        marks = SourceMarks(
            project_id=desk.reference.project.id, plan_digest=plan.digest, target=str(plan.repo)
        )
    wants_note = _is_open(marks.note)
    wants_archive = after is SourceAfter.ARCHIVE and _is_open(marks.archive)
    if not wants_note and not wants_archive:
        return marks
    try:
        writer = desk.source_writer()
        project = await desk.gitlab.project(marks.project_id)
        if wants_note:
            marks = await _set_note(desk, writer, marks, project)
        if wants_archive:
            marks = await _set_archive(desk, writer, marks, project)
    except (NotFoundError, RefusedAnswerError) as error:
        said = "the migration is complete and verified, but its source is not marked"
        error.message = f"{said}: {error.message}"
        raise
    return marks


async def undo_source(desk: Desk) -> AgentResult:
    """Restore what the source was before, as far as nobody else has changed it since."""
    marks = read_marks(desk.folder)
    if marks is None or not marks.is_set or desk.source_writer is None:
        return AgentResult(status="passed-over", summary="nothing of it is changed on GitLab")
    writer = desk.source_writer()
    project = await desk.gitlab.project(marks.project_id)
    said = []
    if marks.archive is not None and marks.archive.state in SET:
        if project.archived:
            project = await writer.unarchive(project.id)
            said.append("unarchived")
        archive = replace(marks.archive, state=MarkState.UNDONE, at=desk.now())
        marks = _keep(desk, replace(marks, archive=archive))
    note = marks.note
    if note is not None and note.state in SET:
        if is_noted(project.description, note.line):
            await writer.describe(project.id, without_note(project.description, note))
            said.append("the description is as before")
        elif project.description != note.before:
            desk.notice(
                "warning",
                "the description was changed on GitLab since and holds no note of ours any more",
                "It is left as it is; source.json in the project's folder has the one before.",
            )
        note = replace(note, state=MarkState.UNDONE, at=desk.now())
        _keep(desk, replace(marks, note=note))
    return AgentResult(status="done", summary=f"on GitLab: {', '.join(said) or 'it was so already'}")


def refuse_while_marked(desk: Desk) -> None:
    """Raise `BlockedError` while the source says that it moved to what is about to be deleted."""
    marks = read_marks(desk.folder)
    if marks is not None and marks.is_set:
        raise BlockedError(
            f"the project on GitLab says that it moved to {marks.target}",
            hint="Run gl2gh-batch source --undo first.",
            project=desk.label,
        )


def note_line(repository_url: str, date: str) -> str:
    """The first line of the description; the address is a link wherever GitLab shows it."""
    return f"Moved to {repository_url} on {date}. What is here is not kept up to date."


def noted(before: str | None, line: str) -> str:
    """The description with the note, no longer than GitLab takes."""
    whole = f"{line}\n\n{before}" if before else line
    if len(whole) <= MOST_OF_A_DESCRIPTION:
        return whole
    return whole[: MOST_OF_A_DESCRIPTION - len(ENDED)] + ENDED


def is_noted(description: str | None, line: str) -> bool:
    """True for a description that begins with that note."""
    return bool(line) and (description or "").startswith(line)


def without_note(description: str | None, note: NoteMark) -> str | None:
    """What the description was before; what others wrote below the note since is kept."""
    text = (description or "").replace("\r\n", "\n")
    if text.rstrip() == note.after.replace("\r\n", "\n").rstrip():
        return note.before
    return text.removeprefix(note.line).lstrip("\n")


def _is_open(mark: NoteMark | ArchiveMark | None) -> bool:
    return mark is None or mark.state is MarkState.BEGUN


async def _set_note(desk: Desk, writer: SourceWriter, marks: SourceMarks, project: Project) -> SourceMarks:
    note = marks.note
    if note is None or not is_noted(project.description, note.line):
        if project.archived:
            # An archived project takes no settings (GitLab 16), and to open it is not ours to decide.
            desk.notice("warning", f"{desk.label} is archived on GitLab already: it gets no note")
            return _keep(desk, replace(marks, note=NoteMark(state=MarkState.SKIPPED, at=desk.now())))
        line = note_line(f"{desk.github_url}/{desk.repo}", desk.now()[:10])
        after = noted(project.description, line)
        note = NoteMark(
            state=MarkState.BEGUN, at=desk.now(), line=line, before=project.description, after=after
        )
        marks = _keep(desk, replace(marks, note=note))
        await writer.describe(project.id, after)
    return _keep(desk, replace(marks, note=replace(note, state=MarkState.DONE, at=desk.now())))


async def _set_archive(desk: Desk, writer: SourceWriter, marks: SourceMarks, project: Project) -> SourceMarks:
    if marks.archive is None:
        state = MarkState.SKIPPED if project.archived else MarkState.BEGUN
        archive = ArchiveMark(state=state, at=desk.now())
        marks = _keep(desk, replace(marks, archive=archive))
        if state is MarkState.SKIPPED:
            return marks
    if not project.archived:
        await writer.archive(project.id)
    archive = ArchiveMark(state=MarkState.DONE, at=desk.now())
    return _keep(desk, replace(marks, archive=archive))


def _keep(desk: Desk, marks: SourceMarks) -> SourceMarks:
    write_document(desk.folder.source_marks, SCHEMA, VERSION, marks)
    return marks
