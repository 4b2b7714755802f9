"""People: as GitLab names them, and as GitHub knows them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

# The columns of a users' file, and those that the report adds for the reader; a file may have both.
MAP_COLUMNS: Final = ("gitlab_username", "gitlab_email", "github_login")
REPORT_COLUMNS: Final = ("name", "account", "status", "author", "assignee", "mentioned", "projects", "note")

# The code of the finding by which a plan tells of people without a login.
UNRESOLVED_FINDING: Final = "people-unresolved"

_LOGIN: Final = re.compile(r"[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}(?:_[A-Za-z0-9]+)?")
_USERNAME: Final = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]{0,254}")
_EMAIL: Final = re.compile(r"(?=.{3,254}\Z)[^@\s,<>]+@[^@\s,<>]+")
# docs, "Username considerations for external authentication": 39 characters, the short code included.
_LONGEST_LOGIN: Final = 39
_PLACE: Final = "{username}"
_PATTERN: Final = re.compile(r"[A-Za-z0-9-]{0,20}\{username\}(?:[A-Za-z0-9-]{0,20}|_[A-Za-z0-9]{1,20})")
# docs, administration/internal_users and user/project/settings/project_access_tokens; older versions end in
# a number or in nothing.
_TOKEN_BOT: Final = re.compile(r"(?:project|group)_[0-9]+_bot(?:_?[0-9a-z]+)?", re.IGNORECASE)
_SERVICE: Final = re.compile(r"service_account_(?:group_[0-9]+_|project_[0-9]+_)?[0-9a-z]+", re.IGNORECASE)
_INTERNAL: Final = re.compile(
    r"(?:gitlab-)?(?:support|alert|security|automation|migration|visual-review|admin|llm|license"
    r"|suggested-reviewers|security-policy)-bot[0-9]*"
    r"|gitlab_(?:support|security)_bot[0-9]*|security_policy_bot_\w+|gitlabduo|duo-code-review-bot[0-9]*"
    r"|import_user_\w+|\w+_placeholder_user_\w+|placeholder_user_\w+",
    re.IGNORECASE,
)
_DELETED: Final = re.compile(r"ghost[0-9]*", re.IGNORECASE)


class Role(StrEnum):
    """As what a record names somebody."""

    AUTHOR = "author"
    ASSIGNEE = "assignee"
    MENTIONED = "mentioned"


class AccountKind(StrEnum):
    """Who is behind a username; `unknown` is a name that texts mention and no record has."""

    PERSON = "person"
    BOT = "bot"
    SERVICE = "service-account"
    DELETED = "deleted"
    UNKNOWN = "unknown"


class PersonStatus(StrEnum):
    """What is known of somebody's account on GitHub."""

    MAPPED = "mapped"
    NO_ACCOUNT = "no-account"
    LOGIN_NOT_FOUND = "login-not-found"
    UNRESOLVED = "unresolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A GitLab user as a record names them, and as what; `username` is the key, `email` a public one."""

    username: str
    name: str
    id: int | None = None
    web_url: str | None = None
    bot: bool = False
    email: str = ""
    role: Role = Role.AUTHOR


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonSeen:
    """Somebody whom a project names, and how often in which role."""

    username: str
    name: str = ""
    id: int | None = None
    email: str = ""
    account: AccountKind = AccountKind.UNKNOWN
    author: int = 0
    assignee: int = 0
    mentioned: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonResolved:
    """The same with what was found on GitHub; `github_login` only when it exists there.

    `note` is the login that was not found, or says what was tried.
    """

    seen: PersonSeen
    status: PersonStatus
    github_login: str | None = None
    origin: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserMapping:
    """Who a GitLab user is on GitHub; `github_login` None means: known to have no account."""

    gitlab_username: str
    github_login: str | None
    origin: str = "map"


def account_kind(person: Person) -> AccountKind:
    """Whom a username belongs to, by GitLab's own way of naming what is no person."""
    name = person.username
    if _DELETED.fullmatch(name):
        return AccountKind.DELETED
    if _SERVICE.fullmatch(name):
        return AccountKind.SERVICE
    if person.bot or _TOKEN_BOT.fullmatch(name) or _INTERNAL.fullmatch(name):
        return AccountKind.BOT
    return AccountKind.PERSON


def is_username(text: str) -> bool:
    """True for what GitLab could have called somebody (gitlabhq, `Gitlab::PathRegex`)."""
    return bool(_USERNAME.fullmatch(text))


def is_email(text: str) -> bool:
    """True for what looks like one e-mail address."""
    return bool(_EMAIL.fullmatch(text))


def is_login(text: str) -> bool:
    """True for what GitHub could have called somebody."""
    return bool(_LOGIN.fullmatch(text))


def is_pattern(text: str) -> bool:
    """True for a login with `{username}` in it once, such as `{username}_acme`."""
    return bool(_PATTERN.fullmatch(text))


def is_managed(pattern: str) -> bool:
    """True when only one enterprise can have such logins: `_` and its short code at the end.

    docs, "Username considerations for external authentication": no other login holds an underscore.
    """
    return "_" in pattern.partition(_PLACE)[2]


def login_from(pattern: str, username: str) -> str | None:
    """The login that a pattern makes of a username, as identity providers do; None when it makes none.

    docs, "About username normalization": what is neither letter nor digit becomes a dash; a name that then
    begins or ends with one, or holds two in a row, is refused.
    """
    normal = re.sub(r"[^A-Za-z0-9]", "-", username)
    login = pattern.replace(_PLACE, normal)
    return login if is_login(login) and len(login) <= _LONGEST_LOGIN else None
