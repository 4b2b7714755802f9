"""The claim on a target repository: one writer at a time, on whatever machine, visible to all.

The claim is a ref in the target that names its holder and until when it holds. It is renewed rarely, and
asked before every write without a request, by a clock that also counts while the machine sleeps: who lost
time so long that another may have taken over stops before its next write, and goes on only when the ref
is still its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from gl2gh_batch import codec
from gl2gh_batch.domain.errors import Gl2ghError, TargetLockedError, WorkDirectoryError
from gl2gh_batch.kit import headers
from gl2gh_batch.kit.file_lock import FileLock
from gl2gh_batch.kit.git_claim import CLAIM_REF, GitClaim
from gl2gh_batch.kit.git_process import GitAuth
from gl2gh_batch.kit.host import ThisHost
from gl2gh_batch.kit.workdir import write_atomic

LEASE_S: Final = 15 * 60.0
# A third of the lease: a holder that misses one renewal still has the next.
RENEW_SHARE: Final = 1 / 3
# What a request that was just let through may still take, and what two clocks may differ by.
MARGIN_SHARE: Final = 1 / 15
RELEASE_WITHIN_S: Final = 20.0
RELEASE_WHEN_CANCELLED_S: Final = 1.5
_DROP_WITHIN_S: Final = 8.0
_TRIES: Final = 4
_KEPT_AT_MOST: Final = 20
CLAIM_FILE: Final = "claim.json"
_LOCK_FILE: Final = ".writer.lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimNote:
    """What the ref says of its holder; moments are ISO 8601 in UTC, by GitHub's own clock.

    `nonce` lets no two notes be one commit: containers of one machine have the same number of process.
    """

    holder: str = ""
    run: str = ""
    taken_at: str = ""
    until: str = ""
    tool_version: str = ""
    nonce: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """What this work directory knows of its own claim: the ids that the ref may hold.

    They are its own at its `place`. An `abandoned` one is that of any copy: its run has ended, could not give
    it back, and said so.
    """

    place: str
    shas: tuple[str, ...]
    abandoned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A claim that is written down and not yet set: the commit that the ref is to hold."""

    sha: str
    taken_at: str
    at_s: float

    @property
    def refs(self) -> dict[str, str]:
        """The ref and its commit, for a push that makes it together with others."""
        return {CLAIM_REF: self.sha}


class ClaimLapsedError(TargetLockedError):
    """The lease went by without a renewal: nothing is sent before it is known whose the target is."""


class TargetClaim:
    """The claim of one project's run; `seconds` is a clock that counts sleep.

    `auth` raises when the run may send nothing any more; `parting_auth` still serves to give it back.
    `drop` removes the ref by one request, whatever it holds; without it, or where it fails, a push does it.
    """

    def __init__(
        self,
        ref: GitClaim,
        auth: Callable[[], Awaitable[GitAuth]],
        folder: Path,
        *,
        target: str,
        parting_auth: Callable[[], Awaitable[GitAuth]] | None = None,
        run: str = "",
        tool_version: str = "",
        lease_s: float = LEASE_S,
        seconds: Callable[[], float] | None = None,
        drop: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        host = ThisHost()
        self._ref = ref
        self._auth = auth
        self._parting_auth = parting_auth or auth
        self._folder = folder
        self._target = target
        self._run = run
        self._tool_version = tool_version
        self._lease_s = lease_s
        self._seconds = seconds or host.seconds
        self._drop = drop
        self._clock_id = host.clock_id
        self._lock: FileLock | None = None
        self._sha = ""
        self._regained = ""
        self._taken_at = ""
        self._renewed_s = 0.0
        self._server: tuple[datetime, float] | None = None

    @property
    def is_held(self) -> bool:
        """Whether it was taken and not given back; it may have lapsed since."""
        return bool(self._sha)

    @property
    def sha(self) -> str:
        """The commit that the ref holds while it is ours; empty when it is not."""
        return self._sha

    @property
    def regained(self) -> str:
        """What a dead run of this folder had left on the ref when this one took it: nobody came between."""
        return self._regained

    def sync(self, date_header: str | None) -> None:
        """Take in GitHub's own time, so that no claim is judged by a clock that somebody set wrong."""
        now = headers.date(date_header)
        if now is not None:
            self._server = (now, self._seconds())

    def check(self) -> None:
        """Raise `ClaimLapsedError` unless the claim holds for long enough to send one request."""
        if not self._sha or self._left_s() <= 0:
            raise ClaimLapsedError(
                f"the claim on {self._target} went by before it was renewed",
                hint="Nothing was sent. Run again with the same work directory: it goes on from here.",
            )

    async def ensure(self) -> bool:
        """Hold the claim, taking or renewing it where that is due; True when it was just taken.

        Raises `TargetLockedError` when somebody else holds it.
        """
        if not self._sha:
            self._lock_here()
            await self._take()
            return True
        if self._seconds() - self._renewed_s >= self._lease_s * RENEW_SHARE:
            await self._renew()
        return False

    async def propose(self, mirror: Path) -> Proposal:
        """A claim on a target that shows none, for a push from `mirror` that brings other refs along.

        That push has to make the ref or nothing at all; after it, `won` says so.
        """
        self._lock_here()
        return await self._propose("", mirror)

    def hold_folder(self) -> None:
        """Keep other processes out of this work directory; raises `TargetLockedError` when one is in it."""
        self._lock_here()

    def won(self, proposal: Proposal) -> None:
        """The ref holds what was proposed; the lease counts from before it was asked for."""
        self._sha, self._taken_at, self._renewed_s = proposal.sha, proposal.taken_at, proposal.at_s

    def seconds(self) -> float:
        """The clock that counts sleep."""
        return self._seconds()

    async def release(self) -> None:
        """Give the claim back; whatever goes wrong, it lapses by itself."""
        sha, self._sha = self._sha, ""
        try:
            # A run that died may have left its claim, and this one had nothing to send.
            if sha or self._kept():
                with contextlib.suppress(Gl2ghError, TimeoutError, OSError):
                    async with asyncio.timeout(self._release_within_s()):
                        await self._give_back(sha)
        finally:
            if sha:
                self._abandon()
            if self._lock is not None:
                self._lock.release()
                self._lock.close()
                self._lock = None

    async def _give_back(self, sha: str) -> None:
        if sha and await self._is_dropped():
            (self._folder / CLAIM_FILE).unlink(missing_ok=True)
            return
        if not sha:
            self._lock_here()
        auth = await self._parting_auth()
        if not sha:
            left = await self._ref.seen(auth)
            sha = left if left in self._kept() else ""
        if sha:
            await self._ref.swap(auth, sha, "")
        (self._folder / CLAIM_FILE).unlink(missing_ok=True)

    def _abandon(self) -> None:
        """Leave word that nobody writes under it, where it could not be given back (a revoked token)."""
        shas = self._kept()
        if shas:
            kept = _Kept(place=self._place(), shas=shas, abandoned=True)
            with contextlib.suppress(Gl2ghError, OSError):
                write_atomic(self._folder / CLAIM_FILE, codec.encode(kept))

    async def _is_dropped(self) -> bool:
        """Whether one request took the ref away.

        It removes whatever the ref holds, so it is sent only while the lease lets nobody else take it.
        """
        if self._drop is None or self._left_s() <= _DROP_WITHIN_S or self._is_cancelled():
            return False
        with contextlib.suppress(Gl2ghError, TimeoutError, OSError):
            async with asyncio.timeout(_DROP_WITHIN_S):
                return await self._drop()
        return False

    def forget(self) -> None:
        """The target is gone, and the claim with it."""
        self._sha = ""
        (self._folder / CLAIM_FILE).unlink(missing_ok=True)

    async def holder(self) -> ClaimNote | None:
        """Who holds the claim on the target; None when nobody does."""
        sha, text = await self._ref.read(await self._auth())
        return _note(text) if sha else None

    async def unlock(self, *, force: bool) -> ClaimNote | None:
        """Take a claim away, whoever's it is; a live one only by `force`. Who held it, None for nobody."""
        auth = await self._auth()
        sha, text = await self._ref.read(auth)
        if not sha:
            return None
        note = _note(text)
        if sha in self._kept():
            self._lock_here()  # our own, of a run in this folder: it is dead when the folder's lock is free
        elif not force and not self._has_lapsed(note):
            raise self._held_by(note, "To take it away all the same, give --yes; in the Action, confirm.")
        if not await self._ref.swap(auth, sha, ""):
            raise self._held_by(note, "It changed in this very moment, so somebody is at work there.")
        return note

    def _left_s(self) -> float:
        return self._renewed_s + self._lease_s * (1 - MARGIN_SHARE) - self._seconds()

    def _release_within_s(self) -> float:
        return RELEASE_WHEN_CANCELLED_S if self._is_cancelled() else RELEASE_WITHIN_S

    def _is_cancelled(self) -> bool:
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0

    def _lock_here(self) -> None:
        """No other process of this machine works in this folder; the kernel frees it when we die."""
        if self._lock is not None:
            return
        lock = FileLock(self._folder / _LOCK_FILE)
        try:
            free = lock.try_acquire()
        except OSError as error:
            raise WorkDirectoryError(
                f"{_LOCK_FILE} cannot be locked: {error.strerror or error}",
                hint="Make room or give rights in the work directory, then run the same command again.",
            ) from error
        if not free:
            lock.close()
            raise TargetLockedError(
                f"another process applies to {self._target} from this very work directory",
                hint="Wait for it to end, then run again.",
            )
        self._lock = lock

    async def _take(self) -> None:
        auth = await self._auth()
        # A run of this folder that died left its latest claim, mostly: then one push is enough.
        expected = next(iter(self._kept()), "")
        for _ in range(_TRIES):
            if await self._set(expected, auth):
                self._regained = expected
                return
            expected = ""
            sha, text = await self._ref.read(auth)
            if not sha:
                continue  # given back in this moment
            note = _note(text)
            if not self._is_ours(sha) and not self._has_lapsed(note):
                raise self._held_by(
                    note,
                    "Wait for that run to end. A dead one's claim lapses by itself, or `gl2gh-batch unlock`"
                    " takes it away at once.",
                )
            if await self._set(sha, auth):
                return
        raise TargetLockedError(
            f"others keep taking the claim on {self._target}", hint="Let one run write at a time."
        )

    async def _renew(self) -> None:
        if not await self._set(self._sha, await self._auth()):
            self._sha = ""
            raise TargetLockedError(
                f"another run has taken over {self._target} meanwhile: this one writes no more",
                hint="If that run is yours, let it end; then run again and see that nothing is left.",
            )

    async def _set(self, old: str, auth: GitAuth) -> bool:
        proposal = await self._propose(old)
        if not await self._ref.swap(auth, old, proposal.sha):
            return False
        self.won(proposal)
        return True

    async def _propose(self, old: str, mirror: Path | None = None) -> Proposal:
        before_s = self._seconds()
        now = self._now()
        taken_at = self._taken_at if old and old == self._sha else now.isoformat(timespec="seconds")
        note = ClaimNote(
            holder=f"{self._clock_id[:8]}-{os.getpid()}",
            run=self._run,
            taken_at=taken_at,
            until=(now + timedelta(seconds=self._lease_s)).isoformat(timespec="milliseconds"),
            tool_version=self._tool_version,
            nonce=secrets.token_hex(8),
        )
        new = await self._ref.note(codec.encode(note).decode(), mirror)
        # Before it is sent: a run that is killed now must know its own claim again. The git of one that was
        # killed before may still be about to set the ref, so the earlier ids are kept.
        kept = _Kept(place=self._place(), shas=(new, *self._kept())[:_KEPT_AT_MOST])
        write_atomic(self._folder / CLAIM_FILE, codec.encode(kept))
        return Proposal(sha=new, taken_at=taken_at, at_s=before_s)

    def _is_ours(self, sha: str) -> bool:
        """Whether we took it, or an earlier run of this folder: we hold its lock, or it told its end."""
        return sha == self._sha or sha in self._kept()

    def _kept(self) -> tuple[str, ...]:
        try:
            kept = codec.decode((self._folder / CLAIM_FILE).read_bytes(), _Kept)
        except (OSError, codec.DecodeError):
            return ()
        return kept.shas if kept.abandoned or kept.place == self._place() else ()

    def _place(self) -> str:
        """This folder of this machine since it started; a copy of it is another place."""
        stat = self._folder.stat()
        return f"{self._clock_id}:{stat.st_dev}:{stat.st_ino}"

    def _now(self) -> datetime:
        if self._server is None:
            return datetime.now(UTC)
        date, seconds = self._server
        return date + timedelta(seconds=self._seconds() - seconds)

    def _has_lapsed(self, note: ClaimNote) -> bool:
        until = _moment(note.until)
        return until is not None and self._now() > until + timedelta(seconds=self._lease_s * MARGIN_SHARE)

    def _held_by(self, note: ClaimNote, hint: str) -> TargetLockedError:
        taken, until = _moment(note.taken_at), _moment(note.until)
        age = f" for {_minutes(self._now() - taken)}" if taken else ""
        left = f"; it lapses in {_minutes(until - self._now())}" if until else ""
        run = f" ({note.run})" if note.run else ""
        return TargetLockedError(
            f"{self._target} is claimed by another run: {note.holder or 'unknown'}{run} holds {CLAIM_REF}"
            f"{age}{left}",
            hint=hint,
        )


def _note(text: str) -> ClaimNote:
    try:
        return codec.decode(text, ClaimNote)
    except codec.DecodeError:
        return ClaimNote()


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _minutes(length: timedelta) -> str:
    seconds = max(0, round(length.total_seconds()))
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"
