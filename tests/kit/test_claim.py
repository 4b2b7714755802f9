"""The claim as a state machine, over a ref that is kept in memory."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from gl2gh_batch.domain.errors import AuthenticationError, TargetLockedError
from gl2gh_batch.kit.claim import ClaimLapsedError, TargetClaim
from gl2gh_batch.kit.git_process import GitAuth

LEASE_S = 900.0
START = datetime(2026, 1, 1, tzinfo=UTC)


class Ref:
    """Stands in for `GitClaim`: one ref of a remote, compared and swapped."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {"": ""}
        self.held = ""
        self.pushes = 0
        self.is_refusing = False

    async def note(self, text: str, mirror: Path | None = None) -> str:
        del mirror
        # As in git: who writes the same at the same time has the same commit.
        self.texts[sha := hashlib.sha1(text.encode()).hexdigest()] = text
        return sha

    async def swap(self, auth: GitAuth, old: str, new: str) -> bool:
        del auth
        if self.is_refusing:
            raise AuthenticationError("Bad credentials")
        self.pushes += 1
        if self.held != old:
            return False
        self.held = new
        return True

    async def seen(self, auth: GitAuth) -> str:
        del auth
        return self.held

    async def read(self, auth: GitAuth) -> tuple[str, str]:
        del auth
        return self.held, self.texts[self.held]


class Time:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s

    @property
    def header(self) -> str:
        return format_datetime(START + timedelta(seconds=self.s), usegmt=True)


async def _auth() -> GitAuth:
    return GitAuth(username="x", token="y")


Make = Callable[..., TargetClaim]


@pytest.fixture
def ref() -> Ref:
    """The remote's ref."""
    return Ref()


@pytest.fixture
def time() -> Time:
    """The time of all."""
    return Time()


@pytest.fixture
def make(ref: Ref, time: Time, tmp_path: Path) -> Make:
    """Makes the claim of a work directory of that name."""

    def made(name: str, drop: Callable[[], Awaitable[bool]] | None = None, *, run: str = "") -> TargetClaim:
        (tmp_path / name).mkdir(exist_ok=True)
        claim = TargetClaim(
            ref,  # type: ignore[arg-type] # because it is the same in all that a claim asks of it
            _auth,
            tmp_path / name,
            target="acme/app",
            run=run or f"run-{name}",
            lease_s=LEASE_S,
            seconds=time,
            drop=drop,
        )
        claim.sync(time.header)
        return claim

    return made


async def test_taken_renewed_rarely_and_given_back(make: Make, ref: Ref, time: Time) -> None:
    """An hour of writes costs a renewal every five minutes and not one more push."""
    claim = make("a")
    assert await claim.ensure()
    for _ in range(3600):
        time.s += 1
        assert not await claim.ensure()
        claim.check()
    assert ref.pushes == 1 + 12
    await claim.release()
    assert ref.held == ""


async def test_two_that_ask_in_the_same_moment_are_two(make: Make, ref: Ref, tmp_path: Path) -> None:
    """Processes of one number, in containers of one machine, never take each other's claim for their own."""
    first, second = make("a", run="same"), make("b", run="same")
    assert await first.ensure()
    with pytest.raises(TargetLockedError):
        await second.ensure()
    proposals = {(await make(name, run="same").propose(tmp_path)).sha for name in "cdef"}
    assert len(proposals) == 4


async def test_a_claim_that_another_push_set_is_held(
    make: Make, ref: Ref, time: Time, tmp_path: Path
) -> None:
    """What was proposed and came with a push of other refs holds from before that push."""
    claim = make("a")
    proposal = await claim.propose(tmp_path)
    time.s += LEASE_S / 2
    ((_, ref.held),) = proposal.refs.items()
    claim.won(proposal)
    claim.check()
    time.s += LEASE_S / 2
    with pytest.raises(ClaimLapsedError):
        claim.check()
    with pytest.raises(TargetLockedError, match="run-a"):
        await make("b").ensure()
    await claim.release()
    assert (ref.held, ref.pushes) == ("", 2)


@pytest.mark.parametrize("answer", [True, False, TimeoutError()])
async def test_given_back_by_one_request_or_by_a_push(
    make: Make, ref: Ref, time: Time, answer: bool | TimeoutError
) -> None:
    """The request does it while the lease holds; refused, lost or too late, a push that compares does."""

    async def drop() -> bool:
        dropped.append(ref.held)
        if isinstance(answer, TimeoutError):
            raise answer
        if answer:
            ref.held = ""
        return answer

    dropped: list[str] = []
    claim = make("a", drop)
    await claim.ensure()
    await claim.release()
    assert (ref.held, len(dropped), ref.pushes) == ("", 1, 1 if answer is True else 2)
    claim = make("a", drop)
    await claim.ensure()
    time.s += 2 * LEASE_S
    other = make("b")
    await other.ensure()  # somebody took the lapsed one over: it is theirs
    await claim.release()
    assert len(dropped) == 1
    assert "run-b" in ref.texts[ref.held]


async def test_a_live_claim_is_refused_naming_holder_and_age(make: Make, time: Time) -> None:
    """The message says whose it is, for how long, and when it lapses."""
    await make("a").ensure()
    time.s += 300
    with pytest.raises(
        TargetLockedError, match=r"run-a\) holds refs/gl2gh-batch/claim for 5 min; it lapses in 10 min"
    ):
        await make("b").ensure()


async def test_a_lapsed_claim_is_taken_over_and_its_holder_stops(make: Make, ref: Ref, time: Time) -> None:
    """Whoever slept past the lease is stopped by the clock alone, and then by the ref."""
    first = make("a")
    await first.ensure()
    time.s += LEASE_S * 1.2
    second = make("b")
    assert await second.ensure()
    held = ref.held
    with pytest.raises(ClaimLapsedError):
        first.check()
    with pytest.raises(TargetLockedError, match="taken over"):
        await first.ensure()
    await first.release()
    assert ref.held == held
    second.check()


async def test_a_lapsed_claim_that_nobody_took_is_renewed(make: Make, time: Time) -> None:
    """A holder that slept and finds the ref its own goes on."""
    claim = make("a")
    await claim.ensure()
    time.s += LEASE_S * 3
    with pytest.raises(ClaimLapsedError):
        claim.check()
    assert not await claim.ensure()
    claim.check()


async def test_a_foreign_clock_takes_nothing_over(make: Make, time: Time) -> None:
    """A machine whose date is an hour off judges a claim by GitHub's date."""
    await make("a").ensure()
    time.s += LEASE_S / 2
    other = make("b")
    other.sync(time.header)
    with pytest.raises(TargetLockedError):
        await other.ensure()


async def test_the_same_folder_goes_on_at_once(make: Make, ref: Ref) -> None:
    """A run that died holding the claim is followed by the next one in its folder without a wait."""
    dead = make("a")
    await dead.ensure()
    assert dead._lock is not None
    dead._lock.close()
    held = ref.held
    assert await make("a").ensure()
    assert ref.held != held


async def test_what_a_dead_run_left_is_given_back(make: Make, ref: Ref) -> None:
    """A run in the same folder that has nothing to send takes the leftover away; one elsewhere does not."""
    dead = make("a")
    await dead.ensure()
    assert dead._lock is not None
    await make("a").release()
    assert ref.held  # not while it lives
    dead._lock.close()
    await make("b").release()
    assert ref.held
    await make("a").release()
    assert ref.held == ""


async def test_what_could_not_be_given_back_is_taken_at_once_by_a_copy(
    make: Make, ref: Ref, tmp_path: Path
) -> None:
    """Whose token was refused says so in the folder: one copy of it goes on elsewhere, and nobody else."""
    ended = make("a")
    await ended.ensure()
    ref.is_refusing = True
    await ended.release()
    ref.is_refusing = False
    assert ref.held
    for copy in ("b", "c"):
        (tmp_path / copy).mkdir()
        shutil.copy(tmp_path / "a" / "claim.json", tmp_path / copy)
    with pytest.raises(TargetLockedError):
        await make("d").ensure()
    assert await make("b").ensure()
    # The other copy knows only the claim that is gone, and so does the folder itself.
    for late in ("c", "a"):
        with pytest.raises(TargetLockedError):
            await make(late).ensure()


async def test_the_copy_of_a_killed_run_waits(make: Make, tmp_path: Path) -> None:
    """Whose process may still be there has abandoned nothing: a copy of its folder is refused."""
    await make("a").ensure()
    (tmp_path / "b").mkdir()
    shutil.copy(tmp_path / "a" / "claim.json", tmp_path / "b")
    with pytest.raises(TargetLockedError) as caught:
        await make("b").ensure()
    assert "gl2gh-batch unlock" in caught.value.hint


async def test_one_folder_has_one_writer(make: Make) -> None:
    """A second run in a folder that is being applied from is refused without asking the target."""
    await make("a").ensure()
    with pytest.raises(TargetLockedError, match="this very work directory"):
        await make("a").ensure()


async def test_unlock_takes_a_live_claim_only_by_force(make: Make, ref: Ref, time: Time) -> None:
    """A claim that may be alive is not taken away in passing; a lapsed one is."""
    await make("a").ensure()
    with pytest.raises(TargetLockedError, match="run-a"):
        await make("b").unlock(force=False)
    note = await make("b").unlock(force=True)
    assert note is not None
    assert note.run == "run-a"
    assert ref.held == ""
    assert await make("b").unlock(force=False) is None
    await make("c").ensure()
    time.s += LEASE_S * 2
    assert await make("b").unlock(force=False) is not None
