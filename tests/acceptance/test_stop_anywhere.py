"""A signal is heard in every phase, whatever the run waits for: a request, git, LFS, a budget, a job."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from lab import Lab, differing
from shell import Shell
from torture import FULL, PARTS, amount, dice, in_parts
from whole import HAS_LFS, link_files, whole

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Longer than any patience of the program: whoever waits for it to end has not heard the signal. Limits last a
# minute, since the next run keeps to what is left of them.
STUCK = {"delay_s": 300}
# Where each phase waits: side, method and path of the request that is not answered, and what is not.
PHASES: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "survey": ("gitlab", "GET", "*/projects/17", STUCK),
    "discovery": ("gitlab", "GET", "*/protected_branches", STUCK),
    "fetch": ("gitlab", "POST", "/acme/app.git/git-upload-pack", STUCK),
    "fetch of LFS": ("gitlab", "POST", "*/info/lfs/objects/batch", STUCK),
    "fetch of a wiki": ("gitlab", "GET", "*.wiki.git/info/refs", STUCK),
    "export": ("gitlab", "GET", "*/issues/1/notes", STUCK),
    "attachment": ("gitlab", "GET", "*/uploads/*", STUCK),
    "GitLab's limit": ("gitlab", "GET", "*/labels", {"status": 429, "headers": {"Retry-After": "60"}}),
    "plan": ("github", "GET", "/orgs/acme", STUCK),
    "create": ("github", "POST", "/orgs/acme/repos", STUCK),
    "LFS": ("github", "POST", "*/info/lfs/objects/batch", STUCK),
    "push": ("github", "POST", "/acme/app.git/git-receive-pack", STUCK),
    "import": ("github", "POST", "*/import/issues", STUCK),
    "import status": ("github", "GET", "*/import/issues/*", STUCK),
    "a limit": ("github", "POST", "*/labels", {"rate_limit": "secondary", "retry_after": 60}),
    "pull request": ("github", "POST", "/repos/*/*/pulls", STUCK),
    "upload": ("github", "POST", "*/releases/*/assets", STUCK),
    "verify": ("github", "GET", "*/issues/comments", STUCK),
    "close": ("github", "PUT", "*/actions/permissions", STUCK),
}


@in_parts
@pytest.mark.timeout(3600)
async def test_a_signal_in_every_phase(open_lab: Any, tmp_path: Path, subtests: Any, part: int) -> None:
    """What is waited for never comes: it ends with code, result and summary, and later as if nothing was."""
    lab: Lab = await open_lab(whole())
    link_files(lab)
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "batch.yml").write_text(
        "projects: [{id: 17, visibility: source, merge_requests: all-as-pull-request, attachments: release}]"
    )
    shell = Shell(folder)
    flags = [*shell.flags(lab), "--config=batch.yml", "--mode=FULL"]
    assert (await shell("run", *flags, env=shell.tokens(lab))).code == 0
    wanted = await lab.settled(dated=False)
    slowest = ("", 0.0)
    phases = [one for one in PHASES if HAS_LFS or "LFS" not in one]
    chosen_phases = list(enumerate(dice("phases").sample(phases, amount(3, len(phases)))))
    for number, phase in chosen_phases[part::PARTS]:
        side, method, path, effect = PHASES[phase]
        chosen = SIGNALS[number % len(SIGNALS)]
        with subtests.test(f"{phase}: {chosen.name}"):
            await lab.control("POST", "reset")
            link_files(lab)
            work = folder / f"work-{number}"
            await lab.control(
                "PUT",
                "faults",
                # The second time: the first request to switch Actions is that which switches them off.
                [
                    {
                        "side": side,
                        "method": method,
                        "path": path,
                        "effect": effect,
                        "nth": [2, 3] if phase == "close" else list(range(1, 50)),
                    }
                ],
            )
            arguments = [*flags, f"--work-dir={work.name}"]
            process = await shell.start("run", *arguments, env=shell.tokens(lab))
            due = 2 if phase == "close" else 1
            while lab.sandbox.faults[0].matched < due and process.returncode is None:  # noqa: ASYNC110 - a fault tells nobody
                await asyncio.sleep(0.02)
            began = time.monotonic()
            process.send_signal(chosen)
            ended = await asyncio.wait_for(shell.ended(process), timeout=60)
            slowest = max(slowest, (phase, time.monotonic() - began), key=lambda one: one[1])
            assert ended.code == 128 + chosen, ended
            assert "Traceback" not in ended.err, ended.err
            assert json.loads((work / "batch-result.json").read_text())["stopped_by"] == "signal"
            assert (work / "report" / "summary.md").is_file()
            await lab.faults()
            again = await shell("run", *arguments, env=shell.tokens(lab))
            assert again.code == 0, again
            assert differing(await lab.settled(dated=False), wanted) == []
    print(f"slowest exit: {slowest[1]:.1f} s, {slowest[0]}")
    if FULL:
        assert slowest[1] <= 5.0
