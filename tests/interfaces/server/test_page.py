"""The page in a real browser: a batch from its start to its end, without a mouse, in both themes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from chromium import Tab, find_chromium, open_tab
from lab import Lab, issue, project
from served import OPERATOR, VIEWER, Caller, server_config, serving

HOSTILE = '<img src=x onerror="document.title=1">'
PROJECTS = [
    project(
        path="acme/app",
        id=17,
        labels=[{"title": HOSTILE, "color": "#d9534f"}],
        issues=[issue(1, title=HOSTILE, labels=[HOSTILE])],
    ),
    project(path="acme/other", id=18),
]
ROWS = "document.querySelectorAll('#body tr').length"
STATUS = "document.querySelector('#counts .badge')?.dataset.state"

pytestmark = [
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium: apt-get install chromium"),
    pytest.mark.timeout(240),
]


@pytest.fixture
async def tab(tmp_path: Path) -> AsyncIterator[Tab]:
    """A tab of a browser."""
    program = find_chromium()
    assert program is not None
    async with open_tab(program, tmp_path / "browser") as found:
        yield found


@pytest.fixture
def axe(project_root: Path) -> str:
    """The script that looks for barriers."""
    path = project_root / ".tools/npm/node_modules/axe-core/axe.min.js"
    assert path.exists(), "no axe-core: run make setup"
    return path.read_text()


async def _barriers(tab: Tab, axe: str) -> list[str]:
    """What axe-core finds on the page as it is."""
    await tab.run(f"{axe};0")
    found = await tab.run(
        "axe.run(document, {resultTypes: ['violations']}).then((it) => JSON.stringify(it.violations))"
    )
    return [
        f"{one['id']}: {one['help']}: {node['html'][:200]}"
        for one in json.loads(found)
        for node in one["nodes"]
    ]


async def _sign_in(tab: Tab, caller: Caller, token: str) -> None:
    await tab.open(f"{caller.url}/")
    await tab.until("document.activeElement.id === 'token'")
    await tab.type(token)
    await tab.press("Enter")


async def _focus(tab: Tab, name: str) -> None:
    """Go to an element with the Tab key alone."""
    for _ in range(80):
        await tab.press("Tab")
        if await tab.run(f"document.activeElement.id === {name!r}"):
            return
    raise AssertionError(f"{name} cannot be reached by keyboard")


async def test_a_batch_by_keyboard(open_lab: Any, tab: Tab, axe: str) -> None:
    """Signed in, started, read, approved and applied by keys alone; no barrier, no complaint on the way."""
    lab: Lab = await open_lab(*PROJECTS)
    async with serving(lab) as caller:
        await tab.theme("light")
        await tab.open(f"{caller.url}/")
        await tab.until("document.activeElement.id === 'token'")
        assert await _barriers(tab, axe) == []
        await _sign_in(tab, caller, OPERATOR)
        await tab.until("!document.getElementById('desk').hidden")
        await _focus(tab, "new")
        await tab.press("Enter")
        await tab.until("document.getElementById('start').open")
        assert await _barriers(tab, axe) == []
        await _focus(tab, "start-ids")
        await tab.type("17, 18, x")
        await _focus(tab, "start-limit")
        await tab.press("Enter")
        await tab.until("document.getElementById('start-error').textContent.includes('project_ids[2]')")
        await tab.run("document.getElementById('start-ids').value = ''")
        await _focus(tab, "start-ids")
        await tab.type("17, 18")
        await _focus(tab, "start-limit")
        await tab.press("Enter")
        await tab.until(f"{ROWS} === 2")
        await tab.until(f"{STATUS} === 'success'")
        assert await tab.run("document.getElementById('share').value") == 1
        assert await _barriers(tab, axe) == []
        await _focus(tab, "read")
        await tab.press("Enter")
        await tab.until("document.querySelector('#reading-body table')")
        assert await _barriers(tab, axe) == []
        await tab.run("document.querySelector('#reading-body td button').focus()")
        await tab.press("Enter")
        await tab.until("document.getElementById('reading-body').innerText.includes('onerror')")
        assert await _barriers(tab, axe) == []
        await tab.theme("dark")
        assert await _barriers(tab, axe) == []
        await tab.press("Escape")
        await tab.until("!document.getElementById('reading').open")
        assert await _barriers(tab, axe) == []
        await _focus(tab, "approve")
        await tab.press("Enter")
        await tab.until("document.getElementById('sure').open")
        assert await _barriers(tab, axe) == []
        await tab.run("document.getElementById('sure-yes').focus()")
        await tab.press("Enter")
        await tab.until("document.getElementById('batch-title').textContent.includes('APPLY')")
        await tab.until(f"{STATUS} === 'success'")
        assert await _barriers(tab, axe) == []
        assert sorted(await lab.repositories()) == ["acme/app", "acme/other"]
        # What GitLab's people wrote is text here: no image but our own, no script of theirs.
        assert await tab.run("[...document.images].every((it) => it.src.endsWith('/page/icon.svg'))")
        assert await tab.run("document.title") == "gl2gh-batch"
        assert [one for one in tab.requests if not one.startswith((caller.url, "about:"))] == []
        # The one refused start is all that the console heard of.
        assert [one for one in tab.complaints if "422" not in one] == []


async def test_the_page_over_a_restart(open_lab: Any, tab: Tab) -> None:
    """A page that is open while its service goes away and comes back shows the batch to its end."""
    lab: Lab = await open_lab(*PROJECTS)
    async with serving(lab) as caller:
        port = int(caller.url.rpartition(":")[2])
        batch_id = await caller.start(17, 18, mode="FULL", parallel_limit=1)
        await _sign_in(tab, caller, VIEWER)
        await tab.until(f"{ROWS} === 2")
        assert await tab.run("[...document.querySelectorAll('.operator')].every((it) => it.hidden)")
    await tab.until("!document.getElementById('notice').hidden")
    async with serving(lab, server_config(lab, port=port)) as caller:
        await tab.until(f"{STATUS} === 'success'")
        await tab.until("document.getElementById('notice').hidden")
        assert (await caller.batch(batch_id))["status"] == "success"
        states = await tab.run("[...document.querySelectorAll('#body .agent')].map((it) => it.dataset.state)")
        assert set(states) <= {"done", "passed-over"}


async def test_five_hundred_projects(lab: Lab, tab: Tab) -> None:
    """Five hundred rows: all there, found by name, and redrawn only where something changed."""
    async with serving(lab) as caller:
        batch_id = await caller.start(*range(1000, 1499), 17, parallel_limit=20)
        await _sign_in(tab, caller, VIEWER)
        await tab.until(f"{ROWS} === 500")
        await caller.until(batch_id, within_s=150)
        await tab.until(f"{STATUS} === 'partial_success'")
        counts = await tab.run("document.getElementById('counts').innerText")
        assert "499" in counts
        await tab.run("document.getElementById('search').value = 'acme/app'")
        await tab.run("document.getElementById('search').dispatchEvent(new Event('input'))")
        assert await tab.run("document.getElementById('shown').textContent") == "1 of 500"
        quiet = """new Promise((done) => {
            let changes = 0;
            const watch = new MutationObserver((all) => { changes += all.length; });
            const all = {subtree: true, childList: true, attributes: true};
            watch.observe(document.getElementById('body'), all);
            let frames = 0;
            const next = () => (++frames < 30 ? requestAnimationFrame(next) : done(changes));
            next();
        })"""
        assert await tab.run(quiet) == 0
        assert await tab.run("document.getElementById('log').children.length") <= 400


async def test_signing_out_and_wrong_tokens(caller: Caller, tab: Tab) -> None:
    """A wrong token is said to be one; after signing out nothing of it is kept."""
    await _sign_in(tab, caller, "wrong")
    await tab.until("document.getElementById('entry-error').textContent.includes('not one of ours')")
    await tab.type(VIEWER)
    await tab.press("Enter")
    await tab.until("!document.getElementById('desk').hidden")
    await tab.run("document.getElementById('leave').click()")
    await tab.until("!document.getElementById('entry').hidden")
    assert await tab.run("sessionStorage.length") == 0
    assert VIEWER not in await tab.run("document.documentElement.outerHTML")
