"""Snippets arrive in a branch with their files and comments; texts lead there; verify finds damage."""

from __future__ import annotations

import json
from typing import Any

from lab import USERS, Lab, issue, project

from gl2gh_batch.sandbox.github.repositories import git_of
from gl2gh_batch.sandbox.gitlab.snippet_git import snippet_repository
from gl2gh_batch.sandbox.seeds.history import run_git

SECRET = "c" * 32
SNIPPETS = project(
    labels=[],
    milestones=[],
    issues=[issue(1, description="See $5, $6, $7 and $99; or {gitlab}/acme/app/-/snippets/5")],
    snippets=[
        {
            "title": "Deploy | @anna",
            "author": "anna",
            "description": f"For #1, see ![shot](/uploads/{SECRET}/shot.png)",
            "files": {"deploy.sh": "#!/bin/sh\necho\n", "sub/README.md": "inner\n"},
        },
        {"title": "Own read-me", "author": "ben", "files": {"readme.md": "mine\n"}, "visibility": "public"},
        {"title": "Odd", "author": "ben", "files": {"../../etc/passwd": "root\n", "a b.txt": "x\n"}},
    ],
    uploads=[{"secret": SECRET, "filename": "shot.png", "text": "a picture"}],
)


async def opened(open_lab: Any) -> Lab:
    """A lab whose snippets have the ids 5, 6 and 7."""
    lab: Lab = await open_lab(SNIPPETS)
    held = lab.sandbox.gitlab.projects[17]
    for number, snippet in enumerate(held.snippets, start=5):
        snippet.id = number
    first = held.issues[1]
    first.description = first.description.replace("{gitlab}", lab.sandbox.gitlab_url)
    return lab


async def files_of(lab: Lab, branch: str = "gl2gh-snippets") -> dict[str, str]:
    """What lies in a branch of the target, as text."""
    repository = lab.sandbox.github.repository("acme/app")
    assert repository is not None
    git = git_of(lab.sandbox.github, repository)
    tree = await git.tree_of(branch)
    if tree is None:
        return {}
    rows = await git.tree(tree, recursive=True)
    return {path: (await git.blob(sha)).decode() for _, kind, sha, _, path in rows if kind == "blob"}


def losses_of(lab: Lab) -> set[tuple[str, str]]:
    """The losses of snippets that the plan lists: item and what."""
    lines = (lab.folder_of() / "desired" / "losses.ndjson").read_text().splitlines()
    return {(one["item"], one["what"]) for one in map(json.loads, lines) if one["kind"] == "snippets"}


async def test_snippets_lie_in_a_branch_with_an_index(open_lab: Any) -> None:
    """Each has a folder with its files and a page about it; an index names them; texts lead there."""
    lab = await opened(open_lab)
    result = await lab.run("FULL", users=USERS)
    assert result["status"] == "success", result
    files = await files_of(lab)
    assert sorted(files) == [
        "5/README.md",
        "5/deploy.sh",
        "5/sub/README.md",
        "6/gitlab-snippet.md",
        "6/readme.md",
        "7/README.md",
        "7/a b.txt",
        "7/etc/passwd",
        "README.md",
    ]
    assert files["5/deploy.sh"] == "#!/bin/sh\necho\n"
    assert files["6/readme.md"] == "mine\n"
    assert "(5/README.md)" in files["README.md"]
    assert "[Anna Berg]" in files["5/README.md"]
    assert "/blob/gl2gh-attachments/" in files["5/README.md"]
    (first,) = (await lab.repository())["issues"]
    root = f"{lab.sandbox.github_url}/acme/app/tree/gl2gh-snippets"
    assert f"[\\$5]({root}/5)" in first["body"]
    assert f"{root}/7)" in first["body"]
    assert "$99" in first["body"]
    assert "/-/snippets/5" not in first["body"]
    assert losses_of(lab) == {("snippets/7", "the path '../../etc/passwd'; it becomes 'etc/passwd'")}
    assert result["plan"]["price"]["git_operations"] <= 3


async def test_references_in_pages_about_snippets_are_written_out(open_lab: Any) -> None:
    """In titles, descriptions and comments, since GitHub makes no links of them in files; code stays."""
    lab = await opened(open_lab)
    held = lab.sandbox.gitlab.projects[17]
    held.snippets[0].title = "For #1 and *$6*, `#1` | @anna"
    issue_page = f"{lab.sandbox.gitlab_url}/acme/app/-/issues/1"
    held.snippets[0].description = f"Of #1, {issue_page}, !9, &3, [#1](https://x.y)\n\n    #1\n"
    assert (await lab.run("FULL", users=USERS))["status"] == "success"
    files = await files_of(lab)
    link = f"[#1]({lab.sandbox.github_url}/acme/app/issues/1)"
    about = files["5/README.md"]
    snippet = f"[\\$6]({lab.sandbox.github_url}/acme/app/tree/gl2gh-snippets/6)"
    title = f"For {link} and \\*{snippet}\\*, \\`{link}\\` \\| @anna"
    assert about.startswith(f"# {title}\n\n")
    gitlab = f"{lab.sandbox.gitlab_url}/acme/app/-/merge_requests/9"
    epic = f"{lab.sandbox.gitlab_url}/groups/acme/-/epics/3"
    assert f"Of {link}, {link}, [!9]({gitlab}), [\\&3]({epic}), [#1](https://x.y)\n\n    #1\n" in about
    assert f"- [\\$5](5/README.md) {title}\n" in files["README.md"]


VERSIONS = [
    {
        "files": {"a.sh": "one\n", "old.txt": "gone since\n"},
        "message": "Initial",
        "at": "2024-01-02T00:00:00Z",
    },
    {"files": {"a.sh": "two\n"}, "message": "Say two", "author": "ben", "at": "2024-02-02T00:00:00Z"},
]


def edited(**fields: Any) -> dict[str, Any]:
    """A snippet with two earlier versions."""
    return {
        "title": "Edited",
        "author": "anna",
        "files": {"a.sh": "three\n"},
        "updated_at": "2024-03-02T00:00:00Z",
        "versions": VERSIONS,
        **fields,
    }


async def test_earlier_versions_come_along_with_their_ids(open_lab: Any) -> None:
    """The history of each edited snippet is part of the branch's, commit by commit; a page leads to it.

    It costs a fetch for each that was edited, and no push.
    """
    many = [edited(title=f"Edited {number}") for number in range(17)]
    lab: Lab = await open_lab(
        project(snippets=[*many, {"title": "Plain", "author": "ben", "files": {"b": "b"}}])
    )
    result = await lab.run("FULL", users=USERS)
    assert result["status"] == "success", result
    repository = lab.sandbox.github.repository("acme/app")
    assert repository is not None
    git = git_of(lab.sandbox.github, repository)
    world = lab.sandbox.gitlab
    fetched = {one.path for one in lab.sandbox.journal if "/snippets/" in one.path and ".git/" in one.path}
    assert len([path for path in fetched if path.endswith("/info/refs")]) == len(many)
    files = await files_of(lab)
    for snippet in world.projects[17].snippets[:-1]:
        kept = run_git(snippet_repository(world, snippet), "rev-list", "main").decode().split()
        assert len(kept) == 3
        for sha in kept:
            assert (await git.run("merge-base", "--is-ancestor", sha, "refs/heads/gl2gh-snippets")) == b""
        about = files[f"{snippet.id}/README.md"]
        assert (
            f"Its 3 versions: [{kept[0][:8]}]({lab.sandbox.github_url}/acme/app/commits/{kept[0]})" in about
        )
    assert files[f"{snippet.id}/a.sh"] == "three\n"
    assert not any(path.endswith("old.txt") for path in files)
    assert "versions" not in files[f"{world.projects[17].snippets[-1].id}/README.md"]
    assert losses_of(lab) == set()
    assert result["plan"]["price"]["git_operations"] <= 3


async def test_versions_that_cannot_come_are_listed(open_lab: Any) -> None:
    """A pointer of Git LFS in an old version, which GitHub would refuse with all the rest, stays behind."""
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12\n"
    old = [{"files": {"big.bin": pointer}, "at": "2024-01-02T00:00:00Z"}]
    lab: Lab = await open_lab(project(snippets=[edited(versions=old)]))
    result = await lab.run("FULL", users=USERS)
    assert result["status"] == "success", result
    ((item, what),) = losses_of(lab)
    assert (item.partition("/")[0], what) == ("snippets", "its earlier versions")
    assert any(path.endswith("a.sh") for path in await files_of(lab))


async def test_members_snippets_do_not_become_public(open_lab: Any) -> None:
    """Where everybody will see the repository, only what everybody saw is carried; the rest is listed."""
    lab = await opened(open_lab)
    result = await lab.run("FULL", lab.config(visibility="public"), users=USERS)
    assert result["status"] == "success", result
    assert {path.partition("/")[0] for path in await files_of(lab)} == {"6", "README.md"}
    assert {item for item, _ in losses_of(lab)} == {"snippets/5", "snippets/7"}
    (first,) = (await lab.repository())["issues"]
    assert "tree/gl2gh-snippets/5" not in first["body"]


async def test_snippets_can_be_skipped(open_lab: Any) -> None:
    """Skipped, there is no branch, and texts lead to GitLab."""
    lab = await opened(open_lab)
    result = await lab.run("FULL", lab.config(kinds={"snippets": "skip"}), users=USERS)
    assert result["status"] == "success", result
    assert await files_of(lab) == {}


async def test_verify_finds_damage_to_the_branches(open_lab: Any, subtests: Any) -> None:
    """A branch that was lost, moved, or whose files were changed, lost or added is found file by file."""
    lab = await opened(open_lab)
    result = await lab.run("FULL", users=USERS)
    assert result["status"] == "success", result
    repository = lab.sandbox.github.repository("acme/app")
    git = git_of(lab.sandbox.github, repository)
    for branch, kind in (("gl2gh-snippets", "snippets"), ("gl2gh-attachments", "uploads")):
        ref = f"refs/heads/{branch}"
        whole = (await git.refs())[ref]
        main = (await git.refs())["refs/heads/main"]
        changed = await git.first_commit("x", {"README.md": "x"}, "x", "2024-01-01T00:00:00Z")
        await git.delete_ref("refs/heads/x")
        for name, sha in {"lost": None, "moved": main, "changed": changed}.items():
            with subtests.test(f"{branch} {name}"):
                await (git.delete_ref(ref) if sha is None else git.update_ref(ref, sha))
                found = await lab.batch("APPLY", [lab.config()], resume_from="verify", users=USERS)
                assert found["status"] == "failed", found
                lines = (lab.folder_of() / "verify.ndjson").read_text().splitlines()
                items = {json.loads(line)["item"] for line in lines}
                assert f"repository/{ref}" in items
                assert any(item.startswith(f"{kind}/") for item in items)
                await git.update_ref(ref, whole)
    result = await lab.run("APPLY", resume_from="verify", users=USERS)
    assert result["status"] == "success", result


CHANGES = {
    "a file changed": ("M 100644 inline 5/deploy.sh\ndata 3\nbad\n", "snippets/5/deploy.sh"),
    "a file lost": ("D 5/deploy.sh\n", "snippets/5/deploy.sh"),
    "a file added": ("M 100644 inline 5/more\ndata 1\nx\n", "snippets/5/more"),
    "a file renamed": ("R 5/sub/README.md 5/sub/other.md\n", "snippets/5/sub/README.md"),
    "its page changed": ("M 100644 inline 5/README.md\ndata 3\nbad\n", "snippets/5/README.md"),
    "a snippet lost": ("D 6\n", "snippets/6"),
    "a snippet added": ("M 100644 inline 8/x\ndata 1\nx\n", "snippets/8"),
    "moved into another": ("R 7 5/7\n", "snippets/7"),
}


async def test_verify_finds_what_was_changed_in_a_snippet(open_lab: Any, subtests: Any) -> None:
    """Each change to a file of the branch is named by snippet and path, beside the branch itself."""
    lab = await opened(open_lab)
    result = await lab.run("FULL", users=USERS)
    assert result["status"] == "success", result
    repository = lab.sandbox.github.repository("acme/app")
    assert repository is not None
    git = git_of(lab.sandbox.github, repository)
    ref = "refs/heads/gl2gh-snippets"
    whole = (await git.refs())[ref]
    for name, (change, item) in CHANGES.items():
        with subtests.test(name):
            stream = f"commit {ref}\ncommitter X <x@y> 1700000000 +0000\ndata 1\nx\nfrom {ref}^0\n{change}\n"
            run_git(git.folder, "fast-import", "--quiet", stdin=stream.encode())
            found = await lab.batch("APPLY", [lab.config()], resume_from="verify", users=USERS)
            assert found["status"] == "failed", found
            lines = (lab.folder_of() / "verify.ndjson").read_text().splitlines()
            items = {json.loads(line)["item"] for line in lines}
            assert any(one == item or one.startswith(f"{item}/") for one in items), items
            assert f"repository/{ref}" in items
            await git.update_ref(ref, whole)
