"""Issues of a repository: made, read, listed, changed, locked, assigned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from aiohttp import web

from gl2gh_batch.sandbox.clock import parse_instant, stamp
from gl2gh_batch.sandbox.github.auth import role_with
from gl2gh_batch.sandbox.github.call import Call, Route, answer, no_content, text_field
from gl2gh_batch.sandbox.github.errors import Refused, invalid, not_found, too_long, wrong
from gl2gh_batch.sandbox.github.labels import label_named
from gl2gh_batch.sandbox.github.pull_life import close, reopen
from gl2gh_batch.sandbox.github.render import issue_document, label_document, user_document
from gl2gh_batch.sandbox.github.repositories import git_of
from gl2gh_batch.sandbox.github.state import Account, Issue, Repository, Role, State, is_assignable

RESOURCE: Final = "Issue"
LOCK_REASONS: Final = ("off-topic", "too heated", "resolved", "spam")
STATE_REASONS: Final = ("completed", "not_planned", "duplicate", "reopened")
SORTS: Final[Mapping[str, Callable[[Issue], Any]]] = {
    "created": lambda issue: issue.created_at,
    "updated": lambda issue: issue.updated_at,
    "comments": lambda issue: len(issue.comments),
}


def require_issues(call: Call, repository: Repository, issue: Issue | None = None) -> None:
    """410 where issues are turned off; what belongs to a pull request works even then."""
    if issue is not None and issue.number in repository.pulls:
        return
    if not repository.settings.get("has_issues", True) and call.state.rules.holds("issues_disabled"):
        raise Refused(410, "Issues has been disabled in this repository.")


def checked_texts(state: State, fields: Mapping[str, Any]) -> None:
    """Refuse titles and bodies that are too long."""
    errors = []
    for name, rule in (("title", "title_chars"), ("body", "body_chars")):
        most = state.rules.most(rule)
        if len(text_field(fields, name, RESOURCE) or "") > most:
            errors.append(too_long(RESOURCE, name, most))
    if errors:
        raise invalid(*errors)


def checked_assignees(state: State, repository: Repository, logins: Sequence[str]) -> list[str]:
    """The logins as their accounts write them; 422 for one who cannot be assigned, or for too many."""
    if len(logins) > state.rules.most("assignees"):
        raise invalid(wrong(RESOURCE, "assignees", value=list(logins)))
    found = []
    for login in logins:
        account = state.account(login)
        if not is_assignable(state, login, repository) and state.rules.holds("assignable"):
            raise invalid(wrong(RESOURCE, "assignees", value=login))
        found.append(login if account is None else account.login)
    return list(dict.fromkeys(found))


def _names(values: object, key: str) -> list[str]:
    """The names in a list of texts or of documents with a name."""
    if not isinstance(values, list):
        raise invalid(message=f"Invalid request. {key} must be an array.")
    names = [each.get("name") if isinstance(each, dict) else each for each in values]
    if not all(isinstance(name, str) for name in names):
        raise invalid(message=f"Invalid request. For '{key}', every item must be a string.")
    return [str(name) for name in names]


def _milestone_number(state: State, repository: Repository, value: object) -> int | None:
    if value in (None, "", 0):
        return None
    try:
        number = int(str(value))
    except ValueError:
        number = -1
    if number not in repository.milestones and state.rules.holds("milestone_known"):
        raise invalid(wrong(RESOURCE, "milestone", value=str(value)))
    return number


def _classify(call: Call, repository: Repository, issue: Issue, fields: Mapping[str, Any]) -> None:
    """Set labels, assignees and milestone, as far as they are given; all checks come before any change."""
    state = call.state
    assignees = issue.assignees
    if fields.get("assignees") is not None:
        assignees = checked_assignees(state, repository, _names(fields["assignees"], "assignees"))
    elif fields.get("assignee"):
        assignees = checked_assignees(state, repository, [str(fields["assignee"])])
    milestone = issue.milestone
    if "milestone" in fields:
        milestone = _milestone_number(state, repository, fields["milestone"])
    if fields.get("type"):
        kind = fields["type"].get("value") if isinstance(fields["type"], dict) else fields["type"]
        if call.state.rules.holds("issue_type") and str(kind).casefold() not in _types(call, repository):
            raise invalid(wrong(RESOURCE, "type", value=kind))
        issue.type = str(kind)
    if fields.get("labels") is not None:
        names = _names(fields["labels"], "labels")
        issue.labels = list(dict.fromkeys(label_named(state, repository, name).id for name in names))
    issue.assignees, issue.milestone = assignees, milestone


def _types(call: Call, repository: Repository) -> set[str]:
    """The names of the issue types of the owner, in lower case."""
    owner = call.state.account(repository.owner)
    names = call.state.settings.issue_types if owner is not None and owner.is_organization else ()
    return {name.casefold() for name in names}


def set_state(
    issue: Issue, state: str, reason: str | None, viewer: Account, now: str, *, strict: bool = True
) -> None:
    """Close or reopen an issue; `strict`: "Ignored unless `state` is changed" holds for a reason."""
    if state == "closed":
        is_change = issue.state != "closed"
        if is_change:
            issue.closed_at, issue.closed_by = now, viewer.login
        wanted = reason if is_change or not strict else None
        issue.state_reason = wanted or issue.state_reason or "completed"
        if issue.state_reason == "reopened":
            issue.state_reason = "completed"
    elif issue.state == "closed":
        issue.closed_at, issue.closed_by, issue.state_reason = None, None, "reopened"
    issue.state = state


async def create_issue(call: Call) -> web.StreamResponse:
    """POST /repos/{owner}/{repo}/issues."""
    state = call.state
    repository = call.repository(Role.READ)
    viewer = call.opened_by_reader(repository)
    require_issues(call, repository)
    fields = await call.body()
    title = fields.get("title")
    if isinstance(title, int):
        title = str(title)
    if not isinstance(title, str) or not title.strip():
        raise invalid(wrong(RESOURCE, "title", "missing_field"))
    checked_texts(state, {**fields, "title": title})
    now = state.clock.stamp()
    issue = Issue(
        id=0,
        number=0,
        title=title.strip(),
        body=fields.get("body"),
        user=viewer.login,
        created_at=now,
        updated_at=now,
    )
    if role_with(state, call.token, repository) >= Role.WRITE:
        # "Labels are silently dropped otherwise", and so are assignees and the milestone.
        _classify(call, repository, issue, fields)
    issue.id, issue.number = state.next_id(), repository.take_number()
    repository.issues[issue.number] = issue
    document = issue_document(state, repository, issue)
    return answer(document, 201, {"Location": document["url"]})


async def get_issue(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/issues/{issue_number}."""
    repository = call.repository()
    return answer(issue_document(call.state, repository, call.issue(repository)))


async def update_issue(call: Call) -> web.StreamResponse:
    """PATCH /repos/{owner}/{repo}/issues/{issue_number}."""
    state = call.state
    repository = call.repository(Role.WRITE, "issues")
    issue = call.issue(repository)
    require_issues(call, repository, issue)
    fields = await call.body()
    checked_texts(state, fields)
    if fields.get("state") not in (None, "open", "closed"):
        raise invalid(wrong(RESOURCE, "state"))
    if fields.get("state_reason") not in (None, *STATE_REASONS):
        raise invalid(wrong(RESOURCE, "state_reason"))
    if "title" in fields and not str(fields["title"] or "").strip():
        raise invalid(wrong(RESOURCE, "title", "missing_field"))
    _classify(call, repository, issue, fields)
    if "title" in fields:
        issue.title = str(fields["title"]).strip()
    if "body" in fields:
        issue.body = fields["body"]
    now = state.clock.stamp()
    if issue.number in repository.pulls:
        await _set_pull_state(call, repository, issue, fields.get("state"))
    elif fields.get("state") is not None:
        strict = state.rules.holds("state_reason")
        set_state(issue, fields["state"], fields.get("state_reason"), call.viewer(), now, strict=strict)
    issue.updated_at = now
    return answer(issue_document(state, repository, issue))


async def _set_pull_state(call: Call, repository: Repository, issue: Issue, wanted: object) -> None:
    """Close or reopen a pull request through its issue side: by its own rules, and without a reason."""
    git = git_of(call.state, repository)
    if wanted == "closed":
        await close(call.state, git, issue, call.viewer().login)
    elif wanted == "open":
        await reopen(call.state, git, repository, issue)


async def list_issues(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/issues, with GitHub's filters and sorts."""
    repository = call.repository()
    query = call.query
    wanted = query.get("state", "open")
    tests: list[Callable[[Issue], bool]] = [lambda issue: wanted in ("all", issue.state)]
    if since := query.get("since"):
        try:
            earliest = stamp(parse_instant(since))
        except ValueError:
            raise invalid(wrong(RESOURCE, "since")) from None
        tests.append(lambda issue: issue.updated_at >= earliest)
    if names := [name for name in query.get("labels", "").split(",") if name]:
        labels = [repository.label(name) for name in names]
        tests.append(lambda issue: all(label is not None and label.id in issue.labels for label in labels))
    if (milestone := query.get("milestone")) is not None:
        tests.append(_milestone_test(milestone))
    if (assignee := query.get("assignee")) is not None:
        tests.append(_assignee_test(assignee))
    if (creator := query.get("creator")) is not None:
        tests.append(lambda issue: issue.user.casefold() == creator.casefold())
    found = [issue for issue in repository.issues.values() if all(test(issue) for test in tests)]
    sort = SORTS.get(query.get("sort", "created"))
    if sort is None:
        raise invalid(wrong(RESOURCE, "sort"))
    found.sort(
        key=lambda issue: (sort(issue), issue.number), reverse=query.get("direction", "desc") == "desc"
    )
    return call.paged(found, lambda issue: issue_document(call.state, repository, issue))


def _milestone_test(wanted: str) -> Callable[[Issue], bool]:
    if wanted == "*":
        return lambda issue: issue.milestone is not None
    if wanted == "none":
        return lambda issue: issue.milestone is None
    return lambda issue: str(issue.milestone) == wanted


def _assignee_test(wanted: str) -> Callable[[Issue], bool]:
    if wanted == "*":
        return lambda issue: bool(issue.assignees)
    if wanted == "none":
        return lambda issue: not issue.assignees
    return lambda issue: wanted.casefold() in {login.casefold() for login in issue.assignees}


async def lock_issue(call: Call) -> web.StreamResponse:
    """PUT /repos/{owner}/{repo}/issues/{issue_number}/lock."""
    repository = call.repository(Role.WRITE, "issues")
    issue = call.issue(repository)
    reason = (await call.body()).get("lock_reason")
    if reason not in (None, *LOCK_REASONS):
        raise invalid(wrong(RESOURCE, "lock_reason"))
    issue.locked, issue.active_lock_reason = True, reason
    return no_content()


async def unlock_issue(call: Call) -> web.StreamResponse:
    """DELETE /repos/{owner}/{repo}/issues/{issue_number}/lock."""
    issue = call.issue(call.repository(Role.WRITE, "issues"))
    issue.locked, issue.active_lock_reason = False, None
    return no_content()


async def list_assignees(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/assignees."""
    repository = call.repository()
    logins = [
        account.login
        for account in call.state.accounts.values()
        if is_assignable(call.state, account.login, repository)
    ]
    return call.paged(sorted(logins, key=str.casefold), lambda login: user_document(call.state, login))


async def check_assignee(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/assignees/{assignee}: 204 when issues can be assigned to the login."""
    if not is_assignable(call.state, call.params["assignee"], call.repository()):
        raise not_found()
    return no_content()


async def add_assignees(call: Call) -> web.StreamResponse:
    """POST /repos/{owner}/{repo}/issues/{issue_number}/assignees; who cannot be is left out in silence."""
    repository = call.repository(Role.WRITE, "issues")
    issue = call.issue(repository)
    asked = _names((await call.body()).get("assignees", []), "assignees")
    able = [login for login in asked if is_assignable(call.state, login, repository)]
    issue.assignees = checked_assignees(call.state, repository, [*issue.assignees, *able])
    issue.updated_at = call.state.clock.stamp()
    return answer(issue_document(call.state, repository, issue), 201)


async def remove_assignees(call: Call) -> web.StreamResponse:
    """DELETE /repos/{owner}/{repo}/issues/{issue_number}/assignees."""
    repository = call.repository(Role.WRITE, "issues")
    issue = call.issue(repository)
    gone = {login.casefold() for login in _names((await call.body()).get("assignees", []), "assignees")}
    issue.assignees = [login for login in issue.assignees if login.casefold() not in gone]
    issue.updated_at = call.state.clock.stamp()
    return answer(issue_document(call.state, repository, issue))


def _labels_answer(call: Call, repository: Repository, issue: Issue) -> web.Response:
    labels = [repository.labels[each] for each in issue.labels]
    return answer([label_document(call.state, repository, label) for label in labels])


async def list_issue_labels(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/issues/{issue_number}/labels."""
    repository = call.repository()
    labels = [repository.labels[each] for each in call.issue(repository).labels]
    return call.paged(labels, lambda label: label_document(call.state, repository, label))


async def change_issue_labels(call: Call) -> web.StreamResponse:
    """POST (adds), PUT (replaces) and DELETE (all) /repos/{owner}/{repo}/issues/{issue_number}/labels."""
    repository = call.repository(Role.WRITE, "issues")
    issue = call.issue(repository)
    method = call.request.method
    names = [] if method == "DELETE" else _names((await call.body("labels")).get("labels", []), "labels")
    wanted = [label_named(call.state, repository, name).id for name in names]
    issue.labels = list(dict.fromkeys([*(issue.labels if method == "POST" else []), *wanted]))
    issue.updated_at = call.state.clock.stamp()
    return no_content() if method == "DELETE" else _labels_answer(call, repository, issue)


async def remove_issue_label(call: Call) -> web.StreamResponse:
    """DELETE /repos/{owner}/{repo}/issues/{issue_number}/labels/{name}."""
    repository = call.repository(Role.WRITE, "issues")
    issue = call.issue(repository)
    label = repository.label(call.params["name"])
    if label is None or label.id not in issue.labels:
        raise Refused(404, "Label does not exist")
    issue.labels.remove(label.id)
    issue.updated_at = call.state.clock.stamp()
    return _labels_answer(call, repository, issue)


def delete_issue(repository: Repository, issue: Issue) -> None:
    """Delete an issue; its number stays consumed."""
    del repository.issues[issue.number]
    repository.pulls.pop(issue.number, None)
    repository.deleted_numbers.add(issue.number)


ROUTES: Final[tuple[Route, ...]] = (
    ("GET", "/repos/{owner}/{repo}/issues", list_issues),
    ("POST", "/repos/{owner}/{repo}/issues", create_issue),
    ("GET", "/repos/{owner}/{repo}/issues/{issue_number:[0-9]+}", get_issue),
    ("PATCH", "/repos/{owner}/{repo}/issues/{issue_number:[0-9]+}", update_issue),
    ("PUT", "/repos/{owner}/{repo}/issues/{issue_number:[0-9]+}/lock", lock_issue),
    ("DELETE", "/repos/{owner}/{repo}/issues/{issue_number:[0-9]+}/lock", unlock_issue),
    ("GET", "/repos/{owner}/{repo}/assignees", list_assignees),
    ("GET", "/repos/{owner}/{repo}/assignees/{assignee}", check_assignee),
    ("POST", "/repos/{owner}/{repo}/issues/{issue_number:[0-9]+}/assignees", add_assignees),
    ("DELETE", "/repos/{owner}/{repo}/issues/{issue_number:[0-9]+}/assignees", remove_assignees),
    ("GET", "/repos/{owner}/{repo}/issues/{issue_number:[0-9]+}/labels", list_issue_labels),
    ("POST", "/repos/{owner}/{repo}/issues/{issue_number:[0-9]+}/labels", change_issue_labels),
    ("PUT", "/repos/{owner}/{repo}/issues/{issue_number:[0-9]+}/labels", change_issue_labels),
    ("DELETE", "/repos/{owner}/{repo}/issues/{issue_number:[0-9]+}/labels", change_issue_labels),
    ("DELETE", "/repos/{owner}/{repo}/issues/{issue_number:[0-9]+}/labels/{name}", remove_issue_label),
)
