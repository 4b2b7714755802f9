"""The issue import API (gist jonmagic/5282384165e0f86ef105): asynchronous, whole or not at all.

A job is done when its time has come; whatever looks at the state first settles all that are due, in the order
of their ends, so numbers are given on completion and out of order when several jobs are in flight.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from gl2gh_batch.sandbox.clock import parse_instant, stamp
from gl2gh_batch.sandbox.github.call import Call, Route, answer
from gl2gh_batch.sandbox.github.errors import Refused, invalid, not_found
from gl2gh_batch.sandbox.github.issues import require_issues
from gl2gh_batch.sandbox.github.labels import label_named
from gl2gh_batch.sandbox.github.render import import_document
from gl2gh_batch.sandbox.github.state import (
    Comment,
    ImportJob,
    Issue,
    Repository,
    Role,
    State,
    is_assignable,
)

MEDIA_TYPE: Final = "golden-comet-preview"
INSTANTS: Final = ("created_at", "closed_at", "updated_at")


def _require_media_type(call: Call) -> None:
    if MEDIA_TYPE not in call.request.headers.get("Accept", "") and call.state.rules.holds("import_accept"):
        raise Refused(
            415,
            "If you would like to help us test the Issue Import API, you must specify a custom media type in "
            "the 'Accept' header: application/vnd.github.golden-comet-preview+json",
        )


def _error(location: str, field: str, value: object, code: str = "invalid") -> dict[str, Any]:
    resource = {"labels": "Label", "comments": "IssueComment"}.get(
        location.split("/")[-1].split("[")[0], "Issue"
    )
    return {"location": location, "resource": resource, "field": field, "value": value, "code": code}


async def start_import(call: Call) -> web.StreamResponse:
    """POST /repos/{owner}/{repo}/import/issues."""
    state = call.state
    repository = call.repository(Role.ADMIN, "administration")
    _require_media_type(call)
    if len(await call.request.read()) > state.rules.most("import_bytes"):
        raise Refused(413, "Payload too big: 1048576 bytes are allowed, more were posted.")
    require_issues(call, repository)
    document = await call.body()
    if errors := _shape_errors(document):
        raise invalid(*errors)
    now, stamped = state.clock.monotonic(), state.clock.stamp()
    identity = state.next_id()
    shortest_s, longest_s = state.settings.import_job_s
    lag_s = state.settings.import_status_lag_s if state.rules.holds("import_status_lag") else 0.0
    job = ImportJob(
        id=identity,
        user=call.viewer().login,
        document=document,
        created_at=stamped,
        updated_at=stamped,
        visible_at=now + lag_s,
        done_at=now + state.random("import", identity).uniform(shortest_s, longest_s),
    )
    repository.imports[identity] = job
    heapq.heappush(state.pending_imports, (job.done_at, identity, repository.id))
    answered = import_document(state, repository, job)
    return answer(answered, 202, {"Location": answered["url"]})


def _shape_errors(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is refused at once: a document that is no import."""
    issue = document.get("issue")
    if not isinstance(issue, dict):
        return [_error("/issue", "issue", issue, "missing_field")]
    errors = []
    for field in ("title", "body"):
        value = issue.get(field)
        if not isinstance(value, str) or (field == "title" and not value.strip()):
            errors.append(_error("/issue", field, value, "missing_field"))
    errors += [
        _error(f"/issue/{field}", field, issue[field])
        for field in INSTANTS
        if not _is_instant(issue.get(field))
    ]
    comments = document.get("comments", [])
    if not isinstance(comments, list):
        return [*errors, _error("/comments", "comments", None)]
    for index, comment in enumerate(comments):
        place = f"/comments[{index}]"
        if not isinstance(comment, dict) or not isinstance(comment.get("body"), str):
            errors.append(_error(place, "body", None, "missing_field"))
        elif not _is_instant(comment.get("created_at")):
            errors.append(_error(f"{place}/created_at", "created_at", comment["created_at"]))
    return errors


def _is_instant(value: object) -> bool:
    if value is None:
        return True
    try:
        parse_instant(str(value))
    except ValueError:
        return False
    return True


def settle_imports(state: State) -> None:
    """Finish every job whose time has come, in the order of their ends."""
    now = state.clock.monotonic()
    while state.pending_imports and state.pending_imports[0][0] <= now:
        _, identity, repository_id = heapq.heappop(state.pending_imports)
        repository = state.repository_by_id(repository_id)
        if repository is not None:
            _finish(state, repository, repository.imports[identity])
            state.changed()


def _finish(state: State, repository: Repository, job: ImportJob) -> None:
    job.updated_at = stamp(state.clock.wall_at(job.done_at))
    job.errors = _content_errors(state, repository, job.document)
    if job.errors:
        job.status = "failed"
        return
    issue = _make_issue(state, repository, job)
    job.status, job.issue_number = "imported", issue.number


def _content_errors(
    state: State, repository: Repository, document: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """What is found when the job runs, and fails all of it."""
    issue, rules = document["issue"], state.rules
    errors = []
    for index, name in enumerate(issue.get("labels") or ()):
        is_known = isinstance(name, str) and repository.label(name) is not None
        if not is_known and rules.holds("import_label"):
            errors.append(_error(f"/issue/labels[{index}]", "name", name))
    milestone = issue.get("milestone")
    is_there = milestone is None or (isinstance(milestone, int) and milestone in repository.milestones)
    if not is_there and rules.holds("import_milestone"):
        errors.append(_error("/issue/milestone", "milestone", milestone))
    assignee = issue.get("assignee")
    if assignee and not is_assignable(state, str(assignee), repository) and rules.holds("import_assignee"):
        errors.append(_error("/issue/assignee", "assignee", assignee))
    if rules.holds("import_body"):
        if len(issue["title"]) > rules.most("title_chars"):
            errors.append(_error("/issue/title", "title", issue["title"]))
        if len(issue["body"]) > rules.most("body_chars"):
            errors.append(_error("/issue/body", "body", "(too long)"))
        errors += [
            _error(f"/comments[{index}]/body", "body", "(too long or blank)")
            for index, comment in enumerate(document.get("comments") or ())
            if not 0 < len(comment["body"].strip()) <= len(comment["body"]) <= rules.most("body_chars")
        ]
    return errors


def _make_issue(state: State, repository: Repository, job: ImportJob) -> Issue:
    """The issue with all its comments, at the dates that were given; everything is by the token's user."""
    asked = job.document["issue"]
    done = job.updated_at
    created = _instant(asked.get("created_at"), done)
    comments: dict[int, Comment] = {}
    for each in job.document.get("comments") or ():
        written = _instant(each.get("created_at"), done)
        identity = state.next_id()
        comments[identity] = Comment(
            id=identity, body=each["body"], user=job.user, created_at=written, updated_at=written
        )
    is_closed = bool(asked.get("closed"))
    account = state.account(asked["assignee"]) if asked.get("assignee") else None
    labels = [label_named(state, repository, str(name)).id for name in asked.get("labels") or ()]
    issue = Issue(
        id=state.next_id(),
        number=repository.take_number(),
        title=asked["title"].strip(),
        body=asked["body"],
        user=job.user,
        state="closed" if is_closed else "open",
        state_reason="completed" if is_closed else None,
        labels=list(dict.fromkeys(labels)),
        assignees=[] if account is None else [account.login],
        milestone=asked.get("milestone"),
        created_at=created,
        updated_at=_instant(asked.get("updated_at"), done),
        closed_at=_instant(asked.get("closed_at"), done) if is_closed else None,
        closed_by=job.user if is_closed else None,
        comments=comments,
    )
    repository.issues[issue.number] = issue
    return issue


def _instant(value: object, default: str) -> str:
    return default if value is None else stamp(parse_instant(str(value)))


async def get_import(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/import/issues/{import_id}."""
    repository = call.repository(Role.READ)
    _require_media_type(call)
    job = repository.imports.get(call.number("import_id"))
    if job is None or job.visible_at > call.state.clock.monotonic():
        raise not_found()
    return answer(import_document(call.state, repository, job))


async def list_imports(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/import/issues?since=: those that changed since, newest first."""
    repository = call.repository(Role.READ)
    _require_media_type(call)
    since = call.query.get("since")
    try:
        earliest = "" if since is None else stamp(parse_instant(since))
    except ValueError:
        raise invalid(_error("/since", "since", since)) from None
    now = call.state.clock.monotonic()
    jobs = [
        job for job in repository.imports.values() if job.visible_at <= now and job.updated_at >= earliest
    ]
    jobs.sort(key=lambda job: (job.updated_at, job.id), reverse=True)
    return call.paged(jobs, lambda job: import_document(call.state, repository, job))


ROUTES: Final[tuple[Route, ...]] = (
    ("POST", "/repos/{owner}/{repo}/import/issues", start_import),
    ("GET", "/repos/{owner}/{repo}/import/issues", list_imports),
    ("GET", "/repos/{owner}/{repo}/import/issues/{import_id}", get_import),
)
