"""The sandbox as a program of its own: starts, says where it is in one line, and serves until a signal."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, TextIO

from gl2gh_batch.sandbox.server import Sandbox

STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def addresses(sandbox: Sandbox) -> dict[str, Any]:
    """Where a running sandbox is, and the tokens for it."""
    return {
        "gitlab": {"url": sandbox.gitlab_url, "token": sandbox.gitlab_token},
        "github": {
            "url": sandbox.github_url,
            "api_url": sandbox.github_api_url,
            "token": sandbox.github_token,
            "owner": sandbox.owner,
        },
        "control": sandbox.control_url,
    }


async def serve(
    *,
    projects: Sequence[str] = (),
    profile: str = "github.com",
    limits_file: Path | None = None,
    as_json: bool = False,
    output: TextIO | None = None,
) -> None:
    """Serve until INT, TERM or HUP, having said where: one JSON line, or a few lines for people.

    ValueError for a profile, a limits file or a project that cannot be used; OSError for a missing file.
    """
    output = output or sys.stdout
    limits = json.loads(limits_file.read_text("utf-8")) if limits_file is not None else None
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stopped.set)
    try:
        async with Sandbox(projects=projects, profile=profile, limits=limits) as sandbox:
            where = addresses(sandbox)
            output.write(json.dumps(where) + "\n" if as_json else _for_people(where, profile))
            output.flush()
            await stopped.wait()
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)


def _for_people(where: dict[str, Any], profile: str) -> str:
    return (
        f"GitLab   {where['gitlab']['url']}   token {where['gitlab']['token']}\n"
        f"GitHub   {where['github']['url']}   token {where['github']['token']}   "
        f"owner {where['github']['owner']}   limits {profile}\n"
        f"Control  {where['control']}\n"
    )
