"""`handover/`: what a later job, on any machine, needs to carry out the plan or to go on with it.

It is laid out like a work directory, and unpacked it is one: `--work-dir handover` applies from it. A ledger
that lags behind the target would let writes be made twice, so a project's handover is taken away before
its apply begins and made again from the ledger as it stands at the end; a run that is killed leaves none.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from gl2gh_batch.agents.plan import read_steps
from gl2gh_batch.batch.files import PLAN, STEPS
from gl2gh_batch.domain.ledger import StepState
from gl2gh_batch.domain.plan import Upload
from gl2gh_batch.kit.claim import CLAIM_FILE
from gl2gh_batch.kit.ledger import Ledger
from gl2gh_batch.kit.workdir import ProjectFolder, sync_folder, write_document

HANDOVER: Final = "handover"
SCHEMA: Final = "gl2gh-batch/handover"
VERSION: Final = 1
PROJECTS: Final = "projects"
FILES: Final = (
    "inventory.json",
    "plan.json",
    "plan.ndjson",
    "verify.json",
    "verify.ndjson",
    "source.json",
    CLAIM_FILE,
)
LEDGER_EXPORT: Final = "ledger.ndjson"


def place_of(root: Path, name: str) -> Path:
    """Where the handover of one project lies."""
    return root / HANDOVER / PROJECTS / name


def withdraw(root: Path, name: str) -> None:
    """Take a project's handover away: from now on its ledger is about to change."""
    place = place_of(root, name)
    if place.exists():
        # First the name, which is one step: half a handover must not be taken for one.
        gone = place.with_name(f".{place.name}.gone")
        shutil.rmtree(gone, ignore_errors=True)
        place.rename(gone)
        sync_folder(place.parent)
        shutil.rmtree(gone, ignore_errors=True)


def hand_over(root: Path, name: str, folder: ProjectFolder) -> dict[str, int] | None:
    """Make a project's handover, whole or not at all; None when there is no plan to hand over.

    Answers with how many steps are done, refused, and begun without a known end.
    """
    withdraw(root, name)
    if not folder.plan.is_file() or not folder.steps.is_file():
        return None
    place = place_of(root, name)
    fresh = place.with_name(f".{place.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for file in FILES:
        _copy(folder.path / file, fresh / file)
    if folder.desired.is_dir():
        (fresh / folder.desired.name).mkdir()
        for path in sorted(folder.desired.iterdir()):
            if path.is_file() and not path.name.startswith("."):
                _copy(path, fresh / folder.desired.name / path.name)
    for path in _files_of(folder):
        to = fresh / path.relative_to(folder.path)
        to.parent.mkdir(parents=True, exist_ok=True)
        _copy(path, to)
    counts = {state.value: 0 for state in StepState}
    if folder.ledger.exists():
        with Ledger(folder.ledger) as ledger:
            ledger.copy_to(fresh / folder.ledger.name)
            ledger.export_ndjson(fresh / LEDGER_EXPORT)
            counts = {state.value: ledger.count(state) for state in StepState}
    fresh.rename(place)
    sync_folder(place.parent)
    return counts


def _files_of(folder: ProjectFolder) -> Iterator[Path]:
    """What no other machine has: branches of our own making, and the files that are uploaded."""
    if folder.own_branches.is_file():
        yield folder.own_branches
    for step in read_steps(folder):
        if isinstance(step, Upload):
            yield folder.path / step.file


def seal(
    root: Path, result: Mapping[str, Any], folders: Mapping[int, str], *, map_file: str, rate_file: str
) -> None:
    """Put the batch's own files beside the projects', and say in `handover.json` what there is."""
    place = root / HANDOVER
    if not place.is_dir():
        return
    if not (root / STEPS).exists():  # else it is the plan of a single project, which is there already
        _copy(root / PLAN, place / PLAN)
    _copy(root / rate_file, place / rate_file)
    if (root / map_file).is_file():
        with (
            contextlib.closing(sqlite3.connect(root / map_file)) as there,
            contextlib.closing(sqlite3.connect(place / map_file)) as here,
        ):
            there.backup(here)
    head = {
        "batch_id": result["batch_id"],
        "made_at": result["finished_at"],
        "tool_version": result["tool_version"],
        "projects": list(_projects(place, result["results"], folders)),
    }
    write_document(place / "handover.json", SCHEMA, VERSION, head)


def _projects(
    place: Path, results: Iterable[Mapping[str, Any]], folders: Mapping[int, str]
) -> Iterable[dict[str, Any]]:
    for one in results:
        name = folders.get(one["index"], "")
        folder = place / PROJECTS / name
        if name and folder.is_dir():
            yield {
                "project_id": one["project_id"],
                "source": one.get("source", ""),
                "target": one.get("target", ""),
                "status": one["status"],
                "folder": f"{PROJECTS}/{name}",
                "files": sorted(
                    path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
                ),
            }


def _copy(path: Path, to: Path) -> None:
    """The same file under a second name where that is possible: ours are replaced, never changed."""
    if not path.is_file():
        return
    to.unlink(missing_ok=True)
    try:
        os.link(path, to)
    except OSError:
        shutil.copyfile(path, to)
