"""The wiki travels with its history: into a branch, or into GitHub's own wiki once that has a first page."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from lab import Lab, issue, open_lab, project

SECRET = "0123456789abcdef0123456789abcdef"
PAGES = {
    "home.md": (
        "---\ntitle: Welcome\n---\n"
        f"See [[guides/set-up]], [the guide](guides/set-up) and #1, !7.\n\n![pic](uploads/{SECRET}/pic.png)\n"
    ),
    "guides/set-up.md": "Back [home](/home), to [other](other#part) or [none](missing). `[[home]] #1`\n",
    "guides/other.md": "Nothing to change.\n",
    "_sidebar.md": "- [[home]]\n",
    f"uploads/{SECRET}/pic.png": "not really a picture",
    "notes.adoc": "= Notes\n",
}


def with_wiki(**fields: Any) -> dict[str, Any]:
    """A project with a wiki that has something of everything."""
    return project(wiki=PAGES, **fields)


def wiki_of(lab: Lab, project_id: int = 17) -> str:
    """The commit of GitLab's wiki."""
    source = lab.sandbox.gitlab
    return git(source.wiki_repository(source.projects[project_id]), "rev-parse", "HEAD")


def git(folder: Path, *arguments: str) -> str:
    """What git says in a bare repository."""
    done = subprocess.run(
        ["git", f"--git-dir={folder}", *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def losses(lab: Lab) -> list[dict[str, Any]]:
    """The losses of the project's wiki."""
    text = (lab.folder_of() / "desired" / "losses.ndjson").read_text()
    return [one for line in text.splitlines() if (one := json.loads(line))["kind"] == "wiki"]


async def test_the_history_goes_to_a_branch_with_one_commit_on_top(tmp_path: Path) -> None:
    """Pages are renamed and their links right; GitLab's commit is the parent; one push brings it all."""
    async with open_lab(tmp_path, [with_wiki()]) as lab:
        result = await lab.run("FULL")
        assert result["status"] == "success", result
        mirror = lab.folder_of() / "git" / "repository.git"
        head = (await lab.repository())["refs"]["refs/heads/wiki"]
        assert git(mirror, "rev-parse", f"{head}^") == wiki_of(lab)
        home = git(mirror, "show", f"{head}:Home.md")
        assert home == (
            "# Welcome\n\n"
            "See [guides/set-up](guides/set-up.md), [the guide](guides/set-up.md) and"
            f" [#1]({lab.sandbox.github_url}/acme/app/issues/1),"
            f" [!7]({lab.sandbox.gitlab_url}/acme/app/-/merge_requests/7).\n\n"
            f"![pic](uploads/{SECRET}/pic.png?raw=true)"
        )
        guide = git(mirror, "show", f"{head}:guides/set-up.md")
        assert guide == (
            "Back [home](../Home.md), to [other](other.md#part) or"
            f" [none]({lab.sandbox.gitlab_url}/acme/app/-/wikis/guides/missing). `[[home]] #1`"
        )
        assert set(git(mirror, "ls-tree", "-r", "--name-only", head).split()) == {
            "Home.md",
            "_Sidebar.md",
            "guides/other.md",
            "guides/set-up.md",
            "notes.adoc",
            f"uploads/{SECRET}/pic.png",
        }
        assert [one["item"] for one in losses(lab)] == ["wiki/notes.adoc"]
        assert result["agents"]["verify"]["counts"]["wiki"] == 6
        pushes = [one for one in lab.github() if one.path.endswith("/git-receive-pack")]
        assert all(".wiki" not in one.path for one in pushes)


async def make_first_page(lab: Lab) -> None:
    """What a person does on GitHub's page."""
    refs = ((await lab.repository())["wiki"] or {}).get("refs", {})
    wiki = {"refs": refs, "pages": {"Home": f"Saved after {len(refs)}"}}
    await lab.damage({"op": "replace", "path": "/wiki", "value": wiki})


async def test_githubs_wiki_waits_for_its_first_page_and_is_pushed_then(tmp_path: Path) -> None:
    """Plan and apply say how to make it; everything else is there; applied again, the wiki is whole."""
    async with open_lab(tmp_path, [with_wiki()]) as lab:
        config = lab.config(wiki="wiki")
        planned = await lab.run("PLAN_ONLY", config)
        (finding,) = [
            one
            for one in planned["agents"]["plan"]["details"]["findings"]
            if one["code"] == "wiki-first-page"
        ]
        page = f"{lab.sandbox.github_url}/acme/app/wiki/_new"
        assert page in finding["hint"]
        first = await lab.run("APPLY", config)
        assert first["status"] != "success"
        assert page in first["error"]["hint"]
        held = await lab.repository()
        assert (held["wiki"], held["private"], len(held["issues"])) == (None, True, 3)
        assert "refs/heads/wiki" not in held["refs"]
        await make_first_page(lab)
        again = await lab.run("APPLY", config)
        assert again["status"] == "success", again["error"]
        wiki = (await lab.repository())["wiki"]
        (head,) = wiki["refs"].values()
        mirror = lab.folder_of() / "git" / "repository.git"
        assert git(mirror, "rev-parse", f"{head}^") == wiki_of(lab)
        assert "/wiki/set-up)" in git(mirror, "show", f"{head}:Home.md")
        assert (await lab.run("FULL", config))["status"] == "success"


async def test_a_wiki_that_holds_more_than_a_first_page_is_left_alone(tmp_path: Path) -> None:
    """A second commit of somebody's is never overwritten."""
    async with open_lab(tmp_path, [with_wiki()]) as lab:
        config = lab.config(wiki="wiki")
        await lab.run("FULL", config)
        await make_first_page(lab)
        await make_first_page(lab)
        before = (await lab.repository())["wiki"]
        result = await lab.run("FULL", config)
        assert "more than its first page" in result["error"]["message"]
        assert (await lab.repository())["wiki"] == before


async def test_texts_elsewhere_lead_to_the_pages(tmp_path: Path) -> None:
    """Addresses of the wiki in issues are those on GitHub."""
    issues = [issue(1, description="See [it](/acme/app/-/wikis/guides/set-up).")]
    async with open_lab(tmp_path, [with_wiki(issues=issues)]) as lab:
        assert (await lab.run("FULL"))["status"] == "success"
        (body,) = [one["body"] for one in (await lab.repository())["issues"]]
        root = f"{lab.sandbox.github_url}/acme/app/blob/wiki"
        assert f"[it]({root}/guides/set-up.md)" in body


async def test_a_branch_of_that_name_stays_and_the_wiki_gets_another(tmp_path: Path) -> None:
    """The project's own branch `wiki` is not touched."""
    repository = {**project()["repository"], "branches": {"wiki": "one"}}
    async with open_lab(tmp_path, [with_wiki(repository=repository)]) as lab:
        assert (await lab.run("FULL"))["status"] == "success"
        refs = (await lab.repository())["refs"]
        assert refs["refs/heads/wiki"] != refs["refs/heads/wiki-2"]


async def test_an_empty_project_with_a_wiki_arrives(tmp_path: Path) -> None:
    """Without a commit of its own, the project's mirror holds the wiki alone."""
    async with open_lab(tmp_path, [with_wiki(repository={})]) as lab:
        result = await lab.run("FULL")
        assert result["status"] == "success", result["error"]
        assert list((await lab.repository())["refs"]) == ["refs/heads/wiki"]


async def test_an_apply_elsewhere_has_the_wiki_in_its_bundle(tmp_path: Path) -> None:
    """Without the mirror, and without reading GitLab's wiki again, the branch is pushed."""
    async with open_lab(tmp_path, [with_wiki()]) as lab:
        assert (await lab.run("PLAN_ONLY"))["status"] == "success"
        await asyncio.to_thread(shutil.rmtree, lab.folder_of() / "git" / "repository.git")
        mark = lab.mark()
        assert (await lab.run("APPLY"))["status"] == "success"
        assert not [one for one in list(lab.sandbox.journal)[mark:] if ".wiki.git" in one.path]


@pytest.mark.parametrize("config", [{"wiki": "skip"}, {"kinds": {"wiki": "skip"}}])
async def test_a_skipped_wiki_is_a_loss(tmp_path: Path, config: dict[str, Any]) -> None:
    """Said by the policy or by the kinds: nothing is fetched, and the plan lists it."""
    async with open_lab(tmp_path, [with_wiki()]) as lab:
        assert (await lab.run("FULL", lab.config(**config)))["status"] == "success"
        assert [one["what"] for one in losses(lab)] == ["all wiki"]
        assert "refs/heads/wiki" not in (await lab.repository())["refs"]


async def test_a_history_that_github_would_refuse_is_left_and_the_pages_go(tmp_path: Path) -> None:
    """A pointer of Git LFS in the wiki neither stops the push of the branches nor vanishes unsaid."""
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 5\n"
    async with open_lab(tmp_path, [project(wiki={**PAGES, "big.bin": pointer})]) as lab:
        result = await lab.run("FULL")
        assert result["status"] == "success", result["error"]
        assert {one["item"] for one in losses(lab)} >= {"wiki/big.bin", "wiki/history"}
        mirror = lab.folder_of() / "git" / "repository.git"
        head = (await lab.repository())["refs"]["refs/heads/wiki"]
        assert "big.bin" not in git(mirror, "ls-tree", "-r", "--name-only", head)
        assert git(mirror, "rev-list", "--count", head) == "1"


DAMAGES: dict[str, tuple[str, ...]] = {
    "a page lost": ("rm", "guides/other.md"),
    "a page changed": ("write", "guides/other.md"),
    "a picture changed": ("write", f"uploads/{SECRET}/pic.png"),
    "a page too many": ("write", "extra.md"),
    "a page moved": ("move", "guides/other.md"),
    "the branch lost": ("branch",),
    "a commit on top": ("commit",),
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_damage_to_the_branch_is_found(tmp_path: Path, damage: str) -> None:
    """Whatever happens to a file or to the branch before verify is a difference that names it."""
    async with open_lab(tmp_path, [with_wiki()]) as lab:
        # The first look of verify is made to fail, so that the fill stands and nothing is closed.
        await lab.faults({"method": "GET", "path": "*/labels", "effect": {"status": 404, "body": {}}})
        assert (await lab.run("FULL"))["agents"]["apply"]["status"] == "done"
        await lab.faults()
        (folder,) = (one for one in lab.sandbox.github.git_root.glob("*.git") if ".wiki" not in one.name)
        what, *path = DAMAGES[damage]
        spoil(folder, what, *path)
        result = await lab.run("APPLY", resume_from="verify")
        assert (result["status"], result["error"]["reason"]) == ("failed", "verify-differences")
        found = [
            json.loads(line)["item"] for line in (lab.folder_of() / "verify.ndjson").read_text().splitlines()
        ]
        assert "repository/refs/heads/wiki" in found
        if path:
            assert f"wiki/{path[0]}" in found


def spoil(folder: Path, what: str, path: str = "") -> None:
    """Change the branch `wiki` of a bare repository."""
    ref = "refs/heads/wiki"
    if what == "branch":
        git(folder, "update-ref", "-d", ref)
        return
    change = {
        "rm": f"D {path}\n",
        "write": f"M 100644 inline {path}\ndata 3\nbad\n",
        "move": f"R {path} elsewhere.md\n",
        "commit": "",
    }[what]
    stream = f"commit {ref}\ncommitter X <x@y> 1700000000 +0000\ndata 1\nx\nfrom {ref}^0\n{change}\n"
    subprocess.run(
        ["git", f"--git-dir={folder}", "fast-import", "--quiet"], check=True, input=stream, text=True
    )


async def test_damage_to_githubs_own_wiki_is_found(tmp_path: Path) -> None:
    """A page that somebody saved over ours differs by its id, and so does the commit of the wiki."""
    async with open_lab(tmp_path, [with_wiki()]) as lab:
        config = lab.config(wiki="wiki")
        await lab.run("FULL", config)
        await make_first_page(lab)
        assert (await lab.run("APPLY", config))["status"] == "success"
        await make_first_page(lab)
        result = await lab.run("APPLY", config, resume_from="verify")
        assert (result["status"], result["error"]["reason"]) == ("failed", "verify-differences")
        lines = (lab.folder_of() / "verify.ndjson").read_text().splitlines()
        found = {(one["item"], one.get("field")) for one in map(json.loads, lines)}
        assert found == {("repository", "wiki"), ("wiki/Home.md", "blob")}
