"""Files that texts name arrive whole, under their new addresses, and are found again by verify."""

from __future__ import annotations

import base64
import json
import re
import shutil
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from lab import USERS, Lab, issue, note, project

from gl2gh_batch.sandbox.seeds.records import Upload

SECRETS = [f"{number:032x}" for number in range(1, 12)]
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40


def upload(number: int, filename: str, content: bytes = PICTURE) -> dict[str, Any]:
    """A description of an upload with its bytes."""
    return {
        "secret": SECRETS[number],
        "filename": filename,
        "base64": base64.b64encode(content).decode(),
    }


def link(number: int, filename: str) -> str:
    """The address of an upload as GitLab writes it into texts."""
    return f"/uploads/{SECRETS[number]}/{filename}"


ATTACHED = project(
    milestones=[{"title": "1.0", "description": f"See [plan]({link(3, 'plan.pdf')})"}],
    labels=[],
    issues=[
        issue(
            1,
            description=f'![shot]({link(0, "shot.png")}){{width=50%}} and <img src="{link(1, "two.png")}">',
            milestone="1.0",
            notes=[
                note(f"Again ![shot]({link(0, 'shot.png')}) and `![code]({link(4, 'code.txt')})`"),
                note(f"[old]({link(9, 'gone.zip')})"),
            ],
        ),
        issue(2, description=f"[ü file](/-/project/17{link(2, '%C3%BC%20file%20%281%29.txt')})"),
        issue(3, description=f"Secret: [x]({link(5, 'secret.txt')})", confidential=True),
    ],
    uploads=[
        upload(0, "shot.png"),
        upload(1, "two.png"),
        upload(2, "ü file (1).txt", "Grüße\n".encode()),
        upload(3, "plan.pdf", b"%PDF-1.4 plan"),
        upload(4, "code.txt", b"never named outside of code"),
        upload(5, "secret.txt", b"top secret"),
    ],
)


async def files_of(lab: Lab, branch: str = "gl2gh-attachments") -> dict[str, bytes]:
    """What lies in a branch of the target."""
    from gl2gh_batch.sandbox.github.repositories import git_of

    repository = lab.sandbox.github.repository("acme/app")
    assert repository is not None
    git = git_of(lab.sandbox.github, repository)
    tree = await git.tree_of(branch)
    if tree is None:
        return {}
    rows = await git.tree(tree, recursive=True)
    return {path: await git.blob(sha) for _, kind, sha, _, path in rows if kind == "blob"}


def texts_of(repository: dict[str, Any]) -> str:
    """All texts of the target, in one."""
    issues = repository["issues"]
    bodies = [one["body"] for one in issues] + [c["body"] for one in issues for c in one["comments"]]
    return "\n".join([*bodies, *(one["description"] or "" for one in repository["milestones"])])


def losses_of(lab: Lab, kind: str = "uploads") -> list[dict[str, Any]]:
    """The losses of a kind that the plan lists."""
    lines = (lab.folder_of() / "desired" / "losses.ndjson").read_text().splitlines()
    return [one for one in map(json.loads, lines) if one["kind"] == kind]


async def test_attachments_lie_in_a_branch_and_texts_lead_there(open_lab: Any) -> None:
    """Each named file is in the branch byte for byte, each text links to it, nothing else is taken along."""
    lab = await open_lab(ATTACHED)
    result = await lab.run("FULL", users=USERS)
    assert result["status"] == "success", result
    repository = await lab.repository()
    files = await files_of(lab)
    readme = files.pop("README.md")
    assert b"acme/app" in readme
    assert sorted(path.partition("/")[2] for path in files) == [
        "plan.pdf",
        "shot.png",
        "two.png",
        "ü-file-1.txt",
    ]
    assert b"top secret" not in files.values()
    text = texts_of(repository)
    found = re.findall(r"http\S+?/blob/gl2gh-attachments/([^?\s]+)\?raw=true", text)
    assert len(found) == 5
    assert {unquote(path) for path in found} == set(files)
    assert [unquote(one).rpartition("/")[2] for one in found].count("shot.png") == 2
    assert all(files[unquote(path)] == PICTURE for path in found if path.endswith(".png"))
    assert 'width="50%"' in text
    assert f"`![code]({link(4, 'code.txt')})`" in text
    lost = {one["item"]: one for one in losses_of(lab)}
    assert set(lost) == {f"uploads/{SECRETS[9]}/gone.zip", f"uploads/{SECRETS[5]}/secret.txt"}
    assert f"{lab.sandbox.gitlab_url}/acme/app{link(9, 'gone.zip')}" in text
    downloads = [one for one in lab.sandbox.journal if f"uploads/{SECRETS[0]}" in one.path]
    assert len(downloads) == 1
    assert result["plan"]["price"]["git_operations"] <= 3


async def test_attachments_become_assets_of_a_prerelease(open_lab: Any) -> None:
    """With `release`, each file is an asset under a name that GitHub keeps, its own name shown beside it."""
    lab = await open_lab(ATTACHED)
    result = await lab.run("FULL", lab.config(attachments="release"), users=USERS)
    assert result["status"] == "success", result
    repository = await lab.repository()
    (release,) = repository["releases"]
    assert (release["tag_name"], release["prerelease"], release["draft"]) == (
        "gl2gh-attachments",
        True,
        False,
    )
    assets = {one["name"]: one for one in release["assets"]}
    assert sorted(one["label"] for one in assets.values()) == [
        "plan.pdf",
        "shot.png",
        "two.png",
        "ü file (1).txt",
    ]
    text = texts_of(repository)
    found = re.findall(r"http\S+?/releases/download/gl2gh-attachments/([\w.-]+)", text)
    assert set(found) == set(assets)
    by_label = {one["label"]: base64.b64decode(one["content"]) for one in assets.values()}
    assert by_label["ü file (1).txt"] == "Grüße\n".encode()
    assert by_label["shot.png"] == PICTURE


async def test_links_to_gitlab_are_losses(open_lab: Any) -> None:
    """With `link`, nothing is downloaded, links lead to GitLab, and each file is listed as lost."""
    lab = await open_lab(ATTACHED)
    result = await lab.run("FULL", lab.config(attachments="link"), users=USERS)
    assert result["status"] == "success", result
    repository = await lab.repository()
    assert "refs/heads/gl2gh-attachments" not in repository["refs"]
    assert f"{lab.sandbox.gitlab_url}/acme/app{link(0, 'shot.png')}" in texts_of(repository)
    assert len(losses_of(lab)) == 6
    assert not any(f"uploads/{SECRETS[0]}" in one.path for one in lab.sandbox.journal)


async def test_object_storage_gets_no_token(open_lab: Any) -> None:
    """Files of an instance with object storage come from there, and the token does not go there."""
    lab = await open_lab(ATTACHED, object_storage=True)
    result = await lab.run("FULL", users=USERS)
    assert result["status"] == "success", result
    assert lab.sandbox.storage.leaks == 0
    assert lab.sandbox.storage.served == 5
    assert len(await files_of(lab)) == 5


async def test_files_of_groups_and_other_projects(open_lab: Any) -> None:
    """Files that belong to a group or to another project are fetched from there."""
    other = project(
        "acme/lib", 18, uploads=[upload(6, "lib.txt", b"lib")], issues=[], labels=[], milestones=[]
    )
    text = (
        f"[a](/acme/lib{link(6, 'lib.txt')}) [b](/groups/acme/-{link(7, 'group.txt')})"
        f" [c](/-/project/18{link(6, 'lib.txt')})"
    )
    lab = await open_lab(project(issues=[issue(1, description=text)], milestones=[], labels=[]), other)
    group = lab.sandbox.gitlab.group("acme")
    kept = lab.sandbox.gitlab.git_root / "group.txt"
    kept.write_bytes(b"group")
    group.uploads.append(Upload(secret=SECRETS[7], filename="group.txt", path=kept))
    result = await lab.run("FULL", users=USERS)
    assert result["status"] == "success", result
    files = await files_of(lab)
    assert {b"lib", b"group"} <= set(files.values())


async def test_a_broken_download_goes_on_where_it_broke_off(open_lab: Any) -> None:
    """A connection that breaks in the middle of a file is taken up again with a range."""
    lab = await open_lab(ATTACHED)
    await lab.control(
        "PUT",
        "faults",
        [{"side": "gitlab", "path": f"**/uploads/{SECRETS[0]}/**", "nth": 1, "effect": {"drop": True}}],
    )
    result = await lab.run("FULL", users=USERS)
    assert result["status"] == "success", result
    assert PICTURE in (await files_of(lab)).values()


async def test_a_branch_of_that_name_is_no_obstacle(open_lab: Any) -> None:
    """Where the project has such a branch already, ours gets a number."""
    fields = dict(ATTACHED)
    fields["repository"] = {
        **fields["repository"],
        "branches": {"gl2gh-attachments": "one", "gl2gh-attachments-2/x": "two"},
    }
    lab = await open_lab(fields)
    result = await lab.run("FULL", users=USERS)
    assert result["status"] == "success", result
    assert len(await files_of(lab, "gl2gh-attachments-3")) == 5
    assert "/blob/gl2gh-attachments-3/" in texts_of(await lab.repository())


async def test_an_empty_repository_gets_its_attachments(open_lab: Any) -> None:
    """A project without a single commit has its attachments too, under both policies."""
    fields = {**ATTACHED, "repository": {}}
    for policy in ("branch", "release"):
        lab = await open_lab(fields)
        result = await lab.run("FULL", lab.config(attachments=policy), users=USERS)
        assert result["status"] == "success", result


@pytest.mark.parametrize(
    "address", ["http://", "//", "https://evil.example/uploads/"], ids=["no host", "slashes", "elsewhere"]
)
async def test_nothing_is_fetched_from_elsewhere(open_lab: Any, address: str) -> None:
    """An address of another host that looks like an upload is never asked."""
    text = f"![x]({address}{link(0, 'shot.png')})"
    lab = await open_lab(project(issues=[issue(1, description=text)], labels=[], milestones=[]))
    result = await lab.run("EXPORT_ONLY")
    assert result["status"] == "success", result
    assert not any("uploads/0" in urlsplit(one.path).path for one in lab.sandbox.journal)


@pytest.mark.parametrize("policy", ["branch", "release"])
async def test_a_handover_brings_the_files_along(open_lab: Any, policy: str) -> None:
    """Another machine that has nothing but the handover puts the files in their places."""
    lab = await open_lab(ATTACHED)
    config = lab.config(attachments=policy)
    planned = await lab.run("PLAN_ONLY", config, users=USERS)
    assert planned["status"] == "success", planned
    (lab.work / "handover").rename(lab.folder / "elsewhere")
    shutil.rmtree(lab.work)
    result = await lab.run("APPLY", config, work=lab.folder / "elsewhere", users=USERS)
    assert result["status"] == "success", result
