"""The program as a process of its own, with a sandbox to work on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import warm
from lab import Lab


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a program ended."""

    code: int
    out: str
    err: str


class Shell:
    """Runs the program in one folder, with the sandbox's addresses as flags and its tokens around."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def flags(lab: Lab) -> list[str]:
        """Where both platforms are, and who gets the repositories."""
        sandbox = lab.sandbox
        return [
            f"--gitlab-url={sandbox.gitlab_url}", f"--github-url={sandbox.github_url}",
            f"--target-owner={sandbox.owner}",
        ]  # fmt: skip

    @staticmethod
    def tokens(lab: Lab) -> dict[str, str]:
        """The tokens under their usual names."""
        return {"GITLAB_TOKEN": lab.sandbox.gitlab_token, "GH_TOKEN": lab.sandbox.github_token}

    async def start(
        self, *argv: str, env: Mapping[str, str] | None = None, program: tuple[str, ...] | None = None
    ) -> asyncio.subprocess.Process:
        """Start the program; the caller ends it."""
        return await asyncio.create_subprocess_exec(
            *(program or warm.program()), *argv,
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, **(env or {})},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def ended(self, process: asyncio.subprocess.Process) -> Ended:
        """Wait for a program that was started."""
        try:
            out, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode is not None
        return Ended(code=process.returncode, out=out.decode(), err=err.decode())

    async def __call__(self, *argv: str, env: Mapping[str, str] | None = None) -> Ended:
        """Run the program to its end."""
        return await self.ended(await self.start(*argv, env=env))

    async def run(self, lab: Lab, *argv: str, command: str = "run") -> Ended:
        """Run `run` (or `verify`) against the sandbox."""
        return await self(command, *self.flags(lab), *argv, env=self.tokens(lab))


async def until_imports(lab: Lab, count: int) -> None:
    """Wait until so many issues were sent."""
    while sum(one.endswith("/import/issues") for one in lab.writes()) < count:  # noqa: ASYNC110 - the journal tells nobody
        await asyncio.sleep(0.02)
