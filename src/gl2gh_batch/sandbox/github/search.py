"""Search of issues, users and repositories: free words and the qualifiers that migrators use."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from aiohttp import web

from gl2gh_batch.sandbox.github.auth import role_with
from gl2gh_batch.sandbox.github.call import Call, Route, answer
from gl2gh_batch.sandbox.github.errors import invalid, wrong
from gl2gh_batch.sandbox.github.render import issue_document, repository_document, user_document
from gl2gh_batch.sandbox.github.state import Issue, Repository, Role

Item = TypeVar("Item")

# GitHub shows no more than the first thousand results of a search.
MAX_RESULTS: Final = 1000


def _terms(call: Call) -> tuple[list[str], dict[str, list[str]]]:
    """The words of the query, in lower case, and its qualifiers."""
    query = call.query.get("q", "")
    if not query.strip():
        raise invalid(wrong("Search", "q", "missing"))
    words: list[str] = []
    qualifiers: dict[str, list[str]] = {}
    try:
        parts = shlex.split(query)
    except ValueError:
        parts = query.split()
    for part in parts:
        name, colon, value = part.partition(":")
        if colon and re.fullmatch(r"[a-z-]+", name):
            qualifiers.setdefault(name, []).append(value.casefold())
        else:
            words.append(part.casefold())
    return words, qualifiers


def _results(call: Call, found: Sequence[Item], render: Callable[[Item], Any]) -> web.Response:
    items, headers = call.page(found[:MAX_RESULTS], render)
    document: dict[str, Any] = {"total_count": len(found), "incomplete_results": False, "items": items}
    if call.request.path.endswith("/issues"):
        document["search_type"] = "lexical"
    return answer(document, headers=headers)


async def search_issues(call: Call) -> web.StreamResponse:
    """GET /search/issues: words in title and body; repo:, org:, user:, state:, is:, label:, in:."""
    words, qualifiers = _terms(call)
    owners = qualifiers.get("org", []) + qualifiers.get("user", [])
    states = qualifiers.get("state", []) + qualifiers.get("is", [])
    fields = [field for value in qualifiers.get("in", ["title,body"]) for field in value.split(",")]
    found = []
    for repository, issue in call.state.issues():
        if role_with(call.state, call.token, repository) is Role.NONE:
            continue
        if (names := qualifiers.get("repo")) and repository.full_name.casefold() not in names:
            continue
        if owners and repository.owner.casefold() not in owners:
            continue
        if any(value in ("open", "closed") and value != issue.state for value in states):
            continue
        sorts = set(states + qualifiers.get("type", []))
        is_pull = issue.number in repository.pulls
        if ({"pr", "pull-request"} & sorts and not is_pull) or ("issue" in sorts and is_pull):
            continue
        labels = {repository.labels[each].name.casefold() for each in issue.labels}
        if not labels.issuperset(qualifiers.get("label", [])):
            continue
        texts = {"title": issue.title, "body": issue.body or ""}
        text = "\n".join(texts[field] for field in fields if field in texts).casefold()
        if all(word in text for word in words):
            found.append((repository, issue))
    found.sort(key=lambda pair: (pair[1].created_at, pair[1].id), reverse=True)
    return _results(call, found, lambda pair: _found_issue(call, *pair))


def _found_issue(call: Call, repository: Repository, issue: Issue) -> dict[str, Any]:
    """An issue as a search shows it: without a body where it has none."""
    document = issue_document(call.state, repository, issue) | {"score": 1.0}
    return {key: value for key, value in document.items() if (key, value) != ("body", None)}


async def search_users(call: Call) -> web.StreamResponse:
    """GET /search/users: words in login, name or public e-mail; in:, type:."""
    words, qualifiers = _terms(call)
    fields = [field for value in qualifiers.get("in", ["login,name,email"]) for field in value.split(",")]
    kinds = qualifiers.get("type", [])
    found = []
    for account in call.state.accounts.values():
        kind = "org" if account.is_organization else "user"
        if kinds and kind not in kinds:
            continue
        texts = {"login": account.login, "name": account.name or "", "email": account.email or ""}
        text = "\n".join(texts[field] for field in fields if field in texts).casefold()
        if all(word in text for word in words):
            found.append(account.login)
    return _results(call, sorted(found), lambda login: user_document(call.state, login) | {"score": 1.0})


async def search_repositories(call: Call) -> web.StreamResponse:
    """GET /search/repositories: words in name and description; org:, user:."""
    words, qualifiers = _terms(call)
    owners = qualifiers.get("org", []) + qualifiers.get("user", [])
    found = []
    for repository in call.state.repositories.values():
        role = role_with(call.state, call.token, repository)
        text = f"{repository.name}\n{repository.description or ''}".casefold()
        if role is Role.NONE or (owners and repository.owner.casefold() not in owners):
            continue
        if all(word in text for word in words):
            found.append((repository, role))
    return _results(call, found, lambda pair: repository_document(call.state, *pair) | {"score": 1.0})


ROUTES: Final[tuple[Route, ...]] = (
    ("GET", "/search/issues", search_issues),
    ("GET", "/search/users", search_users),
    ("GET", "/search/repositories", search_repositories),
)
