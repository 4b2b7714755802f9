"""Batches over HTTP: started, watched, approved, cancelled, resumed, and never two on one project."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from lab import Lab, project
from served import START, VIEWER, Caller, audit_lines, server_config, serving

THREE = [project(path=f"acme/app-{number}", id=number) for number in (123, 456, 789)]


async def test_the_bodies_of_the_issue(open_lab: Any) -> None:
    """The very body of the specification gets the very answer of the specification."""
    lab = await open_lab(*THREE)
    async with serving(lab) as caller:
        body = {"project_ids": [123, 456, 789], "mode": "PLAN_ONLY", "parallel_limit": 5, "resume_from": None}
        answer = await caller.ask("POST", START, body)
        assert answer.status == 202
        batch_id = answer.json["batch_id"]
        assert answer.json == {
            "batch_id": batch_id,
            "total_projects": 3,
            "parallel_limit": 5,
            "status": "started",
            "message": "Batch migration started with 3 projects",
        }
        assert answer.headers["Location"] == f"/api/v1/batches/{batch_id}"
        batch = await caller.until(batch_id)
        assert (batch["status"], batch["successful"], batch["created_by"]) == ("success", 3, "olga")
        assert [one["project_id"] for one in batch["results"]] == [123, 456, 789]


async def test_the_result_is_a_batch_result(caller: Caller, project_root: Any) -> None:
    """What the service answers at the end is valid against the published schema of a batch's result."""
    batch = await caller.until(await caller.start(17))
    schema = json.loads((project_root / "docs/schemas/batch-result.v1.schema.json").read_text())
    jsonschema.validate(batch, schema)


async def test_an_empty_batch_succeeds(caller: Caller) -> None:
    """A batch without projects is a success with none."""
    batch = await caller.until(await caller.start())
    assert (batch["status"], batch["total_projects"], batch["results"]) == ("success", 0, [])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "project_ids"),
        ({"project_ids": None}, "project_ids"),
        ({"project_ids": "17"}, "project_ids"),
        ({"project_ids": ["17"]}, "project_ids[0]"),
        ({"project_ids": [1, True]}, "project_ids[1]"),
        ({"project_ids": [1, 2, 1]}, "project_ids[2]"),
        ({"project_ids": [0]}, "project_ids[0]"),
        ({"project_ids": [1.5]}, "project_ids[0]"),
        ({"project_ids": [2**53]}, "project_ids[0]"),
        ({"project_ids": [17], "mode": "PLAN"}, "mode"),
        ({"project_ids": [17], "mode": None}, "mode"),
        ({"project_ids": [17], "parallel_limit": 0}, "parallel_limit"),
        ({"project_ids": [17], "parallel_limit": 21}, "parallel_limit"),
        ({"project_ids": [17], "parallel_limit": "5"}, "parallel_limit"),
        ({"project_ids": [17], "resume_from": "nothing"}, "resume_from"),
        ({"project_ids": [17], "resume_from": "apply"}, "resume_from"),
        ({"project_ids": [17], "dry_run": True}, "dry_run"),
        ([], ""),
        (None, ""),
    ],
)
async def test_wrong_bodies_name_the_field(caller: Caller, body: Any, field: str) -> None:
    """A well-formed body that is wrong gets 422 as problem details that name the field."""
    data = json.dumps(body).encode()
    answer = await caller.ask("POST", START, data=data, headers={"Content-Type": "application/json"})
    assert answer.status == 422
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert field in [one["field"] for one in answer.json["errors"]]


async def test_idempotency_key(lab: Lab, caller: Caller) -> None:
    """The same key and body give the same batch again, also after a restart; with another body, 409."""
    key = {"Idempotency-Key": "a-key-of-mine"}
    first = await caller.ask("POST", START, {"project_ids": [17]}, headers=key)
    again = await caller.ask("POST", START, {"project_ids": [17], "mode": "PLAN_ONLY"}, headers=key)
    other = await caller.ask("POST", START, {"project_ids": [17], "parallel_limit": 3}, headers=key)
    assert (first.status, again.status, other.status) == (202, 202, 409)
    assert first.json == again.json
    assert again.headers["Idempotent-Replayed"] == "true"
    wrong = await caller.ask("POST", START, {"project_ids": [17]}, headers={"Idempotency-Key": "a key"})
    assert wrong.status == 422
    await caller.until(first.json["batch_id"])
    assert len((await caller.ask("GET", "/api/v1/batches")).json["batches"]) == 1


async def test_a_project_is_in_one_batch_at_a_time(caller: Caller) -> None:
    """A second batch with a project of one that has not ended gets 409 and the first one's id."""
    first = await caller.start(17)
    answer = await caller.ask("POST", START, {"project_ids": [5, 17]})
    assert answer.status == 409
    assert (answer.json["batch_id"], answer.json["project_ids"]) == (first, [17])
    await caller.until(first)
    await caller.until(await caller.start(17))


async def test_the_queue_is_bounded(open_lab: Any) -> None:
    """A batch beyond the queue gets 429 with a time to come back; those that wait run in their turn."""
    lab = await open_lab(*THREE)
    async with serving(lab, server_config(lab, running_batches=1, queued_batches=1)) as caller:
        first, second = await caller.start(123), await caller.start(456)
        third = await caller.ask("POST", START, {"project_ids": [789]})
        assert third.status == 429
        assert int(third.headers["Retry-After"]) > 0
        for batch_id in (first, second):
            assert (await caller.until(batch_id))["status"] == "success"


async def test_a_plan_is_approved_and_carried_out(lab: Lab, caller: Caller) -> None:
    """The digest of the plan that was read starts its APPLY, once; any other digest is refused."""
    planned = await caller.until(await caller.start(17))
    path = f"/api/v1/batches/{planned['batch_id']}/approve"
    wrong = await caller.ask("POST", path, {"plan_digest": "0" * 64})
    assert (wrong.status, wrong.json["plan_digest"]) == (409, planned["plan_digest"])
    assert not await lab.repositories()
    approved = await caller.ask("POST", path, {"plan_digest": planned["plan_digest"]})
    again = await caller.ask("POST", path, {"plan_digest": planned["plan_digest"]})
    assert (approved.status, again.status) == (202, 202)
    assert approved.json == again.json
    applied = await caller.until(approved.json["batch_id"])
    assert (applied["status"], applied["mode"], applied["plan_of"]) == (
        "success",
        "APPLY",
        planned["batch_id"],
    )
    assert list(await lab.repositories()) == ["acme/app"]
    assert (await caller.batch(planned["batch_id"]))["applied_by"] == applied["batch_id"]


async def test_a_plan_that_changed_is_not_carried_out(lab: Lab, caller: Caller) -> None:
    """What is applied is what was approved: a plan made anew since is refused, and nothing is written."""
    first = await caller.until(await caller.start(17))
    lab.sandbox.gitlab.projects[17].labels.clear()
    await caller.until(await caller.start(17, resume_from="discovery"))
    path = f"/api/v1/batches/{first['batch_id']}/approve"
    answer = await caller.ask("POST", path, {"plan_digest": first["plan_digest"]})
    applied = await caller.until(answer.json["batch_id"])
    assert (applied["status"], applied["error"]["reason"]) == ("failed", "plan-changed")
    assert not await lab.repositories()


async def test_cancel_and_resume(open_lab: Any) -> None:
    """A cancelled batch ends as resumable; resumed, it keeps its id and comes to the end of all projects."""
    lab = await open_lab(*THREE)
    await lab.faults()
    async with serving(lab, server_config(lab, running_batches=1)) as caller:
        first = await caller.start(123, 456, parallel_limit=1)
        waits = await caller.start(789)
        gone = await caller.ask("POST", f"/api/v1/batches/{waits}/cancel")
        assert (gone.status, gone.json["status"], gone.json["not_started"]) == (202, "partial_success", 1)
        stopped = await caller.ask("POST", f"/api/v1/batches/{first}/cancel")
        assert stopped.status == 202
        ended = await caller.until(first)
        assert (ended["stopped_by"], ended["successful"]) == ("cancel", 0)
        assert (await caller.ask("POST", f"/api/v1/batches/{first}/cancel")).status == 409
        for batch_id in (first, waits):
            assert (await caller.ask("POST", f"/api/v1/batches/{batch_id}/resume")).status == 202
            resumed = await caller.until(batch_id)
            assert (resumed["status"], resumed["stopped_by"]) == ("success", None)
        assert (await caller.ask("POST", f"/api/v1/batches/{first}/resume")).status == 409


async def test_lists_and_pages(caller: Caller) -> None:
    """Batches are listed newest first, in pages that follow each other without gaps."""
    ids = [await caller.start(number) for number in (1001, 1002, 1003)]
    page = (await caller.ask("GET", "/api/v1/batches?limit=2", token=VIEWER)).json
    rest = (await caller.ask("GET", f"/api/v1/batches?limit=2&before={page['next']}")).json
    assert [one["batch_id"] for one in page["batches"] + rest["batches"]] == ids[::-1]
    assert rest["next"] is None
    for wrong in ("limit=0", "limit=x", "before=0", "limit=201"):
        assert (await caller.ask("GET", f"/api/v1/batches?{wrong}")).status == 422
    for batch_id in ids:
        assert (await caller.until(batch_id))["results"][0]["error"]["reason"] == "not-found"


async def test_what_is_not_there(caller: Caller) -> None:
    """Unknown projects, batches, files and paths get 404; a wrong method 405 with the right ones."""
    nobody = "00000000-0000-4000-8000-000000000000"
    answer = await caller.ask("POST", "/api/v1/projects/none/batch-migrate", {"project_ids": [1]})
    assert answer.status == 404
    for path in (nobody, f"{nobody}/events", f"{nobody}/progress", f"{nobody}/artifacts", "no-uuid"):
        assert (await caller.ask("GET", f"/api/v1/batches/{path}")).status == 404
    assert (await caller.ask("GET", "/nothing")).status == 404
    answer = await caller.ask("DELETE", "/api/v1/batches")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET")


async def test_the_audit_log(lab: Lab, caller: Caller) -> None:
    """Each attempt to change something is in the log with its author, also the refused one."""
    batch_id = await caller.start(17)
    await caller.ask("POST", START, {"project_ids": [17]}, token=VIEWER)
    await caller.until(batch_id)
    first, second = audit_lines(lab.folder)
    assert (first["who"], first["action"], first["status"]) == ("olga", "start_batch", 202)
    assert (first["batch_id"], first["project_ids"], first["mode"]) == (batch_id, [17], "PLAN_ONLY")
    assert (second["who"], second["status"]) == ("victor", 403)


async def test_what_else_is_served(caller: Caller) -> None:
    """Projects, budgets, metrics, progress and artifacts say what happened, without a secret."""
    batch_id = await caller.start(17)
    await caller.until(batch_id)
    projects = await caller.ask("GET", "/api/v1/projects", token=VIEWER)
    assert projects.json["projects"][0]["project_id"] == "acme"
    budgets = (await caller.ask("GET", "/api/v1/budgets")).json["credentials"]
    assert {one["platform"] for one in budgets} == {"gitlab", "github"}
    assert all(one["requests"] > 0 for one in budgets)
    metrics = (await caller.ask("GET", "/metrics")).text
    assert 'gl2gh_batches{status="success"} 1' in metrics
    assert 'gl2gh_http_requests_total{method="POST",operation="start_batch",code="202"} 1' in metrics
    progress = (await caller.ask("GET", f"/api/v1/batches/{batch_id}/progress")).json
    assert progress["share"] == 1.0
    assert progress["projects"][0]["agents"]["plan"] == "done"
    listed = (await caller.ask("GET", f"/api/v1/batches/{batch_id}/artifacts")).json["artifacts"]
    for one in listed:
        answer = await caller.ask("GET", f"/api/v1/batches/{batch_id}/artifacts/{one['path']}")
        assert (answer.status, len(answer.text.encode())) == (200, one["bytes"])
    assert {one["path"].rpartition("/")[2] for one in listed} >= {
        "plan.json",
        "plan.ndjson",
        "batch-result.json",
    }
    health = await caller.ask("GET", "/healthz", token=None)
    assert health.json == {"status": "ok"}
