"""Designs of issues arrive byte for byte where GitLab gives them, and are listed where it does not."""

from __future__ import annotations

import base64
import json
import re
from typing import Any
from urllib.parse import unquote

import pytest
from lab import USERS, Lab, issue, note, project

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
HOSTILE = "a](http:evil) ![x @octocat.png"


def _design(filename: str, content: bytes = PICTURE, **more: Any) -> dict[str, Any]:
    return {"filename": filename, "base64": base64.b64encode(content).decode(), **more}


def _told(*designs: dict[str, Any], words: str = "added [1 design](/x)", **more: Any) -> dict[str, Any]:
    return {"notes": [note(words, system=True)], "designs": list(designs), **more}


def _seed(visibility: str, *issues: dict[str, Any]) -> dict[str, Any]:
    seed = project(labels=[], milestones=[], issues=list(issues), merge_requests=[])
    return {**seed, "project": {**seed["project"], "visibility": visibility}}


SEVERAL = (
    issue(1, **_told(_design("home (1).png"), _design(HOSTILE, b"other bytes", notes_count=3))),
    issue(2, **_told(_design("again.png"))),
    issue(3, notes=[note("no design here")]),
    issue(4, confidential=True, **_told(_design("secret.png", b"top secret"))),
    issue(5, notes=[note("added [1 design](/x)", system=True)]),
)


async def _files(lab: Lab) -> dict[str, bytes]:
    from gl2gh_batch.sandbox.github.repositories import git_of

    repository = lab.sandbox.github.repository("acme/app")
    assert repository is not None
    git = git_of(lab.sandbox.github, repository)
    tree = await git.tree_of("gl2gh-attachments")
    rows = [] if tree is None else await git.tree(tree, recursive=True)
    return {path: await git.blob(sha) for _, kind, sha, _, path in rows if kind == "blob"}


def _losses(lab: Lab) -> dict[str, str]:
    lines = (lab.folder_of() / "desired" / "losses.ndjson").read_text().splitlines()
    return {one["item"]: one["what"] + ": " + one["reason"] for one in map(json.loads, lines)}


def _queries(lab: Lab) -> int:
    return sum((one.side, one.path) == ("gitlab", "/api/graphql") for one in lab.sandbox.journal)


async def _migrated(lab: Lab, **fields: Any) -> dict[int, str]:
    result = await lab.run("FULL", lab.config(**fields), users=USERS)
    assert result["status"] == "success", json.dumps(result.get("error") or result)
    assert result["verification"]["total_differences"] == 0
    return {one["number"]: one["body"] for one in (await lab.repository())["issues"]}


async def test_designs_of_a_public_project_arrive(open_lab: Any) -> None:
    """Each picture is in the branch byte for byte, its issue links to it, and one request told of all."""
    lab = await open_lab(_seed("public", *SEVERAL))
    bodies = await _migrated(lab)
    files = await _files(lab)
    found = {
        number: re.findall(r"\]\(http\S+?/blob/gl2gh-attachments/([^?\s]+)\?raw=true\)", body)
        for number, body in bodies.items()
    }
    assert [len(found[number]) for number in (1, 2, 3, 5)] == [2, 1, 0, 0]
    assert files[unquote(found[1][0])] == files[unquote(found[2][0])] == PICTURE
    assert files[unquote(found[1][1])] == b"other bytes"
    assert b"top secret" not in files.values()
    assert "](http:evil)" not in bodies[1]
    assert "@octocat" not in bodies[1]
    assert _queries(lab) == 1
    losses = _losses(lab)
    commented = [what for item, what in losses.items() if item.startswith("issues/1/designs/")]
    assert len(commented) == 1
    assert commented[0].startswith("3 comments on its design")
    assert not any("design-" in item for item in losses)


async def test_designs_that_gitlab_shows_to_browsers_only_are_listed(open_lab: Any) -> None:
    """A private project's pictures take no token: each is a loss, and its issue links to it on GitLab."""
    lab = await open_lab(_seed("private", *SEVERAL))
    bodies = await _migrated(lab)
    assert "/acme/app/-/issues/1/designs/home%20%281%29.png)" in bodies[1]
    lost = [what for item, what in _losses(lab).items() if item.startswith("uploads/design-")]
    assert len(lost) == 3
    assert all("wants a person to sign in" in what for what in lost)


@pytest.mark.parametrize(
    "effect",
    [
        {"status": 404, "body": {}},
        {"status": 403, "body": {}},
        {"status": 200, "body": {"errors": [{"message": "no"}]}},
        {
            "status": 200,
            "body": {"data": {"project": {"i1": {"designCollection": {"designs": {"nodes": 5}}}}}},
        },
    ],
)
async def test_a_gitlab_that_does_not_tell_is_no_trouble(open_lab: Any, effect: Any) -> None:
    """Where GraphQL is refused, that there are designs is a loss, and everything else arrives."""
    lab = await open_lab(_seed("public", *SEVERAL))
    await lab.faults({"side": "gitlab", "method": "POST", "path": "/api/graphql", "effect": effect})
    bodies = await _migrated(lab)
    assert "Designs:" not in bodies[1]
    assert _losses(lab)["issues/1"].startswith("its designs: ")


async def test_many_issues_share_a_request(open_lab: Any) -> None:
    """Ten issues are asked about at once, no issue without designs, and one of many designs by the page."""
    many = [_design(f"{number}.png", b"%d" % number) for number in range(130)]
    issues = [issue(number, **_told(_design(f"{number}.png"))) for number in range(1, 25)]
    lab = await open_lab(_seed("public", *issues, issue(25, **_told(*many, words="added [9 designs](/x)"))))
    result = await lab.run("TRANSFORM_ONLY", users=USERS)
    assert result["status"] == "success", result
    lines = (lab.folder_of() / "snapshot" / "issues.ndjson").read_text().splitlines()
    counts = [len(json.loads(line)["designs"]) for line in lines]
    assert counts == [1] * 24 + [130]
    assert _queries(lab) == 4


@pytest.mark.parametrize("policy", ["release", "link"])
async def test_designs_go_where_attachments_go(open_lab: Any, policy: str) -> None:
    """They are assets of the release, or stay on GitLab, as the request says for all files."""
    lab = await open_lab(_seed("public", SEVERAL[0]))
    bodies = await _migrated(lab, attachments=policy)
    where = "/releases/download/gl2gh-attachments/" if policy == "release" else "/-/issues/1/designs/"
    assert bodies[1].count(where) == 2
