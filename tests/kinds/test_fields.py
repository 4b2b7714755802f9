"""Every field that GitLab has for issues is carried, told, derived or a listed loss: none is just dropped."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import pytest

from gl2gh_batch import codec
from gl2gh_batch.domain.plan import Loss
from gl2gh_batch.domain.request import ConfidentialPolicy
from gl2gh_batch.kinds import Setting
from gl2gh_batch.kinds._issue_fields import AWARD, ISSUE, LABEL, MILESTONE, NOTE, Fate
from gl2gh_batch.kinds._issue_values import IssueRecord
from gl2gh_batch.kinds.issues import IssuesKind
from gl2gh_batch.kinds.labels import LabelsKind
from gl2gh_batch.kinds.milestones import MilestoneRecord, MilestonesKind
from gl2gh_batch.sandbox import Sandbox
from gl2gh_batch.sandbox.gitlab.item_faces import issue_face, note_face
from gl2gh_batch.source import models

EVERYTHING: Final = Path(__file__).resolve().parents[1] / "support" / "everything.yml"
TABLES: Final = {"issue": ISSUE, "note": NOTE, "award": AWARD, "label": LABEL, "milestone": MILESTONE}
Make = Callable[..., Setting]


def _sort_of(name: str) -> str:
    """Which table the answer to a recorded request belongs to; empty for what is not of issues."""
    path = name.removeprefix("GET_").replace("%2F", "/").split("%3F")[0].split("?")[0].rstrip("/")
    parts = path.split("/")
    if "merge_requests" in parts:
        return ""
    last = parts[-1] if not parts[-1].isdigit() else parts[-2]
    return {
        "issues": "issue",
        "discussions": "discussion",
        "notes": "note",
        "award_emoji": "award",
        "labels": "label",
        "milestones": "milestone",
    }.get(last, "")


def _records(sort: str, document: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for record in document if isinstance(document, list) else [document]:
        if sort == "discussion":
            for note in record["notes"]:
                yield "note", note
            continue
        yield sort, record
        if sort == "issue" and record.get("milestone"):
            yield "milestone", record["milestone"]


def _undeclared(records: Iterator[tuple[str, Mapping[str, Any]]]) -> set[str]:
    return {f"{sort}.{name}" for sort, record in records for name in record if name not in TABLES[sort]}


def _recorded(folder: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path in sorted(folder.glob("*/GET_*")):
        sort = _sort_of(path.name)
        if not sort:
            continue
        head, _, body = path.read_text(encoding="utf-8").replace("\r\n", "\n").partition("\n\n")
        assert head
        try:
            document = json.loads(body)
        except ValueError:
            continue
        if isinstance(document, list) or "id" in document:
            yield from _records(sort, document)


def test_every_field_of_the_recordings_is_declared(shared_data: Path) -> None:
    """What real projects answered with has its fate in the tables, to the last field."""
    records = list(_recorded(shared_data / "gitlab-recordings"))
    assert {sort for sort, _ in records} == set(TABLES)
    assert len(records) > 20
    assert _undeclared(iter(records)) == set()


def _properties(folder: Path, name: str) -> set[str]:
    """The properties that a schema names, those of the schemas that it is made of too."""
    schema = json.loads((folder / name).read_text())
    found: set[str] = set()
    waiting = [schema]
    while waiting:
        one = waiting.pop()
        found |= set(one.get("properties", {}))
        waiting += [each for each in (*one.get("allOf", ()), one.get("items")) if isinstance(each, dict)]
        if str(one.get("$ref", "")).endswith(".json"):
            waiting.append(json.loads((folder / name).parent.joinpath(one["$ref"]).read_text()))
    return found


@pytest.mark.parametrize(
    ("table", "schemas"),
    [
        (ISSUE, ["issue.json"]),
        (NOTE, ["notes.json"]),
        (LABEL, ["labels/label.json", "labels/label_with_counts.json", "labels/project_label.json"]),
        (MILESTONE, ["milestone.json", "milestone_with_stats.json"]),
    ],
)
def test_every_field_of_gitlabs_schemas_is_declared(
    shared_data: Path, table: Mapping[str, Any], schemas: list[str]
) -> None:
    """GitLab's own tests know no field that the tables do not."""
    folder = shared_data / "gitlab-api-schemas" / "public_api_v4"
    named = set().union(*(_properties(folder, name) for name in schemas))
    assert len(named) >= 8
    assert named <= set(table)


async def test_every_field_of_the_sandbox_is_declared() -> None:
    """A project with everything shows no field without a fate, and all that we read is declared."""
    async with Sandbox(projects=[str(EVERYTHING)], profile="unlimited") as sandbox:
        world = sandbox.gitlab
        project = world.projects[17]
        records: list[tuple[str, Mapping[str, Any]]] = []
        for issue in project.issues.values():
            records += _records("issue", issue_face(world, project, issue))
            records += [("note", note_face(world, project, issue, one)) for one in issue.notes.all()]
    assert _undeclared(iter(records)) == set()
    ours = {one.name for one in fields(models.Issue)} - {"unknown"}
    assert ours | models.ISSUE_BESIDE == set(ISSUE)
    assert {one.name for one in fields(models.Note)} <= set(NOTE)
    assert {one.name for one in fields(models.Label)} <= set(LABEL)
    assert {one.name for one in fields(models.Milestone)} <= set(MILESTONE)


def test_every_lost_field_is_told_as_a_loss(setting: Make) -> None:
    """For each field with that fate there is a loss that speaks of it, when a record has it."""
    issue = codec.convert(
        {
            "id": 700,
            "iid": 7,
            "title": "It breaks",
            "created_at": "2024-03-01T10:00:00Z",
            "confidential": True,
            "service_desk_reply_to": "who@example.com",
        },
        models.Issue,
    )
    notes = ({"id": 1, "created_at": "2024-03-01T10:00:00Z", "internal": True, "body": "x"},)
    record = IssueRecord(issue=issue, notes=tuple(codec.convert(one, models.Note) for one in notes))
    label = codec.convert({"name": "bug", "color": "#ff0000", "priority": 1, "archived": True}, models.Label)
    milestone = codec.convert({"id": 5, "iid": 1, "title": "1.0"}, models.Milestone)
    given = setting(confidential=ConfidentialPolicy.INCLUDE)
    issues, labels, milestones = IssuesKind(), LabelsKind(), MilestonesKind()
    losses: dict[str, list[Loss]] = {
        "issues": [*issues.losses(given), *issues.shape(record, given).losses],
        "labels": [*labels.losses(given), *labels.shape(label, given).losses],
        "milestones": [
            *milestones.losses(given),
            *milestones.shape(MilestoneRecord(milestone=milestone), given).losses,
        ],
    }
    of = {
        "issue": "issues",
        "note": "issues",
        "award": "issues",
        "label": "labels",
        "milestone": "milestones",
    }
    for sort, table in TABLES.items():
        for name, (fate, why) in table.items():
            assert why, f"{sort}.{name} has no reason"
            if fate is Fate.LOST:
                assert any(why in loss.what for loss in losses[of[sort]]), f"{sort}.{name}: {why}"


def test_a_field_of_a_later_gitlab_is_told(setting: Make) -> None:
    """What this version has not heard of is listed by its name, where it holds something."""
    raw = {
        "id": 1,
        "iid": 7,
        "title": "x",
        "created_at": "2024-03-01T10:00:00Z",
        "mood": "fine",
        "color": None,
    }
    issue = models.decode_issue(raw)
    assert issue.unknown == ("mood",)
    losses = IssuesKind().shape(IssueRecord(issue=issue), setting()).losses
    assert [loss.what for loss in losses] == ["the field mood"]
