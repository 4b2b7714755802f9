"""Users of GitLab's as people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gl2gh_batch.domain.people import Person, Role
from gl2gh_batch.source import models as gitlab


def people(users: Iterable[gitlab.User | None], role: Role) -> Iterator[Person]:
    """The users whom a record names in one role; what belongs to nobody any more is left out."""
    for user in users:
        if user is not None:
            yield Person(
                username=user.username,
                name=user.name,
                id=user.id,
                web_url=user.web_url,
                bot=bool(user.bot),
                email=user.public_email or "",
                role=role,
            )
