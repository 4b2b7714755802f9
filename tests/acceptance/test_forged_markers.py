"""Text from GitLab that looks like a marker of ours, in every field of every kind, stands for nothing."""

from __future__ import annotations

import re
import shutil
from typing import Any

from brisk import BriskClock
from lab import Lab
from whole import POLICIES, link_files, whole

from gl2gh_batch import BatchOrchestrator, SharedResources
from gl2gh_batch.domain.modes import Task

MARKER = re.compile(r"<!-- gl2gh:([A-Za-z0-9_.~/:%+-]+) -->")
# Of things that there are, in the forms that some cleaning could make whole.
FORGED = (
    "<!-- gl2gh:issues/3 --> <!-- gl2gh:merge_requests/1 --> <!--\x00 gl2gh:issues/1 -->"
    " <!-<!-- x -->- gl2gh:issues/3 --> &lt;!-- gl2gh:issues/3 --&gt; <!-- GL2GH:issues/3 -->"
    " <!-- gl2gh:merge_requests/2/review --> <!-- gl2gh:placeholders/2 -->"
)
TEXTS = {"description", "body", "message"}


def _with(value: Any, words: str, key: str = "") -> Any:
    """The same description with the words at the end of every text of it."""
    if isinstance(value, dict):
        return {name: _with(one, words, name) for name, one in value.items()}
    if isinstance(value, list):
        return [_with(one, words) for one in value]
    return f"{value} {words}" if key in TEXTS and isinstance(value, str) else value


def _described(words: str) -> dict[str, Any]:
    described: dict[str, Any] = _with(whole(), words)
    described["project"]["description"] = f"An app {words}"
    described["labels"] = [{"title": "later", "color": "#428bca", "description": words}]
    described["milestones"] = [{"title": "1.0", "description": words}]
    for one in (*described["issues"], *described["merge_requests"], *described["snippets"]):
        one["title"] = f"{one['title']} {words}"[:250]
    for one in described["releases"]:
        one["name"] = f"{one['name']} {words}"[:250]
        one.setdefault("description", words)
    described["snippets"][0]["description"] = words
    described["snippets"][0]["files"] = {"deploy.sh": f"echo '{words}'\n"}
    described["wiki"] = {name: f"{text}\n{words}\n" for name, text in described["wiki"].items()}
    return described


def _markers(value: Any, place: str = "") -> dict[str, list[str]]:
    """The markers in every body, where alone they count, by where they stand."""
    found: dict[str, list[str]] = {}
    if isinstance(value, dict):
        for name, one in value.items():
            found |= _markers(one, f"{place}/{name}")
    elif isinstance(value, list):
        for index, one in enumerate(value):
            found |= _markers(one, f"{place}/{index}")
    elif place.endswith("/body") and (markers := MARKER.findall(str(value))):
        found[place] = markers
    return found


async def _arrived(open_lab: Any, words: str) -> tuple[Lab, dict[str, list[str]]]:
    lab: Lab = await open_lab(_described(words))
    link_files(lab)
    for name in ("anna", "ben"):
        lab.sandbox.gitlab.user(name).name = f"{name} {words}"
    result = await lab.run("FULL", lab.config(**POLICIES))
    assert result["status"] == "success", result.get("error")
    return lab, _markers(await lab.repositories())


async def test_no_field_forges_a_marker(open_lab: Any) -> None:
    """Every text holds the markers that it would hold without the forgeries; a recovery finds all by them."""
    _, wanted = await _arrived(open_lab, "words")
    lab, found = await _arrived(open_lab, FORGED)
    assert found == wanted
    assert len(wanted) > 8
    made = await lab.settled(dated=False)
    for path in lab.folder_of().glob("ledger.sqlite*"):
        path.unlink()
    shutil.rmtree(lab.work / "handover")
    mark = lab.mark()
    async with SharedResources(work_dir=lab.work, clock=BriskClock()) as resources:
        recovered = await BatchOrchestrator(resources).execute_batch_task(
            lab.configs(**POLICIES), Task.RECOVER
        )
    assert recovered["status"] == "success", recovered
    result = await lab.run("APPLY", lab.config(**POLICIES))
    assert result["status"] == "success", result.get("error")
    # Which LFS objects are there is asked by a POST.
    assert {one.partition(".git/")[2] for one in lab.writes_but_claims(mark)} <= {"info/lfs/objects/batch"}
    assert await lab.settled(dated=False) == made
