"""Comments and reviews on disk: so that looking them up by issue needs no memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Generic, Self, TypeVar

from gl2gh_batch import codec
from gl2gh_batch.target.models import IssueComment, Review, ReviewComment

C = TypeVar("C", IssueComment, ReviewComment, Review)


class CommentSpool(Generic[C]):
    """The comments of one repository, by the number of their issue; a temporary file, gone when closed."""

    def __init__(self, folder: Path, type_: type[C]) -> None:
        self.type: type[C] = type_
        self._path = folder / f"comments-{type_.__name__}.tmp.sqlite"
        self._path.unlink(missing_ok=True)
        self._db = sqlite3.connect(self._path, isolation_level=None)
        # Nothing here has to survive us: no journal, no syncing.
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("PRAGMA synchronous = OFF")
        # Twenty projects at once have one each; what is asked for comes in order.
        self._db.execute("PRAGMA cache_size = -256")
        self._db.execute(
            "CREATE TABLE comments (number INTEGER, id INTEGER, value BLOB, PRIMARY KEY (number, id)) "
            "WITHOUT ROWID"
        )

    def add(self, comments: Iterable[C]) -> None:
        """Keep some comments; one that is kept already is replaced."""
        rows = [(one.number, one.id, codec.encode(one)) for one in comments]
        self._db.execute("BEGIN")
        self._db.executemany("INSERT OR REPLACE INTO comments VALUES (?, ?, ?)", rows)
        self._db.execute("COMMIT")

    @property
    def total(self) -> int:
        """How many comments are kept."""
        return int(self._db.execute("SELECT count(*) FROM comments").fetchone()[0])

    def comments_of(self, number: int) -> Iterator[C]:
        """The comments of one issue, in the order of their creation on GitHub."""
        query = "SELECT value FROM comments WHERE number = ? ORDER BY id"
        for (value,) in self._db.execute(query, (number,)):
            yield codec.decode(value, self.type)

    def numbers(self) -> Iterator[int]:
        """The numbers of the issues that have comments, ascending."""
        for (number,) in self._db.execute("SELECT DISTINCT number FROM comments ORDER BY number"):
            yield int(number)

    def close(self) -> None:
        """Remove the file."""
        self._db.close()
        self._path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
