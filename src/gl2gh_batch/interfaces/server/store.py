"""Batches, their results and events on disk: what was told to anybody survives `kill -9`.

SQLite in WAL mode with `synchronous=FULL`, in a thread of its own: the event loop never waits for a disk.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from gl2gh_batch import codec
from gl2gh_batch.domain.errors import WorkDirectoryError

T = TypeVar("T")

VERSION: Final = 1
ACTIVE: Final = ("queued", "running")
_SCHEMA: Final = """
create table batches (
    batch_id text primary key,
    number integer not null unique,
    status text not null,
    document text not null
);
create index batches_by_status on batches (status);
create table results (
    batch_id text not null, place integer not null, document text not null,
    primary key (batch_id, place)
) without rowid;
create table events (
    batch_id text not null, seq integer not null, document blob not null,
    primary key (batch_id, seq)
) without rowid;
create table keys (
    owner text not null, key text not null, digest text not null, batch_id text not null,
    primary key (owner, key)
) without rowid;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRow:
    """One batch as it is kept; moments are ISO 8601 in UTC.

    `status` is `queued`, `running`, or how it ended. `approved` maps the full path of each project to the
    digest of its plan, for a batch that carries out the plan of `plan_of`.
    """

    batch_id: str
    number: int = 0
    project: str
    mode: str
    project_ids: tuple[int, ...]
    parallel_limit: int
    resume_from: str | None = None
    accept_source_changes: bool = False
    status: str
    created_at: str
    created_by: str
    started_at: str | None = None
    finished_at: str | None = None
    stopped_by: str | None = None
    plan_digest: str = ""
    plan_of: str | None = None
    applied_by: str | None = None
    approved: Mapping[str, str] | None = None
    price: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None
    counts: Mapping[str, int] | None = None
    progress: Mapping[str, Any] | None = None

    @property
    def is_active(self) -> bool:
        """Whether it has not ended."""
        return self.status in ACTIVE


class Store:
    """The database of one service; open it with `await Store.open(path)`."""

    def __init__(self, db: sqlite3.Connection, thread: ThreadPoolExecutor) -> None:
        self._db = db
        self._thread = thread

    @classmethod
    async def open(cls, path: Path) -> Store:
        """Open or make the file; raises `WorkDirectoryError` for one that is damaged or newer."""
        thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        try:
            db = await asyncio.get_running_loop().run_in_executor(thread, _opened, path)
        except (sqlite3.Error, OSError) as error:
            thread.shutdown()
            raise WorkDirectoryError(
                f"{path.name} cannot be used: {error}",
                hint="Restore it from a copy, or start with an empty work directory.",
            ) from error
        except WorkDirectoryError:
            thread.shutdown()
            raise
        return cls(db, thread)

    async def close(self) -> None:
        """Let go of the file."""
        await self._do(self._db.close)
        self._thread.shutdown()

    async def add(self, row: BatchRow, *, owner: str, key: str | None, digest: str) -> None:
        """Keep a new batch, and the Idempotency-Key that it was started with."""

        def work() -> None:
            with self._db:
                self._db.execute(
                    "insert into batches values (?, ?, ?, ?)",
                    (row.batch_id, row.number, row.status, _text(row)),
                )
                if key is not None:
                    self._db.execute(
                        "insert into keys values (?, ?, ?, ?)", (owner, key, digest, row.batch_id)
                    )

        await self._do(work)

    async def add_applied(self, row: BatchRow, planned: BatchRow) -> None:
        """Keep a batch that carries out the plan of another, and say so in that one."""

        def work() -> None:
            with self._db:
                self._db.execute(
                    "insert into batches values (?, ?, ?, ?)",
                    (row.batch_id, row.number, row.status, _text(row)),
                )
                self._put(planned)

        await self._do(work)

    async def put(self, row: BatchRow, *, forget: Iterable[int] = ()) -> None:
        """Keep the batch as it is now; `forget` names the places of results that do not stand any more."""

        def work() -> None:
            with self._db:
                self._put(row)
                self._db.executemany(
                    "delete from results where batch_id = ? and place = ?",
                    [(row.batch_id, place) for place in forget],
                )

        await self._do(work)

    async def append(
        self,
        batch_id: str,
        events: Sequence[tuple[int, bytes]],
        results: Sequence[Mapping[str, Any]],
        row: BatchRow | None = None,
    ) -> None:
        """Keep events and results, and with them the batch where it changed: all of it, or nothing."""

        def work() -> None:
            with self._db:
                self._db.executemany(
                    "insert into events values (?, ?, ?)", [(batch_id, seq, data) for seq, data in events]
                )
                self._db.executemany(
                    "insert or replace into results values (?, ?, ?)",
                    [(batch_id, one["index"], codec.encode(one).decode()) for one in results],
                )
                if row is not None:
                    self._put(row)

        await self._do(work)

    async def key(self, owner: str, key: str) -> tuple[str, str] | None:
        """The digest and the batch that a key was used for."""

        def work() -> tuple[str, str] | None:
            found = self._db.execute(
                "select digest, batch_id from keys where owner = ? and key = ?", (owner, key)
            ).fetchone()
            return None if found is None else (str(found[0]), str(found[1]))

        return await self._do(work)

    async def batch(self, batch_id: str) -> BatchRow | None:
        """One batch."""

        def work() -> BatchRow | None:
            found = self._db.execute(
                "select document from batches where batch_id = ?", (batch_id,)
            ).fetchone()
            return None if found is None else _row(found[0])

        return await self._do(work)

    async def batches(self, *, before: int, most: int) -> list[BatchRow]:
        """The batches with a number below `before`, newest first."""

        def work() -> list[BatchRow]:
            return [
                _row(text)
                for (text,) in self._db.execute(
                    "select document from batches where number < ? order by number desc limit ?",
                    (before, most),
                )
            ]

        return await self._do(work)

    async def active(self) -> list[BatchRow]:
        """The batches that have not ended, oldest first."""

        def work() -> list[BatchRow]:
            query = "select document from batches where status in (?, ?) order by number"
            return [_row(text) for (text,) in self._db.execute(query, ACTIVE)]

        return await self._do(work)

    async def counts(self) -> dict[str, int]:
        """How many batches there are of each status."""
        query = "select status, count(*) from batches group by status"
        return await self._do(lambda: dict(self._db.execute(query).fetchall()))

    async def results(self, batch_id: str) -> dict[int, dict[str, Any]]:
        """The results of the projects that have ended, by place."""

        def work() -> dict[int, dict[str, Any]]:
            query = "select place, document from results where batch_id = ? order by place"
            return {
                place: codec.decode(text, dict[str, Any])
                for place, text in self._db.execute(query, (batch_id,))
            }

        return await self._do(work)

    async def events(self, batch_id: str, *, after: int, most: int) -> list[tuple[int, bytes]]:
        """Events with a number above `after`, in order."""
        query = "select seq, document from events where batch_id = ? and seq > ? order by seq limit ?"
        return await self._do(lambda: self._db.execute(query, (batch_id, after, most)).fetchall())

    async def last_event(self, batch_id: str) -> int:
        """The number of the last event; 0 without any."""
        query = "select coalesce(max(seq), 0) from events where batch_id = ?"
        return int(await self._do(lambda: self._db.execute(query, (batch_id,)).fetchone()[0]))

    async def highest_number(self) -> int:
        """The number of the newest batch; 0 without any."""
        query = "select coalesce(max(number), 0) from batches"
        return int(await self._do(lambda: self._db.execute(query).fetchone()[0]))

    def _put(self, row: BatchRow) -> None:
        self._db.execute(
            "update batches set status = ?, document = ? where batch_id = ?",
            (row.status, _text(row), row.batch_id),
        )

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _opened(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path)
    try:
        db.execute("pragma journal_mode = wal")
        db.execute("pragma synchronous = full")
        (version,) = db.execute("pragma user_version").fetchone()
        _refuse_newer(path, version)
        if version == 0:
            db.executescript(f"begin; {_SCHEMA} pragma user_version = {VERSION}; commit;")
    except BaseException:
        db.close()
        raise
    return db


def _refuse_newer(path: Path, version: int) -> None:
    if version > VERSION:
        raise WorkDirectoryError(
            f"{path.name} was written by a newer version", hint="Use that version of gl2gh-batch."
        )


def _text(row: BatchRow) -> str:
    return codec.encode(row).decode()


def _row(text: str) -> BatchRow:
    return codec.decode(text, BatchRow)
