"""What a plan says of time: both prices while nobody knows how imports count, one where it is known."""

from __future__ import annotations

import json
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from lab import Lab, issue, open_lab, project

from gl2gh_batch.kit.host import ThisHost
from gl2gh_batch.kit.rate_record import Account, encode_record, new_record
from gl2gh_batch.kit.shared_windows import credential_key
from gl2gh_batch.target.limits import parse_limits

ISSUES = 90
FEW = {"content_hour": {"limit": 40, "window_s": 3600}}


@pytest.fixture
def lab(tmp_path: Path) -> AbstractAsyncContextManager[Lab]:
    """A project with more issues than an hour of content."""
    many = project(issues=[issue(number) for number in range(1, ISSUES + 1)])
    return open_lab(tmp_path, [many])


def rate_file_that_knows(lab: Lab) -> Path:
    """A rate-limit file of an earlier run whose imports were refused."""
    sandbox = lab.sandbox
    record = new_record(ThisHost())
    key = credential_key("github", sandbox.github_api_url.lower(), sandbox.github_token)
    record.accounts[key] = Account(imports_are_content=True)
    path = lab.folder / "rate-limit.json"
    path.write_bytes(encode_record(record))
    return path


async def price_of(lab: Lab, **shared: Any) -> dict[str, Any]:
    """The batch's price under few creations an hour."""
    result = await lab.batch("PLAN_ONLY", shared={"limits": parse_limits(FEW), **shared})
    assert result["status"] == "success", json.dumps(result)[:2000]
    price = result["price"]
    assert isinstance(price, dict)
    return price


async def test_a_plan_has_both_prices_while_it_is_not_known(
    lab: AbstractAsyncContextManager[Lab],
) -> None:
    """Exempt, imports take minutes; as created content, the hours that their budget takes."""
    async with lab as one:
        price = await price_of(one)
        assert price["imports_are_content"] is False
        assert price["hours"] < 0.5
        assert price["hours_if_imports_are_content"] == 2.0


@pytest.mark.parametrize("how", ["said", "remembered"])
async def test_where_it_is_known_the_price_goes_by_it(
    lab: AbstractAsyncContextManager[Lab], how: str
) -> None:
    """Said by the user, or remembered by the rate-limit file from an earlier run."""
    async with lab as one:
        shared: dict[str, Any] = {"imports_are_content": True}
        if how == "remembered":
            shared = {"rate_limit_file": rate_file_that_knows(one)}
        price = await price_of(one, **shared)
        assert price["imports_are_content"] is True
        assert price["hours"] == price["hours_if_imports_are_content"] == 2.0
