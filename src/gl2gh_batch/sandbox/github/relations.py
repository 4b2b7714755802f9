"""Sub-issues, dependencies between issues, and an organisation's issue types.

Docs: rest/issues/sub-issues, rest/issues/issue-dependencies, rest/orgs/issue-types.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from gl2gh_batch.sandbox.github.call import Call, Route, answer
from gl2gh_batch.sandbox.github.errors import invalid, not_found, wrong
from gl2gh_batch.sandbox.github.issues import require_issues
from gl2gh_batch.sandbox.github.render import issue_document, issue_type_document
from gl2gh_batch.sandbox.github.state import Issue, Repository, Role, State

ISSUE: Final = "{owner}/{repo}/issues/{issue_number:[0-9]+}"


def _issue_of_id(state: State, identity: object) -> tuple[Repository, Issue]:
    """The issue of that id, wherever it is; 404 as for anything that is not there."""
    found = state.issue_of_id(identity) if isinstance(identity, int) else None
    if found is None:
        raise not_found()
    return found


async def list_sub_issues(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/issues/{issue_number}/sub_issues."""
    repository = call.repository()
    parent = call.issue(repository)
    found = [(other, each) for other, each in call.state.issues() if each.parent == parent.id]
    return call.paged(found, lambda pair: issue_document(call.state, *pair))


async def add_sub_issue(call: Call) -> web.StreamResponse:
    """POST /repos/{owner}/{repo}/issues/{issue_number}/sub_issues: by id, and under one parent only."""
    state = call.state
    repository = call.repository(Role.WRITE, "issues")
    require_issues(call, repository)
    parent = call.issue(repository)
    fields = await call.body()
    place, child = _issue_of_id(state, fields.get("sub_issue_id"))
    if place.owner.casefold() != repository.owner.casefold() and state.rules.holds("sub_issue_owner"):
        raise invalid(wrong("Issue", "sub_issue_id", message="must belong to the same repository owner"))
    refused = child.parent is not None and not (fields.get("replace_parent") and child.parent != parent.id)
    if refused and state.rules.holds("sub_issue_parent"):
        raise invalid(wrong("Issue", "sub_issue_id", message="Sub issue may only have one parent"))
    above: Issue | None = parent
    while above is not None:
        if above.id == child.id and state.rules.holds("sub_issue_circle"):
            raise invalid(wrong("Issue", "sub_issue_id", message="Sub issues may not form a circle"))
        upper = above.parent if above.id != child.id else None
        above = None if upper is None else _issue_of_id(state, upper)[1]
    count = sum(each.parent == parent.id for _, each in state.issues())
    if count >= state.rules.most("sub_issues"):
        raise invalid(wrong("Issue", "sub_issue_id", message="Parent cannot have more than 100 sub-issues"))
    child.parent, state.has_relations = parent.id, True
    state.changed()
    parent.updated_at = child.updated_at = state.clock.stamp()
    document = issue_document(state, repository, parent)
    return answer(document, 201, {"Location": document["url"]})


async def get_parent(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/issues/{issue_number}/parent."""
    child = call.issue(call.repository())
    if child.parent is None:
        raise not_found()
    return answer(issue_document(call.state, *_issue_of_id(call.state, child.parent)))


async def list_blocked_by(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/issues/{issue_number}/dependencies/blocked_by."""
    issue = call.issue(call.repository())
    found = [(other, each) for other, each in call.state.issues() if each.id in issue.blocked_by]
    return call.paged(found, lambda pair: issue_document(call.state, *pair))


async def list_blocking(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/issues/{issue_number}/dependencies/blocking."""
    issue = call.issue(call.repository())
    found = [(other, each) for other, each in call.state.issues() if issue.id in each.blocked_by]
    return call.paged(found, lambda pair: issue_document(call.state, *pair))


async def add_blocked_by(call: Call) -> web.StreamResponse:
    """POST /repos/{owner}/{repo}/issues/{issue_number}/dependencies/blocked_by: by id, once."""
    state = call.state
    repository = call.repository(Role.WRITE, "issues")
    require_issues(call, repository)
    issue = call.issue(repository)
    _, blocker = _issue_of_id(state, (await call.body()).get("issue_id"))
    if (blocker.id in issue.blocked_by or blocker.id == issue.id) and state.rules.holds("dependency_once"):
        raise invalid(wrong("Issue", "issue_id", message="is already a dependency, or the issue itself"))
    if issue.id in blocker.blocked_by and state.rules.holds("dependency_circle"):
        raise invalid(wrong("Issue", "issue_id", message="dependencies may not form a circle"))
    if len(issue.blocked_by) >= state.rules.most("dependencies"):
        raise invalid(wrong("Issue", "issue_id", message="there are 50 dependencies already"))
    issue.blocked_by.append(blocker.id)
    state.has_relations = True
    state.changed()
    issue.updated_at = state.clock.stamp()
    document = issue_document(state, repository, issue)
    return answer(document, 201, {"Location": document["url"]})


async def list_issue_types(call: Call) -> web.StreamResponse:
    """GET /orgs/{org}/issue-types."""
    call.viewer()
    account = call.state.account(call.params["org"])
    if account is None or not account.is_organization:
        raise not_found()
    documents = [
        issue_type_document(call.state, account.login, name) for name in call.state.settings.issue_types
    ]
    return answer(documents)


ROUTES: Final[tuple[Route, ...]] = (
    ("GET", f"/repos/{ISSUE}/sub_issues", list_sub_issues),
    ("POST", f"/repos/{ISSUE}/sub_issues", add_sub_issue),
    ("GET", f"/repos/{ISSUE}/parent", get_parent),
    ("GET", f"/repos/{ISSUE}/dependencies/blocked_by", list_blocked_by),
    ("POST", f"/repos/{ISSUE}/dependencies/blocked_by", add_blocked_by),
    ("GET", f"/repos/{ISSUE}/dependencies/blocking", list_blocking),
    ("GET", "/orgs/{org}/issue-types", list_issue_types),
)
