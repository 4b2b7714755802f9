"""Which lines the suggestions of a note replace, and which of them GitHub may offer to commit; pure.

GitLab counts lines above and below the commented one (docs: user/project/merge_requests/reviews/suggestions);
GitHub replaces what the comment is about (docs: incorporating-feedback-in-your-pull-request).
"""

from __future__ import annotations

from gl2gh_batch.domain.ports import Book
from gl2gh_batch.rewrite.text import pieces
from gl2gh_batch.source.merge_models import DiffNote, Position

# The first and the last line, of the new file.
Lines = tuple[int, int]


class Suggestions:
    """What a note suggests: its text, with as many of its suggestions as GitHub may offer.

    `anchor` is the place that it is about, `thread` the one that the comment on GitHub will be about.
    """

    def __init__(self, note: DiffNote, anchor: Position | None, thread: Position | None) -> None:
        self._note = note
        self._line = None if anchor is None else anchor.new_line
        self._is_of_thread = anchor is not None and thread is not None and _place(anchor) == _place(thread)
        self._is_on_diff = anchor is not None
        self._found: list[Lines] = []

    def read(self, book: Book, limit: int) -> tuple[list[str], frozenset[Lines]]:
        """The text in pieces, nothing offered, and which lines GitHub could be asked to offer."""
        body = self._note.body or ""
        if not self._is_on_diff:
            return pieces(body, book, limit), frozenset()
        self._found = []
        texts = pieces(body, book, limit, self._noticed)
        if self._found:
            texts = self._told(book, limit, None, None)
        whole = len(texts) == 1 and self._is_of_thread and self._line is not None
        asked = (lines for lines, applied in zip(self._found, self._applied(), strict=True) if not applied)
        return texts, frozenset(asked) if whole else frozenset()

    def offered(self, book: Book, limit: int, kept: Lines, own: Lines) -> str:
        """The text for a comment about the lines `kept`, of a note about the lines `own`."""
        (text,) = self._told(book, 2 * limit, kept, own)  # the other words are no reason to cut it
        return text

    def _noticed(self, above: int, below: int) -> tuple[str, bool]:
        self._found.append(self._lines(above, below))
        return "", False

    def _told(self, book: Book, limit: int, kept: Lines | None, own: Lines | None) -> list[str]:
        applied = iter(self._applied())

        def offer(above: int, below: int) -> tuple[str, bool]:
            lines, done = self._lines(above, below), next(applied, False)
            stays = lines == kept and not done
            return ("" if stays and kept == own else self._words(lines, applied=done)), stays

        return pieces(self._note.body or "", book, limit, offer)

    def _lines(self, above: int, below: int) -> Lines:
        line = self._line or 0
        return max(line - above, 1), line + below

    def _applied(self) -> list[bool]:
        """Which are applied; where GitLab does not tell of each, all of them when it tells of one."""
        told = [one.applied for one in self._note.suggestions or ()]
        return told if len(told) == len(self._found) else [any(told)] * len(self._found)

    def _words(self, lines: Lines, *, applied: bool) -> str:
        first, last = lines
        where = "" if self._line is None else f" for line {last}"
        if where and first != last:
            where = f" for lines {first} to {last}"
        return f"Suggestion{where}{', applied on GitLab' if applied else ''}:"


def _place(position: Position) -> tuple[object, ...]:
    return position.head_sha, position.new_path, position.new_line
