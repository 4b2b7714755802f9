"""Milestones of a repository."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from gl2gh_batch.sandbox.clock import parse_instant, stamp
from gl2gh_batch.sandbox.github.call import Call, Route, answer, no_content, text_field
from gl2gh_batch.sandbox.github.errors import invalid, not_found, too_long, wrong
from gl2gh_batch.sandbox.github.render import milestone_document
from gl2gh_batch.sandbox.github.state import Milestone, Repository, Role, State

RESOURCE: Final = "Milestone"


def _checked(state: State, repository: Repository, fields: Mapping[str, Any], own: Milestone | None) -> None:
    title = text_field(fields, "title", RESOURCE)
    if title is not None:
        if len(title) > state.rules.most("title_chars"):
            raise invalid(too_long(RESOURCE, "title", state.rules.most("title_chars")))
        taken = any(each.title == title for each in repository.milestones.values() if each is not own)
        if taken and state.rules.holds("milestone_exists"):
            raise invalid(wrong(RESOURCE, "title", "already_exists"))
    if fields.get("state") not in (None, "open", "closed"):
        raise invalid(wrong(RESOURCE, "state"))
    if len(text_field(fields, "description", RESOURCE) or "") > state.rules.most("body_chars"):
        raise invalid(too_long(RESOURCE, "description", state.rules.most("body_chars")))


def _due(fields: Mapping[str, Any]) -> str | None:
    text = text_field(fields, "due_on", RESOURCE)
    if text is None:
        return None
    try:
        return stamp(parse_instant(text))
    except ValueError:
        raise invalid(wrong(RESOURCE, "due_on")) from None


def _set_state(milestone: Milestone, state: str, now: str) -> None:
    if state != milestone.state:
        milestone.state = state
        milestone.closed_at = now if state == "closed" else None


async def list_milestones(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/milestones."""
    repository = call.repository()
    wanted = call.query.get("state", "open")
    found = [each for each in repository.milestones.values() if wanted in ("all", each.state)]
    if call.query.get("sort", "due_on") == "completeness":
        found.sort(key=lambda each: _completeness(call.state, repository, each))
    else:
        found.sort(key=lambda each: (each.due_on is None, each.due_on or "", each.number))
    if call.query.get("direction") == "desc":
        found.reverse()
    return call.paged(found, lambda each: milestone_document(call.state, repository, each))


def _completeness(state: State, repository: Repository, milestone: Milestone) -> float:
    counts = state.milestone_counts(repository)
    closed, opened = counts[milestone.number, "closed"], counts[milestone.number, "open"]
    return closed / (closed + opened) if closed + opened else 0.0


async def create_milestone(call: Call) -> web.StreamResponse:
    """POST /repos/{owner}/{repo}/milestones."""
    repository = call.repository(Role.WRITE, "issues")
    fields = await call.body()
    if not (text_field(fields, "title", RESOURCE) or "").strip():
        raise invalid(wrong(RESOURCE, "title", "missing_field"))
    _checked(call.state, repository, fields, None)
    now = call.state.clock.stamp()
    repository.last_milestone += 1
    milestone = Milestone(
        id=call.state.next_id(),
        number=repository.last_milestone,
        title=fields["title"],
        creator=call.viewer().login,
        created_at=now,
        updated_at=now,
        description=fields.get("description"),
        due_on=_due(fields),
    )
    _set_state(milestone, fields.get("state") or "open", now)
    repository.milestones[milestone.number] = milestone
    document = milestone_document(call.state, repository, milestone)
    return answer(document, 201, {"Location": document["url"]})


def _milestone_of(call: Call, repository: Repository) -> Milestone:
    milestone = repository.milestones.get(call.number("milestone_number"))
    if milestone is None:
        raise not_found()
    return milestone


async def get_milestone(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/milestones/{milestone_number}."""
    repository = call.repository()
    return answer(milestone_document(call.state, repository, _milestone_of(call, repository)))


async def update_milestone(call: Call) -> web.StreamResponse:
    """PATCH /repos/{owner}/{repo}/milestones/{milestone_number}."""
    repository = call.repository(Role.WRITE, "issues")
    milestone = _milestone_of(call, repository)
    fields = await call.body()
    _checked(call.state, repository, fields, milestone)
    now = call.state.clock.stamp()
    if fields.get("title") is not None:
        milestone.title = fields["title"]
    if "description" in fields:
        milestone.description = fields["description"]
    if "due_on" in fields:
        milestone.due_on = _due(fields)
    _set_state(milestone, fields.get("state") or milestone.state, now)
    milestone.updated_at = now
    return answer(milestone_document(call.state, repository, milestone))


async def delete_milestone(call: Call) -> web.StreamResponse:
    """DELETE /repos/{owner}/{repo}/milestones/{milestone_number}."""
    repository = call.repository(Role.WRITE, "issues")
    remove_milestone(repository, _milestone_of(call, repository))
    return no_content()


def remove_milestone(repository: Repository, milestone: Milestone) -> None:
    """Take a milestone away, from its issues too; its number is not used again."""
    del repository.milestones[milestone.number]
    for issue in repository.issues.values():
        if issue.milestone == milestone.number:
            issue.milestone = None


ROUTES: Final[tuple[Route, ...]] = (
    ("GET", "/repos/{owner}/{repo}/milestones", list_milestones),
    ("POST", "/repos/{owner}/{repo}/milestones", create_milestone),
    ("GET", "/repos/{owner}/{repo}/milestones/{milestone_number}", get_milestone),
    ("PATCH", "/repos/{owner}/{repo}/milestones/{milestone_number}", update_milestone),
    ("DELETE", "/repos/{owner}/{repo}/milestones/{milestone_number}", delete_milestone),
)
