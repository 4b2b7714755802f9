"""The ledger: intent and receipt of every step, durable before a caller goes on.

SQLite in WAL mode with `synchronous=FULL`. A row carries a checksum of itself, since a receipt that is read
wrong would make a write happen twice. A damaged ledger is never replaced by an empty one.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Self

from gl2gh_batch import codec
from gl2gh_batch.domain.errors import WorkDirectoryError
from gl2gh_batch.domain.ledger import Receipt, StepState

VERSION: Final = 1
_APPLICATION_ID: Final = 0x676C3267  # "gl2g"
_SCHEMA: Final = f"""
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {VERSION};
CREATE TABLE receipts (
    step TEXT PRIMARY KEY NOT NULL,
    state TEXT NOT NULL,
    at TEXT NOT NULL,
    step_sha256 TEXT NOT NULL,
    fields TEXT NOT NULL,
    checksum TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX receipts_by_state ON receipts (state);
CREATE TABLE meta (key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL, checksum TEXT NOT NULL) WITHOUT ROWID;
"""
_COLUMNS: Final = "step, state, at, step_sha256, fields, checksum"
# What SQLite keeps beside a file of its own; it believes it, whatever that file is by now.
_BESIDE: Final = ("-wal", "-shm", "-journal")
_BUSY_TIMEOUT_S: Final = 10.0
_NO_ROOM_OR_RIGHTS: Final = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
)


class Ledger:
    """The receipts of one project; made when it is not there, unless `create` is False.

    Raises `WorkDirectoryError` for a file that is damaged, not ours, or of a newer version, when it is
    opened as well as later. One process writes at a time.
    """

    def __init__(self, path: Path, *, create: bool = True) -> None:
        self._path = path
        if not path.exists():
            if not create:
                raise WorkDirectoryError(f"there is no ledger at {path.name}", hint="Run the plan first.")
            with self._guarded():
                _make(path)
        with self._guarded():
            self._connection = sqlite3.connect(
                path, isolation_level=None, timeout=_BUSY_TIMEOUT_S, check_same_thread=False
            )
        try:
            with self._guarded():
                self._open()
        except WorkDirectoryError:
            self._connection.close()
            raise

    def intent(self, step_id: str, step_sha256: str, at: str) -> None:
        """Write down that a step is about to be sent; refused (ValueError) when it is done already."""
        present = self.receipt(step_id)
        if present and present.state is StepState.DONE and present.step_sha256 == step_sha256:
            msg = f"step {step_id} is done already"
            raise ValueError(msg)
        self._put(Receipt(step=step_id, state=StepState.INTENT, at=at, step_sha256=step_sha256))

    def note(self, step_id: str, fields: Mapping[str, Any], at: str) -> None:
        """Add to an intent what is known of it meanwhile, such as the job that it started."""
        self._conclude(step_id, StepState.INTENT, fields, at)

    def done(self, step_id: str, fields: Mapping[str, Any], at: str) -> None:
        """Write down that a step took effect; `fields` is what later steps may refer to."""
        self._conclude(step_id, StepState.DONE, fields, at)

    def refused(self, step_id: str, fields: Mapping[str, Any], at: str) -> None:
        """Write down that GitHub refused a step for good; `fields` says why."""
        self._conclude(step_id, StepState.REFUSED, fields, at)

    def receipt(self, step_id: str) -> Receipt | None:
        """What is known of a step."""
        with self._guarded():
            row = self._connection.execute(
                f"SELECT {_COLUMNS} FROM receipts WHERE step = ?",  # noqa: S608 - a constant
                (step_id,),
            ).fetchone()
            return None if row is None else self._receipt(row)

    def receipts(self, state: StepState | None = None) -> Iterator[Receipt]:
        """All receipts, or those of one state, by step; nothing may be written meanwhile."""
        where, values = ("", ()) if state is None else (" WHERE state = ?", (state.value,))
        with self._guarded():
            rows = self._connection.execute(
                f"SELECT {_COLUMNS} FROM receipts{where} ORDER BY step",  # noqa: S608 - constants
                values,
            )
            for row in rows:
                yield self._receipt(row)

    def count(self, state: StepState | None = None) -> int:
        """How many steps are in that state, or known at all."""
        where, values = ("", ()) if state is None else (" WHERE state = ?", (state.value,))
        with self._guarded():
            (number,) = self._connection.execute(
                f"SELECT count(*) FROM receipts{where}",  # noqa: S608 - constants
                values,
            ).fetchone()
        return int(number)

    def get(self, key: str) -> str | None:
        """A fact about the ledger itself, such as the lineage."""
        with self._guarded():
            row = self._connection.execute(
                "SELECT value, checksum FROM meta WHERE key = ?", (key,)
            ).fetchone()
            if row is None:
                return None
            if row[1] != _checksum(key, row[0]):
                raise self._damaged(f"the entry {key!r} does not fit its checksum")
            return str(row[0])

    def set(self, key: str, value: str) -> None:
        """Write down a fact about the ledger itself."""
        with self._guarded():
            self._connection.execute(
                "INSERT OR REPLACE INTO meta VALUES (?, ?, ?)", (key, value, _checksum(key, value))
            )

    def copy_to(self, path: Path) -> None:
        """A consistent copy in one file, also while the ledger is in use."""
        fresh = path.with_name(f"{path.name}.new")
        with self._guarded():
            fresh.unlink(missing_ok=True)
            with contextlib.closing(sqlite3.connect(fresh)) as copy:
                self._connection.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")
            _replace(fresh, path)

    def export_ndjson(self, path: Path) -> int:
        """Every receipt as one line of JSON, for people and other programs; returns how many."""
        fresh = path.with_name(f"{path.name}.new")
        number = 0
        with self._guarded(), fresh.open("wb") as file:
            for number, one in enumerate(self.receipts(), start=1):  # noqa: B007 - it is what is returned
                file.write(codec.encode(one) + b"\n")
        with self._guarded():
            _replace(fresh, path)
        return number

    def close(self) -> None:
        """Give the file back; everything was durable before."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self) -> None:
        (application_id,) = self._connection.execute("PRAGMA application_id").fetchone()
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if application_id != _APPLICATION_ID:
            if self._path.stat().st_size == 0:
                raise self._damaged("the file is empty")
            self._check()
            raise WorkDirectoryError(
                f"{self._path.name} is not a ledger of this program",
                hint="Move it away, or choose another work directory (work_dir).",
            )
        if version != VERSION:
            raise WorkDirectoryError(
                f"{self._path.name} has version {version}, this program knows version {VERSION}",
                hint="Go on with the version that wrote it: pip install --upgrade gl2gh-batch."
                if version > VERSION
                else "Keep the file and run `gl2gh-batch recover`, which makes it again from GitHub.",
            )
        self._check()
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        # Steps come in their order: twenty ledgers at once need no pages kept.
        self._connection.execute("PRAGMA cache_size = -256")
        for _ in self.receipts():
            pass
        for (key,) in self._connection.execute("SELECT key FROM meta").fetchall():
            self.get(key)

    def _check(self) -> None:
        found = self._connection.execute("PRAGMA integrity_check(1)").fetchone()
        if found != ("ok",):
            raise self._damaged("SQLite finds it malformed")

    def _conclude(self, step_id: str, state: StepState, fields: Mapping[str, Any], at: str) -> None:
        present = self.receipt(step_id)
        if present is None:
            msg = f"step {step_id} was never begun"
            raise ValueError(msg)
        self._put(Receipt(step=step_id, state=state, at=at, step_sha256=present.step_sha256, fields=fields))

    def _put(self, receipt: Receipt) -> None:
        values = (
            receipt.step,
            receipt.state.value,
            receipt.at,
            receipt.step_sha256,
            codec.encode(receipt.fields).decode(),
        )
        with self._guarded():
            self._connection.execute(
                f"INSERT OR REPLACE INTO receipts ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608 - a constant
                (*values, _checksum(*values)),
            )

    def _receipt(self, row: tuple[Any, ...]) -> Receipt:
        step, state, at, step_sha256, fields, checksum = row
        if checksum != _checksum(step, state, at, step_sha256, fields):
            raise self._damaged("a receipt does not fit its checksum")
        return Receipt(
            step=step,
            state=StepState(state),
            at=at,
            step_sha256=step_sha256,
            fields=codec.decode(fields, dict[str, Any]),
        )

    def _no_room(self) -> str:
        return (
            f"Make room or give rights in {self._path.parent}, then run the same command again: it resumes."
        )

    def _damaged(self, why: str) -> WorkDirectoryError:
        return WorkDirectoryError(
            f"the ledger {self._path.name} is damaged: {why}",
            hint="Nothing was written. Keep the file and run `gl2gh-batch recover`, "
            "which makes the receipts again from what is on GitHub.",
        )

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """SQLite's errors as ours; what they mean is told by their codes."""
        try:
            yield
        except sqlite3.Error as error:
            # The low byte is the primary code (sqlite.org, "Result and Error Codes").
            match getattr(error, "sqlite_errorcode", 0) & 0xFF:
                case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                    raise WorkDirectoryError(
                        f"another process uses the ledger {self._path.name}",
                        hint="Wait for it to end, then run again.",
                    ) from error
                case (
                    sqlite3.SQLITE_FULL
                    | sqlite3.SQLITE_IOERR
                    | sqlite3.SQLITE_READONLY
                    | sqlite3.SQLITE_CANTOPEN
                ):
                    raise WorkDirectoryError(
                        f"the ledger {self._path.name} cannot be written: {error}",
                        hint=self._no_room(),
                    ) from error
                case _:
                    raise self._damaged(str(error)) from error
        except OSError as error:
            raise WorkDirectoryError(
                f"the ledger {self._path.name} cannot be used: {error.strerror}",
                hint=self._no_room(),
            ) from error
        except (codec.DecodeError, UnicodeError) as error:
            raise self._damaged("it holds what is not text") from error


def _make(path: Path) -> None:
    """An empty ledger, which appears whole or not at all: an empty file is always one that was damaged.

    What a killed run left beside a ledger that was deleted since would bring its receipts back.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    for each in (path, fresh):
        for tail in _BESIDE:
            each.with_name(f"{each.name}{tail}").unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(fresh)) as connection:
        connection.executescript(_SCHEMA)
    _replace(fresh, path)


def _replace(fresh: Path, path: Path) -> None:
    """Put a whole file in place, durably: its bytes first, then the name."""
    _sync(fresh)
    fresh.replace(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _checksum(*parts: object) -> str:
    digest = hashlib.sha256()
    for part in parts:
        text = str(part).encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(text) + text)
    return digest.hexdigest()[:16]
