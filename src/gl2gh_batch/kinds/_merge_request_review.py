"""Which line of a pull request's changes a thread belongs to; pure.

GitHub takes a comment only on lines that its diff shows: changed ones and three around them (docs: "Create a
review for a pull request"; 422 "pull_request_review_thread.line must be part of the diff").
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby
from typing import Final

from gl2gh_batch.kinds._kind import Setting
from gl2gh_batch.kinds._merge_request_suggestions import Lines
from gl2gh_batch.kinds._merge_request_text import End, Remark, ends_of, place_text
from gl2gh_batch.kinds._merge_request_values import GitFacts, MergeRequestRecord, ReviewComment
from gl2gh_batch.kit.git_history import FileDiff, Hunk
from gl2gh_batch.rewrite.folding import joined, marked
from gl2gh_batch.rewrite.length import BODY_LIMIT_BYTES
from gl2gh_batch.source.merge_models import Position

# What is left of a body is for the marker and, where the line is refused, for the place.
THREAD_LIMIT_BYTES = BODY_LIMIT_BYTES - 3_000
NONE: Final = (0, 0)


def threads(remarks: Iterable[Remark]) -> list[list[Remark]]:
    """The remarks laid together by thread, in the order of their first."""
    laid: list[list[Remark]] = []
    for thread, group in groupby(remarks, key=lambda one: one.thread):
        notes = list(group)
        if thread:
            laid.append(notes)
        else:
            laid.extend([one] for one in notes)
    return laid


def review_comment(
    thread: list[Remark], record: MergeRequestRecord, setting: Setting
) -> ReviewComment | None:
    """The thread as one comment on lines; None when the changes do not show them, or it is too long.

    GitHub replaces what the comment is about: where the suggestions of the thread agree on what they replace,
    the comment is about that. A suggestion for any other lines is code, below words that name them.
    """
    first = thread[0]
    if first.position is None:
        return None
    asked = frozenset(lines for one in thread for lines in one.asks)
    found, own, covered = _placed(first.position, asked, record.git)
    if found is None:
        return None
    place = place_text(first.position, record.git, setting, reachable=True)
    texts = [
        one.offering(covered, own) if one.offering and covered in one.asks else one.text for one in thread
    ]
    text = joined(texts) if len(thread) > 1 else texts[0]
    is_said = first.position.head_sha != record.git.head or covered != own
    if is_said:
        text = f"{place}\n\n{text}"
    if len(text.encode()) > THREAD_LIMIT_BYTES:
        return None
    return replace(
        found,
        source=first.source,
        body=marked(text, first.source),
        place="" if is_said else place,
    )


def _placed(
    position: Position, asked: frozenset[Lines], git: GitFacts
) -> tuple[ReviewComment | None, Lines, Lines]:
    """Where the comment is, which lines the thread is about, and which of its version the comment covers.

    Lines that begin on the other side of the diff are told as no lines of one: no suggestion can be for them.
    """
    ends = ends_of(position)
    if ends is None:
        return None, NONE, NONE
    (start_side, first), (side, last) = ends
    own = (first, last) if start_side == side else NONE
    if len(asked) == 1:
        (lines,) = asked
        found = line_in(position, git, lines)
        if found is not None:
            return found, own, lines
    found = line_in(position, git)
    return found, own, own if found is None or found.start_line is not None else (last, last)


def line_in(position: Position, git: GitFacts, lines: Lines | None = None) -> ReviewComment | None:
    """The lines of the last version's diff that a position is about; None when that does not show the last.

    With `lines` of the new file those instead; None when it does not show all of them.
    """
    if position.position_type != "text":
        return None
    ends = ends_of(position)
    if ends is None:
        return None
    (start_side, first), (side, last) = ends
    removed = side == "LEFT"
    if lines:
        start_side, (first, last) = "RIGHT", lines
        if removed:
            return None
    path = (position.old_path if removed else position.new_path) or ""
    if position.head_sha and position.head_sha != git.head:
        if removed or position.head_sha not in git.moved:
            return None  # what the older version removed may be another line by now
        if start_side != side:
            start_side, first = side, last
        carried = _carried(git.moved[position.head_sha], path, first, last)
        if carried is None:
            return None
        path, first, last = carried
    for file in git.files:
        if (file.old_path if removed else file.new_path) != path:
            continue
        for hunk in file.hunks:
            shows = hunk.has_old if removed else hunk.has_new
            if not shows(last):
                continue
            several = _are_several(hunk, (start_side, first), (side, last))
            if lines and first < last and not several:
                return None
            return ReviewComment(
                source="",
                body="",
                path=file.new_path or file.old_path,
                line=last,
                side=side,
                start_line=first if several else None,
                start_side=start_side if several else None,
            )
    return None


def _are_several(hunk: Hunk, start: End, end: End) -> bool:
    """True when GitHub takes both as the ends of one comment: in one hunk, and in that order."""
    (start_side, first), (side, last) = start, end
    shows = hunk.has_old if start_side == "LEFT" else hunk.has_new
    if start_side == side:
        return first < last and shows(first)
    if not hunk.changes or not shows(first):
        return False  # a snapshot of an earlier version does not say in which order
    return hunk.row(first, is_old=start_side == "LEFT") < hunk.row(last, is_old=side == "LEFT")


def _carried(files: tuple[FileDiff, ...], path: str, first: int, last: int) -> tuple[str, int, int] | None:
    """Where lines of an older version are in the last one; None when they were changed since."""
    for file in files:
        if file.old_path != path:
            continue
        if not file.new_path or any(_touches(hunk, first, last) for hunk in file.hunks):
            return None
        shift = sum(hunk.new_count - hunk.old_count for hunk in file.hunks if _end(hunk) <= first)
        return file.new_path, first + shift, last + shift
    return path, first, last


def _touches(hunk: Hunk, first: int, last: int) -> bool:
    if hunk.old_count == 0:
        return first <= hunk.old_start < last  # lines put in between, behind `old_start`
    return hunk.old_start <= last and first < hunk.old_start + hunk.old_count


def _end(hunk: Hunk) -> int:
    """The first line behind what a hunk replaces."""
    return hunk.old_start + (hunk.old_count or 1)
