"""A token that ends in the middle: hardly a request more with it, and then on with a new one."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from lab import Lab, differing, issue, project
from torture import amount, dice

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
            refused = [one for one in lab.github(mark) if one.status == 401]
            assert len(lab.github(mark)) - nth <= PARALLEL_LIMIT, [one.path for one in refused]
            await lab.faults()
            again = await lab.batch("FULL", parallel_limit=PARALLEL_LIMIT)
            assert again["status"] == "success", again
            assert differing(await lab.settled(), wanted) == []
