"""A fork that stands for a fresh process is like one in all that tests look at."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest
from warm import COLD, program


async def _ended(start: tuple[str, ...], folder: Path, *argv: str) -> tuple[int | None, bytes, bytes]:
    process = await asyncio.create_subprocess_exec(
        *start,
        *argv,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", ""), "GH_TOKEN": "x"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode, out, err


@pytest.mark.parametrize(
    "argv", [("--version",), ("run", "--mode=NONE"), ("doctor", "--config=none.yml"), ("verify",)]
)
async def test_it_says_what_a_fresh_one_says(tmp_path: Path, argv: tuple[str, ...]) -> None:
    """Code, output and errors are the same."""
    assert await _ended(program(), tmp_path, *argv) == await _ended(COLD, tmp_path, *argv)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
async def test_signals_arrive(tmp_path: Path, number: signal.Signals) -> None:
    """What is sent to the one that stands for it ends the program, and leaves nothing behind."""
    process = await asyncio.create_subprocess_exec(
        *program(), "sandbox", cwd=tmp_path, env={"PATH": os.environ["PATH"]}, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    said = await process.stdout.readline()
    process.send_signal(number)
    # Its streams end with the program itself.
    await asyncio.wait_for(process.communicate(), 20)
    assert said
    assert process.returncode in ({-9} if number == signal.SIGKILL else {0, 128 + number, -number})
