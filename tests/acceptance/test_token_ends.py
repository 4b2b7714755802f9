"""A token that ends in the middle: hardly a request more with it, and then on with a new one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import pytest
from complete import complete, settle_complete
from lab import USERS, Lab, differing, issue, project
from torture import dice, in_parts, turns
from whole import HAS_LFS

from gl2gh_batch.kit.git_claim import CLAIM_REF
from gl2gh_batch.kit.governor import RequestGovernor
from gl2gh_batch.sandbox.credentials import credential_name

PARALLEL_LIMIT = 3
REFUSED = {"status": 401, "body": {"message": "Bad credentials"}}


def _after_first_refusal(lab: Lab, mark: int, side: str) -> list[str]:
    """What carried the token to the platform after its first refusal."""
    # git asks once without its token first; such a request tells nobody anything.
    asked = [one for one in list(lab.sandbox.journal)[mark:] if one.side == side]
    carried = [one for one in asked if one.credential != credential_name(None)]
    first = next(number for number, one in enumerate(carried) if one.status == 401)
    # git-lfs confirms an object with up to three requests (its 3.3: never fewer); on GitHub those carry the
    # signature of their address.
    return [one.path for one in carried[first + 1 :] if not one.path.endswith("/info/lfs/objects/verify")]


@pytest.fixture
def knowing(monkeypatch: pytest.MonkeyPatch) -> dict[RequestGovernor, int]:
    """Each governor that was told of a refused token, and how many requests it had granted by then."""
    told: dict[RequestGovernor, int] = {}
    revoke = RequestGovernor.revoke

    def noted(governor: RequestGovernor, message: str, hint: str) -> None:
        told.setdefault(governor, governor.snapshot().requests)
        revoke(governor, message, hint)

    monkeypatch.setattr(RequestGovernor, "revoke", noted)
    return told


@in_parts
@pytest.mark.timeout(3600)
async def test_a_token_ends_at_any_request(
    open_lab: Any, subtests: Any, part: int, knowing: dict[RequestGovernor, int]
) -> None:
    """Either token, in a batch of three."""
    lab: Lab = await open_lab(
        *(project(f"acme/app-{one}", 20 + one, issues=[issue(1), issue(2)]) for one in range(PARALLEL_LIMIT))
    )
    await _sweep(lab, subtests, knowing, turns_of=("tokens", part, 6), parallel_limit=PARALLEL_LIMIT)


@in_parts
@pytest.mark.timeout(3600)
async def test_a_token_ends_at_any_request_of_a_whole_project(
    open_lab: Any, subtests: Any, part: int, knowing: dict[RequestGovernor, int]
) -> None:
    """The same where there is something of every kind: git, LFS, wiki, files, merge requests."""
    lab: Lab = await open_lab(complete())
    await _sweep(
        lab, subtests, knowing, turns_of=("whole tokens", part, 4), parallel_limit=1, prepare=settle_complete
    )


async def _sweep(
    lab: Lab,
    subtests: Any,
    knowing: dict[RequestGovernor, int],
    *,
    turns_of: tuple[str, int, int],
    parallel_limit: int,
    prepare: Callable[[Lab], None] = lambda _: None,
) -> None:
    """Once refused, a token is granted nothing; a request a project is on its way. Renewed, all is well.

    A project asks GitLab several things at once: what was on its way already is no storm.
    """

    async def run() -> dict[str, Any]:
        return await lab.batch("FULL", users=USERS, parallel_limit=parallel_limit)

    prepare(lab)
    result = await run()
    assert result["status"] == "success", result
    wanted = await lab.settled(dated=False)
    sides = [one.side for one in lab.sandbox.journal]
    every = [(side, nth) for side in ("github", "gitlab") for nth in range(1, sides.count(side))]
    name, part, few = turns_of
    dice(name).shuffle(every)
    ends = 0
    for number, _ in turns(name, part, few, len(every)):
        side, nth = every[number]
        with subtests.test(f"{side} request {nth}"):
            await lab.faults()
            await lab.control("POST", "reset")
            prepare(lab)
            shutil.rmtree(lab.work)
            fault = {"side": side, "path": "*", "nth": list(range(nth, nth + 400)), "effect": REFUSED}
            await lab.faults(fault)
            mark = lab.mark()
            knowing.clear()
            result = await run()
            if result["status"] == "success":
                continue  # nothing was asked any more: only the claims were to be given back
            ends += 1
            errors = [one["error"] for one in result["results"] if one.get("error")]
            assert {one["reason"] for one in errors} == {"auth-failed"}, result
            service = {"github": "GitHub", "gitlab": "GitLab"}[side]
            assert all(service in f"{one['message']} {one['hint']}" for one in errors), errors
            assert [one.snapshot().requests for one in knowing] == list(knowing.values())
            assert knowing
            since = _after_first_refusal(lab, mark, side)
            assert side == "gitlab" or len(since) <= parallel_limit, since
            await lab.faults()
            again = await run()
            assert again["status"] == "success", again
            assert differing(await lab.settled(dated=False), wanted) == []
    assert ends


@pytest.mark.parametrize(
    ("side", "ask"), [("github", "upload-pack"), ("github", "receive-pack"), ("gitlab", "upload-pack")]
)
async def test_git_does_not_send_a_refused_token_again(lab: Lab, side: str, ask: str) -> None:
    """Refused in the middle of what git and a platform say to each other, a token ends there."""
    await lab.faults({"side": side, "method": "POST", "path": f"*/git-{ask}", "effect": REFUSED})
    mark = lab.mark()
    result = await lab.run("FULL")
    assert result["error"]["reason"] == "auth-failed", result
    since = _after_first_refusal(lab, mark, side)
    assert [one for one in since if ".git/" in one] == []
    assert side == "gitlab" or since == []
    await lab.faults()
    again = await lab.run("FULL")
    assert again["status"] == "success", again["error"]


@pytest.mark.skipif(not HAS_LFS, reason="git-lfs is not installed")
@pytest.mark.parametrize(("side", "nth"), [("github", 1), ("github", 2), ("github", 3), ("gitlab", 1)])
async def test_a_token_ends_at_an_lfs_server(open_lab: Any, side: str, nth: int) -> None:
    """It is the token that is named then, and no budget; nothing more carries it to the server."""
    lab: Lab = await open_lab(complete())
    settle_complete(lab)
    asked = {"method": "POST", "path": "*/info/lfs/objects/batch"}
    await lab.faults({"side": side, **asked, "nth": list(range(nth, nth + 400)), "effect": REFUSED})
    mark = lab.mark()
    result = await lab.run("FULL", users=USERS)
    error = result["error"]
    assert (error["reason"], error["item"] != "") == ("auth-failed", True), error
    assert {"github": "GitHub", "gitlab": "GitLab"}[side] in error["message"], error
    assert "valid" in error["hint"], error
    assert [one for one in _after_first_refusal(lab, mark, side) if "/lfs/" in one] == []
    await lab.faults()
    again = await lab.run("FULL", users=USERS)
    assert again["status"] == "success", again["error"]


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
