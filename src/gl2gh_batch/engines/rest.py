"""The engine that works on any GitHub: requests and pushes, one after the other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from gl2gh_batch.domain.errors import (
    CapabilityMissingError,
    EarlierStepMissingError,
    Gl2ghError,
    NumberMismatchError,
    TargetError,
    TargetNotOursError,
    UnclearAnswerError,
)
from gl2gh_batch.domain.events import Noticed
from gl2gh_batch.domain.ledger import Receipt, StepState
from gl2gh_batch.domain.plan import (
    CREATE_STEP,
    Call,
    Capability,
    Completion,
    GitPush,
    LfsPush,
    Plan,
    Step,
    Upload,
    WikiPush,
)
from gl2gh_batch.engines._answers import GRAPHQL, is_told
from gl2gh_batch.engines._assets import AssetUploads
from gl2gh_batch.engines._engine import Engine, Workbench, digest_of, is_due, may_repeat
from gl2gh_batch.engines._entries import SPLIT, EntryByEntry
from gl2gh_batch.engines._imports import IMPORT_ID, ImportFailedError, ImportJobs
from gl2gh_batch.engines._lookups import LOOK_AFTER_S, Lookups
from gl2gh_batch.engines._pushes import Pushes
from gl2gh_batch.engines._recovery import Recovery, is_recovered
from gl2gh_batch.engines._writer import OneWriter, not_ours
from gl2gh_batch.kit.claim import ClaimLapsedError
from gl2gh_batch.kit.http import Answer
from gl2gh_batch.kit.verdict import Verdict
from gl2gh_batch.target.probe import graphql_url, is_empty
from gl2gh_batch.target.refusals import refusal_of

ISSUES_VIA: Final = "issues_via"
TRIES: Final = 3
_STEP_IN_PATH: Final = re.compile(r"\{((?:instead/)?(?:issues|merge_requests)/[0-9]+)\}")
CLOCK_SLACK: Final = timedelta(minutes=10)
# A repository is known everywhere by then.
SHOWN_WITHIN: Final = timedelta(minutes=1)


class RestEngine(Engine):
    """Each step: intent, request, receipt; an unclear answer is looked up and never just sent again."""

    name: ClassVar[str] = "rest"

    def __init__(self, bench: Workbench) -> None:
        super().__init__(bench)
        self._lookups = Lookups(bench)
        self._imports = ImportJobs(bench, self._lookups)
        self._entries = EntryByEntry(bench, self.perform)
        self._writer = OneWriter(bench, is_recovered=is_recovered(bench))
        self._uploads = AssetUploads(bench)
        self._pushes = Pushes(bench, self._writer)

    async def open(self) -> None:
        bench = self.bench
        receipt = bench.ledger.receipt(CREATE_STEP)
        repository = await self._writer.look_at_target()
        if repository is None:
            if receipt is not None and receipt.state is StepState.DONE:
                if self._is_new(receipt) and await self._shows_late():
                    return
                raise TargetNotOursError(
                    f"{bench.repo}, which this migration made, is gone or renamed",
                    hint="Rename it back; or delete the project's ledger.sqlite to make everything anew.",
                )
            return
        if receipt is not None and receipt.state is StepState.DONE:
            if receipt.fields.get("id") == repository.id:
                return
        elif await is_empty(bench.github, bench.repo) and (
            bench.facts.state == "empty" or _made_since(receipt, repository.created_at)
        ):
            self._writer.looked()
            return
        raise not_ours(bench.repo)

    async def recover(self, plan: Plan, steps: Callable[[], Iterable[Step]]) -> int:
        if self.bench.claim is not None:
            repository = await self._writer.look_at_target()
            if repository is not None and not repository.archived:
                await self.bench.claim.ensure()
        repository = await self._writer.look_at_target()
        return await Recovery(self.bench, plan, digest_of).recover(repository, steps)

    async def remove(self, repositories: Sequence[str]) -> None:
        bench = self.bench
        is_there = await self._writer.look_at_target() is not None
        if bench.claim is not None and is_there and not self._writer.is_archived:
            await bench.claim.ensure()
        for name in repositories:
            answer = await bench.github.guarded(None).write("DELETE", f"/repos/{name}")
            if answer.verdict not in {Verdict.DONE, Verdict.MISSING, Verdict.GONE}:
                error = refusal_of(answer)
                error.hint = (
                    "Deleting takes the scope delete_repo (an App: administration), and admin rights there."
                )
                raise error
        if bench.claim is not None:
            bench.claim.forget()

    async def settle(self) -> None:
        await self._imports.settle()

    async def perform(self, step: Step) -> bool:
        if isinstance(step, Call) and not is_due(step, self.bench.ledger):
            return False
        digest = digest_of(step)
        receipt = self.bench.ledger.receipt(step.id)
        if receipt is not None and receipt.state is not StepState.INTENT:
            if receipt.step_sha256 == digest or not may_repeat(step):
                return False
            if isinstance(step, Call):
                receipt = None  # what is no call looks for itself what is there
        try:
            if not (isinstance(step, Call) and step.runs_beside):
                await self._imports.settle()  # what comes behind jobs may name their numbers
            while True:
                await self._writer.secure(step)
                try:
                    return await self._send(step, digest, receipt)
                except ClaimLapsedError:
                    # It was noticed before anything was sent; who was at it meanwhile is met by `secure`.
                    receipt = self.bench.ledger.receipt(step.id)
        except Gl2ghError as error:
            error.item = error.item or step.id
            raise

    async def _send(self, step: Step, digest: str, receipt: Receipt | None) -> bool:
        match step:
            case Call():
                return await self._call(step, digest, receipt)
            case GitPush():
                await self._pushes.refs(step, digest, is_begun=receipt is not None)
            case LfsPush():
                await self._pushes.lfs(step, digest)
            case WikiPush():
                await self._pushes.wiki(step, digest)
            case Upload():
                begun, recovered = receipt is not None, is_recovered(self.bench)
                return await self._uploads.perform(step, digest, begun=begun, recovered=recovered)
        return True

    # ── calls ────────────────────────────────────────────────────────────────────────────────────

    async def _call(self, call: Call, digest: str, receipt: Receipt | None) -> bool:
        call = self._placed(call)
        if receipt is not None and await self._settle(call, receipt):
            return False
        call = replace(call, body=self._resolve(call.body))
        if receipt is None and is_recovered(self.bench):
            if await self._is_there(call, digest):
                return False
        elif receipt is None:
            await self._writer.look_before(call)
        for attempt in range(1, TRIES + 1):
            self.bench.ledger.intent(call.id, digest, self._now())
            try:
                answer = await self._writer.github_for(call).write(
                    call.method,
                    self._address(call.path),
                    call.body,
                    call.pace,
                    repeatable=may_repeat(call),
                )
            except UnclearAnswerError:
                if await self._find_with_lag(call):
                    return True
                if attempt == TRIES:
                    raise
                continue
            if answer.verdict is Verdict.MISSING and call.early and await self._shows_late():
                continue
            if answer.verdict is not Verdict.UNCLEAR and is_told(call, answer):
                await self._conclude(call, answer)
                return True
            if await self._find_with_lag(call):
                return True
        raise UnclearAnswerError(
            f"{call.method} {call.path} got no clear answer {TRIES} times, and took no effect",
            hint="GitHub may be in trouble. Run again later: it goes on from here.",
        )

    async def _conclude(self, call: Call, answer: Answer) -> None:
        """Turn a clear answer into a receipt, or into the error that fits."""
        if answer.verdict is Verdict.DONE:
            await self._accept(call, answer.json() if answer.body else {})
            return
        error = refusal_of(answer)
        if call.completion is Completion.IMPORT_JOB and answer.verdict in {
            Verdict.MISSING,
            Verdict.GONE,
        }:
            self._import_is_missing(call)
        if call.capability is not None and answer.verdict in {Verdict.MISSING, Verdict.GONE}:
            self._lacks(call, call.capability)
        if answer.verdict is Verdict.INVALID and call.lookup is not None:
            found = await self._lookups.find(call.lookup)
            if found is not None:
                if call.id == CREATE_STEP:
                    await self.open()  # somebody may have made it in this very moment
                await self._adopt(call, found)
                return
        if answer.verdict is Verdict.INVALID and any(name in call.body for name in call.spare):
            await self._send_less(call)
            return
        if answer.verdict is Verdict.INVALID and call.entries is not None:
            await self._entries.send(call)
            self._done(call, {})
            return
        if answer.verdict is Verdict.INVALID and call.dispensable:
            self._refused(call, error)
            return
        if call.method == "DELETE" and answer.verdict in {Verdict.MISSING, Verdict.GONE}:
            self._done(call, {})
            return
        if call.optional and answer.verdict in {
            Verdict.FORBIDDEN,
            Verdict.MISSING,
            Verdict.CONFLICT,
            Verdict.INVALID,
        }:
            self._refused(call, error)
            return
        raise error

    async def _send_less(self, call: Call) -> None:
        """Send it again without what it can do without."""
        body = {name: value for name, value in call.body.items() if name not in call.spare}
        less = replace(call, body=body, spare=())
        answer = await self.bench.github.write(
            less.method, self._address(less.path), less.body, less.pace, repeatable=may_repeat(less)
        )
        if answer.verdict is not Verdict.UNCLEAR:
            await self._conclude(less, answer)
        elif not await self._find_with_lag(less):
            raise UnclearAnswerError(
                f"{call.method} {call.path} got no clear answer",
                hint="GitHub may be in trouble. Run again later: it is looked up first.",
            )

    async def _accept(self, call: Call, body: Any) -> None:
        errors = body.get("errors") if isinstance(body, dict) and call.path == GRAPHQL else None
        if errors:
            message = "; ".join(str(one.get("message", one)) for one in errors)
            error = TargetError(f"GitHub refused it: {message}", item=call.id)
            if not call.optional:
                raise error
            self._refused(call, error)
            return
        if call.runs_beside:
            await self._imports.begin(call, int(body["id"]))
            return
        if call.id == CREATE_STEP:
            self._writer.looked()
        if call.completion is Completion.IMPORT_JOB:
            self.bench.ledger.note(call.id, {IMPORT_ID: body["id"]}, self._now())
            fields = await self._imports.finish(call, int(body["id"]))
        else:
            fields = body if isinstance(body, dict) else {}
        await self._finish(call, fields)

    async def _finish(self, call: Call, fields: Mapping[str, Any]) -> None:
        number = fields.get("number")
        if call.expect_number is not None and number != call.expect_number:
            raise NumberMismatchError(
                f"it got number {number} instead of {call.expect_number}: something else writes to"
                f" {self.bench.repo}",
                hint=(
                    "Stop whatever creates issues or pull requests there, delete the repository and the"
                    " project's ledger.sqlite, and run again."
                ),
                item=call.id,
            )
        if any(name not in fields for name in call.keep):
            fields = {**await self._lookups.shown(call, number), **fields}
        self._done(call, {name: fields[name] for name in call.keep if name in fields})

    async def _adopt(self, call: Call, found: Mapping[str, Any]) -> None:
        """GitHub has it already: bring it to what was wanted."""
        if call.adopt_path:
            path = call.adopt_path.replace("{number}", str(found.get("number", "")))
            answer = await self.bench.github.write("PATCH", path, call.body)
            if answer.verdict is not Verdict.DONE:
                raise refusal_of(answer)
            found = answer.json()
        await self._finish(call, found)

    def _import_is_missing(self, call: Call) -> None:
        self.bench.ledger.set(ISSUES_VIA, "rest")
        raise CapabilityMissingError(
            f"{self.bench.repo} takes no issue imports (the API is missing, or the token is no admin there)",
            hint=(
                "Make the plan again: it then uses the ordinary endpoints, at their real price. A token"
                " with admin rights may bring the import back."
            ),
            item=call.id,
        )

    def _lacks(self, call: Call, capability: Capability) -> None:
        self.bench.ledger.set(lacks_key(capability), "1")
        raise CapabilityMissingError(
            f"{self.bench.repo} has no {capability.replace('-', ' ')}",
            hint="Make the plan again: it then does without, and the texts tell it.",
            item=call.id,
        )

    def _address(self, path: str) -> str:
        return graphql_url(self.bench.github.api_url) if path == GRAPHQL else path

    # ── what happened to an unclear one ──────────────────────────────────────────────────────────

    async def _settle(self, call: Call, receipt: Receipt) -> bool:
        """Finish a step that an earlier run began, if it took effect; False when it is to be sent."""
        if receipt.fields.get(SPLIT) and call.entries is not None:
            await self._entries.send(replace(call, body=self._resolve(call.body)))
            self._done(call, {})
            return True
        import_id = receipt.fields.get(IMPORT_ID)
        if call.runs_beside and import_id is not None:
            return await self._imports.is_done(call.id)
        if call.completion is Completion.IMPORT_JOB and import_id is not None:
            try:
                fields = await self._imports.finish(call, int(import_id))
            except ImportFailedError:
                return False  # what it named may have been mended since
            await self._finish(call, fields)
            return True
        if may_repeat(call):
            return False
        return await self._find_with_lag(call)

    async def _is_there(self, call: Call, digest: str) -> bool:
        """Whether an earlier run, whose receipts are lost, made it: then it has its receipt now."""
        if call.lookup is None or call.lookup.absent or call.any_number:
            return False  # what took any number was found by its marker when the ledger was made again
        found = await self._lookups.find(call.lookup)
        if found is None:
            return False
        if call.adopt_path and any(found.get(name) != value for name, value in call.body.items()):
            return False  # of that name and not as planned: the request itself adopts it
        self.bench.ledger.intent(call.id, digest, self._now())
        await self._finish(call, found)
        return True

    async def _find_with_lag(self, call: Call) -> bool:
        """Look for the effect, again after a while; True when it was found and has its receipt."""
        if call.lookup is None:
            return False
        if call.completion is Completion.IMPORT_JOB:
            await self._imports.drain()
        for seconds in LOOK_AFTER_S:
            if seconds:
                await self.bench.clock.sleep(seconds)
            found = await self._lookups.find(call.lookup)
            if found is not None:
                # It may be an older one of the same name, such as a label that GitHub itself made.
                other = any(found.get(key) != value for key, value in call.body.items())
                await (self._adopt if call.adopt_path and other else self._finish)(call, found)
                return True
        return False

    def _is_new(self, receipt: Receipt) -> bool:
        """Whether it was made a moment ago, by the machine's own clock."""
        age = self.bench.clock.now() - datetime.fromisoformat(receipt.at)
        return abs(age) < SHOWN_WITHIN

    async def _shows_late(self) -> bool:
        """Wait for a repository that GitHub has just made and does not know yet; False when it stays away."""
        for seconds in LOOK_AFTER_S[1:]:
            await self.bench.clock.sleep(seconds)
            if await self._writer.look_at_target() is not None:
                return True
        return False

    # ── the ledger ───────────────────────────────────────────────────────────────────────────────

    def _placed(self, call: Call) -> Call:
        """The call with the numbers in its paths that other steps got (see `Call`)."""

        def placed(path: str) -> str:
            return _STEP_IN_PATH.sub(lambda found: str(self._field(found[1], "number")), path)

        return replace(
            call,
            path=placed(call.path),
            lookup=call.lookup and replace(call.lookup, path=placed(call.lookup.path)),
            entries=call.entries
            and replace(
                call.entries,
                path=placed(call.entries.path),
                lookup_path=placed(call.entries.lookup_path),
            ),
        )

    def _field(self, step: str, name: str) -> Any:
        receipt = self.bench.ledger.receipt(step)
        if receipt is None or name not in receipt.fields:
            raise EarlierStepMissingError(
                f"it refers to {step}, which was not made", hint="Make the plan again."
            )
        return receipt.fields[name]

    def _resolve(self, value: Any) -> Any:
        """The body with every reference to an earlier step replaced by what its receipt holds."""
        if isinstance(value, Mapping):
            if set(value) == {"$ref", "field"}:
                return self._field(value["$ref"], value["field"])
            return {key: self._resolve(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self._resolve(one) for one in value]
        return value

    def _done(self, call: Call, fields: Mapping[str, Any]) -> None:
        self.bench.ledger.done(call.id, fields, self._now())

    def _refused(self, call: Call, error: Gl2ghError) -> None:
        self.bench.ledger.refused(call.id, {"message": error.message}, self._now())
        self.bench.emit(
            Noticed(
                project=self.bench.project,
                level="warning",
                message=f"{call.id} was refused: {error.message}",
                hint=error.hint or "It is left as it is; the rest goes on.",
            )
        )

    def _now(self) -> str:
        return self.bench.clock.now().isoformat()


def lacks_key(capability: Capability) -> str:
    """Where the ledger says that the target lacks it."""
    return f"lacks:{capability}"


def _made_since(receipt: Receipt | None, created_at: str | None) -> bool:
    """True when the repository came into being after our intent to make it."""
    if receipt is None or created_at is None:
        return False
    made = datetime.fromisoformat(created_at)
    return made >= datetime.fromisoformat(receipt.at) - CLOCK_SLACK
