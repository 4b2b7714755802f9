"""One writer: whoever holds the claim on a target writes, and nobody else, whatever befalls the holder."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from brisk import BriskClock
from lab import Lab, differing
from torture import amount, in_parts, turns
from victim import apply_until_killed, paused_apply

from gl2gh_batch import BatchOrchestrator, SharedResources
from gl2gh_batch.kit.git_claim import CLAIM_REF

EMPTY = {
    "op": "add",
    "path": "/repositories/acme~1app",
    "value": {"private": True, "visibility": "private"},
}


async def _apply(lab: Lab, work: Path, lease_s: float = 900.0) -> dict[str, Any]:
    """Apply from that work directory, as another process would; the project's result."""
    async with SharedResources(work_dir=work, clock=BriskClock(), claim_lease_s=lease_s) as resources:
        result = await BatchOrchestrator(resources).execute_batch_migration([lab.config()], mode="APPLY")
    only: dict[str, Any] = result["results"][0]
    return only


async def _copy(lab: Lab, name: str) -> Path:
    work = lab.folder / name
    await asyncio.to_thread(shutil.copytree, lab.work, work)
    return work


async def test_no_claim_is_left(lab: Lab) -> None:
    """After a success, and after a failure in the middle, the target carries no claim."""
    await lab.faults({"method": "POST", "path": "*/import/issues", "effect": {"status": 403, "body": {}}})
    assert (await lab.run("FULL"))["status"] == "failed"
    assert CLAIM_REF not in (await lab.repository())["refs"]
    await lab.faults()
    assert (await lab.run("FULL"))["status"] == "success"
    assert CLAIM_REF not in (await lab.repository())["refs"]


async def test_the_claim_of_a_killed_run_keeps_others_out(lab: Lab) -> None:
    """A copy on another disk is refused, told who and how long; the folder itself goes on at once.

    Afterwards the copy, whose ledger knows less than the target holds, is refused too, naming `recover`.
    """
    assert (await lab.run("PLAN_ONLY"))["status"] == "success"
    assert await apply_until_killed(lab, 20, before=True)
    assert CLAIM_REF in (await lab.repository())["refs"]
    elsewhere = await _copy(lab, "elsewhere")
    mark = lab.mark()
    result = await _apply(lab, elsewhere)
    assert result["error"]["reason"] == "target-locked", result
    assert CLAIM_REF in result["error"]["message"]
    assert "lapses in" in result["error"]["message"]
    assert "unlock" in result["error"]["hint"]
    assert lab.writes_but_claims(mark) == []
    assert (await lab.run("APPLY"))["status"] == "success"
    mark, target = lab.mark(), await lab.settled()
    result = await _apply(lab, elsewhere)
    assert (result["status"], result["error"]["reason"]) == ("failed", "work-dir-damaged"), result
    assert "recover" in result["error"]["hint"]
    assert differing(await lab.settled(), target) == []


async def test_two_runs_in_one_work_directory(lab: Lab) -> None:
    """The second is refused while the first applies, and disturbs it in nothing."""
    assert (await lab.run("PLAN_ONLY"))["status"] == "success"
    first, second = await asyncio.gather(_apply(lab, lab.work), _apply(lab, lab.work))
    statuses = sorted([first["status"], second["status"]])
    assert statuses[-1] == "success", (first, second)
    failed = next((one for one in (first, second) if one["status"] == "failed"), None)
    if failed is not None:
        assert failed["error"]["reason"] in {"target-locked", "target-not-empty", "work-dir-damaged"}, failed


async def contend(lab: Lab, contenders: int, rounds: Iterable[int]) -> None:
    """Let that many runs, each from a copy of its own, apply to one empty target at once."""
    await lab.control("PATCH", "state", [EMPTY])
    assert (await lab.run("PLAN_ONLY"))["status"] == "success"
    assert (await lab.run("APPLY", work=await _copy(lab, "alone")))["status"] == "success"
    wanted = await lab.settled()
    for number in rounds:
        await lab.control("POST", "reset")
        await lab.control("PATCH", "state", [EMPTY])
        works = [await _copy(lab, f"round-{number}-{one}") for one in range(contenders)]
        mark = lab.mark()
        results = await asyncio.gather(*(_apply(lab, work) for work in works))
        statuses = [one["status"] for one in results]
        assert statuses.count("success") == 1, results
        reasons = {one["error"]["reason"] for one in results if one["status"] == "failed"}
        assert reasons <= {"target-locked", "target-not-empty"}, [one.get("error") for one in results]
        assert differing(await lab.settled(), wanted) == []
        imports = [one for one in lab.writes(mark) if one.endswith("/import/issues")]
        assert len(imports) == 4
        for work in works:
            shutil.rmtree(work)


async def test_one_of_a_few_contenders_writes(lab: Lab) -> None:
    """Of three runs at once exactly one writes, and the target is whole."""
    await contend(lab, 3, [0])


@in_parts
@pytest.mark.timeout(6 * 3600)
async def test_contenders_for_one_target(lab: Lab, part: int) -> None:
    """Of many runs at once exactly one writes, in each round, and the target is whole."""
    rounds = [number for number, _ in turns("contenders", part, 3, 100)]
    await contend(lab, amount(5, 20), rounds)


async def test_a_paused_holder_writes_no_more(lab: Lab) -> None:
    """Stopped past its lease and woken after another took over and ended, a run sends no write."""
    assert (await lab.run("PLAN_ONLY"))["status"] == "success"
    lease_s = 3.0
    async with paused_apply(lab, 22, lease_s=lease_s) as wake:
        elsewhere = await _copy(lab, "elsewhere")
        await asyncio.sleep(lease_s + 5)
        taken_over = await _apply(lab, elsewhere, lease_s=30.0)
        assert taken_over["status"] == "success", taken_over["error"]
        mark, target = lab.mark(), await lab.settled()
        assert await wake() == 0
        assert lab.writes_but_claims(mark) == []
        assert differing(await lab.settled(), target) == []
    # Refs are only asked for: the push that would renew the claim finds another one, or none.
    assert CLAIM_REF not in (await lab.repository())["refs"]
