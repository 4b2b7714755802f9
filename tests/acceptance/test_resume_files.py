"""A stopped export goes on with the files that it has: attachments, files of releases, snippets."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
from lab import Lab, issue, project
from victim import apply_until_killed

from gl2gh_batch.kinds import releases, snippets, uploads

COUNT = 12
SECRETS = [f"{number:032x}" for number in range(1, COUNT + 1)]
FILE = re.compile(r"/uploads/|/packages/generic/|/snippets/\d+/")
# Each may come twice more: one that had all its bytes is asked for the rest before it is asked for anew.
IN_FLIGHT = {
    "uploads": 2 * uploads.READ_AHEAD,
    "packages": 2 * releases.READ_AHEAD,
    # Of a snippet its file and its comments.
    "snippets": 2 * snippets.READ_AHEAD,
}


async def _opened(open_lab: Any) -> Lab:
    texts = " ".join(f"![x](/uploads/{secret}/shot.png)" for secret in SECRETS)
    lab: Lab = await open_lab(
        project(
            issues=[issue(1, description=texts)],
            uploads=[{"secret": one, "filename": "shot.png", "text": f"picture {one}"} for one in SECRETS],
            packages=[{"name": "app", "version": "1", "files": {f"{one}.zip": one for one in SECRETS}}],
            releases=[{"tag": f"v{number}", "name": f"R{number}"} for number in range(COUNT)],
            snippets=[
                {"title": f"S{number}", "author": "anna", "files": {"a.sh": f"echo {number}\n"}}
                for number in range(COUNT)
            ],
        )
    )
    _link(lab)
    return lab


def _link(lab: Lab) -> None:
    """Let each release lead to a file of the package: where GitLab is was not known before."""
    start = f"{lab.sandbox.gitlab_url}/api/v4/projects/17/packages/generic/app/1"
    for release, secret in zip(lab.sandbox.gitlab.projects[17].releases, SECRETS, strict=True):
        name = f"{secret}.zip"
        release.links = [{"id": 1, "name": name, "link_type": "package", "url": f"{start}/{name}"}]


def _asked(lab: Lab, mark: int = 0) -> Counter[str]:
    """How often each file was asked for."""
    entries = list(lab.sandbox.journal)[mark:]
    return Counter(one.path for one in entries if one.side == "gitlab" and FILE.search(one.path))


async def _stopped_in(lab: Lab, sort: str, nth: int) -> None:
    """An export that is killed at the nth request for a file of that sort."""
    alone = [one.path for one in lab.sandbox.journal if one.side == "gitlab"]
    places = [place for place, path in enumerate(alone, start=1) if f"/{sort}/" in path]
    await lab.control("POST", "reset")
    _link(lab)
    lab.work = lab.folder / "stopped"
    assert await apply_until_killed(lab, places[nth], before=True, mode="TRANSFORM_ONLY", side="gitlab")


@pytest.mark.parametrize("sort", IN_FLIGHT)
async def test_each_file_is_asked_for_once(open_lab: Any, sort: str) -> None:
    """Killed among the files of each kind and run again: only those that were on their way come twice."""
    lab = await _opened(open_lab)
    assert (await lab.run("TRANSFORM_ONLY"))["status"] == "success"
    alone, whole = _asked(lab), (lab.folder_of() / "desired" / "manifest.json").read_text()
    assert set(alone.values()) == {1}
    await _stopped_in(lab, sort, 8)
    assert (await lab.run("TRANSFORM_ONLY"))["status"] == "success"
    more = _asked(lab) - alone
    assert more.total() <= IN_FLIGHT[sort], more
    files = [line for line in whole.splitlines() if "sha256" in line]
    again = (lab.folder_of() / "desired" / "manifest.json").read_text().splitlines()
    assert [line for line in again if "sha256" in line] == files


@pytest.mark.parametrize("sort", ["packages", "snippets"])
async def test_what_may_have_changed_is_read_anew(open_lab: Any, sort: str) -> None:
    """Where anything happened on GitLab since, files that can be other ones by now are asked for again."""
    lab = await _opened(open_lab)
    assert (await lab.run("TRANSFORM_ONLY"))["status"] == "success"
    await _stopped_in(lab, sort, 8)
    lab.sandbox.gitlab.edit(17).add_note(1, "Written since")
    mark = lab.mark()
    assert (await lab.run("TRANSFORM_ONLY"))["status"] == "success"
    asked = [path for path in _asked(lab, mark) if f"/{sort}/" in path]
    assert len(asked) == COUNT * (2 if sort == "snippets" else 1)


async def test_a_file_that_is_gone_from_disk_is_read_anew(open_lab: Any) -> None:
    """What the stopped export says that it has, and has not, is asked for."""
    lab = await _opened(open_lab)
    assert (await lab.run("TRANSFORM_ONLY"))["status"] == "success"
    await _stopped_in(lab, "uploads", 8)
    for path in (lab.folder_of() / "snapshot" / "files").glob("??/*"):
        path.unlink()
    mark = lab.mark()
    assert (await lab.run("TRANSFORM_ONLY"))["status"] == "success"
    assert len([path for path in _asked(lab, mark) if "/uploads/" in path]) == COUNT
