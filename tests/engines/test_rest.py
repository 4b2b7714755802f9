"""The engine's promise: each step exactly once, whatever the answers are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gl2gh_batch.domain.errors import (
    NumberMismatchError,
    PlanRefusedError,
    TargetError,
    UnclearAnswerError,
)
from gl2gh_batch.domain.ledger import StepState
from gl2gh_batch.domain.plan import CREATE_STEP, Call, Lookup

REPOSITORY = "/repos/acme/app"
CREATE = Call(
    id=CREATE_STEP,
    kind="repository",
    method="POST",
    path="/orgs/acme/repos",
    body={"name": "app", "private": True},
    lookup=Lookup(path=REPOSITORY, field="full_name", value="acme/app"),
    keep=("id", "full_name"),
)
LABEL = Call(
    id="labels/x",
    kind="labels",
    method="POST",
    path=f"{REPOSITORY}/labels",
    body={"name": "x", "color": "ff0000"},
    lookup=Lookup(path=f"{REPOSITORY}/labels/x", field="name", value="x"),
    adopt_path=f"{REPOSITORY}/labels/x",
    keep=("id", "name"),
)
FACE = Call(
    id="repository/face", kind="repository", method="PATCH", path=REPOSITORY, body={"description": "d"}
)
ISSUE = Call(
    id="issues/1",
    kind="issues",
    method="POST",
    path=f"{REPOSITORY}/issues",
    body={"title": "One", "body": "<!-- marker -->"},
    lookup=Lookup(path=f"{REPOSITORY}/issues/1", field="body", value="<!-- marker -->", contains=True),
    expect_number=1,
    keep=("number", "node_id"),
)


async def test_a_step_is_performed_once(bench: Any) -> None:
    """The second time its receipt is enough."""
    assert await bench.engine.perform(CREATE)
    mark = bench.lab.mark()
    assert not await bench.engine.perform(CREATE)
    assert bench.lab.github(mark) == []
    receipt = bench.ledger.receipt(CREATE_STEP)
    assert receipt.state is StepState.DONE
    assert receipt.fields["full_name"] == "acme/app"


async def test_intent_is_on_disk_before_the_request(bench: Any) -> None:
    """A request that fails for good leaves its intent, and nothing done."""
    await bench.lab.faults({"path": "/orgs/*/repos", "effect": {"status": 403, "body": {"message": "no"}}})
    with pytest.raises(TargetError) as caught:
        await bench.engine.perform(CREATE)
    assert caught.value.item == CREATE_STEP
    assert bench.ledger.receipt(CREATE_STEP).state is StepState.INTENT


async def test_a_changed_step_that_may_be_repeated_is_sent_again(bench: Any) -> None:
    """A PATCH with another body than the receipt's is sent; a POST that created something is not."""
    for step in (CREATE, LABEL, FACE):
        await bench.engine.perform(step)
    assert await bench.engine.perform(replace(FACE, body={"description": "other"}))
    assert not await bench.engine.perform(replace(LABEL, body={"name": "x", "color": "00ff00"}))
    repository = await bench.lab.repository()
    assert repository["description"] == "other"
    assert [one["color"] for one in repository["labels"] if one["name"] == "x"] == ["ff0000"]


async def test_what_is_there_already_is_adopted(bench: Any) -> None:
    """GitHub's "already exists" brings it to what was wanted."""
    await bench.engine.perform(CREATE)
    await bench.lab.damage({"op": "add", "path": "/labels/-", "value": {"name": "X", "color": "000000"}})
    assert await bench.engine.perform(LABEL)
    repository = await bench.lab.repository()
    assert [one["color"] for one in repository["labels"] if one["name"].lower() == "x"] == ["ff0000"]


@pytest.mark.parametrize("step", [CREATE, LABEL, ISSUE], ids=lambda step: step.id)
async def test_a_step_begun_by_a_dead_run_is_looked_up(bench: Any, step: Call) -> None:
    """An intent without a receipt whose effect is there is not sent again; without the effect it is."""
    if step is not CREATE:
        await bench.engine.perform(CREATE)
    bench.ledger.intent(step.id, "a digest", "2026-01-01T00:00:00+00:00")
    mark = bench.lab.mark()
    assert await bench.engine.perform(step)
    assert len(bench.lab.writes(mark)) == 1
    bench.ledger._connection.execute("DELETE FROM receipts WHERE step = ?", (step.id,))
    bench.ledger.intent(step.id, "a digest", "2026-01-01T00:00:00+00:00")
    mark = bench.lab.mark()
    assert not await bench.engine.perform(step)
    assert bench.lab.writes(mark) == []
    assert bench.ledger.receipt(step.id).state is StepState.DONE


async def test_an_effect_that_never_comes_is_told(bench: Any) -> None:
    """After three tries without a clear answer or an effect the step is given up, resumable."""
    await bench.engine.perform(CREATE)
    await bench.lab.faults({"path": "*/labels", "method": "POST", "effect": {"status": 502}})
    mark = bench.lab.mark()
    with pytest.raises(UnclearAnswerError) as caught:
        await bench.engine.perform(LABEL)
    assert caught.value.retryable
    assert len(bench.lab.writes(mark)) == 3
    await bench.lab.faults()
    assert await bench.engine.perform(LABEL)


async def test_a_surprising_number_is_an_error(bench: Any) -> None:
    """An issue that got another number than planned stops everything."""
    await bench.engine.perform(CREATE)
    with pytest.raises(NumberMismatchError, match="number 1 instead of 5"):
        await bench.engine.perform(replace(ISSUE, expect_number=5))


async def test_an_optional_step_may_be_refused(bench: Any) -> None:
    """It is a warning, has a receipt of its own, and is not tried again."""
    await bench.engine.perform(CREATE)
    await bench.lab.faults({"path": REPOSITORY, "method": "PATCH", "effect": {"status": 403, "body": {}}})
    assert await bench.engine.perform(replace(FACE, optional=True))
    assert bench.ledger.receipt(FACE.id).state is StepState.REFUSED
    assert [one.level for one in bench.events] == ["warning"]
    mark = bench.lab.mark()
    assert not await bench.engine.perform(replace(FACE, optional=True))
    assert bench.lab.github(mark) == []


async def test_values_of_earlier_steps_are_put_in(bench: Any) -> None:
    """A reference becomes the receipt's value; text that looks like one stays text."""
    for step in (CREATE, LABEL):
        await bench.engine.perform(step)
    reference = {"$ref": "labels/x", "field": "name"}
    await bench.engine.perform(
        replace(ISSUE, body={**ISSUE.body, "labels": [reference], "title": str(reference)})
    )
    (issue,) = (await bench.lab.repository())["issues"]
    assert [one["name"] for one in issue["labels"]] == ["x"]
    assert issue["title"] == str(reference)
    with pytest.raises(PlanRefusedError, match="was not made"):
        await bench.engine.perform(
            replace(ISSUE, id="issues/2", body={"labels": [{"$ref": "labels/y", "field": "name"}]})
        )


async def test_deleting_what_is_gone_is_done(bench: Any) -> None:
    """A DELETE that finds nothing has reached its aim."""
    await bench.engine.perform(CREATE)
    gone = Call(id="labels/gone", kind="labels", method="DELETE", path=f"{REPOSITORY}/labels/gone")
    assert await bench.engine.perform(gone)
    assert bench.ledger.receipt(gone.id).state is StepState.DONE


async def test_opening_a_foreign_repository_is_refused(bench: Any) -> None:
    """Nobody's receipt makes a repository ours."""
    await bench.lab.control(
        "PATCH",
        "state",
        [
            {
                "op": "add",
                "path": "/repositories/acme~1app",
                "value": {"issues": [{"title": "A", "comments": []}]},
            }
        ],
    )
    with pytest.raises(TargetError, match="not what this migration made"):
        await bench.engine.open()
