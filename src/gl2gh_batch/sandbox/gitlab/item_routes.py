"""Issues and merge requests with what hangs on them (docs: api/issues, api/merge_requests, api/notes …)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from aiohttp import web

from gl2gh_batch.sandbox.gitlab import merge_request_routes
from gl2gh_batch.sandbox.gitlab.answers import forbidden, not_found
from gl2gh_batch.sandbox.gitlab.call import Call, Handler, Routes
from gl2gh_batch.sandbox.gitlab.item_faces import (
    award_face,
    discussions,
    event_face,
    issue_face,
    merge_request_face,
    note_face,
)
from gl2gh_batch.sandbox.gitlab.item_filters import Orders, listed
from gl2gh_batch.sandbox.seeds.records import Issue, Item, MergeRequest, Note, Project


def item_routes() -> Routes:
    """The routes of issues and merge requests, with orders of their own."""
    orders = Orders()

    async def issues(call: Call) -> web.StreamResponse:
        """`/projects/:id/issues`, newest first; an empty list where the feature is off."""
        found = call.project()
        rows = listed(call, found, orders, "issues") if call.caller.can_use(found, "issues") else []
        details = call.flag("with_labels_details")
        return call.page(rows, lambda each: issue_face(call.world, found, each, with_label_details=details))

    async def merge_requests(call: Call) -> web.StreamResponse:
        """`/projects/:id/merge_requests`, newest first; `view=simple` shows the least."""
        found = call.project()
        if not call.caller.can_use(found, "merge_requests") or not call.caller.can_read_code(found):
            raise forbidden()
        rows = listed(call, found, orders, "merge_requests")
        details, is_simple = call.flag("with_labels_details"), call.text("view") == "simple"

        def show(each: MergeRequest) -> dict[str, Any]:
            face = merge_request_face(call.world, found, each, with_label_details=details)
            return {name: face[name] for name in _SIMPLE} if is_simple else face

        return call.page(rows, show)

    return (
        ("GET", "/projects/{id}/issues", issues),
        ("GET", "/projects/{id}/merge_requests", merge_requests),
        *_ISSUE_ROUTES,
        *merge_request_routes.ROUTES,
        *_shared("issues/{issue_iid}", Call.issue),
        *_shared("merge_requests/{merge_request_iid}", Call.merge_request),
    )


_SIMPLE: Final = (
    "id",
    "iid",
    "project_id",
    "title",
    "description",
    "state",
    "created_at",
    "updated_at",
    "web_url",
)


async def issue(call: Call) -> web.StreamResponse:
    """`/projects/:id/issues/:issue_iid`."""
    project, found = call.issue()
    face = {**issue_face(call.world, project, found), "subscribed": False}
    return call.json(face)


async def issue_links(call: Call) -> web.StreamResponse:
    """`/projects/:id/issues/:issue_iid/links`: the linked issues, from this one's side."""
    project, found = call.issue()
    rows = []
    for index, (kind, path, iid) in enumerate(found.links):
        other = call.world.project(path) if path else project
        target = other.issues.get(iid) if other is not None else None
        if other is None or target is None or not call.caller.can_see(other):
            continue
        if call.caller.can_see_issue(other, target):
            face = issue_face(call.world, other, target)
            about = {
                "issue_link_id": found.id * 100 + index,
                "link_type": kind,
                "link_created_at": found.created_at,
                "link_updated_at": found.created_at,
            }
            rows.append({**face, **about})
    return call.json(rows)


def _of_issue(field: str) -> Handler:
    """The merge requests that an issue names, by the field with their numbers."""

    async def handle(call: Call) -> web.StreamResponse:
        project, found = call.issue()
        wanted = getattr(found, field)
        rows = [project.merge_requests[iid] for iid in wanted if iid in project.merge_requests]
        return call.page(rows, lambda each: merge_request_face(call.world, project, each))

    return handle


def _shared(place: str, find: Callable[[Call], tuple[Project, Item]]) -> Routes:
    """The routes that issues and merge requests have alike."""

    def notes_of(call: Call) -> tuple[Project, Any, list[Note]]:
        project, owner = find(call)
        return project, owner, call.visible_notes(project, owner.notes.all())

    def one_note(call: Call) -> tuple[Project, Any, Note]:
        project, owner, notes = notes_of(call)
        wanted = call.number("note_id")
        for note in notes:
            if note.id == wanted:
                return project, owner, note
        raise not_found()

    async def notes(call: Call) -> web.StreamResponse:
        """`…/notes`, newest first unless `sort=asc`."""
        project, owner, rows = notes_of(call)
        order = call.choice("order_by", ("created_at", "updated_at"), "created_at")
        is_ascending = call.choice("sort", ("asc", "desc"), "desc") == "asc"
        match call.text("activity_filter"):
            case "only_comments":
                rows = [note for note in rows if not note.system]
            case "only_activity":
                rows = [note for note in rows if note.system]
            case _:
                pass
        rows = sorted(rows, key=lambda note: (getattr(note, order), note.id), reverse=not is_ascending)
        return call.page(rows, lambda note: note_face(call.world, project, owner, note))

    async def note(call: Call) -> web.StreamResponse:
        """`…/notes/:note_id`."""
        project, owner, found = one_note(call)
        return call.json(note_face(call.world, project, owner, found))

    async def note_awards(call: Call) -> web.StreamResponse:
        """`…/notes/:note_id/award_emoji`."""
        _, _, found = one_note(call)
        return call.page(found.awards, lambda each: award_face(call.world, each, "Note", found.id))

    async def threads(call: Call) -> web.StreamResponse:
        """`…/discussions`: the notes laid together, oldest first."""
        project, owner, rows = notes_of(call)
        return call.page(discussions(call.world, project, owner, rows), lambda thread: thread)

    async def thread(call: Call) -> web.StreamResponse:
        """`…/discussions/:discussion_id`."""
        project, owner, rows = notes_of(call)
        wanted = [each for each in rows if each.discussion_id == call.part("discussion_id")]
        if not wanted:
            raise not_found("Discussion")
        return call.json(discussions(call.world, project, owner, wanted)[0])

    async def awards(call: Call) -> web.StreamResponse:
        """`…/award_emoji`."""
        _, owner = find(call)
        kind = type(owner).__name__
        return call.page(owner.awards, lambda each: award_face(call.world, each, kind, owner.id))

    async def time_stats(call: Call) -> web.StreamResponse:
        """`…/time_stats`."""
        project, owner = find(call)
        return call.json(_face(call, project, owner)["time_stats"])

    async def participants(call: Call) -> web.StreamResponse:
        """`…/participants`: the author, who comments and who is assigned."""
        project, owner = find(call)
        face = _face(call, project, owner)
        people = [face["author"], *face["assignees"]]
        people += [note_face(call.world, project, owner, each)["author"] for each in owner.notes.all()]
        return call.page(list({each["id"]: each for each in people}.values()), lambda each: each)

    def events(kind: str) -> Handler:
        async def handle(call: Call) -> web.StreamResponse:
            project, owner = find(call)
            rows = [each for each in owner.events if each.kind == kind]
            return call.page(rows, lambda each: event_face(call.world, project, owner, each))

        return handle

    base = f"/projects/{{id}}/{place}"
    return (
        ("GET", f"{base}/notes", notes),
        ("GET", f"{base}/notes/{{note_id}}", note),
        ("GET", f"{base}/notes/{{note_id}}/award_emoji", note_awards),
        ("GET", f"{base}/discussions", threads),
        ("GET", f"{base}/discussions/{{discussion_id}}", thread),
        ("GET", f"{base}/award_emoji", awards),
        ("GET", f"{base}/time_stats", time_stats),
        ("GET", f"{base}/participants", participants),
        *(
            ("GET", f"{base}/resource_{kind}_events", events(kind))
            for kind in ("state", "label", "milestone")
        ),
    )


def _face(call: Call, project: Project, owner: Item) -> dict[str, Any]:
    if isinstance(owner, Issue):
        return issue_face(call.world, project, owner)
    assert isinstance(owner, MergeRequest)
    return merge_request_face(call.world, project, owner)


_ISSUE_ROUTES: Final[Routes] = (
    ("GET", "/projects/{id}/issues/{issue_iid}", issue),
    ("GET", "/projects/{id}/issues/{issue_iid}/links", issue_links),
    ("GET", "/projects/{id}/issues/{issue_iid}/related_merge_requests", _of_issue("related_merge_requests")),
    ("GET", "/projects/{id}/issues/{issue_iid}/closed_by", _of_issue("closed_by_merge_requests")),
)
