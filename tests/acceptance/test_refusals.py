"""APPLY carries out the plan that was reviewed, on the target that it was made for, and nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from lab import Lab, project

Edit = Callable[[Path], None]


def _lines(change: Callable[[list[str]], list[str]]) -> Edit:
    def edit(folder: Path) -> None:
        path = folder / "plan.ndjson"
        path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")

    return edit


def _head(**fields: Any) -> Edit:
    def edit(folder: Path) -> None:
        path = folder / "plan.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))

    return edit


def _file(name: str, change: Callable[[bytes], bytes] | None) -> Edit:
    def edit(folder: Path) -> None:
        path = folder / name
        if change is None:
            path.unlink()
        else:
            path.write_bytes(change(path.read_bytes()))

    return edit


EDITS: dict[str, tuple[Edit, str]] = {
    "step-changed": (
        _lines(lambda lines: [one.replace("An app", "Another") for one in lines]),
        "plan.ndjson",
    ),
    "step-dropped": (_lines(lambda lines: lines[:-1]), "plan.ndjson"),
    "steps-reordered": (_lines(lambda lines: [lines[1], lines[0], *lines[2:]]), "plan.ndjson"),
    "step-doubled": (_lines(lambda lines: [*lines, lines[-1]]), "plan.ndjson"),
    "steps-truncated": (_file("plan.ndjson", lambda data: data[: len(data) // 2]), "plan.ndjson"),
    "steps-lost": (_file("plan.ndjson", None), "plan.ndjson"),
    "head-edited": (_head(losses=0, serial=7), "plan.json"),
    "findings-removed": (_head(facts={"state": "ours"}), "plan.json"),
    "digest-edited": (_head(digest="0" * 64), "plan.json"),
    "head-truncated": (_file("plan.json", lambda data: data[: len(data) // 2]), "plan.json"),
    "head-emptied": (_file("plan.json", lambda _: b""), "plan.json"),
    "head-newer": (_head(version=999), "newer"),
    "records-edited": (
        _file("desired/issues.ndjson", lambda data: data.replace(b"Issue 1", b"Issue X")),
        "issues.ndjson",
    ),
    "records-lost": (_file("desired/labels.ndjson", None), "labels.ndjson"),
    "losses-lost": (_file("desired/losses.ndjson", None), "losses.ndjson"),
    "seal-lost": (_file("desired/manifest.json", None), "records"),
    "seal-damaged": (_file("desired/manifest.json", lambda data: data[:40]), "manifest.json"),
}


def _blocking(result: Mapping[str, Any]) -> list[str]:
    """The findings that stand in the way."""
    return [one["code"] for one in result["findings"] if one["severity"] == "blocking"]


async def test_apply_without_a_plan_is_refused(lab: Lab) -> None:
    """There is nothing to apply before a plan was made: the remedy names PLAN_ONLY."""
    result = await lab.run("APPLY")
    assert result["status"] == "failed"
    assert result["error"]["reason"] == "plan-missing"
    assert "PLAN_ONLY" in result["error"]["hint"]
    assert lab.writes() == []


@pytest.mark.parametrize("name", EDITS)
async def test_an_edited_plan_is_refused(lab: Lab, name: str) -> None:
    """Whatever was changed in a plan or in what it was made from, it is refused, named, and has a remedy."""
    edit, named = EDITS[name]
    assert (await lab.run("PLAN_ONLY"))["status"] == "success"
    edit(lab.folder_of())
    result = await lab.run("APPLY")
    assert result["status"] == "failed"
    assert result["error"]["reason"] == "plan-changed", result["error"]
    assert named in result["error"]["message"]
    assert result["error"]["hint"]
    assert lab.writes() == []


@pytest.mark.parametrize(
    "changed",
    [
        {"target": "acme/other"},
        {"target_owner": "anna"},
        {"naming": "full-path"},
        {"visibility": "public"},
        {"numbering": "compact"},
        {"kinds": {"issues": "skip"}},
    ],
    ids=str,
)
async def test_a_plan_for_another_request_is_refused(lab: Lab, changed: dict[str, Any]) -> None:
    """A plan is not carried out for a request that it was not made for; the changed one is named."""
    assert (await lab.run("PLAN_ONLY"))["status"] == "success"
    result = await lab.run("APPLY", lab.config(**changed))
    assert result["error"]["reason"] == "plan-changed", result
    assert any(
        word in result["error"]["message"] for word in ("acme/other", "anna/app", "acme-app", "request")
    )
    assert result["error"]["hint"]
    assert lab.writes() == []


async def test_a_superseded_plan_is_refused(lab: Lab) -> None:
    """Once a later plan was applied, an earlier one is refused by its number; nothing is written."""
    assert (await lab.run("PLAN_ONLY"))["status"] == "success"
    kept = lab.folder / "kept"
    shutil.copytree(lab.folder_of(), kept, ignore=shutil.ignore_patterns("ledger*", "git"))
    assert (await lab.run("FULL", resume_from="plan"))["status"] == "success"
    for name in ("plan.json", "plan.ndjson"):
        shutil.copy(kept / name, lab.folder_of() / name)
    mark = lab.mark()
    result = await lab.run("APPLY")
    assert result["error"]["reason"] == "plan-changed", result
    assert "number 1 of its lineage, and number 2 was applied" in result["error"]["message"]
    assert lab.writes(mark) == []


async def test_a_plan_of_another_lineage_is_refused(lab: Lab) -> None:
    """A plan made elsewhere for the same target is not applied with this ledger; a new one is."""
    assert (await lab.run("FULL"))["status"] == "success"
    elsewhere = lab.folder / "elsewhere"
    await lab.run("PLAN_ONLY", work=elsewhere)
    for path in (elsewhere / "projects" / "acme-app-17").iterdir():
        if path.name in {"plan.json", "plan.ndjson"}:
            shutil.copy(path, lab.folder_of() / path.name)
    shutil.copytree(
        elsewhere / "projects" / "acme-app-17" / "desired", lab.folder_of() / "desired", dirs_exist_ok=True
    )
    mark = lab.mark()
    result = await lab.run("APPLY")
    assert result["error"]["reason"] == "plan-changed", result
    assert "another lineage" in result["error"]["message"]
    (lab.folder_of() / "plan.json").unlink()
    assert (await lab.run("FULL"))["status"] == "success"
    assert [one for one in lab.writes(mark) if one.startswith("POST /api/")] == []


async def test_a_plan_survives_what_does_not_concern_it(lab: Lab) -> None:
    """A changed priority, or the target named in full, is the same request."""
    assert (await lab.run("PLAN_ONLY"))["status"] == "success"
    result = await lab.run("APPLY", lab.config(priority=5, target="acme/app", target_owner=""))
    assert result["status"] == "success", result


async def _occupy(lab: Lab, name: str = "acme/app", **fields: Any) -> None:
    path = f"/repositories/{name.replace('/', '~1')}"
    await lab.control("PATCH", "state", [{"op": "add", "path": path, "value": {"private": True, **fields}}])


FOREIGN = {"title": "Not ours", "body": "", "state": "open", "comments": []}


async def test_a_foreign_repository_blocks_the_plan(lab: Lab) -> None:
    """A target that holds something is a blocking finding of the plan, and APPLY of that plan is refused."""
    await _occupy(lab, issues=[FOREIGN])
    planned = await lab.run("PLAN_ONLY")
    assert planned["status"] == "failed"
    assert planned["error"]["reason"] == "findings-block"
    assert _blocking(planned) == ["target-not-empty"]
    assert "target" in planned["error"]["hint"]
    applied = await lab.run("APPLY")
    assert (applied["status"], applied["error"]["reason"]) == ("failed", "findings-block")
    assert lab.writes() == []


@pytest.mark.parametrize("content", [{"issues": [FOREIGN]}, {}], ids=["filled", "empty"])
async def test_a_repository_that_came_between_is_refused(lab: Lab, content: dict[str, Any]) -> None:
    """A repository that appeared after the plan was made is not written to, not even an empty one."""
    assert (await lab.run("PLAN_ONLY"))["status"] == "success"
    await _occupy(lab, **content)
    result = await lab.run("APPLY")
    assert result["error"]["reason"] == "target-not-empty"
    assert result["error"]["hint"]
    assert lab.writes() == []


async def test_an_adopted_repository_that_was_filled_meanwhile_is_refused(lab: Lab) -> None:
    """An empty repository that the plan counted on, and that holds something by now, is not written to."""
    await _occupy(lab)
    assert (await lab.run("PLAN_ONLY"))["status"] == "success"
    await lab.damage({"op": "add", "path": "/issues/-", "value": FOREIGN})
    result = await lab.run("APPLY")
    assert result["error"]["reason"] == "target-not-empty"
    assert lab.writes() == []


@pytest.mark.parametrize("private", [True, False])
async def test_an_empty_repository_is_adopted(lab: Lab, private: bool) -> None:
    """A target that exists and is empty is filled, and ends as one that we made; private until then."""
    own = [{"name": "LATER", "color": "000000"}, {"name": "bug", "color": "ffffff"}]
    home = {"homepage": "https://acme.example"}
    await _occupy(
        lab,
        private=private,
        has_wiki=True,
        description="Old",
        labels=own,
        milestones=[{"title": "1.0"}],
        **home,
    )
    result = await lab.run("FULL")
    assert result["status"] == "success", result
    again = await lab.run("FULL", resume_from="plan")  # by then it is ours, and its homepage is not
    assert again["status"] == "success", again
    assert (await lab.run("APPLY", resume_from="verify"))["status"] == "success"
    repository = await lab.repository()
    assert {"homepage": repository["homepage"]} == home
    assert repository["private"]
    assert repository["description"] == "An app"
    later = [one for one in repository["labels"] if one["name"].lower() == "later"]
    assert [one["color"] for one in later] == ["428bca"]
    assert sorted(one["title"] for one in repository["milestones"]) == ["0.9", "1.0"]


async def test_a_repository_that_appears_at_the_last_moment_is_not_taken(lab: Lab) -> None:
    """GitHub's answer that the name is taken is not enough to call a repository ours."""
    assert (await lab.run("PLAN_ONLY"))["status"] == "success"
    await _occupy(lab, issues=[FOREIGN])
    # Hidden from the look before the first write, as a repository is that somebody makes a moment later.
    missing = {"status": 404, "body": {"message": "Not Found"}}
    await lab.faults({"path": "/repos/acme/app", "method": "GET", "nth": 1, "effect": missing})
    result = await lab.run("APPLY")
    assert result["error"]["reason"] == "target-not-empty", result
    assert lab.writes() == ["POST /api/v3/orgs/acme/repos"]


async def test_another_users_account_is_no_target(lab: Lab) -> None:
    """Nobody can make a repository in another user's account: the plan says so before anything is written."""
    result = await lab.run("FULL", lab.config(target="anna/app"))
    assert result["error"]["reason"] == "findings-block"
    assert _blocking(result) == ["owner-is-another-user"]
    assert lab.writes() == []


async def test_our_own_account_is_a_target(lab: Lab) -> None:
    """The account that the token belongs to takes repositories as well as an organisation."""
    result = await lab.run("FULL", lab.config(target="acme-migrator/app"))
    assert result["status"] == "success", result
    assert set(await lab.repositories()) == {"acme-migrator/app"}


async def test_an_unknown_owner_blocks_the_plan(lab: Lab) -> None:
    """An owner that GitHub does not know is a blocking finding with a remedy."""
    result = await lab.run("PLAN_ONLY", lab.config(target="nobody-there/app"))
    assert _blocking(result) == ["owner-not-found"]
    assert result["error"]["hint"]


async def test_two_projects_for_one_target_block_each_other(open_lab: Any) -> None:
    """Two projects of a batch that would share a repository are both blocked, and nothing is written."""
    lab = await open_lab(project("acme/one/app", 1), project("acme/two/APP", 2))
    result = await lab.batch("FULL")
    assert [one["error"]["reason"] for one in result["results"]] == ["findings-block"] * 2
    assert [_blocking(one) for one in result["results"]] == [["target-collision"]] * 2
    assert lab.writes() == []


async def test_a_lost_repository_is_not_made_again(lab: Lab) -> None:
    """A repository that we made and that is gone is no reason to begin anew behind the user's back."""
    assert (await lab.run("PLAN_ONLY"))["status"] == "success"
    await lab.faults({"path": "*/import/issues", "method": "POST", "effect": {"status": 403, "body": {}}})
    assert (await lab.run("APPLY"))["status"] == "failed"
    await lab.faults()
    await lab.control("PATCH", "state", [{"op": "remove", "path": "/repositories/acme~1app"}])
    mark = lab.mark()
    result = await lab.run("APPLY")
    assert result["error"]["reason"] == "target-not-empty"
    assert "ledger" in result["error"]["hint"]
    assert lab.writes(mark) == []
