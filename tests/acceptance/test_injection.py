"""Whatever text stands in any field of GitLab: no command of the runner, nothing broken, nobody called."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from github_scanner import Seen, rendered, scan, scan_title
from lab import Lab, issue, note, project
from payloads import PAYLOADS
from runner import Runner, Step, registered

BENIGN: Final = "word"
# Issue 1 is there: what names it may lead to it.
OWN: Final = {"#1"}
# Runs of the whole list are slow; every test run takes a share of it from all over the list.
SHARES: Final = [
    pytest.param(PAYLOADS[::10], id="a-tenth"),
    pytest.param(PAYLOADS, id="all", marks=pytest.mark.slow),
]
_UNCLEAN: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]"
)
_MARKER: Final = re.compile(r"<!-- gl2gh:([^ ]+) -->")
Put = Callable[[Any, Any, int, str], None]


def _extra(field: str, value: Callable[[str], Any]) -> Put:
    def put(world: Any, found: Any, iid: int, text: str) -> None:
        found.issues[iid].extra[field] = value(text)

    return put


def _attribute(field: str) -> Put:
    def put(world: Any, found: Any, iid: int, text: str) -> None:
        setattr(found.issues[iid], field, text)

    return put


def _name_of(role: str) -> Put:
    def put(world: Any, found: Any, iid: int, text: str) -> None:
        name = f"{role}{iid}"
        world.user(name).name = text
        item = found.issues[iid]
        match role:
            case "author":
                item.author = name
            case "assignee":
                item.assignees = [name]
            case "closer":
                item.closed_by = name
            case "noter":
                item.notes.own()[0].author = name
            case "rewarder":
                world.edit(found).edit_issue(iid, awards=[])

    return put


def _label(field: str) -> Put:
    def put(world: Any, found: Any, iid: int, text: str) -> None:
        title = f"label {iid}" if field != "title" else f"{text}{iid}"
        made = world.edit(found).add_label(title)
        setattr(made, field, title if field == "title" else text)
        found.issues[iid].labels = [*found.issues[iid].labels, title]

    return put


def _milestone(field: str) -> Put:
    def put(world: Any, found: Any, iid: int, text: str) -> None:
        title = f"{text}{iid}" if field == "title" else f"milestone {iid}"
        made = world.edit(found).add_milestone(title)
        if field != "title":
            setattr(made, field, text)
        found.issues[iid].milestone = title

    return put


def _note(**more: Any) -> Put:
    def put(world: Any, found: Any, iid: int, text: str) -> None:
        world.edit(found).add_note(iid, text, author="anna", **more)

    return put


# Fields whose text is Markdown: it may look as it likes, and still acts on nobody.
MARKDOWN: Final[Mapping[str, Put]] = {
    "issue description": _attribute("description"),
    "note": _note(),
    "internal note": _note(internal=True),
    "system note": _note(system=True),
    "milestone description": _milestone("description"),
}
# Fields whose text is words: they change nothing in the structure of what we write.
WORDS: Final[Mapping[str, Put]] = {
    "issue title": _attribute("title"),
    "author's name": _name_of("author"),
    "assignee's name": _name_of("assignee"),
    "closer's name": _name_of("closer"),
    "note author's name": _name_of("noter"),
    "label title": _label("title"),
    "label description": _label("description"),
    "milestone title": _milestone("title"),
    "health status": _attribute("health_status"),
    "issue type": _attribute("issue_type"),
    "severity": _attribute("severity"),
    "due date": _attribute("due_date"),
    "epic title": _extra("epic", lambda text: {"id": 1, "iid": 1, "title": text, "url": text, "group_id": 1}),
    "iteration title": _extra("iteration", lambda text: {"id": 1, "iid": 1, "title": text}),
    "iteration start": _extra("iteration", lambda text: {"id": 1, "iid": 1, "start_date": text}),
    "estimate in words": _extra("time_stats", lambda text: _times(text)),
    "web address": _extra("web_url", lambda text: text),
    "reference": _extra("references", lambda text: {"short": text, "relative": text, "full": text}),
    "author's address": _extra(
        "author", lambda text: {"id": 1, "username": "anna", "name": "Anna", "web_url": text}
    ),
    "author's username": _extra("author", lambda text: {"id": 2, "username": text, "name": "Anna"}),
}
# Fields of the project; each stands in a project of its own.
OF_PROJECT: Final = (
    "name",
    "description",
    "topics",
    "merge request title",
    "merge request description",
    "merge request note",
)


def _times(text: str) -> dict[str, Any]:
    return {
        "time_estimate": 3600,
        "total_time_spent": 60,
        "human_time_estimate": text,
        "human_total_time_spent": text,
    }


def test_there_are_two_hundred_payloads_and_thirty_fields() -> None:
    """The numbers that this is about."""
    assert len(PAYLOADS) == len(set(PAYLOADS)) == 200
    assert len(MARKDOWN) + len(WORDS) + len(OF_PROJECT) >= 30


def _clean_step(step: Step, tokens: set[str]) -> None:
    """What the runner sees: no command but ours, masks of secrets only, an unharmed terminal."""
    assert step.exit_code == 0, step.everything[-3000:]
    ours = {"add-mask", "error", "warning", "notice", "group", "endgroup"}
    assert {one.name for one in step.log.commands} <= ours
    groups = [one.data for one in step.log.commands if one.name == "group"]
    assert all(re.fullmatch(r"[A-Za-z0-9 _./()-]+", title) for title in groups), groups
    assert set(step.log.masks) <= {form for token in tokens for form in registered(token)}
    for name in ("error", "warning", "notice"):
        assert "injected" not in "".join(
            one.properties.get("title", "") for one in step.log.annotations(name)
        )
    for text in (step.stdout, step.stderr):
        assert not _UNCLEAN.search(text), _UNCLEAN.search(text)
    assert not _UNCLEAN.search(step.summary)


def _clean_reports(work: Path) -> None:
    """Tables are tables of harmless cells, pages act on nobody."""
    for path in (work / "report").rglob("*.csv"):
        rows = list(csv.reader(path.read_text("utf-8-sig").splitlines(), strict=True))
        assert len({len(row) for row in rows}) == 1, path
        assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    for path in (work / "report").rglob("*.md"):
        _acts_on_nobody(path.read_text())


def _acts_on_nobody(markdown: str) -> None:
    acts = _acts(scan(markdown))
    assert not acts, (acts, markdown[-2000:])


def _acts(seen: Seen) -> set[str]:
    """What GitHub would do about a text, but for links within the very repository."""
    return seen.mentions | seen.closing | seen.references | seen.backlinks


def _of_summary(step: Step) -> list[str]:
    """The headings and the heads of the tables of a summary, whose rows have all the cells of their heads."""
    tables = _tables(step.summary)
    assert all(len({row.count("|") for row in rows}) == 1 for rows in tables)
    lines = step.summary.splitlines()
    return [one for one in lines if one.startswith("#")] + [rows[0] for rows in tables]


async def _run(lab: Lab, folder: Path, **inputs: str) -> tuple[Step, Path]:
    runner = Runner(folder)
    sandbox = lab.sandbox
    step = await runner.run(
        {
            "project_ids": ",".join(str(one) for one in sorted(sandbox.gitlab.projects)),
            "gitlab_url": sandbox.gitlab_url,
            "gitlab_token": sandbox.gitlab_token,
            "github_url": sandbox.github_url,
            "github_token": sandbox.github_token,
            "target_owner": sandbox.owner,
            "mode": "FULL",
            "parallel_limit": "20",
            **inputs,
        }
    )
    _clean_step(step, {sandbox.gitlab_token, sandbox.github_token})
    work = runner.workspace / "gl2gh-work"
    _clean_reports(work)
    return step, work


def _described(payloads: tuple[str, ...]) -> dict[str, Any]:
    issues = [
        issue(iid, description="Text", notes=[note("Note", author="anna")])
        for iid in range(1, len(payloads) + 1)
    ]
    return project(issues=issues, labels=[], milestones=[], merge_requests=[], repository={})


@pytest.mark.parametrize("payloads", SHARES)
@pytest.mark.parametrize("fields", [MARKDOWN, WORDS], ids=["markdown", "words"])
async def test_fields_of_issues(
    open_lab: Any, tmp_path: Path, payloads: tuple[str, ...], fields: Mapping[str, Put]
) -> None:
    """An issue for each payload, which stands in every field of it at once; the first is a harmless one."""
    texts = (BENIGN, *payloads)
    lab = await open_lab(_described(texts))
    world = lab.sandbox.gitlab
    found = world.projects[17]
    for iid, text in enumerate(texts, start=1):
        for put in fields.values():
            put(world, found, iid, text)
    step, _ = await _run(lab, tmp_path / "job")
    benign = await open_lab(_described((BENIGN,)))
    calm, _ = await _run(benign, tmp_path / "calm")
    assert _of_summary(step) == _of_summary(calm)
    _acts_on_nobody(step.summary)
    repository = await lab.repository()
    issues = {one["number"]: one for one in repository["issues"]}
    assert sorted(issues) == list(range(1, len(texts) + 1))
    wanted = _outline(issues[1]["body"])
    faults = [
        (fault, texts[number - 1][:100])
        for number, one in issues.items()
        for fault in _faults(one, number, wanted if fields is WORDS else None)
    ]
    assert not faults
    for one in repository["milestones"]:
        assert not _acts(scan(one["description"] or "")) - OWN


MORE = "**More of this issue on GitLab**\n"


def _faults(one: Mapping[str, Any], number: int, outline: list[str] | None) -> Iterator[object]:
    """What is wrong with an issue and its comments as GitHub holds them."""
    yield from _acts(scan_title(one["title"])) - OWN
    bodies = [one["body"], *(comment["body"] for comment in one["comments"])]
    if _MARKER.findall(bodies[0]) != [f"issues/{number}"]:
        yield "marker", bodies[0]
    for body in bodies:
        yield from _acts(scan(body)) - OWN
        if len(_MARKER.findall(body)) != 1 or not _MARKER.search(body.splitlines()[-1]):
            yield "markers", body
        if not body.startswith(("> **", "**History on GitLab**\n", MORE)):
            yield "header", body
    # Very long words go on in a comment of their own.
    plain = [body for body in bodies if not body.startswith(MORE)]
    is_long = len(plain) < len(bodies)
    if outline is not None and (len(plain) != 2 or (not is_long and _outline(bodies[0]) != outline)):
        yield "structure", bodies[0]


def _outline(body: str) -> list[str]:
    """The blocks and elements of a page; how many words, links and line breaks they hold is nobody's harm."""
    return re.findall(r"</?(?!a\b|br\b)[a-z0-9]+", rendered(body))


def _tables(page: str) -> list[list[str]]:
    """The tables of a page, each as its lines."""
    found: list[list[str]] = []
    inside = False
    for line in page.splitlines():
        if line.startswith("|"):
            found = found if inside else [*found, []]
            found[-1].append(line)
        inside = line.startswith("|")
    return found


@pytest.mark.parametrize("payloads", SHARES)
async def test_fields_of_projects(open_lab: Any, tmp_path: Path, payloads: tuple[str, ...]) -> None:
    """A project for each payload, which stands in its name, description, topics and merge request."""
    merge_request = {
        "iid": 1,
        "title": "Change",
        "source_branch": "a",
        "target_branch": "main",
        "notes": [note("Note", author="anna")],
    }
    lab = await open_lab(
        *(
            project(
                f"acme/p{at}",
                at,
                issues=[],
                labels=[],
                milestones=[],
                merge_requests=[merge_request],
                repository={},
            )
            for at in range(1, len(payloads) + 1)
        )
    )
    for at, text in enumerate(payloads, start=1):
        found = lab.sandbox.gitlab.projects[at]
        found.name, found.description, found.topics = text, text, [text]
        item = found.merge_requests[1]
        item.title, item.description = text, text
        item.notes.own()[0].body = text
    step, work = await _run(lab, tmp_path / "job")
    tables = _tables(step.summary)
    assert tables
    # Each table is whole: its rows have the cells of its head, and every project has one of its own.
    assert all(len({row.count("|") for row in rows}) == 1 for rows in tables)
    assert len(tables[0]) == len(payloads) + 2
    _acts_on_nobody(step.summary)
    result = json.loads((work / "batch-result.json").read_bytes())
    assert [one["status"] for one in result["results"]] == ["success"] * len(payloads)
    for at in range(1, len(payloads) + 1):
        repository = await lab.repository(f"acme/p{at}")
        for one in repository["issues"]:
            for body in (one["body"], *(comment["body"] for comment in one["comments"])):
                assert not _acts(scan(body)) - OWN
                assert len(_MARKER.findall(body)) == 1
