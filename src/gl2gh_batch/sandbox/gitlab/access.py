"""Who asks, and what they may see (docs: user/permissions, user/profile/personal_access_tokens)."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from aiohttp import web

from gl2gh_batch.sandbox.gitlab.answers import Refusal, unauthorized
from gl2gh_batch.sandbox.gitlab.world import World
from gl2gh_batch.sandbox.seeds.records import (
    GUEST,
    OWNER,
    REPORTER,
    Group,
    Issue,
    Member,
    Project,
    Token,
    User,
)

_READING = ("GET", "HEAD")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who sent a request: nobody, or a user by a token with scopes."""

    world: World
    user: User | None = None
    scopes: frozenset[str] = frozenset()
    token: Token | None = None

    def level(self, project: Project) -> int:
        """The access level in a project, 0 for none; an administrator has the owner's."""
        if self.user is None:
            return 0
        if self.user.is_admin:
            return OWNER
        return self._highest(project.members, project.full_path)

    def group_level(self, group: Group) -> int:
        """The access level in a group."""
        if self.user is None:
            return 0
        if self.user.is_admin:
            return OWNER
        return self._highest(group.members, group.full_path)

    def reaches(self, project: Project, level: int) -> bool:
        """Whether the caller has that access level in a project, or nobody asks for it."""
        return self.level(project) >= level or not self.world.rules.holds("gitlab_level")

    def can_use(self, project: Project, feature: str) -> bool:
        """Whether a feature of a project is there; one that is switched off is not."""
        return project.can_use(feature) or not self.world.rules.holds("gitlab_feature_off")

    def is_member(self, project: Project) -> bool:
        """Whether the project is one of the user's own, as `membership=true` asks."""
        return self.user is not None and self._highest(project.members, project.full_path) > 0

    def can_see(self, project: Project) -> bool:
        """Whether the project is there for this caller."""
        if self._sees(project.visibility) or self.level(project) >= GUEST:
            return True
        return not self.world.rules.holds("gitlab_invisible")

    def can_see_group(self, group: Group) -> bool:
        """Whether the group is there: by its visibility, a membership, or a project in it."""
        if self._sees(group.visibility) or self.group_level(group) >= GUEST:
            return True
        if not self.world.rules.holds("gitlab_invisible"):
            return True
        inside = f"{group.full_path.lower()}/"
        return any(
            self.is_member(project)
            for project in self.world.projects.values()
            if project.full_path.lower().startswith(inside)
        )

    def can_read_code(self, project: Project) -> bool:
        """Whether the repository can be read: guests of a private project cannot."""
        if not self.can_use(project, "repository"):
            return False
        if self._sees(project.visibility) or self.level(project) >= REPORTER:
            return True
        return not self.world.rules.holds("gitlab_code")

    def can_see_issue(self, project: Project, issue: Issue) -> bool:
        """Confidential issues are for Reporters and up, and for those who wrote or work on them."""
        if not issue.confidential or self.level(project) >= REPORTER:
            return True
        if not self.world.rules.holds("gitlab_confidential"):
            return True
        return self.user is not None and self.user.username in (issue.author, *issue.assignees)

    def can_see_internal_notes(self, project: Project) -> bool:
        """Internal notes are for Reporters and up."""
        return self.level(project) >= REPORTER or not self.world.rules.holds("gitlab_internal_notes")

    def _sees(self, visibility: str) -> bool:
        if visibility == "internal":
            return self.user is not None and not self.user.is_external
        return visibility == "public"

    def _highest(self, direct: list[Member], full_path: str) -> int:
        assert self.user is not None
        levels = [each.access_level for each in direct if each.username == self.user.username]
        for group in self.world.ancestors(full_path):
            levels += [each.access_level for each in group.members if each.username == self.user.username]
        return max(levels, default=0)


def api_caller(world: World, request: web.Request, *, reads: bool = False) -> Caller:
    """The caller of an API request; a token that is not valid is refused, and no token is nobody.

    `reads` says that the request changes nothing, whatever its method.
    """
    value = request.headers.get("PRIVATE-TOKEN") or request.query.get("private_token") or ""
    scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
    if not value and scheme.lower() == "bearer":
        value = rest.strip()
    if not value:
        return Caller(world=world)
    caller = _by_token(world, value)
    needed = {"api", "read_api"} if reads or request.method in _READING else {"api"}
    if request.path in ("/api/v4/user", "/api/v4/users") or request.path.startswith("/api/v4/users/"):
        needed |= {"read_user"}
    if caller.user is not None and not caller.scopes & needed and world.rules.holds("gitlab_scope"):
        raise Refusal(
            403,
            {
                "error": "insufficient_scope",
                "error_description": "The request requires higher privileges than provided by the"
                " access token.",
                "scope": " ".join(sorted(needed)),
            },
        )
    return caller


def git_caller(world: World, request: web.Request, *, writes: bool) -> Caller:
    """The caller of git over HTTP, by Basic: any name with a token as the password.

    Without a token: nobody; a wrong one is refused with 401, as is one without the scope.
    """
    scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
    value = request.headers.get("PRIVATE-TOKEN", "")
    if scheme.lower() == "bearer":
        value = rest.strip()
    elif scheme.lower() == "basic":
        try:
            value = base64.b64decode(rest).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            raise unauthorized() from None
    if not value:
        return Caller(world=world)
    caller = _by_token(world, value)
    needed = {"api", "write_repository"} | (set() if writes else {"read_repository"})
    if caller.user is not None and not caller.scopes & needed and world.rules.holds("gitlab_scope"):
        raise unauthorized()
    return caller


def _by_token(world: World, value: str) -> Caller:
    token = world.tokens.get(value)
    if token is None:
        if world.rules.holds("gitlab_credentials"):
            raise unauthorized()
        return Caller(world=world)
    if token.revoked and world.rules.holds("gitlab_revoked"):
        raise Refusal(
            401,
            {
                "error": "invalid_token",
                "error_description": "Token was revoked. You have to re-authorize from the user.",
            },
        )
    user = world.user(token.username)
    if user.state != "active" and world.rules.holds("gitlab_blocked"):
        raise Refusal(403, {"message": "403 Forbidden - Your account has been blocked."})
    return Caller(world=world, user=user, scopes=token.scopes, token=token)
