"""The demo and the sandbox, as somebody meets them who has just cloned the project."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import aiohttp
import pytest
from shell import Shell

from gl2gh_batch.interfaces import cli
from gl2gh_batch.interfaces.demo import MARK, OCCUPIED
from gl2gh_batch.sandbox.seeds import SAMPLES

QUIET = ("demo", "--profile=unlimited", "--work-dir=work")


def _result(folder: Path) -> dict[str, object]:
    found = json.loads((folder / "work/batch-result.json").read_bytes())
    assert isinstance(found, dict)
    return found


async def test_the_demo_is_as_announced(shell: Shell) -> None:
    """Every sample arrives verified but the impossible one, the demo says so, and ends with 0; also again."""
    ended = await shell(*QUIET)
    assert (ended.code, ended.err) == (0, ""), ended
    result = _result(shell.folder)
    assert isinstance(result["results"], list)
    assert len(result["results"]) == len(SAMPLES)
    failed = [one for one in result["results"] if one["status"] != "success"]
    assert [one["target"].rpartition("/")[2] for one in failed] == [OCCUPIED]
    assert failed[0]["error"]["reason"] == "findings-block"
    for one in result["results"]:
        if one not in failed:
            assert one["verification"]["total_differences"] == 0
    for words in (
        "profile unlimited",
        "1. The plan",
        "requests",
        "2. The plan is carried out",
        "As announced",
    ):
        assert words in ended.out
    (shell.folder / "work/batch-result.json").write_text("{}")
    seed = next(one for one in SAMPLES if "empty" in one)
    again = await shell(*QUIET, "--from", f"{seed}=7:other/path")
    assert again.code == 0, again
    assert [one["source"] for one in _result(shell.folder)["results"]] == ["other/path"]  # type: ignore[attr-defined] # because it is JSON


@pytest.mark.parametrize("sort", ["file", "stray", "real", "mark"])
def test_the_demo_deletes_nothing_of_others(
    sort: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder with foreign files, also one of a real batch, is refused and left as it is."""
    monkeypatch.chdir(tmp_path)
    work = Path("work")
    if sort == "file":
        work.write_text("mine")
    else:
        (work / "projects/acme").mkdir(parents=True)
        (work / "projects/acme/ledger.sqlite").write_text("precious")
        (work / "batch-result.json").write_text("{}")
    if sort == "stray":
        (work / "thesis.txt").write_text("mine")
    if sort == "mark":
        (work / MARK).touch()
        (work / "thesis.txt").write_text("mine")
    before = {path: path.read_bytes() for path in [work, *work.rglob("*")] if path.is_file()}
    assert cli.main(list(QUIET), {}) == 2
    seen = capsys.readouterr()
    assert seen.out == ""
    assert "--work-dir" in seen.err
    assert {path: path.read_bytes() for path in [work, *work.rglob("*")] if path.is_file()} == before


async def test_an_interrupted_demo_stops(shell: Shell) -> None:
    """INT during the plan ends the demo with 130; what it left does not keep the next one from beginning."""
    process = await shell.start(*QUIET)
    assert process.stdout is not None
    while b"starts" not in await process.stdout.readline():
        pass
    process.send_signal(signal.SIGINT)
    ended = await shell.ended(process)
    assert ended.code == 130, ended
    assert "2. The plan is carried out" not in ended.out
    assert (shell.folder / "work" / MARK).is_file()


@pytest.mark.slow
async def test_real_data_arrives_without_a_difference(shell: Shell, shared_data: Path) -> None:
    """`demo --from` with the recordings and the export migrates all of them with zero differences."""
    seeds = [
        *sorted((shared_data / "gitlab-recordings").iterdir()),
        *sorted((shared_data / "gitlab-export-8.16").glob("*.tar.gz")),
    ]
    assert len(seeds) >= 3
    ended = await shell(*QUIET, "--from", *map(str, seeds))
    assert ended.code == 0, ended
    results = _result(shell.folder)["results"]
    assert isinstance(results, list)
    assert len(results) == len(seeds)
    assert {one["verification"]["total_differences"] for one in results} == {0}
    seen = sum(kind["seen"] for one in results for kind in one["verification"]["kinds"].values())
    assert seen > 50


async def test_the_sandbox_says_where_it_is(shell: Shell) -> None:
    """With --json the first line tells addresses and tokens that work, and TERM ends it with 0."""
    seed = next(one for one in SAMPLES if "empty" in one)
    (shell.folder / "limits.json").write_text('{"points": {"limit": 7, "window_s": 60}}')
    process = await shell.start(
        "sandbox", "--json", "--profile=ghes", "--limits=limits.json", f"--project={seed}=7:other/path"
    )
    try:
        assert process.stdout is not None
        where = json.loads(await process.stdout.readline())
        assert list(where) == ["gitlab", "github", "control"]
        async with aiohttp.ClientSession() as session:
            headers = {"PRIVATE-TOKEN": where["gitlab"]["token"]}
            async with session.get(f"{where['gitlab']['url']}/api/v4/projects/7", headers=headers) as answer:
                assert (await answer.json())["path_with_namespace"] == "other/path"
            headers = {"Authorization": f"Bearer {where['github']['token']}"}
            url = f"{where['github']['api_url']}/users/{where['github']['owner']}"
            async with session.get(url, headers=headers) as answer:
                assert answer.status == 200
            async with session.get(f"{where['control']}/state") as answer:
                assert (await answer.json())["repositories"] == {}
        process.send_signal(signal.SIGTERM)
        ended = await asyncio.wait_for(shell.ended(process), timeout=60)
        assert (ended.code, ended.out, ended.err) == (0, "", "")
    finally:
        if process.returncode is None:
            process.kill()
