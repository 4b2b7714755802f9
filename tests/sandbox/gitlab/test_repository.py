"""Repositories of the sandbox's GitLab: in the API and over git."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gl2gh_batch.sandbox import seeds

HIDDEN = """
project: {path: a/git, id: 5, creator: anna}
users: {anna: {name: Anna, email: anna@example.com}}
repository:
  default_branch: main
  commits:
    - {name: one, message: One, files: {a.txt: "1", src/a.py: "x = 1"}}
    - {name: two, message: "Two\\n\\nWith a body.", files: {a.txt: "2", src/a.py: null}}
    - {name: gone, message: Gone, branch: other, parents: [one], files: {b.txt: b}}
  branches: {feature/ü: one}
  tags: {v1: one, v2: {commit: two, message: "Annotated", date: 2024-01-01T00:00:00Z}}
  refs: {refs/keep-around/x: gone, refs/environments/prod/deployments/1: one}
wiki: {home.md: "# Home", "guides/Set-up.md": "text"}
"""


async def git(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run git as a user with nothing configured, without blocking the server."""
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "HOME": str(cwd)}

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["git", *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
        )

    return await asyncio.to_thread(run)


def address(site: Any, path: str, token: str, user: str = "oauth2") -> str:
    """Where git finds a repository, with a token."""
    return f"{site.world.url.replace('://', f'://{user}:{token}@')}/{path}"


async def test_branches_and_tags_are_those_of_git(open_site: Any, tmp_path: Path) -> None:
    """Names and SHAs of the API are those that `git ls-remote` shows."""
    site = await open_site(HIDDEN)
    listed = await git("ls-remote", address(site, "a/git.git", site.world.token), cwd=tmp_path)
    assert listed.returncode == 0, listed.stderr
    refs = dict(reversed(line.split("\t")) for line in listed.stdout.splitlines())
    branches = await site.all("/projects/5/repository/branches")
    assert {f"refs/heads/{row['name']}": row["commit"]["id"] for row in branches} == {
        name: sha for name, sha in refs.items() if name.startswith("refs/heads/")
    }
    assert [row["name"] for row in branches if row["default"]] == ["main"]
    tags = await site.all("/projects/5/repository/tags")
    assert {f"refs/tags/{row['name']}": row["target"] for row in tags} == {
        name: sha for name, sha in refs.items() if name.startswith("refs/tags/") and "^" not in name
    }
    (annotated,) = [row for row in tags if row["name"] == "v2"]
    assert (annotated["message"], annotated["commit"]["id"]) == ("Annotated", refs["refs/tags/v2^{}"])
    assert not [name for name in refs if name.startswith(("refs/keep-around", "refs/environments"))]


async def test_commits_tree_files_and_languages(open_site: Any) -> None:
    """A commit with its numbers, a folder, a file's content, the shares of languages."""
    site = await open_site(HIDDEN)
    commits = await site.all("/projects/5/repository/commits?ref_name=main")
    assert [row["title"] for row in commits] == ["Two", "One"]
    assert commits[0]["parent_ids"] == [commits[1]["id"]]
    one = (await site.ask(f"/projects/5/repository/commits/{commits[1]['id']}")).body
    assert (one["author_email"], one["stats"]) == (
        "anna@example.com",
        {"additions": 2, "deletions": 0, "total": 2},
    )
    assert (await site.ask("/projects/5/repository/commits/feature%2F%C3%BC")).body["id"] == one["id"]
    tree = await site.all("/projects/5/repository/tree?ref=v1&recursive=true")
    assert [(row["path"], row["type"]) for row in tree] == [
        ("src", "tree"),
        ("a.txt", "blob"),
        ("src/a.py", "blob"),
    ]
    raw = await site.ask("/projects/5/repository/files/a.txt/raw?ref=main")
    assert raw.body == b"2"
    assert (await site.ask("/projects/5/languages")).body == {}
    site.world.edit(5).commit("main", {"b.py": "x = 12\n", "c.go": "x\n"})
    assert list((await site.ask("/projects/5/languages")).body) == ["Python", "Go"]
    for path in ("repository/commits/nothing", "repository/tree?ref=nothing", "repository/branches/nothing"):
        assert (await site.ask(f"/projects/5/{path}")).status == 404


async def test_a_clone_is_whole(open_site: Any, tmp_path: Path) -> None:
    """A mirror clone has every branch, tag and merge request's head; a hidden commit comes by its SHA."""
    site = await open_site(HIDDEN, seeds.SAMPLES[0])
    url = address(site, "acme/platform/billing-api.git", site.world.token)
    cloned = await git("clone", "--quiet", "--mirror", url, "mirror", cwd=tmp_path)
    assert cloned.returncode == 0, cloned.stderr
    refs = (await git("for-each-ref", "--format=%(refname)", cwd=tmp_path / "mirror")).stdout.split()
    assert {f"refs/merge-requests/{iid}/head" for iid in (1, 2, 3, 4)} <= set(refs)
    assert {"refs/heads/main", "refs/heads/release/1.0", "refs/tags/v1.0.0"} <= set(refs)
    await git("clone", "--quiet", "--bare", address(site, "a/git.git", site.world.token), "b", cwd=tmp_path)
    (branch,) = [row for row in await site.all("/projects/5/repository/branches") if row["name"] == "other"]
    site.world.edit(5).delete_branch("other")
    sha = branch["commit"]["id"]
    fetched = await git("fetch", "--quiet", "origin", f"{sha}:refs/heads/back", cwd=tmp_path / "b")
    assert fetched.returncode == 0, fetched.stderr


@pytest.mark.parametrize("user", ["oauth2", "gitlab-ci-token", "anything"])
async def test_git_wants_a_token(open_site: Any, tmp_path: Path, user: str) -> None:
    """A private repository is 401 without or with a wrong token, whatever the name beside it."""
    site = await open_site(HIDDEN)
    site.world.add_token("reader", "migrator", scopes=["read_repository"])
    site.world.add_token("api-only", "migrator", scopes=["read_api"])
    site.world.add_token("stranger", "stranger")
    for token, is_good in (("reader", True), ("api-only", False), ("wrong", False), ("stranger", False)):
        done = await git("ls-remote", address(site, "a/git.git", token, user), cwd=tmp_path)
        assert (done.returncode == 0) == is_good, (token, done.stderr)
    info = f"{site.world.url}/a/git.git/info/refs?service=git-upload-pack"
    denied = await site.ask(info, token=None)
    assert (denied.status, denied.headers["WWW-Authenticate"]) == (401, 'Basic realm="GitLab"')
    absent = await site.ask(info.replace("a/git", "a/none"), token=None)
    assert absent.status == 401


async def test_a_public_repository_is_read_by_anybody_and_written_by_few(
    open_site: Any, tmp_path: Path
) -> None:
    """Anonymous clones work where the project is public; a push needs the level and the scope."""
    site = await open_site(HIDDEN.replace("id: 5", "id: 5, visibility: public"))
    cloned = await git("clone", "--quiet", f"{site.world.url}/a/git.git", "work", cwd=tmp_path)
    assert cloned.returncode == 0, cloned.stderr
    work = tmp_path / "work"
    await git(
        "-c", "user.name=x", "-c", "user.email=x@y", "commit", "-q", "--allow-empty", "-m", "More", cwd=work
    )
    site.world.add_token("reader", "migrator", scopes=["read_repository"])
    for token, is_good in (("reader", False), (site.world.token, True)):
        pushed = await git("push", "-q", address(site, "a/git.git", token), "HEAD:main", cwd=work)
        assert (pushed.returncode == 0) == is_good, pushed.stderr
    heads = await site.all("/projects/5/repository/branches?search=main")
    assert [row["commit"]["title"] for row in heads] == ["More"]
    refused = await git(
        "push",
        "-q",
        address(site, "a/git.git", site.world.token),
        "HEAD:refs/merge-requests/9/head",
        cwd=work,
    )
    assert "deny updating a hidden ref" in refused.stderr


async def test_the_wiki_is_a_repository_of_its_own(open_site: Any, tmp_path: Path) -> None:
    """Pages are listed with and without their text, and cloned as git; without pages there is no clone."""
    site = await open_site(HIDDEN, seeds.SAMPLES[2])
    pages = (await site.ask("/projects/5/wikis?with_content=1")).body
    assert [(page["slug"], page["title"], page["content"]) for page in pages] == [
        ("guides/Set-up", "Set up", "text"),
        ("home", "home", "# Home"),
    ]
    assert "content" not in (await site.ask("/projects/5/wikis")).body[0]
    assert (await site.ask("/projects/5/wikis/guides%2FSet-up")).body["content"] == "text"
    cloned = await git("clone", "-q", address(site, "a/git.wiki.git", site.world.token), "w", cwd=tmp_path)
    assert (tmp_path / "w" / "home.md").read_text() == "# Home", cloned.stderr
    none = await git(
        "ls-remote", address(site, "acme/platform/empty-repo.wiki.git", site.world.token), cwd=tmp_path
    )
    assert none.returncode != 0


async def test_an_empty_repository_can_be_cloned(open_site: Any, tmp_path: Path) -> None:
    """Git says that it is empty, and that is no error."""
    site = await open_site(seeds.SAMPLES[2])
    url = address(site, "acme/platform/empty-repo.git", site.world.token)
    cloned = await git("clone", url, "empty", cwd=tmp_path)
    assert cloned.returncode == 0
    assert "empty repository" in cloned.stderr
