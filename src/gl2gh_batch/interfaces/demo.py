"""The demo: a whole migration inside the sandbox, with a plan to read and one project that cannot go."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import aiohttp

from gl2gh_batch.batch.files import PLAN, RESULT
from gl2gh_batch.batch.resources import REFERENCES
from gl2gh_batch.domain.errors import ConfigurationError, FailureReason
from gl2gh_batch.domain.modes import MigrationMode
from gl2gh_batch.domain.result import ProjectStatus
from gl2gh_batch.interfaces.running import Outcome, run_batch
from gl2gh_batch.interfaces.views import say, view_for
from gl2gh_batch.interfaces.wiring import Batch, wire
from gl2gh_batch.kit.redact import Redactor
from gl2gh_batch.sandbox import Sandbox
from gl2gh_batch.sandbox.github.state import Token
from gl2gh_batch.sandbox.seeds import SAMPLES, SeedError, parse_spec
from gl2gh_batch.sandbox.server import MEMBERS

# The sample whose target is somebody else's: it stands for what goes wrong on the day.
OCCUPIED: Final = "terraform"
# Who finds it in a folder may delete what stands beside it.
MARK: Final = "made-by-the-demo.txt"
# What a batch leaves in the root of its work directory, locks and files beside a database among it.
OURS: Final = (
    *(MARK, RESULT, PLAN, REFERENCES, "projects", "rate-limit", "report", "handover", "."),
    *("service.", "audit.", "work"),
)
_SEEDS: Final = "Give recordings, exports or descriptions, as PATH or PATH=ID:group/path."


def main(
    *,
    seeds: Sequence[str],
    work_dir: Path,
    profile: str,
    parallel_limit: str,
    redactor: Redactor,
) -> int:
    """Run the demo; 0 when the result is the one that it announced."""
    _check_seeds(seeds)
    clear_for_demo(work_dir)
    try:
        return asyncio.run(_demo(seeds, work_dir, profile, parallel_limit, redactor))
    except SeedError as error:
        raise ConfigurationError(str(error), field="--from", hint=_SEEDS) from error


async def _demo(
    seeds: Sequence[str], work_dir: Path, profile: str, parallel_limit: str, redactor: Redactor
) -> int:
    projects = [str(seed) for seed in (seeds or SAMPLES)]
    async with Sandbox(projects=projects, profile=profile) as sandbox:
        ids = [str(project.id) for project in sandbox.gitlab.projects.values()]
        occupied = not seeds
        if occupied:
            await occupy(sandbox)
        say(
            "A GitLab and a GitHub now run on this machine, with real git and GitHub's limits"
            f" (profile {profile}):",
            f"  GitLab  {sandbox.gitlab_url}   {len(ids)} projects",
            f"  GitHub  {sandbox.github_url}   organisation {sandbox.owner}",
            "",
            "1. The plan. Nothing is written to GitHub yet.",
        )
        batch = wire(
            {
                "project_ids": ",".join(ids),
                "mode": MigrationMode.PLAN_ONLY.value,
                "parallel_limit": parallel_limit,
                "gitlab_url": sandbox.gitlab_url,
                "gitlab_token": sandbox.gitlab_token,
                "github_url": sandbox.github_url,
                "github_api_url": sandbox.github_api_url,
                "github_token": sandbox.github_token,
                "target_owner": sandbox.owner,
                "work_dir": str(work_dir.resolve()),
            }
        )
        planned = await _run(batch, redactor)
        if planned.signal is not None:
            return planned.exit_code
        say("", "2. The plan is carried out, and every object is read back and compared.")
        applied = await _run(replace(batch, mode=MigrationMode.APPLY), redactor)
        if applied.signal is not None:
            return applied.exit_code
        result = applied.result
    as_announced = _as_announced(result, occupied=occupied)
    failures = ", ".join(
        str(one.get("source")) for one in result["results"] if one["status"] != ProjectStatus.SUCCESS
    )
    if occupied and as_announced:
        say(
            "",
            f"As announced: everything arrived but {failures}, whose target belongs to somebody else.",
            "One failure never stops the rest, and what to do about it stands beside it.",
        )
    elif not as_announced:
        say("", f"Not as announced: {failures} failed.")
    say(
        "",
        f"Where to look: {work_dir}/batch-result.json, and {work_dir}/projects/ with each project's plan,",
        "its steps (plan.ndjson), its losses (desired/losses.ndjson) and its verification (verify.json).",
    )
    return 0 if as_announced else 1


async def _run(batch: Batch, redactor: Redactor) -> Outcome:
    view = view_for(sys.stdout, redactor.redact)
    with view:
        outcome = await run_batch(batch, redactor, view.hear)
    view.conclude(outcome.result)
    return outcome


def _as_announced(result: Any, *, occupied: bool) -> bool:
    failed = [one for one in result["results"] if one["status"] != ProjectStatus.SUCCESS]
    if not occupied:
        return not failed
    return [str(one.get("target", "")).rpartition("/")[2] for one in failed] == [OCCUPIED] and all(
        (one.get("error") or {}).get("reason") == FailureReason.FINDINGS_BLOCK for one in failed
    )


async def occupy(sandbox: Sandbox) -> None:
    """Let somebody else have the repository that one sample would go to, at the cost of their own budget."""
    somebody = Token(secret=secrets.token_hex(20), login=MEMBERS[0])
    sandbox.github.add_token(somebody)
    headers = {"Authorization": f"Bearer {somebody.secret}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        repos = f"{sandbox.github_api_url}/orgs/{sandbox.owner}/repos"
        issues = f"{sandbox.github_api_url}/repos/{sandbox.owner}/{OCCUPIED}/issues"
        for url, body in (
            (repos, {"name": OCCUPIED, "private": True}),
            (issues, {"title": "Rotate the state bucket's key", "body": "Ours, not yours."}),
        ):
            async with session.post(url, json=body) as answer:
                answer.raise_for_status()


def _check_seeds(seeds: Sequence[str]) -> None:
    for seed in seeds:
        try:
            missing = not parse_spec(seed)[0].exists()
        except (SeedError, OSError, ValueError) as error:
            raise ConfigurationError(str(error), field="--from", hint=_SEEDS) from error
        if missing:
            raise ConfigurationError(f"{seed!r} does not exist", field="--from", hint=_SEEDS)


def clear_for_demo(work_dir: Path) -> None:
    """Begin anew, since the sandbox forgets; only what an earlier demo left may be deleted."""
    try:
        work_dir.mkdir(parents=True, exist_ok=True)
        found = list(work_dir.iterdir())
        foreign = [one.name for one in found if not one.name.startswith(OURS)]
        if found and (foreign or not (work_dir / MARK).is_file()):
            said = f", such as {min(foreign)}" if foreign else ""
            raise ConfigurationError(
                f"{work_dir} holds files that are not the demo's{said}",
                field="--work-dir",
                hint="Give an empty or new folder.",
            )
        for one in found:
            if one.name == MARK:
                continue
            if one.is_dir() and not one.is_symlink():
                shutil.rmtree(one)
            else:
                one.unlink()
        (work_dir / MARK).write_text("Made by gl2gh-batch demo, which deletes it when it is run again.\n")
    except (OSError, ValueError) as error:
        if isinstance(error, ConfigurationError):
            raise
        raise ConfigurationError(
            f"{str(work_dir)!r} cannot be used: {getattr(error, 'strerror', None) or 'it is no path'}",
            field="--work-dir",
            hint="Give an empty or new folder.",
        ) from error
