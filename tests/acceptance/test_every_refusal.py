"""Whatever GitHub answers to whichever request of an apply, nothing is lost and little is held up."""

from __future__ import annotations

import itertools
import re
import shutil
from typing import Any

import pytest
from complete import WITH_LFS
from lab import USERS, Lab, differing, is_writing, issue, note
from merging import COMMITS, hide_branches, merging
from torture import FULL, PARTS, dice, in_parts
from whole import HAS_LFS

from gl2gh_batch.domain.events import Noticed

PEOPLE = [*USERS, ("ben", "ben")]
SECRET = "c" * 32
FIELDS = {"merge_requests": "all-as-pull-request", "attachments": "release"}
CLAIM = "DELETE */git/refs/gl2gh-batch/claim"


def invalid(*errors: object) -> dict[str, Any]:
    """A 422 with these entries."""
    return {"status": 422, "body": {"message": "Validation Failed", "errors": list(errors)}}


def coded(code: str) -> dict[str, Any]:
    """A 422 with one of the codes of GitHub's page "Troubleshooting the REST API"."""
    return invalid({"resource": "Thing", "field": "name", "code": code, "message": "no"})


# What is answered → how, and whether the request had its effect.
REFUSALS: dict[str, dict[str, Any]] = {
    **{
        f"422 {code}": {"effect": coded(code)}
        for code in ("missing", "missing_field", "invalid", "already_exists", "unprocessable", "custom")
    },
    "422 in words": {"effect": invalid("no")},
    "422 without a word": {"effect": {"status": 422, "body": {}}},
    "400": {"effect": {"status": 400, "body": {"message": "Problems parsing JSON"}}},
    "403": {"effect": {"status": 403, "body": {"message": "Resource not accessible by integration"}}},
    "404": {"effect": {"status": 404, "body": {"message": "Not Found"}}},
    "409": {"effect": {"status": 409, "body": {"message": "Conflict"}}},
    "410": {"effect": {"status": 410, "body": {"message": "This was deleted"}}},
    "413": {"effect": {"status": 413, "body": {"message": "Payload too large"}}},
    "451": {"effect": {"status": 451, "body": {"message": "Repository access blocked"}}},
    "500": {"effect": {"status": 500, "body": {"message": "Server Error"}}},
    "502 after its effect": {"effect": {"status": 502, "body": "<html>"}, "when": "after"},
    "lost after its effect": {"effect": {"drop": True}, "when": "after"},
    # What is no answer of GitHub's, though its status says success.
    "201 of another shape": {"effect": {"status": 201, "body": {"id": "x", "number": None, "names": 1}}},
    "200 of another shape": {"effect": {"status": 200, "body": [1, None, "x"]}},
    "200 of another shape after its effect": {"effect": {"status": 200, "body": "null"}, "when": "after"},
}
# GraphQL refuses in an answer of status 200 (docs: "Using pagination in the GraphQL API", "Forming calls").
OF_GRAPHQL: dict[str, dict[str, Any]] = {
    f"200 {code}": {
        "effect": {
            "status": 200,
            "body": {"data": None, "errors": [{"type": code, "path": ["x"], "message": "no"}]},
        }
    }
    for code in ("FORBIDDEN", "NOT_FOUND", "UNPROCESSABLE", "INSUFFICIENT_SCOPES")
}
# The question which objects are there and where to send them, the storage, and the storage's receipt.
LFS = [
    "POST */info/lfs/objects/batch",
    "PUT */info/lfs/storage/*",
    "POST */info/lfs/objects/verify",
]
LFS = LFS if HAS_LFS else []
# Each endpoint that an apply writes to; a test holds the list against what is sent.
ENDPOINTS = [
    "POST /orgs/*/repos",
    "PUT /repos/*/*/actions/permissions",
    "POST */git-receive-pack",
    "PATCH /repos/*/*",
    "PUT /repos/*/*/topics",
    "POST /repos/*/*/labels",
    "POST /repos/*/*/milestones",
    "POST /repos/*/*/issues",
    "POST /repos/*/*/import/issues",
    "PATCH /repos/*/*/issues/*",
    "POST /repos/*/*/issues/*/comments",
    "POST /repos/*/*/issues/*/sub_issues",
    "POST /repos/*/*/issues/*/dependencies/blocked_by",
    "PUT /repos/*/*/issues/*/lock",
    "POST /repos/*/*/pulls",
    "POST /repos/*/*/pulls/*/reviews",
    "POST /repos/*/*/pulls/*/requested_reviewers",
    "POST /repos/*/*/releases",
    "POST /api/uploads/repos/*/*/releases/*/assets",
    "POST */graphql",
    CLAIM,
    *LFS,
]
# Without these there is nothing to go on with.
FOUNDATIONS = {*ENDPOINTS[:3], *LFS}
NUMBERED = {ENDPOINTS[7], ENDPOINTS[8], ENDPOINTS[14]}
# An issue names its milestone by a number that only the milestone's receipt tells.
HELD_BY_NUMBER = {*NUMBERED, "POST /repos/*/*/milestones"}
SEPARATE = {
    "PATCH /repos/*/*",
    "PUT /repos/*/*/topics",
    "POST /repos/*/*/labels",
    "POST /repos/*/*/milestones",
    "POST /repos/*/*/releases",
}


def everything() -> dict[str, Any]:
    """A project that makes an apply write to each endpoint."""
    found = merging(
        releases=[
            {"tag": "v1.0", "name": "One", "description": "Notes for #1", "evidences": [{}]},
            {"tag": "v1.1", "name": "Two", "description": "more", "author": "ben"},
        ],
        snippets=[{"title": "Plain", "author": "ben", "files": {"b": "b"}}],
        uploads=[{"secret": SECRET, "filename": "shot.png", "text": "a picture"}],
        wiki={"home.md": "Hello\n"},
    )
    found["issues"].append(
        issue(
            4,
            type="task",
            locked=True,
            assignees=["anna", "ben"],
            description=f"![x](/uploads/{SECRET}/shot.png)",
            links=[{"type": "is_blocked_by", "issue": 1}],
            notes=[note("added #1 as parent issue", system=True)],
        )
    )
    found["repository"]["tags"]["v1.1"] = "two"
    found["repository"]["commits"] = [*COMMITS, *([WITH_LFS] if HAS_LFS else [])]
    return found


class Trial:
    """One plan, carried out again and again from its beginning."""

    def __init__(self, lab: Lab, via: str) -> None:
        self.lab = lab
        # After a reset the branches that were deleted are there again; the plan holds what it was made from.
        self.config = lab.config(**FIELDS, issues_via=via, accept_source_changes=True)
        self.via = via
        self.wanted: Any = None
        self.sent: list[str] = []
        self.read: list[str] = []
        self.queries: list[int] = []

    async def begin(self) -> None:
        """Make the plan, and what it makes when nothing is refused."""
        hide_branches(self.lab)
        assert (await self.lab.run("PLAN_ONLY", self.config, users=PEOPLE))["status"] == "success"
        shutil.copytree(self.lab.work, self.lab.folder / f"planned-{self.via}")
        mark = self.lab.mark()
        result = await self.apply()
        assert result["status"] == "success", result
        self.sent, self.wanted = self.lab.writes(mark), await self.state()
        paths = {
            re.sub(r"/(?:\d+|[0-9a-f]{40})(?=/|$)", "/*", one.path)
            for one in self.lab.github(mark)
            if one.method == "GET"
        }
        self.read = sorted(path.removeprefix("/api/v3") for path in paths)
        asked = [one for one in self.lab.github(mark) if one.path.endswith("/graphql")]
        self.queries = [nth for nth, one in enumerate(asked, 1) if not is_writing(one)]

    async def again(self) -> None:
        """An empty target, and the plan."""
        await self.lab.faults()
        await self.lab.control("POST", "reset")
        shutil.rmtree(self.lab.work)
        shutil.copytree(self.lab.folder / f"planned-{self.via}", self.lab.work)

    async def apply(self) -> dict[str, Any]:
        """Carry it out, or go on with it."""
        return await self.lab.run("APPLY", self.config, users=PEOPLE)

    async def state(self) -> Any:
        """What GitHub holds, without what tells only in which order it was made."""
        return {name: _unordered(one) for name, one in (await self.lab.settled(dated=False)).items()}

    def of(self, endpoint: str, sent: list[str]) -> list[str]:
        """Those of the writes that go to the endpoint."""
        method, _, path = endpoint.partition(" ")
        return [one for one in sent if re.fullmatch(f"{method} {_pattern(path)}", one)]


def _unordered(value: Any) -> Any:
    if isinstance(value, list):
        listed = [_unordered(one) for one in value]
        names = {"tag_name", "title", "color"} if all(isinstance(one, dict) for one in value) else set()
        key = next((name for name in names if listed and all(name in one for one in listed)), None)
        is_numbered = bool(listed) and key == "title" and "comments" in listed[0]
        by = "name" if key == "color" else str(key)
        return listed if key is None or is_numbered else sorted(listed, key=lambda one: str(one[by]))
    if not isinstance(value, dict):
        return value
    is_milestone = "due_on" in value
    return {
        name: _unordered(one)
        for name, one in value.items()
        if name != "pull_request_review_id" and not (is_milestone and name == "number")
    }


def _pattern(path: str) -> str:
    rest = re.escape(path).replace(r"\*", "[^/]+")
    return rest.replace("[^/]+", ".*", 1) if path.startswith("*") else f"(?:/api/v3)?{rest}"


async def _refused(trial: Trial, endpoint: str, refusal: str) -> None:
    """Refuse the first request to the endpoint always, or once where it had its effect: what must hold."""
    lab = trial.lab
    method, _, path = endpoint.partition(" ")
    await trial.again()
    fault = {**REFUSALS, **OF_GRAPHQL}[refusal]
    await lab.faults({"method": method, "path": path, **fault, "nth": [1, 2, 3] if refusal == "500" else 1})
    mark = lab.mark()
    first = await trial.apply()
    sent = lab.writes(mark)
    if first["status"] == "success":
        found = differing(await trial.state(), trial.wanted)
        if endpoint.endswith("/reviews"):
            # Refused as a whole, its entries come in parts.
            found = [one for one in found if "/reviews" not in one]
        said = [one.message for one in lab.events if isinstance(one, Noticed) and one.level == "warning"]
        assert not found or any("refused" in one for one in said), (found, said)
        return
    error = first["error"]
    assert error["item"], error
    assert error["hint"], error
    assert error["reason"] in {
        "target-refused",
        "not-found",
        "unclear-answer",
        "git-failed",
        "auth-failed",
        "capability-missing",
        "target-not-empty",
    }, error
    if error["reason"] == "capability-missing":
        assert refusal in {"404", "410"}, error
        again = await lab.run("FULL", trial.config, users=PEOPLE, resume_from="plan")
        assert again["status"] == "success", again
        return
    if endpoint not in FOUNDATIONS:
        for other in SEPARATE if endpoint in HELD_BY_NUMBER else {*SEPARATE, *NUMBERED}:
            if other != endpoint:
                assert len(trial.of(other, sent)) == len(trial.of(other, trial.sent)), (other, sent)
    await lab.faults()
    second = await trial.apply()
    assert second["status"] == "success", (first["error"], second.get("error"))
    assert differing(await trial.state(), trial.wanted) == []


@in_parts
@pytest.mark.parametrize("via", ["rest", "import"])
@pytest.mark.timeout(3 * 3600)
async def test_every_refusal_of_every_endpoint_has_its_outcome(
    open_lab: Any, subtests: Any, via: str, part: int
) -> None:
    """Refused, a request costs its own item at most; the error names it; a second run without it heals.

    Nothing is there twice afterwards, and nothing is missing. A refusal that is no failure is told.
    """
    lab: Lab = await open_lab(everything())
    trial = Trial(lab, via)
    await trial.begin()
    used = [one for one in ENDPOINTS if trial.of(one, trial.sent)]
    unknown = set(trial.sent) - {line for one in ENDPOINTS for line in trial.of(one, trial.sent)}
    assert unknown == set()
    assert set(ENDPOINTS) - set(used) == {ENDPOINTS[8 if via == "rest" else 7]}
    pairs = list(itertools.product(used, REFUSALS))
    pairs += [(one, refusal) for one in used if one.endswith("/graphql") for refusal in OF_GRAPHQL]
    if via == "import":
        pairs = [pair for pair in pairs if pair[0] == ENDPOINTS[8]]
    if not FULL:
        pairs = dice("refusals").sample(pairs, 12 if via == "rest" else 4)
    for endpoint, refusal in pairs[part::PARTS]:
        with subtests.test(f"{endpoint} {refusal}"):
            await _refused(trial, endpoint, refusal)


READS = ("403", "404", "410", "500", "409", "200 of another shape")


@in_parts
@pytest.mark.parametrize("via", ["rest", "import"])
@pytest.mark.timeout(3 * 3600)
async def test_every_refusal_of_every_look_has_its_outcome(
    open_lab: Any, subtests: Any, via: str, part: int
) -> None:
    """A look that is refused fails the project at most, with a remedy; the next run makes all of it right.

    What a refused look hides is never made a second time.
    """
    lab: Lab = await open_lab(everything())
    trial = Trial(lab, via)
    await trial.begin()
    assert len(trial.read) >= 10, trial.read
    pairs = list(itertools.product([f"GET {path}" for path in trial.read], READS))
    if not FULL:
        pairs = dice("looks").sample(pairs, 6)
    # Verify asks GraphQL for the reviews, between the mutations of the apply and those of the close.
    pairs += itertools.product(
        ["POST */graphql"], [*READS, *OF_GRAPHQL] if FULL else ["403", "200 FORBIDDEN"]
    )
    asked = trial.queries[0]
    for look, refusal in pairs[part::PARTS]:
        with subtests.test(f"{look} {refusal}"):
            await trial.again()
            method, _, path = look.partition(" ")
            tries = 3 if refusal == "500" else 1
            which = {} if method == "GET" else {"nth": list(range(asked, asked + tries))}
            await lab.faults({"method": method, "path": path, **{**REFUSALS, **OF_GRAPHQL}[refusal], **which})
            first = await trial.apply()
            if first["status"] != "success":
                assert first["error"]["hint"], first["error"]
                await lab.faults()
                second = await trial.apply()
                assert second["status"] == "success", (first["error"], second.get("error"))
            assert differing(await trial.state(), trial.wanted) == []
