"""One kind as a file of lines, each record once and as it was at the end, whatever happened meanwhile.

What takes long is read twice: first whole, then the list again, with what changed since. The later record
wins, and what is not there any more is left out. In between the records wait on disk.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

from gl2gh_batch import codec
from gl2gh_batch.agents._people import Census
from gl2gh_batch.kinds import Kind, Source
from gl2gh_batch.kit.workdir import FileFacts, lines_to
from gl2gh_batch.source.api import GitLab


async def read_kind(
    kind: Kind[Any, Any],
    gitlab: GitLab,
    source: Source,
    path: Path,
    *,
    scratch: Path,
    census: Census,
    count: Callable[[int], None],
    gone: Callable[[int], None] | None = None,
) -> FileFacts:
    """Write the kind's records to `path`; `count` hears how many there are by now, the census of each.

    `gone` hears how many were there at first and not any more at the end.
    """
    if not kind.rereads:
        with lines_to(path) as lines:
            async for record in kind.read(gitlab, source):
                lines.write(codec.encode(record))
                census.take(kind, record)
                count(lines.count)
        return lines.facts
    with Spool(scratch / f"export-{kind.name}.sqlite") as spool:
        number = 0
        async for record in kind.read(gitlab, source):
            number += 1
            spool.put(kind.key(record), codec.encode(record), now=False)
            count(number)

        def before(key: str) -> Any | None:
            line = spool.get(key)
            return None if line is None else codec.decode(line, kind.record_type)

        if number:
            async for record in kind.read_again(gitlab, source, before):
                spool.put(kind.key(record), codec.encode(record), now=True)
                census.take(kind, record)
        with lines_to(path) as lines:
            for line in spool.lines():
                lines.write(line)
        count(lines.count)
        if gone is not None and (left := spool.gone()):
            gone(left)
    return lines.facts


class Spool:
    """Lines by key on disk; of each key the last one counts, in the place of the first."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.unlink(missing_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("pragma journal_mode = off")
        self._db.execute("pragma synchronous = off")
        self._db.execute(
            "create table lines (place integer primary key, key text unique, line blob, now integer)"
        )
        self._db.execute("begin")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._db.close()
        self._path.unlink(missing_ok=True)

    def put(self, key: str, line: bytes, *, now: bool) -> None:
        """Keep a line; `now` says that it is there at the end."""
        self._db.execute(
            "insert into lines (key, line, now) values (?, ?, ?)"
            " on conflict (key) do update set line = excluded.line, now = excluded.now",
            (key, line, now),
        )

    def get(self, key: str) -> bytes | None:
        """The line of that key."""
        row = self._db.execute("select line from lines where key = ?", (key,)).fetchone()
        return None if row is None else row[0]

    def lines(self) -> Iterator[bytes]:
        """The lines that are there at the end, in their order."""
        for (line,) in self._db.execute("select line from lines where now order by place"):
            yield line

    def gone(self) -> int:
        """How many keys are not there at the end."""
        (number,) = self._db.execute("select count(*) from lines where not now").fetchone()
        return int(number)
