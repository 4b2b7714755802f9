"""What the plan says of a history before anything is written."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from lab import open_lab, project

from gl2gh_batch.agents._git_findings import Surroundings, git_findings
from gl2gh_batch.domain.plan import Finding
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.kit.workdir import Manifest, ProjectFolder, write_manifest
from gl2gh_batch.sandbox.git_http import git_environment

TARGETS = {"group/lib": RepoRef(owner="acme", name="lib"), "group/ui": RepoRef(owner="acme", name="front")}
LONG = "refs/heads/" + "n" * 300
SOMEBODY = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "A"), ("EMAIL", "a@example.com"))
}
TOKEN = "ghp_" + "a1B2" * 9


def told(folder: Path, facts: dict[str, Any], github_url: str = "https://github.com") -> list[Finding]:
    """The findings for an export with these facts."""
    made = ProjectFolder(folder)
    write_manifest(made.snapshot, Manifest(files={}, inputs={}, made_at="now", facts=facts))
    around = Surroundings(
        gitlab_url="https://gitlab.example.com/git",
        full_path="group/app",
        github_url=github_url,
        repo=RepoRef(owner="acme", name="app"),
        repo_of=TARGETS.get,
    )
    return list(git_findings(made, around))


@pytest.mark.parametrize(
    ("github_url", "severity"),
    [
        ("https://github.com", "blocking"),
        ("https://acme.ghe.com", "blocking"),
        ("https://github.acme.example", "warning"),
    ],
)
def test_the_limit_blocks_where_it_is_githubs_own(tmp_path: Path, github_url: str, severity: str) -> None:
    """A GitHub Enterprise Server may take larger files: there the finding is a warning."""
    facts = {"large_files": [{"path": f"{n}.bin", "size": 1 << 27, "sha": f"{n:040x}"} for n in range(23)]}
    found = told(tmp_path, facts, github_url)
    assert {one.severity for one in found} == {severity}
    assert (len(found), found[-1].message[:7]) == (21, "3 more ")


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://gitlab.example.com/git/group/lib.git", "acme/lib"),
        ("https://GitLab.example.com/git/group/lib/", "acme/lib"),
        ("git@gitlab.example.com:git/group/ui.git", "acme/front"),
        ("ssh://git@gitlab.example.com:2222/git/group/ui.git", "acme/front"),
        ("https://gitlab.example.com/git/other/thing.git", ""),
        ("../ui.git", "acme/front"),
        ("../../other/thing", ""),
        ("../lib.git", None),
        ("https://github.com/acme/lib", None),
        ("https://[broken", None),
        ("git@elsewhere.example:group/lib.git", None),
    ],
)
def test_submodules_that_lead_to_the_old_gitlab_are_named(
    tmp_path: Path, url: str, target: str | None
) -> None:
    """With the new URL where the project goes along; one that leads where it should is no finding."""
    found = told(tmp_path, {"submodules": [{"name": "deps/one", "url": url, "branch": "main"}]})
    assert [one.code for one in found] == ([] if target is None else ["submodule-url"])
    if target is not None:
        assert "'deps/one' on branch 'main'" in found[0].message
        assert (f"https://github.com/{target}:" if target else "is not in this batch") in found[0].hint


def test_many_findings_of_a_sort_end_with_their_number(tmp_path: Path) -> None:
    """Beyond twenty of a sort there is one for all others; what was not searched is said."""
    modules = [{"name": f"m{n}", "url": "../../x/y", "branch": "main"} for n in range(30)]
    secrets = [{"path": f"{n}.env", "sha": f"{n:040x}", "shape": "npm token"} for n in range(30)]
    facts = {
        "submodules": modules,
        "secrets": {"found": secrets, "files_left": 3, "bytes_left": 3 << 20},
        "refused_refs": [{"name": LONG, "reason": "its name is longer than 255 bytes"}],
    }
    found = told(tmp_path, facts)
    codes = [one.code for one in found]
    assert {code: codes.count(code) for code in codes} == {
        "ref-refused": 1,
        "submodule-url": 21,
        "secret": 21,
        "secrets-not-searched": 1,
    }
    assert "3 files of the history (3.0 MiB)" in found[-1].message
    assert "longer than 255 bytes" in found[0].message
    assert len(found[0].message) < 200


def _git(folder: Path, *arguments: str, data: bytes = b"") -> str:
    done = subprocess.run(
        ["git", f"--git-dir={folder}", *arguments],
        input=data,
        capture_output=True,
        check=True,
        env={**git_environment(), **SOMEBODY},
    )
    return done.stdout.decode().strip()


async def test_a_history_tells_its_troubles_in_the_plan(tmp_path: Path) -> None:
    """Secrets in old commits and submodules of another branch are in the plan, before a write.

    The secret itself and the credentials of a URL are in no file of the work directory but the mirror.
    """
    async with open_lab(tmp_path, [project()]) as lab:
        world = lab.sandbox.gitlab
        folder = world.repository(world.projects[17])
        modules = (
            f'[submodule "a"]\n\turl = {lab.sandbox.gitlab_url.replace("://", "://me:pa55@")}/group/lib.git\n'
            '[submodule "b"]\n\turl = https://example.org/x.git\n'
            "[include]\n\tpath = /etc/passwd\n"
        )
        parent = ""
        for name, content in ((".env", TOKEN), (".gitmodules", modules)):
            blob = _git(folder, "hash-object", "-w", "--stdin", data=content.encode())
            tree = _git(folder, "mktree", data=f"100644 blob {blob}\t{name}\n".encode())
            chain = ("-p", parent) if parent else ()
            parent = _git(folder, "commit-tree", tree, "-m", "One", *chain)
        _git(folder, "update-ref", "refs/heads/other", parent)
        planned = await lab.run("PLAN_ONLY")
        found = {one["code"]: one for one in planned["agents"]["plan"]["details"]["findings"]}
        assert "'.env' holds what looks like a GitHub token" in found["secret"]["message"]
        assert "Revoke" in found["secret"]["hint"]
        assert "'a' on branch 'other'" in found["submodule-url"]["message"]
        assert "is not in this batch" in found["submodule-url"]["hint"]
        assert planned["status"] == "success"
        assert lab.writes() == []
        for file in lab.work.rglob("*"):
            if file.is_file() and ".git" not in str(file.relative_to(lab.work)):
                content = file.read_bytes()
                assert TOKEN.encode() not in content
                assert b"pa55" not in content


def test_what_lfs_takes_of_the_owners_storage_is_told(tmp_path: Path) -> None:
    """The sum of all objects as a notice, and each that not every plan of GitHub's takes as a warning."""
    assert told(tmp_path / "none", {}) == []
    desired = tmp_path / "some" / "desired"
    desired.mkdir(parents=True)
    rows = [{"oid": f"{number:064x}", "size": size} for number, size in enumerate((1 << 20, 3 << 30))]
    (desired / "lfs_objects.ndjson").write_text("".join(f"{json.dumps(one)}\n" for one in rows))
    notice, warning = told(tmp_path / "some", {})
    assert (notice.severity, notice.code) == ("notice", "lfs-storage")
    assert "2 LFS objects of 3,073.0 MiB take from the LFS storage of acme" in notice.message
    assert (warning.severity, warning.item) == ("warning", f"lfs_objects/{rows[1]['oid']}")
    assert "3,072 MiB" in warning.message
