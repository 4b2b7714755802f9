"""People: as GitLab names them, and as GitHub knows them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A GitLab user as a record names them; `username` is the key."""

    username: str
    name: str
    id: int | None = None
    web_url: str | None = None
    bot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UserMapping:
    """Who a GitLab user is on GitHub; `github_login` None means: known to have no account."""

    gitlab_username: str
    github_login: str | None
    origin: str = "map"
