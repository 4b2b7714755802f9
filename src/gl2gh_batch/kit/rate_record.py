"""The rate-limit file as a value: what it holds, how it is written and when it is believed.

The format is described in docs/rate-limit-file.md and by docs/schemas/rate-limit-file.v2.schema.json.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from typing import Any, Final

from gl2gh_batch import codec
from gl2gh_batch.domain.limits import Limit, LimitClass
from gl2gh_batch.kit.budgets import Told
from gl2gh_batch.kit.host import Host

SCHEMA: Final = "gl2gh-batch/rate-limit-file"
VERSION: Final = 2
# Version 1 did not count imports by themselves; else it is the same, and is read as it is.
READ_VERSIONS: Final = (1, 2)
_SEALED: Final = re.compile(rb'\{"digest":"([0-9a-f]{64})",')
_CLOCKS_KEPT: Final = 16


@dataclass(slots=True, kw_only=True)
class Spending:
    """Units of one class that are held, as (until, units) in ascending order."""

    held: list[tuple[float, int]] = field(default_factory=list)
    closed_until: float = 0.0


@dataclass(slots=True, kw_only=True)
class Demand:
    """How many requests of these costs a member waits for; the member with the lowest `turn` goes first."""

    costs: dict[LimitClass, int]
    count: int
    turn: int


@dataclass(slots=True, kw_only=True)
class Share:
    """One member's part in an account: units in flight, and what it waits for."""

    in_flight: dict[LimitClass, int] = field(default_factory=dict)
    demands: list[Demand] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Account:
    """One credential; `turn` is that of the last grant, `lost_at` of the last loss that is made up for.

    Once `imports_are_content`, the account is kept for good, and nothing in it is counted as an import.
    """

    spent: dict[LimitClass, Spending] = field(default_factory=dict)
    told: Told = field(default_factory=Told)
    closed_until: float = 0.0
    imports_are_content: bool = False
    turn: int = 0
    lost_at: float | None = None
    members: dict[str, Share] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Member:
    """A process that takes part, where it runs, and when it was last here."""

    place: str
    pid: int
    started: int
    shard: str | None
    seen_at: float


@dataclass(slots=True, kw_only=True)
class Timeline:
    """The time of the file: `at` when it was written, then also `wall`, seconds since 1970 on that host.

    `offsets` lead from the clocks of hosts to the time of the file.
    """

    at: float
    wall: float
    offsets: dict[str, float] = field(default_factory=dict)

    def knows(self, host: Host) -> bool:
        """Whether that host's clock was here before."""
        return host.clock_id in self.offsets

    def move(self, host: Host, elapsed_s: float) -> float:
        """Go on to now, and answer with it; `elapsed_s` since `at` is used for a clock that is not known.

        Time never runs backwards, whatever the clocks do.
        """
        offset = self.offsets.pop(host.clock_id, None)
        if offset is None:
            offset = self.at + max(0.0, elapsed_s) - host.seconds()
        self.offsets[host.clock_id] = offset
        for old in list(self.offsets)[:-_CLOCKS_KEPT]:
            del self.offsets[old]
        self.at = max(self.at, host.seconds() + offset)
        self.wall = host.wall()
        return self.at


@dataclass(slots=True, kw_only=True)
class Record:
    """All that the file holds.

    `lost_at`: what was known before that moment is not known any more. `regroups_at`: one came back that had
    gone on alone; who was not seen since then may be alone still.
    """

    lineage: str
    serial: int = 0
    time: Timeline
    lost_at: float | None = None
    regroups_at: float | None = None
    allotments: dict[str, dict[LimitClass, Limit]] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)


def new_lineage() -> str:
    """A name that no file had before."""
    return secrets.token_hex(16)


def new_record(host: Host, *, lost: bool = False) -> Record:
    """An empty file; after a loss, one that is careful."""
    now = host.wall()
    return Record(
        lineage=new_lineage(),
        time=Timeline(at=now, wall=now),
        lost_at=now if lost else None,
    )


def encode_record(record: Record) -> bytes:
    """The file's bytes: one line of JSON with sorted keys, begun by the digest of all the rest."""
    body = codec.encode({"schema": SCHEMA, "version": VERSION, **_fields(record)})
    return b'{"digest":"' + _digest(body) + b'",' + body[1:] + b"\n"


def decode_record(data: bytes) -> Record:
    """The record in the file's bytes; raises `DecodeError`, or `NewerVersionError` for a newer one."""
    sealed = _SEALED.match(data)
    rest = data.rstrip(b"\n")
    if sealed is not None and _digest(b"{" + rest[sealed.end() :]) == sealed.group(1):
        document = codec.decode(rest, dict[str, Any])
    else:
        document = codec.decode(data, dict[str, Any])
        _check_version(document)
        # Somebody may have formatted the file anew: what counts is what it says.
        said = document.get("digest")
        body = codec.encode({key: value for key, value in document.items() if key != "digest"})
        if not isinstance(said, str) or said.encode() != _digest(body):
            msg = "the digest is not that of the content"
            raise codec.DecodeError(msg)
    _check_version(document)
    return codec.convert(document, Record)


def _check_version(document: dict[str, Any]) -> None:
    if document.get("schema") != SCHEMA:
        msg = f"expected a {SCHEMA!r} document and found {document.get('schema')!r}"
        raise codec.DecodeError(msg)
    version = document.get("version")
    if isinstance(version, int) and version > VERSION:
        msg = f"version {version} is newer than version {VERSION}, which this program knows"
        raise codec.NewerVersionError(msg)
    if version not in READ_VERSIONS or isinstance(version, bool):
        msg = f"version {version!r} is not one that this program knows"
        raise codec.DecodeError(msg)


def _fields(record: Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in Record.__dataclass_fields__}


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()
