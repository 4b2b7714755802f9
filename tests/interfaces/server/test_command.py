"""`gl2gh-batch serve` as a program: its demo, and what it says when it cannot begin."""

from __future__ import annotations

import asyncio
import re
import shlex
import signal
import sys
from pathlib import Path

import aiohttp
from served import Caller


async def test_the_example_of_the_readme(tmp_path: Path, project_root: Path) -> None:
    """The README's curl line, with the token that the demo prints, starts a batch that comes to its end."""
    work = tmp_path / "work"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gl2gh_batch", "serve", "--demo", "--port", "0", "--work-dir", str(work)),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        said = ""
        async with asyncio.timeout(60):
            while "Ctrl-C" not in said:
                said += (await process.stdout.readline()).decode()
        found = re.search(r"(http://\S+)/#token=(\S+)", said)
        assert found is not None
        readme = re.search(r"```sh\n(curl .*?)```", (project_root / "README.md").read_text(), re.DOTALL)
        assert readme is not None
        words = shlex.split(readme[1].replace("$GL2GH_TOKEN", found[2]).replace("\\\n", " "))
        headers = dict(words[place + 1].split(": ", 1) for place, word in enumerate(words) if word == "-H")
        data = words[words.index("-d") + 1]
        async with aiohttp.ClientSession() as session:
            caller = Caller(found[1], session)
            path = words[1].partition(":8765")[2]
            answer = await caller.ask("POST", path, token=None, headers=headers, data=data.encode())
            assert (answer.status, answer.json["total_projects"]) == (202, 3)
            assert answer.json["message"] == "Batch migration started with 3 projects"
            events = f"/api/v1/batches/{answer.json['batch_id']}/events"
            stream = await caller.ask("GET", events, token=found[2])
            assert '"type":"batch-finished"' in stream.text
            assert '"status":"success","type":"batch-finished"' in stream.text
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_what_is_missing(tmp_path: Path) -> None:
    """Without a configuration, or with one that cannot be used, one clear error and exit code 2."""
    (tmp_path / "server.yml").write_text("projects: {}\n")
    for arguments, named in ((), "--config"), (("--config", "server.yml"), "projects"):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gl2gh_batch", "serve", *arguments),
            cwd=tmp_path,
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await process.communicate()
        assert process.returncode == 2
        assert named in said.decode()
        assert "Traceback" not in said.decode()
