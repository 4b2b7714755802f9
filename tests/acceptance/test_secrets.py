"""Planted secrets are found nowhere but where they belong, in whatever mode and under whatever fault."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from lab import Lab, issue, project
from shell import Shell
from torture import amount, dice

MODES = ("DISCOVER_ONLY", "EXPORT_ONLY", "TRANSFORM_ONLY", "PLAN_ONLY", "APPLY", "FULL")


def _forms(secret: str) -> set[bytes]:
    forms = {secret, quote(secret, safe=""), secret[::-1][::-1]}
    for prefix in ("", "x", "xy", "oauth2:", "x-access-token:", "PRIVATE-TOKEN: "):
        encoded = base64.b64encode(f"{prefix}{secret}".encode()).decode()
        # The middle is the same whatever stands before and after.
        forms.add(encoded[(len(prefix) + 3) // 3 * 4 : -4])
    return {one.encode() for one in forms}


def _children(pid: int) -> dict[str, bytes]:
    """Arguments and environment of every process below one, as far as they can be read."""
    found: dict[str, bytes] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(stat[1]) != pid:
                continue
            arguments = (entry / "cmdline").read_bytes()
            if b"gl2gh_batch" in arguments:
                continue  # a fork that is not yet another program still shows our own variables
            found[f"argv of {entry.name}"] = arguments
            environment = (entry / "environ").read_bytes().split(b"\0")
            found[f"env of {entry.name}"] = b"\0".join(
                # The one place where git's credential belongs: bound to one origin, in its own process.
                one
                for one in environment
                if not one.startswith(b"GIT_CONFIG_VALUE_")
            )
            found |= _children(int(entry.name))
        except (OSError, IndexError, ValueError):
            continue
    return found


@pytest.mark.torture
@pytest.mark.timeout(3600)
async def test_planted_secrets_stay_where_they_belong(open_lab: Any, tmp_path: Path, subtests: Any) -> None:
    """Tokens, plain, URL-encoded or in base64: not in output, files, arguments or children's variables."""
    lab: Lab = await open_lab(project(issues=[issue(1), issue(3)]))
    folder = tmp_path / "here"
    folder.mkdir()
    shell = Shell(folder)
    tokens = [lab.sandbox.gitlab_token, lab.sandbox.github_token]
    forms = {form for token in tokens for form in _forms(token)}
    rng = dice("secrets")
    echo = {"message": f"Bad {tokens[0]} {quote(tokens[1], safe='')}", "error": tokens[1]}
    effects = [{"status": code, "body": echo} for code in (400, 401, 403, 404, 409, 422, 500, 503)]
    effects += [{"status": 302, "headers": {"Location": f"https://x:{tokens[1]}@127.0.0.1/"}}, {"drop": True}]
    for number in range(amount(6, 25 * len(MODES))):
        mode = MODES[number % len(MODES)]
        fault = {
            "side": rng.choice(["gitlab", "github"]),
            "path": "*",
            "nth": [(first := rng.randint(1, 40)), first + 1],
            "effect": rng.choice(effects),
        }
        with subtests.test(f"{mode} {fault}"):
            await lab.control("POST", "reset")
            await lab.control("PUT", "faults", [fault] if number else [])
            shutil.rmtree(folder / "gl2gh-work", ignore_errors=True)
            if mode == "APPLY":
                await shell.run(lab, "--project-ids=17", "--mode=PLAN_ONLY")
            flags = [*shell.flags(lab), "--project-ids=17", f"--mode={mode}", "--verbose"]
            process = await shell.start("run", *flags, env=shell.tokens(lab))
            seen: dict[str, bytes] = {}
            ending = asyncio.ensure_future(shell.ended(process))
            while not ending.done():
                seen |= await asyncio.to_thread(_children, process.pid)
                await asyncio.sleep(0.02)
            ended = await ending
            seen |= {"stdout": ended.out.encode(), "stderr": ended.err.encode()}
            for path in folder.rglob("*"):
                if path.is_file():
                    seen[str(path.relative_to(folder))] = path.read_bytes() + os.fsencode(path.name)
            leaks = [place for place, data in seen.items() for form in forms if form in data]
            assert leaks == []
