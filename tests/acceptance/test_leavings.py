"""What a batch leaves: certificates that tell the truth, losses item by item, a handover that is enough."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema_rs
import lab as labs
import pytest
from brisk import BriskClock
from lab import Lab, differing, issue, project
from victim import apply_until_killed

from gl2gh_batch import BatchOrchestrator, SharedResources

ROOT = Path(__file__).resolve().parents[2]
NAME = "acme-app-17"


def _certificate(lab: Lab, work: Path | None = None) -> dict[str, Any]:
    """The certificate in the report, checked against its schema."""
    place = (work or lab.work) / "report" / "certificates"
    certificate: dict[str, Any] = json.loads((place / f"{NAME}.json").read_text())
    schema = json.loads((ROOT / "docs/schemas/certificate.v1.schema.json").read_text())
    jsonschema_rs.validator_for(schema).validate(certificate)
    assert certificate["digest"] in (place / f"{NAME}.md").read_text()
    return certificate


async def _verify(lab: Lab) -> dict[str, Any]:
    async with SharedResources(work_dir=lab.work, clock=BriskClock()) as resources:
        return await BatchOrchestrator(resources).execute_batch_verification([lab.config()])


async def test_a_success_is_certified(lab: Lab) -> None:
    """The certificate of a success is complete, counts every kind, and is the one that the result names."""
    result = await lab.run("FULL")
    certificate = _certificate(lab)
    assert certificate["verdict"] == "complete"
    assert result["certificate"] == {"verdict": "complete", "digest": certificate["digest"]}
    counts = {name: (one["expected"], one["differences"]) for name, one in certificate["kinds"].items()}
    assert {name: one for name, one in counts.items() if one[0]} == {
        "repository": (1, 0), "labels": (2, 0), "milestones": (2, 0), "issues": (4, 0),
    }  # fmt: skip
    assert not sum(differences for _, differences in counts.values())
    assert set(certificate["expected"]) == set(certificate["found"]) == set(certificate["kinds"])
    assert all(certificate["expected"].values())
    assert all(certificate["found"].values())
    assert certificate["plan_digest"] == result["plan"]["digest"]
    assert (lab.work / "report/summary.md").read_text().startswith("## ")


async def test_losses_are_listed_item_by_item(open_lab: Any) -> None:
    """The tables of losses name each loss of the plan once, and a formula is only text in them."""
    lab = await open_lab(project(issues=[issue(1, title="=1+1", confidential=True), issue(2)]))
    result = await lab.run("PLAN_ONLY")
    lines = [json.loads(line) for line in (lab.work / "report/losses.ndjson").read_text().splitlines()]
    with (lab.work / "report/losses.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(lines) == result["losses"] > 0
    assert [row["item"] for row in rows] == [line["item"] for line in lines]
    assert {line["source"] for line in lines} == {"acme/app"}
    assert not any(value.startswith(("=", "+", "-", "@")) for row in rows for value in row.values())
    page = (lab.work / "report/losses.md").read_text()
    assert f"{len(lines)} items" in page


async def test_a_difference_is_certified_as_one_and_a_later_verify_tells_anew(lab: Lab) -> None:
    """Damage makes the certificate `different` with its items; mended, `verify` alone makes it complete."""
    assert (await lab.run("FULL"))["status"] == "success"
    whole = (await lab.repository())["issues"][0]["title"]
    await lab.damage({"op": "replace", "path": "/issues/0/title", "value": "Other"})
    mark = lab.mark()
    assert (await _verify(lab))["status"] == "failed"
    certificate = _certificate(lab)
    assert certificate["verdict"] == "different"
    assert certificate["total_differences"] == len(certificate["differences"]) == 1
    page = (lab.work / "report" / "certificates" / f"{NAME}.md").read_text()
    assert "Not complete" in page
    assert "issues/1" in page
    await lab.damage({"op": "replace", "path": "/issues/0/title", "value": whole})
    assert (await _verify(lab))["status"] == "success"
    assert _certificate(lab)["verdict"] == "complete"
    assert lab.writes(mark) == []


async def test_what_was_not_verified_is_not_certified(lab: Lab) -> None:
    """A run that stops before verify has ended says so, whatever an earlier certificate said."""
    assert (await lab.run("FULL"))["status"] == "success"
    await lab.faults({"method": "GET", "path": "*/labels*", "effect": {"status": 404, "body": {}}})
    result = await lab.run("FULL", lab.config(visibility="public"), resume_from="plan")
    assert result["status"] == "failed"
    assert _certificate(lab)["verdict"] == "not-verified"


async def test_what_github_refused_is_certified(lab: Lab) -> None:
    """Actions that an organisation keeps off: the certificate is complete, and names what was refused."""
    policy = {"status": 403, "body": {"message": "Organisation | policy"}}
    await lab.faults({"path": "*/actions/permissions", "method": "PUT", "nth": 2, "effect": policy})
    assert (await lab.run("FULL"))["status"] == "success"
    certificate = _certificate(lab)
    assert certificate["verdict"] == "complete"
    assert list(certificate["refused"]) == ["repository/actions-on"]
    assert "Organisation | policy" in certificate["refused"]["repository/actions-on"]
    page = (lab.work / "report" / "certificates" / f"{NAME}.md").read_text()
    assert "Organisation" in page.partition("## Refused by GitHub")[2]


async def test_a_plan_is_applied_from_its_handover_alone(lab: Lab) -> None:
    """The folder `handover`, moved elsewhere, is all that APPLY needs; the target is the same."""
    assert (await lab.run("PLAN_ONLY"))["status"] == "success"
    elsewhere = lab.folder / "elsewhere"
    shutil.copytree(lab.work / "handover", elsewhere)
    assert not list(elsewhere.rglob("*.git"))
    result = await lab.run("APPLY")
    assert result["status"] == "success", result
    wanted = await lab.settled()
    await lab.control("POST", "reset")
    shutil.rmtree(lab.work)
    result = await lab.run("APPLY", work=elsewhere)
    assert result["status"] == "success", result
    assert differing(await lab.settled(), wanted) == []
    assert _certificate(lab, elsewhere)["verdict"] == "complete"


@pytest.mark.parametrize(
    ("method", "path", "nth"),
    [
        ("POST", "*/labels", 2),
        ("POST", "*/git-receive-pack", 1),
        ("POST", "*/import/issues", 3),
        ("GET", "*/labels", 1),
        ("PUT", "*/topics", 1),
    ],
)
async def test_an_apply_goes_on_from_its_handover(lab: Lab, method: str, path: str, nth: int) -> None:
    """Stopped anywhere, the handover goes on elsewhere: nothing is written twice and nothing is lost."""
    assert (await lab.run("FULL", users=labs.USERS))["status"] == "success"
    wanted = await lab.settled()
    await lab.control("POST", "reset")
    shutil.rmtree(lab.work)
    await lab.faults(
        {"method": method, "path": path, "nth": nth, "effect": {"status": 403, "body": {"message": "No"}}}
    )
    first = await lab.run("FULL", users=labs.USERS)
    assert first["status"] == "failed", first
    await lab.faults()
    elsewhere = lab.folder / "elsewhere"
    shutil.move(lab.work / "handover", elsewhere)
    shutil.rmtree(lab.work)
    receipts = (elsewhere / "projects" / NAME / "ledger.ndjson").read_text().splitlines()
    assert receipts
    mark = lab.mark()
    result = await lab.run("APPLY", work=elsewhere)
    assert result["status"] == "success", (first["error"], result["error"])
    assert differing(await lab.settled(), wanted) == []
    assert not any(one.endswith("/orgs/acme/repos") for one in lab.writes(mark))


async def test_a_killed_apply_leaves_no_stale_handover(lab: Lab) -> None:
    """What lags behind the target must not be gone on from: the handover of the plan is taken away."""
    assert (await lab.run("PLAN_ONLY"))["status"] == "success"
    assert (lab.work / "handover" / "projects" / NAME / "plan.json").is_file()
    assert await apply_until_killed(lab, 12, before=False)
    assert not (lab.work / "handover" / "projects" / NAME).exists()
    assert (await lab.run("APPLY"))["status"] == "success"
    assert (lab.work / "handover" / "projects" / NAME / "ledger.sqlite").is_file()
