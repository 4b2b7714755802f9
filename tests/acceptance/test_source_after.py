"""What a verified migration leaves on GitLab when asked to, and how it is taken back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from brisk import BriskClock
from lab import Lab, differing
from victim import apply_until_killed

from gl2gh_batch import BatchOrchestrator, SharedResources
from gl2gh_batch.domain.modes import Task

WRITING = {"PUT", "POST", "PATCH", "DELETE"}


def source(lab: Lab) -> Any:
    """The project as GitLab holds it."""
    return lab.sandbox.gitlab.projects[17]


def changes(lab: Lab, since: int = 0) -> list[str]:
    """The requests that change something on GitLab, since a mark of the journal."""
    return [
        f"{one.method} {one.path}"
        for one in list(lab.sandbox.journal)[since:]
        if one.side == "gitlab" and one.method in WRITING and "/api/v4/" in one.path
    ]


async def gitlab_faults(lab: Lab, *faults: dict[str, Any]) -> None:
    """Switch these faults of GitLab on, and all others off."""
    await lab.control("PUT", "faults", [{"side": "gitlab", **one} for one in faults])


async def undo(lab: Lab, **fields: Any) -> dict[str, Any]:
    """What `gl2gh-batch source --undo` does; the project's result."""
    async with SharedResources(work_dir=lab.work, clock=BriskClock()) as resources:
        result = await BatchOrchestrator(resources).execute_batch_task(
            [lab.config(**fields)], Task.UNDO_SOURCE
        )
    (only,) = result["results"]
    assert isinstance(only, dict)
    return only


async def test_nothing_is_the_default(lab: Lab) -> None:
    """Unless it is asked for, not one request changes anything on GitLab."""
    assert (await lab.run("FULL"))["status"] == "success"
    assert changes(lab) == []


@pytest.mark.parametrize("before", ["An app", "", None, "Two\n\nlines & <b>signs</b>", "x" * 2000])
async def test_a_note_and_back(lab: Lab, before: str | None) -> None:
    """The description begins with the new address, has the length that GitLab takes, and is restored."""
    source(lab).description = before
    result = await lab.run("FULL", lab.config(source_after="note"))
    assert result["status"] == "success", result
    assert result["source_after"] == {"note": "done"}
    described = source(lab).description
    assert described.startswith(f"Moved to {lab.sandbox.github_url}/acme/app on 20")
    assert len(described) <= 2000
    if before and len(before) < 1000:
        assert described.endswith(f"\n\n{before}")
    assert changes(lab) == ["PUT /api/v4/projects/17"]
    assert not source(lab).archived
    assert (await undo(lab))["status"] == "success"
    assert source(lab).description == before
    mark = lab.mark()
    assert (await undo(lab))["agents"]["apply"]["status"] == "passed-over"
    assert changes(lab, mark) == []


async def test_archived_and_back(lab: Lab) -> None:
    """First the note, which an archived project would not take, then the archiving; undone in the other
    order, and both once."""
    config = lab.config(source_after="archive")
    assert (await lab.run("FULL", config))["source_after"] == {"note": "done", "archive": "done"}
    assert changes(lab) == ["PUT /api/v4/projects/17", "POST /api/v4/projects/17/archive"]
    assert source(lab).archived
    mark = lab.mark()
    for mode in ("FULL", "APPLY"):
        assert (await lab.run(mode, config))["status"] == "success"
    assert changes(lab, mark) == []
    assert (await undo(lab))["status"] == "success"
    assert changes(lab, mark) == ["POST /api/v4/projects/17/unarchive", "PUT /api/v4/projects/17"]
    assert (source(lab).description, source(lab).archived) == ("An app", False)


async def test_a_later_run_does_not_carry_the_marks(lab: Lab) -> None:
    """What we left on GitLab is no change of the source: the repository stays as it was migrated."""
    config = lab.config(source_after="archive")
    await lab.run("FULL", config)
    before, mark = await lab.settled(), lab.mark()
    result = await lab.run("FULL", config, resume_from="discovery")
    assert result["status"] == "success", result
    assert differing(await lab.settled(), before) == []
    assert (lab.writes(mark), changes(lab, mark)) == ([], [])


async def test_what_was_archived_stays_so(lab: Lab) -> None:
    """An archived project takes no note, is told, and undo does not open it."""
    source(lab).archived = True
    result = await lab.run("FULL", lab.config(source_after="archive"))
    assert result["status"] == "success", result
    assert result["source_after"] == {"note": "skipped", "archive": "skipped"}
    await undo(lab)
    assert (changes(lab), source(lab).archived) == ([], True)


@pytest.mark.parametrize("mode", ["PLAN_ONLY", "FULL"])
async def test_only_what_is_complete_is_marked(lab: Lab, mode: str) -> None:
    """Neither a plan nor a migration with a difference changes GitLab; the plan says what will."""
    await lab.faults({"method": "GET", "path": "*/labels", "effect": {"status": 404, "body": {}}})
    result = await lab.run(mode, lab.config(source_after="archive"))
    assert result["status"] == ("success" if mode == "PLAN_ONLY" else "failed")
    assert changes(lab) == []
    (said,) = [one for one in result["findings"] if one["code"] == "source-after"]
    assert "archived" in said["message"]
    assert "--undo" in said["hint"]


async def test_a_token_that_only_reads_stops_before_the_first_write(lab: Lab) -> None:
    """The missing scope is said before anything is on GitHub."""
    lab.sandbox.gitlab.add_token("reader", "migrator", scopes=("read_api", "read_repository"))
    result = await lab.run("FULL", lab.config(source_after="note", gitlab_token="reader"))
    assert (result["status"], result["error"]["reason"]) == ("failed", "findings-block")
    assert "scope api" in result["error"]["hint"]
    assert await lab.repositories() == {}


async def test_a_role_too_low_is_told_and_can_be_mended(lab: Lab) -> None:
    """A refusal after the migration says that this is complete; with the right token the marks follow."""
    lab.sandbox.gitlab.add_token("dora", "ben")
    result = await lab.run("FULL", lab.config(source_after="archive", gitlab_token="dora"))
    assert (result["status"], result["certificate"]["verdict"]) == ("failed", "complete")
    assert "complete and verified" in result["error"]["message"]
    assert "Maintainer" in result["error"]["hint"]
    mark = lab.mark()
    again = await lab.run("APPLY", lab.config(source_after="archive"))
    assert again["status"] == "success", again
    assert lab.writes(mark) == []
    assert (await undo(lab))["status"] == "success"
    assert (source(lab).description, source(lab).archived) == ("An app", False)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("method", "path"), [("PUT", "/api/v4/projects/17"), ("POST", "*/archive")])
async def test_a_broken_off_mark_is_finished(lab: Lab, method: str, path: str, when: str) -> None:
    """Wherever a request is cut, with its effect or without, the next run ends in the same state, and undo
    restores the same."""
    config = lab.config(source_after="archive")
    await gitlab_faults(lab, {"method": method, "path": path, "when": when, "effect": {"drop": True}})
    broken = await lab.run("FULL", config)
    assert (broken["status"], broken["error"]["reason"]) == ("failed", "unreachable")
    await gitlab_faults(lab)
    mark = lab.mark()
    again = await lab.run("APPLY", config)
    assert again["source_after"] == {"note": "done", "archive": "done"}
    assert source(lab).description.count("Moved to") == 1
    assert f"{method} /api/v4/projects/17" not in changes(lab, mark) or when == "before"
    await undo(lab)
    assert (source(lab).description, source(lab).archived) == ("An app", False)


async def test_killed_at_every_request(lab: Lab) -> None:
    """Whichever request to GitLab a process is killed at, the end is the same, and undo restores it."""
    config = lab.config(source_after="archive")
    assert (await lab.run("PLAN_ONLY", config))["status"] == "success"
    killed = 0
    for turn in range(12):
        killed += await apply_until_killed(
            lab, 1 + turn % 3, before=turn % 2 == 0, configs=[config], side="gitlab"
        )
    assert killed >= 5
    assert (await lab.run("APPLY", config))["source_after"] == {"note": "done", "archive": "done"}
    assert (source(lab).description.count("Moved to"), source(lab).archived) == (1, True)
    await undo(lab)
    assert (source(lab).description, source(lab).archived) == ("An app", False)


@pytest.mark.parametrize(("method", "path"), [("POST", "*/unarchive"), ("PUT", "/api/v4/projects/17")])
async def test_a_broken_off_undo_is_finished(lab: Lab, method: str, path: str) -> None:
    """An undo that was cut goes on, and nothing is done twice."""
    await lab.run("FULL", lab.config(source_after="archive"))
    await gitlab_faults(lab, {"method": method, "path": path, "when": "after", "effect": {"drop": True}})
    assert (await undo(lab))["status"] == "failed"
    await gitlab_faults(lab)
    assert (await undo(lab))["status"] == "success"
    assert (source(lab).description, source(lab).archived) == ("An app", False)


async def test_what_others_wrote_since_is_kept(lab: Lab) -> None:
    """Undo takes the note out of a changed description, and leaves one without it alone."""
    await lab.run("FULL", lab.config(source_after="note"))
    source(lab).description += "\n\nMore by a person"
    await undo(lab)
    assert source(lab).description == "An app\n\nMore by a person"


async def test_a_rewritten_description_is_left_alone(lab: Lab) -> None:
    """Where there is no note any more there is nothing to take out, and it is told."""
    await lab.run("FULL", lab.config(source_after="note"))
    source(lab).description = "Rewritten"
    result = await undo(lab)
    assert (result["status"], source(lab).description) == ("success", "Rewritten")


async def test_the_handover_can_undo(lab: Lab) -> None:
    """What was before travels with the handover."""
    await lab.run("FULL", lab.config(source_after="archive"))
    lab.work = lab.work / "handover"
    assert (await undo(lab))["status"] == "success"
    assert (source(lab).description, source(lab).archived) == ("An app", False)


async def test_cleanup_waits_for_undo(lab: Lab) -> None:
    """No source is left that leads to a repository that was deleted."""
    await lab.run("FULL", lab.config(source_after="note"))

    async def cleanup() -> dict[str, Any]:
        async with SharedResources(work_dir=lab.work, clock=BriskClock()) as resources:
            configs = [lab.config(source_after="note")]
            result = await BatchOrchestrator(resources).execute_batch_task(configs, Task.CLEANUP)
        (only,) = result["results"]
        return dict(only)

    refused = await cleanup()
    assert (refused["status"], refused["error"]["reason"]) == ("failed", "findings-block")
    assert "source --undo" in refused["error"]["hint"]
    await undo(lab)
    assert (await cleanup())["status"] == "success"


async def test_undone_is_not_done_again_by_resuming(lab: Lab) -> None:
    """The same plan marks once; a new one is a new migration, and marks again."""
    config = lab.config(source_after="note")
    await lab.run("FULL", config)
    await undo(lab)
    mark = lab.mark()
    assert (await lab.run("APPLY", config))["source_after"] == {"note": "undone"}
    assert changes(lab, mark) == []
    lab.sandbox.gitlab.edit(17).add_label("new since")
    assert (await lab.run("FULL", config))["source_after"] == {"note": "done"}
    assert changes(lab, mark) == ["PUT /api/v4/projects/17"]


async def test_an_export_marks_nothing(lab: Lab) -> None:
    """Who asks nothing of GitLab cannot change it: the two together are refused."""
    result = await lab.run("PLAN_ONLY", lab.config(source_after="note", from_export="export"))
    assert (result["status"], result["error"]["reason"]) == ("failed", "config-invalid")


async def test_the_journal_is_whole_or_said_to_be_damaged(lab: Lab) -> None:
    """A damaged `source.json` is one error, and GitLab is left alone."""
    await lab.run("FULL", lab.config(source_after="note"))
    path = lab.folder_of() / "source.json"
    assert json.loads(path.read_text())["note"]["before"] == "An app"
    path.write_text(path.read_text()[:-20])
    mark = lab.mark()
    result = await undo(lab)
    assert (result["status"], result["error"]["reason"]) == ("failed", "work-dir-damaged")
    assert changes(lab, mark) == []
