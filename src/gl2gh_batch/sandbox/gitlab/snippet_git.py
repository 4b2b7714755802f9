"""The repository of a snippet: each has one of its own, with a commit for each version."""

from __future__ import annotations

import hashlib
from pathlib import Path

from gl2gh_batch.sandbox.gitlab.world import World
from gl2gh_batch.sandbox.seeds.history import History
from gl2gh_batch.sandbox.seeds.records import Snippet, SnippetVersion


def _is_taken(path: str) -> bool:
    return not any(part in {"", ".", ".."} or part.lower() == ".git" for part in path.split("/"))


def snippet_repository(world: World, snippet: Snippet) -> Path:
    """The bare repository of a snippet as it is now (docs: user/snippets, "Versioned snippets")."""
    now = SnippetVersion(files=snippet.files, author=snippet.author, at=snippet.updated_at)
    versions = [*snippet.versions, now]
    digest = hashlib.sha256(repr(versions).encode()).hexdigest()[:16]
    path = world.git_root / f"snippet-{snippet.id}-{digest}.git"
    if path.exists():
        return path
    history = History()
    before: dict[str, str] = {}
    for number, version in enumerate(versions):
        # git takes no path that leads out of its tree or into its own folder, and neither does GitLab.
        files = {name: text for name, text in version.files.items() if _is_taken(name)}
        user = world.user(version.author or snippet.author)
        history.commit(
            str(number),
            message=version.message,
            author=(user.name, f"{user.username}@example.com"),
            date=version.at,
            files={**dict.fromkeys(before.keys() - files.keys()), **files},
            parents=[str(number - 1)] if number else None,
        )
        before = files
    history.branch("main", str(len(versions) - 1))
    history.write(path)
    return path
