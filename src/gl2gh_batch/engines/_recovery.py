"""A ledger made again from what is on GitHub: markers by our own login, numbers, refs and natural keys.

Only what the target proves gets a receipt. Whatever else the plan creates is looked up before it is sent, as
long as the ledger says that it is a recovered one; what can be sent twice without harm is sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from gl2gh_batch.domain.errors import TargetError, TargetNotOursError
from gl2gh_batch.domain.ledger import StepState
from gl2gh_batch.domain.plan import (
    CREATE_STEP,
    Call,
    Completion,
    GitPush,
    LfsPush,
    Phase,
    Plan,
    Step,
)
from gl2gh_batch.engines._engine import Workbench
from gl2gh_batch.engines._imports import ImportJobs
from gl2gh_batch.engines._lookups import Lookups
from gl2gh_batch.engines._writer import not_ours
from gl2gh_batch.rewrite.markers import find_marker
from gl2gh_batch.target.models import Repository

# The ledger's note that it was made from the target, and may lack receipts of what is there.
RECOVERED: Final = "recovered"
SLACK: Final = timedelta(minutes=10)


@dataclass(slots=True, kw_only=True)
class _Found:
    """What the target holds: items by marker and by number."""

    marked: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    numbers: dict[int, str] = field(default_factory=dict)
    highest: int = 0


class Recovery:
    """Fills the empty ledger of a work bench from its target."""

    def __init__(self, bench: Workbench, plan: Plan, digest: Callable[[Step], str]) -> None:
        self._bench = bench
        self._plan = plan
        self._digest = digest
        self._lookups = Lookups(bench)
        self._proven = 0

    async def recover(self, repository: Repository | None, steps: Callable[[], Iterable[Step]]) -> int:
        """Write the receipts that the target proves; how many. Raises `TargetNotOursError`."""
        self._bench.ledger.set(RECOVERED, self._plan.digest)
        if repository is None:
            return 0
        if any(isinstance(one, Call) and one.completion is Completion.IMPORT_JOB for one in steps()):
            await ImportJobs(self._bench, self._lookups).drain()
        found = await self._look()
        refs = await self._refs()
        # What goes to another repository is pushed again: that sends what is not there.
        pushes = [one for one in steps() if isinstance(one, GitPush) and one.repo == self._bench.repo]
        planned = {name: sha for one in pushes for name, sha in {**one.expect, **one.refs}.items()}
        self._refuse_foreign(repository, found, refs, planned)
        closing = await self._closing(repository, found, steps())
        for step in steps():
            if step.id == CREATE_STEP:
                self._done(step, {"id": repository.id, "full_name": str(self._bench.repo)})
            elif isinstance(step, GitPush):
                continue  # see `_pushes`
            elif step.phase is Phase.CLOSE:
                if step.id in closing:
                    self._done(step, {})
                elif _shows_nothing(step) and (found.numbers or refs):
                    # Verify takes it either way, and done again it does no harm.
                    self._bench.ledger.intent(step.id, self._digest(step), self._now())
            elif isinstance(step, LfsPush):
                # Sent again it sends what is not there, and so mostly nothing.
                if closing:
                    self._done(step, {"objects": len(step.objects)})
            elif isinstance(step, Call):
                self._call(step, found, is_closing=bool(closing))
        self._pushes(refs, closing, list(_pulls(steps())), pushes)
        return self._proven

    def _pushes(
        self,
        refs: Mapping[str, str],
        closing: AbstractSet[str],
        pulls: Iterable[str],
        pushes: Iterable[GitPush],
    ) -> None:
        """What was pushed, and the temporary branches that were removed: by us, or by somebody before us.

        Either way nothing is lost without them once every pull request is there: GitHub keeps their heads.
        """
        needed = not closing and any(self._bench.ledger.receipt(one) is None for one in pulls)
        removed = {name for one in pushes for name in one.remove}
        is_tidy = not needed and bool(removed) and not any(name in refs for name in removed)
        is_whole = is_tidy or all(name in refs for name in removed)
        for push in pushes:
            if push.phase is Phase.CLOSE:
                if push.id in closing or (is_tidy and self._has_spared(push, refs)):
                    self._done(push, {})
                continue
            left = {name: sha for name, sha in push.refs.items() if not (is_tidy and name in removed)}
            if (closing and is_whole) or all(refs.get(name) == sha for name, sha in left.items()):
                self._done(push, {"refs": len(push.refs)})

    def _has_spared(self, push: GitPush, refs: Mapping[str, str]) -> bool:
        """Whether the branches are there that go along because their pull requests were refused."""
        receipts = {name: self._bench.ledger.receipt(step) for name, (_, step) in push.spare.items()}
        return all(
            refs.get(name) == push.spare[name][0]
            for name, receipt in receipts.items()
            if receipt is not None and receipt.state is StepState.REFUSED
        )

    async def _look(self) -> _Found:
        found = _Found()
        path = f"/repos/{self._bench.repo}/issues"
        if await self._bench.github.find(path, {"state": "all", "per_page": 1}) is None:
            return found  # issues are turned off
        async for page in self._bench.github.list_pages(path, {"state": "all"}):
            for one in page:
                number, identity = int(one["number"]), find_marker(str(one.get("body") or ""))
                found.highest = max(found.highest, number)
                if identity is None or not await self._lookups.is_own(one):
                    found.numbers[number] = ""
                    continue
                found.numbers[number] = identity
                found.marked[identity] = one
        return found

    async def _refs(self) -> dict[str, str]:
        auth = await self._bench.git_auth()
        return (await self._bench.git.ls_remote(self._bench.git_url, auth)).pushed()

    def _refuse_foreign(
        self, repository: Repository, found: _Found, refs: Mapping[str, str], planned: Mapping[str, str]
    ) -> None:
        """Ours is what holds our markers, or what came after the plan and holds nothing but its refs."""
        if found.marked:
            return
        foreign = any(planned.get(name) != sha for name, sha in refs.items()) or bool(found.numbers)
        since = _moment(self._plan.made_at) - SLACK
        fresh = repository.created_at is not None and _moment(repository.created_at) >= since
        known = (
            self._plan.facts.state in {"empty", "ours"} and self._plan.facts.repository_id == repository.id
        )
        if foreign or not (fresh or known):
            error = not_ours(self._bench.repo)
            raise TargetNotOursError(
                f"{error.message}: it holds no marker of ours by the present token's owner",
                hint="Use the token of the run that made it; if none did, give the project another target.",
            )

    async def _closing(self, repository: Repository, found: _Found, steps: Iterable[Step]) -> set[str]:
        """The steps of the close phase that took effect; none at all means that it did not begin."""
        every: set[str] = set()
        proven: set[str] = set()
        for step in steps:
            if step.phase is not Phase.CLOSE:
                continue
            every.add(step.id)
            lookup = step.lookup if isinstance(step, Call) else None
            if lookup is None:
                continue
            if lookup.absent:
                number = lookup.path.rpartition("/")[2]
                if number.isdigit() and int(number) < found.highest and int(number) not in found.numbers:
                    proven.add(step.id)
            elif await self._lookups.find(lookup) is not None:
                proven.add(step.id)
        return every if repository.archived and proven else proven

    def _call(self, call: Call, found: _Found, *, is_closing: bool) -> None:
        identity = call.lookup and call.lookup.contains and find_marker(call.lookup.value)
        item = found.marked.get(identity) if identity else None
        if call.expect_number is None and not call.any_number:
            # What later steps may refer to is looked up when it is due.
            if is_closing and not call.instead_of and not call.keep:
                self._done(call, {})
            return
        is_pull = item is not None and bool(item.get("pull_request"))
        wants_pull = call.lookup is not None and "/pulls" in call.lookup.path
        fits = item is not None and (call.any_number or item["number"] == call.expect_number)
        if item is not None and is_pull == wants_pull and fits:
            self._done(call, {name: item[name] for name in call.keep if name in item})
        elif item is not None and wants_pull and call.dispensable:
            self._bench.ledger.intent(call.id, self._digest(call), self._now())
            self._bench.ledger.refused(call.id, {"message": "an issue stands in its place"}, self._now())
        elif call.instead_of or call.expect_number is None:
            return
        elif call.expect_number in found.numbers:
            raise self._other_than(call, found)
        elif is_closing or call.expect_number < found.highest:
            # It was made, since a later number is there, and taken away again: verify says if wrongly.
            self._done(call, {"number": call.expect_number})

    def _other_than(self, call: Call, found: _Found) -> TargetError:
        number = call.expect_number
        ours = [identity for identity, item in found.marked.items() if item["number"] == number]
        if ours:
            return TargetError(
                f"number {number} of {self._bench.repo} is {ours[0]} of this migration, and {call.id} by now",
                hint="GitLab or the configuration changed since it was sent: go on from the work directory"
                " or handover of that run, or delete the repository and begin anew.",
                item=call.id,
            )
        return TargetError(
            f"number {number} of {self._bench.repo} is not what was planned for it",
            hint="Somebody else writes there: delete the repository and begin anew, or choose another.",
            item=call.id,
        )

    def _done(self, step: Step, fields: Mapping[str, Any]) -> None:
        ledger = self._bench.ledger
        if ledger.receipt(step.id) is None:
            ledger.intent(step.id, self._digest(step), self._now())
            ledger.done(step.id, fields, self._now())
            self._proven += 1

    def _now(self) -> str:
        return self._bench.clock.now().isoformat()


def _shows_nothing(step: Step) -> bool:
    """Whether no lookup tells if a step of the close phase took effect, although verify sees what it did."""
    return isinstance(step, Call) and step.lookup is None and step.method == "PATCH"


def _pulls(steps: Iterable[Step]) -> Iterator[str]:
    """The steps that make pull requests."""
    for step in steps:
        if isinstance(step, Call) and step.lookup is not None and "/pulls" in step.lookup.path:
            numbered = step.expect_number is not None or step.any_number
            yield from [step.id] if numbered else []


def is_recovered(bench: Workbench) -> bool:
    """Whether the ledger may lack receipts of what is there."""
    return bool(bench.ledger.get(RECOVERED))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
