"""Whose request it is, and what they may do."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from gl2gh_batch.sandbox.credentials import secret_of
from gl2gh_batch.sandbox.github.errors import Refused, forbidden, not_found
from gl2gh_batch.sandbox.github.state import Repository, Role, State, Token, role_of

# Scopes of a classic token that open private repositories, and public ones for writing.
PRIVATE_SCOPE: Final = "repo"
PUBLIC_SCOPE: Final = "public_repo"


def token_of(state: State, request: web.Request) -> Token | None:
    """The credential of a request; None for an anonymous one; 401 when it is unknown or has expired."""
    secret = secret_of(request)
    if secret is None:
        return None
    token = state.tokens.get(secret)
    if not state.rules.holds("bad_credentials"):
        return token
    if token is None or token.is_expired(state.clock.wall()):
        raise Refused(401, "Bad credentials")
    return token


def role_with(state: State, token: Token | None, repository: Repository) -> Role:
    """The role that a credential gives: the account's, cut to the token's scopes and repositories."""
    least = Role.NONE if repository.private else Role.READ
    if token is None:
        return least
    role = role_of(state, token.login, repository)
    if token.kind == "classic":
        if PRIVATE_SCOPE in token.scopes or (not repository.private and PUBLIC_SCOPE in token.scopes):
            return role
        return least
    if token.repositories is not None:
        confined = {name.casefold() for name in token.repositories}
        if repository.full_name.casefold() not in confined:
            return least
    # An installation acts by its permissions alone; a user's token never has more than the user.
    return Role.ADMIN if token.kind == "installation" else role


def require(state: State, token: Token | None, repository: Repository, needed: Role, permission: str) -> None:
    """Refuse as GitHub does: 404 for the invisible, 403 for what is seen but not allowed."""
    role = role_with(state, token, repository)
    if role is Role.NONE and state.rules.holds("invisible"):
        raise not_found()
    if needed <= Role.READ or not state.rules.holds("permission"):
        return
    if token is None:
        raise Refused(401, "Requires authentication")
    require_permission(state, token, permission)
    if role < needed:
        raise forbidden(
            "Must have admin rights to Repository." if needed is Role.ADMIN else "Must have push access."
        )


def require_permission(state: State, token: Token, permission: str) -> None:
    """403 for a token whose permissions do not allow to write what `permission` names."""
    if token.permissions is None or not state.rules.holds("permission"):
        return
    if token.permissions.get(permission) != "write":
        kind = "integration" if token.kind == "installation" else "personal access token"
        raise forbidden(f"Resource not accessible by {kind}")
