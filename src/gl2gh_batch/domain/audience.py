"""Who sees what: GitLab hides single parts of a project from those who are no members, GitHub does not.

Source: GitLab docs, "Configure project features and permissions" (user/project/settings): a feature's access
level `private` is "only project members", also in a project that is public or internal.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable
from typing import Final

from gl2gh_batch.domain.request import Policies, Visibility

# A feature of GitLab's, called like the kind that it hides → what a reader should know it as.
HIDEABLE: Final[dict[str, str]] = {
    "repository": "code",
    "issues": "issues",
    "labels": "labels",
    "milestones": "milestones",
    "merge_requests": "merge requests",
    "wiki": "wiki",
    "releases": "releases",
    "snippets": "snippets",
}


def hidden_parts(members_only: Iterable[str], skipped: Container[str]) -> tuple[str, ...]:
    """The kinds that are carried over and are for members only."""
    return tuple(name for name in members_only if name in HIDEABLE and name not in skipped)


def named(parts: Iterable[str]) -> str:
    """These parts in words."""
    return ", ".join(HIDEABLE[name] for name in parts)


def visibility_on_github(policies: Policies, visibility: str, hidden: Collection[str]) -> Visibility:
    """Who sees the repository of a project with this visibility of which these parts are hidden.

    GitLab's internal means every signed-in user of the instance: never public on GitHub by itself. Neither
    is a project with a part that is for members only.
    """
    if policies.visibility is not Visibility.SOURCE:
        return policies.visibility
    return Visibility.PUBLIC if visibility == "public" and not hidden else Visibility.PRIVATE
