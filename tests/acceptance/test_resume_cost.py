"""What it costs to be stopped: hardly a request beyond those of a run that nobody stopped."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from typing import Any

import pytest
from lab import Lab, differing, issue, note, project
from torture import FULL, amount, dice
from victim import apply_until_killed

from gl2gh_batch.kinds.issues import READ_AHEAD
from gl2gh_batch.sandbox.journal import Entry

# Smaller batches have the same fixed part: a hundredth of those that are meant.
MEANT = 1600
ISSUES = amount(120, 1000)


def _asked(entries: Sequence[Entry]) -> int:
    """How many requests these are; of one import job's polls the first, since time makes the others."""
    polls = [one.path for one in entries if one.method == "GET" and "/import/issues/" in one.path]
    return len(entries) - len(polls) + len(set(polls))


@pytest.mark.torture
@pytest.mark.timeout(2 * 3600)
async def test_a_resume_costs_one_percent_and_what_was_in_flight(open_lab: Any, subtests: Any) -> None:
    """Killed in export or apply, run again: at most 1 % more requests and one for each item in flight."""
    lab: Lab = await open_lab(
        project(issues=[issue(one, notes=[note("Yes.")]) for one in range(1, ISSUES + 1)])
    )
    assert (await lab.run("FULL"))["status"] == "success"
    wanted, alone = await lab.settled(), _asked(list(lab.sandbox.journal))
    sides = {side: sum(one.side == side for one in lab.sandbox.journal) for side in ("gitlab", "github")}
    rng = dice("cost of a resume")
    dearest = dict.fromkeys(sides, 0)
    for number in range(amount(4, 20)):
        side = ("gitlab", "github")[number % 2]
        # Most of the way through: whoever began anew would pay for all of it.
        nth = rng.randint(sides[side] // 2, sides[side] * 9 // 10)
        in_flight = READ_AHEAD if side == "gitlab" else 1
        with subtests.test(f"{side} request {nth} of {sides[side]}"):
            await lab.control("POST", "reset")
            shutil.rmtree(lab.work)
            assert await apply_until_killed(lab, nth, before=False, mode="FULL", side=side)
            result = await lab.run("FULL")
            assert result["status"] == "success", result
            more = _asked(list(lab.sandbox.journal)) - alone
            dearest[side] = max(dearest[side], more)
            assert more <= max(alone, MEANT) / 100 + in_flight
            assert differing(await lab.settled(), wanted) == []
    print(f"{alone} requests; a resume cost at most so many more: {dearest}")
    assert not FULL or alone >= MEANT


async def test_the_rest_of_an_export_is_asked_for_once(open_lab: Any) -> None:
    """Killed twice in the export, each issue's notes are asked for once, but for those in flight."""
    lab: Lab = await open_lab(project(issues=[issue(one, notes=[note("Yes.")]) for one in range(1, 81)]))
    for nth in (50, 60):
        assert await apply_until_killed(lab, nth, before=True, mode="EXPORT_ONLY", side="gitlab")
    assert (await lab.run("EXPORT_ONLY"))["status"] == "success"
    asked = [one.path for one in lab.sandbox.journal if one.path.endswith("/notes")]
    assert len(set(asked)) == 80
    assert len(asked) <= 80 + 2 * READ_AHEAD
    assert list((lab.folder_of() / "scratch").glob("export-*")) == []
    assert (lab.folder_of() / "snapshot" / "issues.ndjson").read_bytes().count(b"\n") == 80


@pytest.mark.parametrize("change", ["edited", "deleted", "damaged", "policy"])
async def test_what_a_stopped_export_left_is_never_stale(open_lab: Any, change: str) -> None:
    """What was changed since, is gone, was damaged or was read by another policy is read anew."""
    lab: Lab = await open_lab(project(issues=[issue(one, notes=[note("Yes.")]) for one in range(1, 41)]))
    assert await apply_until_killed(lab, 60, before=True, mode="EXPORT_ONLY", side="gitlab")
    (left,) = (lab.folder_of() / "scratch").glob("export-issues.sqlite")
    db = sqlite3.connect(left)
    (held,) = db.execute("select count(*) from lines").fetchone()
    db.close()
    assert held > 10
    mark, config = lab.mark(), lab.config()
    edit = lab.sandbox.gitlab.edit(17)
    if change == "edited":
        edit.add_note(1, "Written since")
    elif change == "deleted":
        edit.delete_issue(2)
    elif change == "damaged":
        left.write_bytes(b"SQLite format 3\0" + bytes(4000))
    else:
        config = lab.config(issue_details="all")
    assert (await lab.run("EXPORT_ONLY", config))["status"] == "success"
    lines = (lab.folder_of() / "snapshot" / "issues.ndjson").read_text().splitlines()
    assert len(lines) == 40 - (change == "deleted")
    assert ("Written since" in "\n".join(lines)) is (change == "edited")
    asked = sum(one.path.endswith("/issues/1/notes") for one in list(lab.sandbox.journal)[mark:])
    assert asked == (0 if change == "deleted" else 1)


async def test_resume_from_export_reads_all_of_it_anew(open_lab: Any) -> None:
    """Who asks for the export again gets nothing of what a stopped one left."""
    lab: Lab = await open_lab(project(issues=[issue(one, notes=[note("Yes.")]) for one in range(1, 41)]))
    assert await apply_until_killed(lab, 60, before=True, mode="EXPORT_ONLY", side="gitlab")
    mark = lab.mark()
    assert (await lab.run("EXPORT_ONLY", resume_from="export"))["status"] == "success"
    asked = [one.path for one in list(lab.sandbox.journal)[mark:] if one.path.endswith("/notes")]
    assert len(asked) == len(set(asked)) == 40


@pytest.mark.parametrize("nth", [30, 45, 61])
async def test_a_killed_apply_asks_github_for_one_thing_more(open_lab: Any, nth: int) -> None:
    """Whether the repository is still the one that it made; and what became of the write in flight."""
    lab: Lab = await open_lab(project(issues=[issue(one, notes=[note("Yes.")]) for one in range(1, 41)]))
    assert (await lab.run("PLAN_ONLY"))["status"] == "success"
    shutil.copytree(lab.work, lab.folder / "planned")
    mark = lab.mark()
    assert (await lab.run("APPLY"))["status"] == "success"
    alone = _asked(_of_the_api(lab, mark))
    await lab.control("POST", "reset")
    shutil.rmtree(lab.work)
    shutil.copytree(lab.folder / "planned", lab.work)
    mark = lab.mark()
    assert await apply_until_killed(lab, nth, before=False)
    assert (await lab.run("APPLY"))["status"] == "success"
    in_flight = 3 if any(one.path.endswith("/user") for one in lab.github(mark)) else 0
    assert _asked(_of_the_api(lab, mark)) - alone <= 1 + in_flight


def _of_the_api(lab: Lab, mark: int) -> list[Entry]:
    return [one for one in lab.github(mark) if one.path.startswith("/api/")]


async def test_a_ledger_of_before_the_claim_is_not_gone_on_with(open_lab: Any) -> None:
    """Put beside the claim of a later killed run, it is told to be older, and nothing is made twice."""
    lab: Lab = await open_lab(project(issues=[issue(one) for one in range(1, 21)]))
    assert (await lab.run("PLAN_ONLY"))["status"] == "success"
    assert await apply_until_killed(lab, 24, before=True)
    files = sorted(lab.folder_of().glob("ledger.sqlite*"))
    older = {one: one.read_bytes() for one in files}
    assert await apply_until_killed(lab, 20, before=True)
    for path in lab.folder_of().glob("ledger.sqlite*"):
        path.unlink()
    for path, content in older.items():
        path.write_bytes(content)
    mark = lab.mark()
    again = await lab.run("APPLY")
    assert "the ledger is older" in again["error"]["message"], again
    assert lab.writes_but_claims(mark) == []
