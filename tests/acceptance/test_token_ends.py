"""A token that ends in the middle: hardly a request more with it, and then on with a new one."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from lab import Lab, differing, issue, project
from torture import amount, dice

from gl2gh_batch.kit.git_claim import CLAIM_REF
from gl2gh_batch.sandbox.credentials import credential_name

PARALLEL_LIMIT = 3
REFUSED = {"status": 401, "body": {"message": "Bad credentials"}}


@pytest.mark.torture
@pytest.mark.timeout(3600)
async def test_a_token_ends_at_any_request(open_lab: Any, subtests: Any) -> None:
    """After the first refusal at most `parallel_limit` requests carry it; renewed, the batch ends well."""
    lab: Lab = await open_lab(
        *(project(f"acme/app-{one}", 20 + one, issues=[issue(1), issue(2)]) for one in range(PARALLEL_LIMIT))
    )
    mark = lab.mark()
    result = await lab.batch("FULL", parallel_limit=PARALLEL_LIMIT)
    assert result["status"] == "success", result
    wanted, requests = await lab.settled(), len(lab.github(mark))
    rng = dice("tokens")
    for nth in sorted(rng.sample(range(1, requests), amount(6, requests // 2))):
        with subtests.test(f"request {nth}"):
            await lab.faults()
            await lab.control("POST", "reset")
            shutil.rmtree(lab.work)
            await lab.faults({"path": "*", "nth": list(range(nth, nth + 400)), "effect": REFUSED})
            mark = lab.mark()
            result = await lab.batch("FULL", parallel_limit=PARALLEL_LIMIT)
            if result["status"] == "success":
                continue  # nothing was asked any more: only the claims were to be given back
            reasons = {one["error"]["reason"] for one in result["results"] if one.get("error")}
            assert reasons == {"auth-failed"}, result
            # git asks once without its token first; such a request tells nobody anything.
            carried = [one for one in lab.github(mark) if one.credential != credential_name(None)]
            first = next(number for number, one in enumerate(carried) if one.status == 401)
            assert len(carried) - first - 1 <= PARALLEL_LIMIT, [one.path for one in carried[first:]]
            await lab.faults()
            again = await lab.batch("FULL", parallel_limit=PARALLEL_LIMIT)
            assert again["status"] == "success", again
            assert differing(await lab.settled(), wanted) == []


@pytest.mark.parametrize("taken", ["", "handover"])
async def test_another_machine_goes_on_at_once(lab: Lab, taken: str) -> None:
    """A run that could not give its claim back keeps nobody out who has its work directory or handover."""
    assert (await lab.run("PLAN_ONLY"))["status"] == "success"
    await lab.faults({"path": "*", "nth": list(range(25, 400)), "effect": REFUSED})
    result = await lab.run("APPLY")
    assert result["error"]["reason"] == "auth-failed", result
    await lab.faults()
    assert CLAIM_REF in (await lab.repository())["refs"]
    elsewhere = lab.folder / "elsewhere"
    shutil.copytree(lab.work / taken, elsewhere)
    again = await lab.run("APPLY", work=elsewhere)
    assert again["status"] == "success", again["error"]
    assert CLAIM_REF not in (await lab.repository())["refs"]
