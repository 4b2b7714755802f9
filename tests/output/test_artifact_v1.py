"""Every result follows the published JSON Schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gl2gh_batch import codec
from gl2gh_batch.domain.errors import FailureReason
from gl2gh_batch.domain.modes import AgentName, MigrationMode
from gl2gh_batch.domain.result import (
    AgentResult,
    BatchStatus,
    Failure,
    ProjectResult,
    ProjectStatus,
    StoppedBy,
)
from gl2gh_batch.output.artifact_v1 import batch_artifact, project_artifact

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "docs" / "schemas" / "batch-result.v1.schema.json").read_text("utf-8")
)
VALIDATOR = jsonschema_rs.Draft202012Validator(SCHEMA, validate_formats=True)
MOMENT = "2024-01-01T00:00:00.123Z"

FAILURES = st.builds(
    Failure, reason=st.sampled_from(FailureReason), message=st.text(), hint=st.text(), retryable=st.booleans()
)
AGENTS = st.dictionaries(
    st.sampled_from(AgentName).map(str),
    st.builds(
        AgentResult,
        status=st.sampled_from(["done", "passed-over", "failed", "not-started"]),
        started_at=st.sampled_from([MOMENT, None]),
        summary=st.text(st.characters()),
        counts=st.dictionaries(st.text(), st.integers(0, 10)),
    ),
)
PROJECTS = st.builds(
    ProjectResult,
    project_id=st.integers(1) | st.text(min_size=1),
    status=st.sampled_from([one for one in ProjectStatus if one is not ProjectStatus.FAILED]),
    source=st.text(st.characters()),
    started_at=st.sampled_from([MOMENT, None]),
    agents=AGENTS,
    losses=st.integers(0),
) | st.builds(ProjectResult, project_id=st.integers(1), status=st.just(ProjectStatus.FAILED), error=FAILURES)


@given(st.lists(PROJECTS, max_size=4), st.sampled_from(MigrationMode), st.sampled_from([None, *StoppedBy]))
def test_every_result_is_valid(
    projects: list[ProjectResult], mode: MigrationMode, stopped_by: StoppedBy | None
) -> None:
    """Any results make a document that the schema accepts and JSON can hold, whose counts add up."""
    document = batch_artifact(
        [project_artifact(one, index) for index, one in enumerate(projects)],
        batch_id="0b6cf6f0-6b6c-4a63-9a4c-3a0d1c1f1f11",
        mode=mode,
        started_at=MOMENT,
        finished_at=MOMENT,
        parallel_limit=5,
        stopped_by=stopped_by,
    )
    VALIDATOR.validate(json.loads(codec.encode_pretty(document)))
    counts = [document[key] for key in ("successful", "failed", "incomplete", "not_started")]
    assert sum(counts) == document["total_projects"] == len(projects)
    assert [one["index"] for one in document["results"]] == list(range(len(projects)))
    assert all(("error" in one) == (one["status"] == "failed") for one in document["results"])


def test_the_results_of_the_other_tests_are_valid(friendly: dict[str, Any], hostile: dict[str, Any]) -> None:
    """What summary and annotations are tested with is what the batch makes."""
    VALIDATOR.validate(friendly)
    VALIDATOR.validate(hostile)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("status",), "done"),
        (("batch_id",), "x"),
        (("mode",), "DRY_RUN"),
        (("parallel_limit",), 21),
        (("successful",), -1),
        (("started_at",), "2024-01-01 00:00"),
        (("stopped_by",), "me"),
        (("results", 0, "status"), "ok"),
        (("results", 0, "agents"), {"cleanup": {"status": "done"}}),
        (("results", 0, "agents"), {"plan": {"status": "fine"}}),
        (("results", 1, "error", "reason"), "because"),
        (("results", 1, "error"), None),
        (("results", 0, "plan", "price"), {}),
    ],
)
def test_the_schema_refuses_what_is_wrong(
    friendly: dict[str, Any], path: tuple[str | int, ...], value: object
) -> None:
    """Each rule of the schema is one that a wrong document breaks."""
    place: Any = friendly
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    assert not VALIDATOR.is_valid(friendly)


@pytest.mark.parametrize("key", SCHEMA["required"])
def test_no_required_key_may_be_missing(friendly: dict[str, Any], key: str) -> None:
    """The keys of the library's face are all required."""
    del friendly[key]
    assert not VALIDATOR.is_valid(friendly)


def test_the_closed_sets_of_the_schema_are_those_of_the_program() -> None:
    """Statuses, modes, agents and reasons are the same in the schema and in the domain."""
    defs, top = SCHEMA["$defs"], SCHEMA["properties"]
    assert top["status"]["enum"] == [str(one) for one in BatchStatus]
    assert top["mode"]["enum"] == [str(one) for one in MigrationMode]
    assert top["stopped_by"]["enum"] == [*(str(one) for one in StoppedBy), None]
    assert defs["project"]["properties"]["status"]["enum"] == [str(one) for one in ProjectStatus]
    assert defs["project"]["properties"]["agents"]["propertyNames"]["enum"] == [str(one) for one in AgentName]
    assert defs["error"]["properties"]["reason"]["enum"] == [str(one) for one in FailureReason]
