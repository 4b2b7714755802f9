"""What GitHub's protections refuse is said with the object and the remedy, and goes on once that is done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lab import open_lab, project

from gl2gh_batch.sandbox.seeds.history import run_git

SECRET = "very-secret-0123456789"


def with_secret() -> dict[str, Any]:
    """A project whose past holds a secret."""
    commits = [
        {"name": "one", "message": "Begin", "author": "anna", "files": {"conf/.env": f"A=1\nT={SECRET}\n"}},
        {"name": "two", "message": "Clean", "author": "anna", "files": {"conf/.env": "A=1\n"}},
    ]
    return project(repository={"default_branch": "main", "commits": commits})


async def test_a_secret_in_the_history_is_named_with_its_place(tmp_path: Path) -> None:
    """Commit, path and line, and where to allow it; nothing is pushed; without the protection it goes on."""
    async with open_lab(
        tmp_path,
        [with_secret()],
    ) as lab:
        await setting(lab, "secrets", "very-secret-[0-9]+")
        result = await lab.run("FULL")
        assert result["status"] != "success"
        hint = result["error"]["hint"]
        assert "conf/.env:2 in " in hint
        assert "/unblock-secret/" in hint
        assert SECRET not in str(result)
        assert (await lab.repository())["refs"] == {}
        await setting(lab, "secrets", "")
        assert (await lab.run("FULL"))["status"] == "success"


async def test_a_private_address_is_told_with_what_to_do(tmp_path: Path) -> None:
    """GH007 is about the account of the token, and is said so, with a commit that shows the address."""
    async with open_lab(tmp_path, [project()]) as lab:
        world = lab.sandbox.gitlab
        listed = run_git(world.repository(world.projects[17]), "log", "--all", "--format=%H %ae")
        sha, email = listed.decode().split()[:2]
        await setting(lab, "private_emails", [email])
        result = await lab.run("FULL")
        assert result["status"] != "success"
        assert "e-mail addresses private" in result["error"]["hint"]
        assert sha in result["error"]["hint"]
        assert email not in str(result)
        await setting(lab, "private_emails", [])
        assert (await lab.run("FULL"))["status"] == "success"


async def setting(lab: Any, name: str, value: Any) -> None:
    """Change a setting of the GitHub."""
    await lab.control("PATCH", "state", [{"op": "replace", "path": f"/settings/{name}", "value": value}])
