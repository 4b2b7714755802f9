"""Badges: GitHub has none, so each becomes a line for the README that a person can take over.

GitLab docs: user/project/badges (placeholders), api/project_badges.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from gl2gh_batch.domain.errors import NotFoundError, SourceError
from gl2gh_batch.domain.plan import Loss
from gl2gh_batch.domain.ports import Book
from gl2gh_batch.kinds._kind import Source
from gl2gh_batch.rewrite.addresses import inside_gitlab, moved, safe
from gl2gh_batch.rewrite.attribution import plain_words
from gl2gh_batch.source.api import GitLab
from gl2gh_batch.source.models import Project
from gl2gh_batch.source.published import Badge

KIND: Final = "repository"
# What the inventory counts them under.
KIND_COUNTED: Final = "badges"
# GitLab takes addresses of at most 255 characters; what is resolved may be longer.
_ADDRESS_LIMIT: Final = 2_000
_WEB: Final = re.compile(r"https?://[^/\s]", re.IGNORECASE)
_PLACEHOLDER: Final = re.compile(r"%\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BadgeRecord:
    """A badge with its addresses as GitLab shows them: every placeholder that it knows is resolved."""

    id: int
    name: str
    link: str
    image: str


async def read_badges(gitlab: GitLab, source: Source, project: Project) -> tuple[BadgeRecord, ...] | None:
    """The badges of a project; None where GitLab does not tell them. Without any, nothing is asked."""
    if KIND_COUNTED not in source.inventory.not_carried:
        return ()
    namespace = project.path_with_namespace.rpartition("/")[0]
    known = {
        "project_path": project.path_with_namespace,
        "project_id": str(project.id),
        "project_name": project.path_with_namespace.rpartition("/")[2],
        "project_title": project.name,
        "project_namespace": namespace,
        "group_name": namespace.rpartition("/")[2],
        "gitlab_server": urlsplit(gitlab.web_url).netloc,
        "default_branch": project.default_branch or "",
    }
    try:
        return tuple([badge_record(one, known) async for one in gitlab.badges(project.id)])
    except (NotFoundError, SourceError):
        return None


def badge_record(badge: Badge, known: Mapping[str, str]) -> BadgeRecord:
    """The badge; `known` resolves the placeholders where GitLab does not do so itself."""

    def resolved(rendered: str | None, template: str) -> str:
        return rendered or _PLACEHOLDER.sub(lambda found: known.get(found[1], found[0]), template)

    return BadgeRecord(
        id=badge.id,
        name=badge.name or "",
        link=resolved(badge.rendered_link_url, badge.link_url),
        image=resolved(badge.rendered_image_url, badge.image_url),
    )


def badge_losses(badges: tuple[BadgeRecord, ...], book: Book) -> Iterator[Loss]:
    """Each badge by its name, with the line that shows it in a README."""
    for badge in badges:
        name = plain_words(badge.name) or f"badge {badge.id}"
        yield Loss(
            kind=KIND,
            item=f"{KIND}/badges/{badge.id}",
            what=f"the badge {badge.name or badge.id!r}",
            reason=_remedy(badge, name, book),
        )


def _remedy(badge: BadgeRecord, name: str, book: Book) -> str:
    image, link = _address(badge.image, book, is_image=True), _address(badge.link, book, is_image=False)
    if not image:
        return "GitHub has no badges, and the address of its picture is none that a browser opens"
    shown = f"![{name}]({image})"
    line = f"[{shown}]({link})" if link else shown
    said = f"GitHub has no badges; this line shows it in the README: {line}"
    if inside_gitlab(badge.image, book.gitlab_url.rstrip("/")) is None:
        return said
    return (
        f"{said} - its picture is GitLab's own and ends with that project; GitHub's own for a workflow is"
        f" {book.github_url.rstrip('/')}/{book.repo}/actions/workflows/FILE.yml/badge.svg"
    )


def _address(address: str, book: Book, *, is_image: bool) -> str:
    """The address as it can stand in Markdown; a link to what is migrated leads to GitHub; empty for none."""
    plain = address.strip()
    if not _WEB.match(plain) or len(plain) > _ADDRESS_LIMIT or any(sign.isspace() for sign in plain):
        return ""
    elsewhere = None if is_image else moved(plain, book)
    return elsewhere or safe(plain)
