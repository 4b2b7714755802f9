"""One rate-limit file for many processes: together they are as exact as one.

Every change is one visit: lock, read, tell what is new, take what is granted, write, unlock. A visit is made
in one go on the event loop (it takes about a millisecond on a local disk); the lock is tried and never
waited for, and all waiting is done outside of it. The rules are in `rate_turns`, the file in `rate_store`;
the page docs/rate-limit-file.md has the whole.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from gl2gh_batch.domain.errors import WorkDirectoryError
from gl2gh_batch.domain.events import Noticed
from gl2gh_batch.domain.limits import Limit, LimitClass, Limits
from gl2gh_batch.domain.ports import Emit
from gl2gh_batch.kit.allotments import divide, parse_shard, remaining, without
from gl2gh_batch.kit.budgets import DEFAULT_MARGIN_S
from gl2gh_batch.kit.file_lock import FileLock
from gl2gh_batch.kit.host import Host, ThisHost
from gl2gh_batch.kit.rate_record import Member, Record
from gl2gh_batch.kit.rate_store import NewerFileError, Opened, RateStore
from gl2gh_batch.kit.rate_turns import Dealt
from gl2gh_batch.kit.shared_windows import SharedWindows

# Somebody who has something to wait for is here this often; who was not here for longer is not waited for,
# and may be going on alone; after AWAY_S it is not believed to, and what it had in flight has ended.
HEARTBEAT_S: Final = 1.0
ABSENT_S: Final = 3.0
AWAY_S: Final = 30.0
# A process of this machine that is seen to live may be stopped, with its requests under way.
STOPPED_S: Final = 300.0
# After somebody came back that had gone on alone, the others get so long to come back, too.
REGROUP_S: Final = 3.0
LOCK_PATIENCE_S: Final = 2.0
RETRY_S: Final = 1.0
# News that somebody else's request ended are looked for this often, where they make room.
LOOK_S: Final = 0.02
# Answers wait for each other for so long, to be told in one visit.
GATHER_S: Final = 0.01
_LOCK_STEP_S: Final = (0.0005, 0.008)
_PROBE_S: Final = 0.2
_LEAVE_S: Final = 0.25
LOCKED: Final = "another process holds its lock and does not let go"


class RateLimitFile:
    """The file at `path`, as one process takes part in it, with all its credentials.

    `shard` (`2/3`): this process may use its allotment only, unless other shards are seen in the same file.
    Nothing here raises: when the file cannot be used, each credential goes on alone and carefully, a notice
    says why, and the file is tried again. Belongs to the thread of the event loop; close it when done.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        shard: str | None = None,
        emit: Emit | None = None,
        host: Host | None = None,
        lock: FileLock | None = None,
    ) -> None:
        self.path = Path(path)
        self._shard = None if shard is None else parse_shard(shard)
        self._emit = emit
        self._host: Host = host or ThisHost()
        self._store = RateStore(self.path, self._host, lock)
        self._pid, self._started = self._host.process()
        self._me = f"{self._host.place}-{self._pid}-{secrets.token_hex(4)}"
        self._windows: dict[str, SharedWindows] = {}
        self._allotted: Limits = {}
        self._place = self._shard  # among the shards that have not ended
        self._is_whole = shard is None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | asyncio.Handle | None = None
        self._timer_at = float("inf")
        self._busy_since: float | None = None
        self._busy_times = 0
        self._alone_because = ""
        self._retry_at = 0.0
        self._probed_at = float("-inf")
        self._looks = False
        self._due_at = 0.0
        self._took_part = False

    def windows(
        self,
        key: str,
        *,
        limits: Limits,
        told_class: LimitClass = LimitClass.PRIMARY,
        margin_s: float = DEFAULT_MARGIN_S,
        told_raises: bool = False,
        imports_are_content: bool = False,
    ) -> SharedWindows:
        """The windows of one credential (`credential_key`), for its governor; asked for once for each key."""
        if key in self._windows:
            msg = f"the windows of {key!r} were asked for before"
            raise ValueError(msg)
        self._windows[key] = SharedWindows(
            limits,
            host=self._host,
            touched=self._touched,
            visit_now=self._visit_now,
            share_of=self._share_of,
            told_class=told_class,
            margin_s=margin_s,
            told_raises=told_raises,
            imports_are_content=imports_are_content,
        )
        return self._windows[key]

    @property
    def alone_because(self) -> str:
        """Why the file is not used now; empty while it is."""
        return self._alone_because

    def close(self) -> None:
        """Tell the file that we are gone, if that can be done at once, and let go of it."""
        give_up_at = time.monotonic() + _LEAVE_S
        while self._took_part and not self._alone_because:
            with suppress(OSError, NewerFileError):
                if self._leave():
                    break
            if time.monotonic() >= give_up_at:
                break
            time.sleep(_LOCK_STEP_S[1])
        self._cancel_timer()
        self._alone_because, self._retry_at = "closed", float("inf")
        self._store.close()

    # ── when to visit the file ───────────────────────────────────────────────────────────────────

    def _touched(self, urgent: bool) -> None:  # noqa: FBT001 - a callback with one meaning
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._timer, self._timer_at = loop, None, float("inf")
            self._busy_since = None
        self._due_at = 0.0
        if self._busy_since is None:
            self._wake_at(loop, loop.time() + (0.0 if urgent else GATHER_S))

    def _visit_now(self) -> None:
        if self._busy_since is None and not self._alone_because:
            self._cancel_timer()
            self._wake()

    def _wake_at(self, loop: asyncio.AbstractEventLoop, at: float) -> None:
        if self._timer is not None and self._timer_at <= at:
            return
        self._cancel_timer()
        self._timer_at = at
        self._timer = loop.call_soon(self._wake) if at <= loop.time() else loop.call_at(at, self._wake)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_at = None, float("inf")

    def _wake(self) -> None:
        self._timer, self._timer_at = None, float("inf")
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._alone_because and now < self._retry_at:
            self._go_alone(loop)
            return
        if not any(one.has_news for one in self._windows.values()):
            return
        if self._looks and now < self._due_at and not self._store.changed():
            self._wake_at(loop, min(now + LOOK_S, self._due_at))
            return
        try:
            visited = self._visit()
        except NewerFileError as error:
            self._give_up(loop, str(error), "Use the newer version everywhere, or another file.")
        except OSError as error:
            reason = error.strerror or str(error)
            self._give_up(loop, reason, "Check the folder, or name another file as rate_limit_file.")
        else:
            if visited is None:
                self._was_busy(loop, now)
            else:
                self._was_here(loop, now, visited)

    def _was_busy(self, loop: asyncio.AbstractEventLoop, now: float) -> None:
        self._busy_since = now if self._busy_since is None else self._busy_since
        if now - self._busy_since > LOCK_PATIENCE_S:
            self._busy_since = None
            self._give_up(loop, LOCKED, "Is a process of another run stopped? End it, or let it go on.")
            return
        self._busy_times += 1
        low, high = _LOCK_STEP_S
        step = min(high, low * 1.3**self._busy_times)
        self._wake_at(loop, now + step * random.uniform(0.5, 1.5))  # noqa: S311 - so that two do not step alike

    def _was_here(
        self, loop: asyncio.AbstractEventLoop, now: float, waits: tuple[float | None, bool]
    ) -> None:
        self._busy_since, self._busy_times = None, 0
        if self._alone_because:
            self._alone_because = ""
            self._notice("notice", f"the rate-limit file {self.path} is used again", "")
        wait_s, self._looks = waits
        for one in self._windows.values():
            one.tell()
        if not any(one.is_active for one in self._windows.values()):
            return
        self._due_at = now + min(HEARTBEAT_S, HEARTBEAT_S if wait_s is None else max(0.0, wait_s))
        self._wake_at(loop, min(self._due_at, now + LOOK_S) if self._looks else self._due_at)

    # ── without the file ─────────────────────────────────────────────────────────────────────────

    def _give_up(self, loop: asyncio.AbstractEventLoop, reason: str, hint: str) -> None:
        if not self._alone_because and reason != LOCKED:  # under a lock that nobody leaves nothing happens
            for one in self._windows.values():
                one.start_alone()
        if reason != self._alone_because:
            self._alone_because = reason
            self._notice(
                "warning",
                f"the rate-limit file {self.path} is not used: {reason}; this process goes on alone, slowly",
                hint,
            )
        self._busy_since, self._busy_times = None, 0
        self._retry_at = loop.time() + RETRY_S * random.uniform(0.5, 1.0)  # noqa: S311 - not all at once
        self._go_alone(loop)

    def _go_alone(self, loop: asyncio.AbstractEventLoop) -> None:
        for one in self._windows.values():
            one.go_alone(self._me)
            one.tell()
        if any(one.is_active for one in self._windows.values()):
            self._wake_at(loop, loop.time() + RETRY_S / 4)

    def _notice(self, level: str, message: str, hint: str) -> None:
        if self._emit is not None:
            self._emit(Noticed(project="", level=level, message=message, hint=hint))

    # ── one visit ────────────────────────────────────────────────────────────────────────────────

    def _visit(self) -> tuple[float | None, bool] | None:
        """Answers with the seconds until room is expected, and whether others may make some before.

        None: somebody else is there.
        """
        dealt: dict[str, Dealt] = {}
        with self._store.transaction(after_trouble=bool(self._alone_because)) as opened:
            if opened is None:
                return None
            present, away = self._attend(opened)
            for key, one in self._windows.items():
                if one.has_news or opened.forgot_us:
                    dealt[key] = one.visit(
                        opened.record,
                        key,
                        self._me,
                        now=opened.now,
                        offset=opened.offset,
                        forgot_us=opened.forgot_us,
                        present=present,
                        away=away,
                        regroups=opened.record.regroups_at is not None,
                    )
            _tidy(opened)
        self._took_part = True
        if opened.set_aside:
            self._notice(
                "warning",
                f"the rate-limit file {self.path} was damaged and is kept as {opened.set_aside}; "
                "until one window has passed, the limits are not used in full",
                "Nothing else has to be done.",
            )
        for key, what in dealt.items():
            account = opened.record.accounts[key]
            self._windows[key].commit(what, account, self._me, now=opened.now, offset=opened.offset)
        times = [one.look_again_at for one in dealt.values() if one.look_again_at is not None]
        wait_s = min(times) - opened.now if times else None
        return wait_s, any(one.on_others for one in dealt.values())

    def _leave(self) -> bool:
        with self._store.transaction() as opened:
            if opened is None:
                return False
            self._attend(opened)
            for key, one in self._windows.items():
                one.leave(
                    opened.record,
                    key,
                    self._me,
                    now=opened.now,
                    offset=opened.offset,
                    forgot_us=opened.forgot_us,
                )
            del opened.record.members[self._me]
            _tidy(opened)
        return True

    def _attend(self, opened: Opened) -> tuple[list[str], list[str]]:
        """Say that we are here, and see who else is: those who are, and those who may be going on alone."""
        record, now = opened.record, opened.now
        regroups_at = record.regroups_at
        if regroups_at is not None and now > regroups_at + REGROUP_S:
            regroups_at = None
        if regroups_at is None and self._alone_because:
            regroups_at = now
        record.regroups_at = regroups_at
        shard = None if self._shard is None else f"{self._shard[0]}/{self._shard[1]}"
        record.members[self._me] = Member(
            place=self._host.place, pid=self._pid, started=self._started, shard=shard, seen_at=now
        )
        probes = self._host.seconds() - self._probed_at >= _PROBE_S
        if probes:
            self._probed_at = self._host.seconds()
        present, away = [], []
        for name, member in list(record.members.items()):
            unseen_s = now - member.seen_at
            if name != self._me and self._is_gone(member, unseen_s, probes=probes):
                del record.members[name]
                continue
            if unseen_s <= ABSENT_S:
                present.append(name)
                self._is_whole = self._is_whole or member.shard not in {None, shard}
            is_late = regroups_at is not None and member.seen_at < regroups_at
            if is_late or ABSENT_S < unseen_s <= AWAY_S:
                away.append(name)
        if shard is not None and self._shard is not None:
            self._allotted = record.allotments.get(shard, {})
            self._place = remaining(record.allotments, self._shard)
        return present, away

    def _is_gone(self, member: Member, unseen_s: float, *, probes: bool) -> bool:
        if member.place != self._host.place:
            return unseen_s > AWAY_S
        alive = self._host.is_alive(member.pid, member.started) if probes else True
        return alive is False or unseen_s > (AWAY_S if alive is None else STOPPED_S)

    def _share_of(self, whole: Limits) -> Limits:
        if self._is_whole or self._shard is None or self._place is None:
            return whole
        own = divide(whole, *self._place)
        # The planning job may have known other limits than we do: the stricter ones are kept.
        return {name: min(limit, self._allotted.get(name, limit), key=_pace) for name, limit in own.items()}


def write_allotments(path: str | Path, shards: Sequence[str], limits: Limits) -> Mapping[str, Limits]:
    """Write into the file what each of the shards (`1/3` …) may use; answers with it.

    For a job that plans: the file then travels with the plan. What else the file holds stays. Raises
    `ConfigurationError` for a name that is no shard, `WorkDirectoryError` when the file cannot be written.
    """
    allotments = {shard: divide(limits, *parse_shard(shard)) for shard in shards}

    def write(record: Record) -> None:
        record.allotments = allotments

    _change(Path(path), write)
    return allotments


def give_up_allotment(path: str | Path, shard: str) -> None:
    """A shard has nothing more to do: its part of every budget is that of the others who use this file.

    At once for those that live, for others when they begin. Nothing happens where there is no file, or
    nothing was allotted. Raises `ConfigurationError` for a name that is no shard, `WorkDirectoryError` when
    the file cannot be written.
    """
    parse_shard(shard)

    def give_up(record: Record) -> None:
        record.allotments = {one: dict(limits) for one, limits in without(record.allotments, shard).items()}

    if Path(path).exists():
        _change(Path(path), give_up)


def _change(path: Path, change: Callable[[Record], object]) -> None:
    store = RateStore(path, ThisHost())
    give_up_at = time.monotonic() + LOCK_PATIENCE_S
    try:
        while True:
            with store.transaction() as opened:
                if opened is not None:
                    change(opened.record)
                    return
            if time.monotonic() > give_up_at:
                break
            time.sleep(_LOCK_STEP_S[1])
    except (OSError, NewerFileError) as error:
        raise _not_written(path, str(error)) from error
    finally:
        store.close()
    raise _not_written(path, LOCKED)


def _not_written(path: str | Path, reason: str) -> WorkDirectoryError:
    return WorkDirectoryError(
        f"the allotments could not be written to {path}: {reason}",
        hint="Check the folder, or name another file as rate_limit_file.",
    )


def _pace(limit: Limit) -> tuple[float, int]:
    return limit.limit / (limit.window_s or 1.0), limit.limit


def _tidy(opened: Opened) -> None:
    """Forget what is over, also of credentials that nobody here uses."""
    for key, account in list(opened.record.accounts.items()):
        for spending in account.spent.values():
            if spending.held and spending.held[-1][0] <= opened.now:
                spending.held = []
        told_is_over = account.told.resets_at is None or account.told.resets_at <= opened.now
        is_empty = not account.members and not any(one.held for one in account.spent.values())
        if is_empty and told_is_over and account.closed_until <= opened.now:
            if account.imports_are_content:
                account.spent = {}
            else:
                del opened.record.accounts[key]
