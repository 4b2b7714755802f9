"""Plan: every write as data, with its price, its losses and what stands in the way."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from gl2gh_batch import codec
from gl2gh_batch.agents._agent import AGENT_FILES_VERSION, PLAN, TRANSFORM_REMEDY, Agent, counted
from gl2gh_batch.agents._audience import audience_findings
from gl2gh_batch.agents._desk import Desk
from gl2gh_batch.agents._git_findings import git_findings, surroundings_of
from gl2gh_batch.agents._numbers import NumberMap, numbering_findings
from gl2gh_batch.agents._people import people_findings
from gl2gh_batch.agents._target import capabilities, issues_via, look_at_target, snippets_findings
from gl2gh_batch.agents._watermark import as_inputs
from gl2gh_batch.agents.discovery import read_inventory
from gl2gh_batch.agents.source_marks import findings_of
from gl2gh_batch.domain.errors import PlanRefusedError, WorkDirectoryError
from gl2gh_batch.domain.ledger import StepState
from gl2gh_batch.domain.modes import AgentName
from gl2gh_batch.domain.plan import (
    Call,
    Choice,
    Finding,
    GitPush,
    KindPlan,
    LfsPush,
    Loss,
    NoOp,
    Phase,
    Plan,
    Severity,
    Step,
    TargetFacts,
    Upload,
    WikiPush,
)
from gl2gh_batch.domain.pricing import Tally
from gl2gh_batch.domain.request import MergeRequestPolicy, WikiPolicy
from gl2gh_batch.domain.result import AgentResult
from gl2gh_batch.kinds import Kind, filling_order
from gl2gh_batch.kinds._kind import pages
from gl2gh_batch.kit.git_wiki import first_page_hint
from gl2gh_batch.kit.ledger import Ledger
from gl2gh_batch.kit.workdir import (
    LineWriter,
    Manifest,
    ProjectFolder,
    damaged_files,
    facts_of,
    lines_to,
    read_document,
    read_lines,
    read_manifest,
    write_document,
)

# What the ledger says of the plan that was applied last.
LINEAGE = "lineage"
SERIAL = "serial"
REMEDY = "Make the plan again (PLAN_ONLY with resume_from=plan) and review it."
# An engine looks whose the repository is before it fills, and before it closes; and, once it has the claim,
# for the newest issue there; where no push of refs brought the claim, for the refs too.
LOOKS_AT_TARGET = 3
STEPS: codec.Tagged[Step | NoOp] = codec.Tagged(
    "step",
    {
        "call": Call,
        "git-push": GitPush,
        "lfs-push": LfsPush,
        "wiki-push": WikiPush,
        "upload": Upload,
        "no-op": NoOp,
    },
)


def read_plan(folder: ProjectFolder) -> Plan | None:
    """The head of the project's plan; None when there is none."""
    return read_document(folder.plan, PLAN, AGENT_FILES_VERSION, Plan, remedy=REMEDY)


def read_steps(folder: ProjectFolder) -> Iterator[Step | NoOp]:
    """The plan's steps, one at a time."""
    for line in read_lines(folder.steps):
        try:
            yield STEPS.decode(line)
        except codec.DecodeError as error:
            raise PlanRefusedError(f"plan.ndjson is damaged: {error}", hint=REMEDY) from error


def read_losses(folder: ProjectFolder) -> Iterator[Loss]:
    """What is not carried over, item by item."""
    for line in read_lines(folder.losses):
        yield codec.decode(line, Loss)


def plan_digest(plan: Plan) -> str:
    """The digest that an approval names: it covers the head, and the steps through theirs."""
    return codec.digest(replace(plan, digest=""))


def require_plan(desk: Desk) -> Plan:
    """The plan as it was reviewed; raises `PlanRefusedError` when it is missing, edited or outdated."""
    try:
        plan = read_plan(desk.folder)
        changed = [] if plan is None else _changes(desk, plan)
    except WorkDirectoryError as error:
        raise PlanRefusedError(error.message, hint=error.hint, project=desk.label) from error
    if plan is None:
        raise PlanRefusedError(
            "there is no plan to apply",
            missing=True,
            hint="Run PLAN_ONLY with the same work directory, review the plan, then APPLY.",
            project=desk.label,
        )
    changed += _superseded(desk, plan)
    if changed:
        raise PlanRefusedError(
            f"the plan no longer holds: {'; '.join(changed)}", hint=REMEDY, project=desk.label
        )
    return plan


def is_begun(desk: Desk, plan: Plan) -> bool:
    """True when an apply of this very plan began in this work directory."""
    if not desk.folder.ledger.exists():
        return False
    with Ledger(desk.folder.ledger) as ledger:
        return (ledger.get(LINEAGE), ledger.get(SERIAL)) == (plan.lineage, str(plan.serial))


def adopt_plan(ledger: Ledger, plan: Plan) -> None:
    """Write down whose plan the receipts are from: an older or a foreign one is refused from now on."""
    ledger.set(LINEAGE, plan.lineage)
    ledger.set(SERIAL, str(plan.serial))


def _superseded(desk: Desk, plan: Plan) -> list[str]:
    if not desk.folder.ledger.exists():
        return []
    with Ledger(desk.folder.ledger) as ledger:
        lineage, serial = ledger.get(LINEAGE), ledger.get(SERIAL)
    if lineage and lineage != plan.lineage:
        return ["it is of another lineage than the plan that was applied from here before"]
    if serial and int(serial) > plan.serial:
        return [f"it is number {plan.serial} of its lineage, and number {serial} was applied since"]
    return []


def _lineage_of(desk: Desk) -> tuple[str, int]:
    """The lineage and serial that a new plan goes on from: of the plan before it, else of the ledger."""
    before = _read_earlier(desk)
    known = (before.lineage, before.serial) if before else ("", 0)
    if desk.folder.ledger.exists():
        with Ledger(desk.folder.ledger) as ledger:
            lineage, serial = ledger.get(LINEAGE) or "", int(ledger.get(SERIAL) or 0)
        if lineage and (lineage != known[0] or serial > known[1]):
            known = (lineage, serial)
    return known[0] or str(uuid.uuid4()), known[1]


def _changes(desk: Desk, plan: Plan) -> list[str]:
    changes = []
    if plan_digest(plan) != plan.digest:
        changes.append("plan.json was edited")
    if not desk.folder.steps.is_file() or facts_of(desk.folder.steps).sha256 != plan.steps_sha256:
        changes.append("plan.ndjson was edited, torn or lost")
    if plan.repo != desk.repo:
        changes.append(f"it was made for {plan.repo} and the target is {desk.repo}")
    elif plan.inputs.get("target") != _target_digest(desk):
        changes.append("it was made for another GitHub")
    if plan.inputs.get("request") != desk.request_digest():
        changes.append("it was made for another request (kinds, visibility, numbering or another choice)")
    if plan.project.id != desk.reference.project.id:
        changes.append(f"it was made from project {plan.project} and this is {desk.reference.project}")
    manifest = read_manifest(desk.folder.desired, remedy=TRANSFORM_REMEDY)
    if manifest is None:
        changes.append("the records that it was made from are gone")
    else:
        if codec.digest(manifest.files) != plan.inputs.get("desired"):
            changes.append("the records that it was made from changed")
        damaged = damaged_files(desk.folder.desired, manifest)
        if damaged:
            changes.append(f"the records that it was made from are damaged: {', '.join(damaged)}")
    return changes


class PlanAgent(Agent):
    """Writes `plan.json` (the head) and `plan.ndjson` (one step a line)."""

    name = AgentName.PLAN

    async def is_current(self, desk: Desk) -> bool:
        plan = read_plan(desk.folder)
        if plan is None:
            return False
        manifest = _require_desired(desk)
        return (
            dict(plan.inputs) == _inputs(desk, manifest)
            and not _changes(desk, plan)
            and plan.facts.issues_via == issues_via(desk)
            and plan.facts.capabilities == capabilities(desk)
            and await _is_target_as_planned(desk, plan)
        )

    async def run(self, desk: Desk) -> AgentResult:
        manifest = _require_desired(desk)
        lineage, serial = _lineage_of(desk)
        target = await look_at_target(desk)
        facts = target.facts
        tally = Tally()
        tally.read(LOOKS_AT_TARGET)
        tally.write(1)  # the claim is given back
        kinds: dict[str, KindPlan] = {}
        shared: Counter[str] = Counter()
        closing: list[Iterator[bytes]] = []
        with (
            ExitStack() as stack,
            lines_to(desk.folder.steps) as lines,
            lines_to(desk.folder.numbers) as number_lines,
        ):
            numbers = NumberMap(number_lines)
            for name in filling_order(desk.kinds, desk.reference.numbers):
                kind = desk.kinds[name]
                if f"{name}.ndjson" not in manifest.files:
                    continue
                spool = desk.folder.scratch / f"close-{name}.ndjson"
                behind = desk.folder.scratch / f"behind-{name}.ndjson"
                stack.callback(spool.unlink, missing_ok=True)
                stack.callback(behind.unlink, missing_ok=True)
                with lines_to(spool) as later, lines_to(behind) as after:
                    sorting = Lines(lines, after if not desk.reference.numbers.promised else lines, later)
                    kinds[name] = _plan_kind(desk, kind, facts, sorting, tally, shared, numbers)
                for line in read_lines(behind):
                    lines.write(line)
                closing.append(read_lines(spool))
            numbers.finish()
            # What opens the repository comes last: the kinds close in the opposite order.
            for spooled in reversed(closing):
                for line in spooled:
                    lines.write(line)
        tally.read(sum(pages(entries) for entries in shared.values()))
        if _has_receipts(desk) or not tally.ref_pushes:
            tally.git_operations += 1  # nothing brings the claim along
            tally.read(int(not _has_receipts(desk)))
        losses = manifest.files["losses.ndjson"].count
        by_kind = dict(Counter(loss.kind for loss in read_losses(desk.folder)))
        plan = Plan(
            project=desk.reference.project,
            repo=desk.repo,
            lineage=lineage,
            serial=serial + 1,
            made_at=desk.now(),
            tool_version=desk.tool_version,
            inputs=_inputs(desk, manifest),
            observed=codec.digest(facts),
            steps_sha256=lines.facts.sha256,
            steps=lines.count,
            kinds={name: replace(one, losses=by_kind.get(name, 0)) for name, one in kinds.items()},
            price=tally.price(desk.limits(), imports_are_content=desk.imports_are_content()),
            findings=(
                *target.findings,
                *_findings(desk),
                *findings_of(desk),
                *git_findings(desk.folder, surroundings_of(desk)),
                *_prices(desk, kinds),
                *_first_page(desk, manifest),
                *await snippets_findings(desk, _count(manifest, "snippets")),
            ),
            losses=losses,
            losses_by_kind=by_kind,
            facts=facts,
            numbers=tuple(numbers.head),
            number_ranges=number_lines.count,
        )
        plan = replace(plan, digest=plan_digest(plan))
        write_document(desk.folder.plan, PLAN, AGENT_FILES_VERSION, plan)
        for finding in plan.findings:
            level = "warning" if finding.severity is Severity.BLOCKING else "notice"
            desk.notice(level, finding.message, finding.hint)
        return AgentResult(
            status="done",
            summary=f"{counted(plan.steps, 'step')}, {counted(plan.price.requests, 'request')},"
            f" {counted(losses, 'loss', 'losses')}"
            + (f", {counted(len(plan.blocking), 'finding')} in the way" if plan.blocking else ""),
            counts={name: one.steps for name, one in kinds.items()},
            details={
                "digest": plan.digest,
                "price": codec.plain(plan.price),
                "losses": losses,
                "findings": codec.plain(plan.findings),
                "kinds": codec.plain(plan.kinds),
            },
        )


@dataclass(frozen=True, slots=True)
class Lines:
    """Where the steps of one kind go: jobs that run side by side first, what has to know their numbers after
    them all, and what closes the repository last."""

    first: LineWriter
    after: LineWriter
    closing: LineWriter

    def write(self, step: Step | NoOp) -> None:
        """Write one step where it belongs."""
        if isinstance(step, NoOp):
            to = self.first
        elif step.phase is not Phase.FILL:
            to = self.closing
        else:
            to = self.first if isinstance(step, Call) and step.runs_beside else self.after
        to.write(STEPS.encode(step))


def _plan_kind(
    desk: Desk,
    kind: Kind[Any, Any],
    facts: TargetFacts,
    lines: Lines,
    tally: Tally,
    shared: Counter[str],
    numbers: NumberMap,
) -> KindPlan:
    items = steps = no_ops = parts = removed = own_reads = 0
    choices: defaultdict[str, Counter[bool]] = defaultdict(Counter)
    listed: Counter[str] = Counter()
    ledger = Ledger(desk.folder.ledger) if desk.folder.ledger.exists() else None
    try:
        for line in read_lines(desk.folder.lines_of(desk.folder.desired, kind.name)):
            desired = codec.decode(line, kind.desired_type)
            settled = kind.settle(desired, facts, Phase.FILL)
            if settled is None:
                continue
            items += 1
            if desk.reference.numbers.promised:
                numbers.add(kind, settled)
            for choice, content in kind.content_by_choice(settled).items():
                choices[choice][content > 0] += content or 1
            parts += kind.parts(settled)
            own_reads += kind.own_reads(settled)
            listed.update(kind.listed(settled))
            removed += kind.settle(desired, facts, Phase.CLOSE) is None
            for step in kind.steps(desired, desk.repo, facts):
                lines.write(step)
                if isinstance(step, NoOp):
                    no_ops += 1
                    continue
                steps += 1
                instead = isinstance(step, Call) and step.instead_of
                if not instead and (ledger is None or not _is_done(ledger, step.id)):
                    tally.add(step)
    finally:
        if ledger is not None:
            ledger.close()
    own_reads += sum(pages(entries) for entries in listed.values())
    tally.read(kind.verify_reads(items, parts, removed) + own_reads)
    for name, entries in kind.shared_reads(items, parts, removed).items():
        shared[name] += entries
    desk.count(AgentName.PLAN, kind.name, items, items)
    return KindPlan(
        items=items,
        steps=steps,
        no_ops=no_ops,
        choices={name: Choice(content=one[True], imports=one[False]) for name, one in choices.items()},
    )


def _is_done(ledger: Ledger, step_id: str) -> bool:
    receipt = ledger.receipt(step_id)
    return receipt is not None and receipt.state is not StepState.INTENT


def _prices(desk: Desk, kinds: Mapping[str, KindPlan]) -> Iterator[Finding]:
    """What every choice for merge requests costs, the one that was made among them."""
    choices = kinds["merge_requests"].choices if "merge_requests" in kinds else {}
    if not choices:
        return
    chosen = desk.request.policies.merge_requests
    said = [
        f"{policy.value}{' (chosen)' if policy is chosen else ''}: {choices[policy.value].content}"
        f" content-creating requests, {counted(choices[policy.value].imports, 'import')}"
        for policy in MergeRequestPolicy
    ]
    yield Finding(
        code="merge-request-prices",
        severity=Severity.NOTICE,
        message=f"what merge requests cost by policy: {'; '.join(said)}",
        hint="GitHub allows about 500 content-creating requests an hour; choose with merge_requests.",
    )


def _count(manifest: Manifest, kind: str) -> int:
    facts = manifest.files.get(f"{kind}.ndjson")
    return 0 if facts is None else facts.count


def _first_page(desk: Desk, manifest: Manifest) -> Iterator[Finding]:
    """GitHub has no wiki to push to before a person made its first page."""
    files = manifest.files.get("wiki.ndjson")
    if desk.request.policies.wiki is WikiPolicy.WIKI and files is not None and files.count:
        yield Finding(
            code="wiki-first-page",
            severity=Severity.WARNING,
            message=f"the wiki of {desk.repo} needs a first page made by hand before it can be pushed",
            hint=first_page_hint(f"{desk.github_url}/{desk.repo}"),
            item=str(desk.repo),
        )


def _findings(desk: Desk) -> Iterator[Finding]:
    inventory = read_inventory(desk.folder)
    if inventory is not None:
        yield from inventory.findings
        yield from audience_findings(desk, inventory)
    yield from people_findings(desk)
    yield from numbering_findings(desk)
    for other in desk.references:
        if other.repo.key == desk.repo.key and other.project.id != desk.reference.project.id:
            yield Finding(
                code="target-collision",
                severity=Severity.BLOCKING,
                message=f"{other.project} of this batch goes to {other.repo} too",
                hint="Give one of the two another `target` in the batch file, or use naming: full-path.",
                item=str(desk.repo),
            )


def _read_earlier(desk: Desk) -> Plan | None:
    try:
        return read_plan(desk.folder)
    except WorkDirectoryError:
        return None


def _require_desired(desk: Desk) -> Manifest:
    manifest = read_manifest(desk.folder.desired, remedy=TRANSFORM_REMEDY)
    damaged = None if manifest is None else damaged_files(desk.folder.desired, manifest)
    if manifest is None or damaged:
        raise WorkDirectoryError(
            f"the transformed records are damaged: {', '.join(damaged)}"
            if damaged
            else "there are no transformed records of this project",
            hint=TRANSFORM_REMEDY,
            project=desk.label,
        )
    return manifest


def _inputs(desk: Desk, manifest: Manifest) -> dict[str, str]:
    inventory = read_inventory(desk.folder)
    return {
        "desired": codec.digest(manifest.files),
        "request": desk.request_digest(),
        "target": _target_digest(desk),
        "program": desk.tool_version,
        **({} if inventory is None else as_inputs(inventory.watermark)),
    }


async def _is_target_as_planned(desk: Desk, plan: Plan) -> bool:
    """What our own receipts tell of needs no look; but what was a stranger's may be known for ours by now."""
    if _has_receipts(desk) and plan.facts.state != "foreign":
        return True
    return plan.observed == codec.digest((await look_at_target(desk)).facts)


def _target_digest(desk: Desk) -> str:
    return codec.digest([str(desk.repo), desk.github_url])


def _has_receipts(desk: Desk) -> bool:
    if not desk.folder.ledger.exists():
        return False
    ledger = Ledger(desk.folder.ledger)
    try:
        return ledger.count() > 0
    finally:
        ledger.close()
