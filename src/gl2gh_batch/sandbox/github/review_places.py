"""Where a review comment stands: what a client asked for, held against the pull request's diff."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gl2gh_batch.sandbox.github.diffs import FileChange, Place, changed_files
from gl2gh_batch.sandbox.github.git import BareGit
from gl2gh_batch.sandbox.github.pull_state import Pull
from gl2gh_batch.sandbox.github.state import State

SIDES: Final = ("LEFT", "RIGHT")


class PlaceError(Exception):
    """A place that the diff does not have; `field` is the part that is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A place that was found, as a review comment keeps it."""

    path: str
    subject_type: str = "line"
    side: str = "RIGHT"
    line: int | None = None
    position: int | None = None
    start_side: str | None = None
    start_line: int | None = None
    diff_hunk: str = ""


async def changes_at(state: State, git: BareGit, pull: Pull, commit_id: str) -> list[FileChange]:
    """The pull request's diff up to one of its commits; PlaceError for a commit that is none of them."""
    commit = await git.resolve(commit_id) if commit_id else None
    if commit is None or not await git.is_ancestor(commit, pull.head_sha):
        if state.rules.holds("review_commit"):
            raise PlaceError("commit_id", "commit_id is not part of the pull request")
        commit = pull.head_sha
    return await changed_files(git, pull.fork_sha, commit)


def standing_of(state: State, changes: Sequence[FileChange], asked: Mapping[str, Any]) -> Standing:
    """Where the asked place is; PlaceError when it is nowhere."""
    path = str(asked["path"])
    change = next((each for each in changes if each.path == path), None)
    if change is None:
        if state.rules.holds("review_path"):
            raise PlaceError("path", "Path could not be resolved")
        return Standing(path=path)
    if asked.get("subject_type") == "file":
        return Standing(path=path, subject_type="file")
    side = asked.get("side") or "RIGHT"
    place = _place(change, asked, side)
    if place is None:
        if state.rules.holds("review_line"):
            raise PlaceError("line", "Line could not be resolved")
        return Standing(path=path)
    if asked.get("line") is None:
        side = "LEFT" if place.right is None else "RIGHT"
    start_line, start_side = asked.get("start_line"), None
    if start_line is not None:
        start_side = asked.get("start_side") or side
        _check_start(state, change, place, (start_line, start_side))
    return Standing(
        path=path,
        side=side,
        line=place.left if side == "LEFT" else place.right,
        position=place.position,
        start_side=start_side,
        start_line=start_line,
        diff_hunk=change.hunk_until(place),
    )


def _place(change: FileChange, asked: Mapping[str, Any], side: str) -> Place | None:
    line, position = asked.get("line"), asked.get("position")
    if side not in SIDES:
        raise PlaceError("side", "side must be LEFT or RIGHT")
    if isinstance(line, int):
        return change.place_of_line(line, side)
    return change.place_at(position) if isinstance(position, int) else None


def _check_start(state: State, change: FileChange, end: Place, start: tuple[int, str]) -> None:
    line, side = start
    if side not in SIDES:
        raise PlaceError("start_side", "start_side must be LEFT or RIGHT")
    first = change.place_of_line(line, side)
    if not state.rules.holds("review_start_line"):
        return
    if first is None:
        raise PlaceError("start_line", "Start line could not be resolved")
    if first.position >= end.position:
        raise PlaceError("start_line", "start_line must precede the end line.")
    if first.hunk != end.hunk:
        raise PlaceError("start_line", "start_line must be part of the same hunk as the line.")
