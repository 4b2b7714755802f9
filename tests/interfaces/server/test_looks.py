"""What the other doors look at and accept, the service looks at and accepts, too."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from lab import Lab
from served import START, Caller, audit_lines, server_config, serving

LATER = "2030-01-01T00:00:00.000Z"


async def test_a_batch_that_could_not_succeed_is_not_begun(lab: Lab) -> None:
    """A token that cannot read the code fails the batch with every remedy; once mended, resume goes on."""
    lab.sandbox.gitlab.add_token("narrow", "anna", scopes=("read_api",))
    config = server_config(lab)
    project = config.projects["acme"]
    narrow = replace(project, config={**project.config, "gitlab_token": "narrow"})
    async with serving(lab, replace(config, projects={"acme": narrow})) as caller:
        mark = lab.mark()
        batch = await caller.until(await caller.start(17))
        assert (batch["status"], batch["error"]["reason"]) == ("failed", "checks-failed")
        assert "lacks read_repository" in batch["error"]["message"]
        assert "Make a token with read_api and read_repository" in batch["error"]["hint"]
        assert (batch["not_started"], batch["failed"]) == (1, 0)
        assert not [one for one in list(lab.sandbox.journal)[mark:] if "/projects/" in one.path]
    async with serving(lab, config) as caller:
        answer = await caller.ask("POST", f"/api/v1/batches/{batch['batch_id']}/resume")
        assert answer.status == 202
        assert (await caller.until(batch["batch_id"]))["status"] == "success"


@pytest.mark.lfs
async def test_what_is_doubtful_is_an_event_of_no_project(lab: Lab) -> None:
    """A warning of the looks is told to who listens, and the batch goes on."""
    lab.sandbox.gitlab.add_token(
        "ending", "anna", scopes=("read_api", "read_repository")
    ).expires_at = "2026-01-01"
    config = server_config(lab)
    project = config.projects["acme"]
    ending = replace(project, config={**project.config, "gitlab_token": "ending"})
    async with serving(lab, replace(config, projects={"acme": ending})) as caller:
        batch_id = await caller.start(17)
        assert (await caller.until(batch_id))["status"] == "success"
        told = [
            one for one in await caller.events(batch_id) if one["type"] == "noticed" and not one["project"]
        ]
        assert ["it ends on 2026-01-01" in one["message"] for one in told] == [True]


async def _planned(caller: Caller, lab: Lab) -> tuple[str, str]:
    plan = await caller.until(await caller.start(17))
    assert plan["status"] == "success"
    lab.sandbox.gitlab.projects[17].issues[1].updated_at = LATER
    return plan["batch_id"], plan["plan_digest"]


async def test_a_changed_source_can_be_accepted_when_it_is_resumed(lab: Lab, caller: Caller) -> None:
    """An approval whose source changed since is refused; resumed with the word for it, it is carried out."""
    batch_id, digest = await _planned(caller, lab)
    answer = await caller.ask("POST", f"/api/v1/batches/{batch_id}/approve", {"plan_digest": digest})
    applied = await caller.until(answer.json["batch_id"])
    assert applied["results"][0]["error"]["reason"] == "source-changed"
    said = {"accept_source_changes": True}
    answer = await caller.ask("POST", f"/api/v1/batches/{applied['batch_id']}/resume", said)
    assert answer.status == 202, answer.text
    assert (await caller.until(applied["batch_id"]))["status"] == "success"
    audit = [one for one in audit_lines(lab.folder) if said.items() <= one.items()]
    assert len(audit) == 1, audit_lines(lab.folder)
    answer = await caller.ask("POST", f"/api/v1/batches/{batch_id}/resume", said)
    assert answer.status == 409, "a plan is not applied"


@pytest.mark.parametrize("by", ["approve", "start"])
async def test_a_changed_source_can_be_accepted_at_once(lab: Lab, caller: Caller, by: str) -> None:
    """With the word for it the plan goes as it was reviewed."""
    batch_id, digest = await _planned(caller, lab)
    said: dict[str, Any] = {"accept_source_changes": True}
    if by == "approve":
        path = f"/api/v1/batches/{batch_id}/approve"
        answer = await caller.ask("POST", path, {"plan_digest": digest, **said})
        applied = answer.json["batch_id"]
    else:
        applied = await caller.start(17, mode="APPLY", **said)
    assert (await caller.until(applied))["status"] == "success"
    assert len((await lab.repository())["issues"]) == 3


@pytest.mark.parametrize(
    "body",
    [
        {"project_ids": [17], "accept_source_changes": True},
        {"project_ids": [17], "mode": "FULL", "accept_source_changes": False},
        {"project_ids": [17], "mode": "APPLY", "accept_source_changes": "true"},
        {"project_ids": [17], "mode": "APPLY", "accept_source_changes": None},
    ],
)
async def test_who_applies_nothing_accepts_nothing(caller: Caller, body: Any) -> None:
    """The word is a truth value, and has no sense but for a plan that was made before."""
    answer = await caller.ask("POST", START, body)
    assert answer.status == 422
    assert [one["field"] for one in answer.json["errors"]] == ["accept_source_changes"]


async def test_exports_in_the_place_of_gitlab(lab: Lab) -> None:
    """A migration project that goes on from exports needs no token for GitLab, and asks it nothing."""
    assert (await lab.run("EXPORT_ONLY"))["status"] == "success"
    config = server_config(lab)
    project = config.projects["acme"]
    given = {key: value for key, value in project.config.items() if key != "gitlab_token"}
    offline = replace(project, config=given, from_export=lab.work / "export")
    async with serving(lab, replace(config, projects={"acme": offline})) as caller:
        mark = lab.mark()
        batch = await caller.until(await caller.start(17, mode="FULL"))
        assert batch["status"] == "success", batch
        assert [one for one in list(lab.sandbox.journal)[mark:] if one.side == "gitlab"] == []
        other = await caller.until(await caller.start(18))
        assert (other["status"], other["error"]["reason"]) == ("failed", "config-invalid")
        assert "there is no export of project 18" in other["error"]["message"]
        answer = await caller.ask("POST", START, {"project_ids": [17], "mode": "DISCOVER_ONLY"})
        assert (answer.status, answer.json["type"].rpartition(":")[2].rpartition("/")[2]) == (
            409,
            "reads-exports",
        )
    assert len((await lab.repository())["issues"]) == 3
