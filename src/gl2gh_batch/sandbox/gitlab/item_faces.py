"""How issues, merge requests and what hangs on them look in the API."""

from __future__ import annotations

import re
from typing import Any, Final

from gl2gh_batch.sandbox.gitlab.faces import label_face, milestone_in, user_face
from gl2gh_batch.sandbox.gitlab.world import World
from gl2gh_batch.sandbox.seeds.records import (
    Award,
    Event,
    Issue,
    Item,
    MergeRequest,
    Note,
    Project,
    Snippet,
)

_TASK: Final = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+\[([ xX~])\]\s", re.MULTILINE)
_UNITS: Final = (("w", 5 * 8 * 3600), ("d", 8 * 3600), ("h", 3600), ("m", 60), ("s", 1))
NO_SHA: Final = "0" * 40


def issue_face(
    world: World, project: Project, issue: Issue, *, with_label_details: bool = False
) -> dict[str, Any]:
    """An issue (entity Issue)."""
    api = f"{world.url}/api/v4/projects/{project.id}"
    done, count = _tasks(issue.description)
    return {
        **_head(world, project, issue, with_label_details=with_label_details),
        "assignees": [user_face(world, each, is_strict=True) for each in issue.assignees],
        "author": user_face(world, issue.author),
        "type": issue.issue_type.upper(),
        "assignee": user_face(world, issue.assignees[0], is_strict=True) if issue.assignees else None,
        "user_notes_count": issue.notes.user_count,
        "merge_requests_count": len({*issue.related_merge_requests, *issue.closed_by_merge_requests}),
        **_votes(issue),
        "due_date": issue.due_date,
        "confidential": issue.confidential,
        "discussion_locked": issue.discussion_locked,
        "issue_type": issue.issue_type,
        "web_url": f"{world.url}/{project.full_path}/-/issues/{issue.iid}",
        "time_stats": _times(issue),
        "task_completion_status": {"count": count, "completed_count": done},
        "weight": issue.weight,
        "blocking_issues_count": _blocking(world, project, issue),
        "has_tasks": True,
        "task_status": f"{done} of {count} checklist items completed",
        "_links": {
            "self": f"{api}/issues/{issue.iid}",
            "notes": f"{api}/issues/{issue.iid}/notes",
            "award_emoji": f"{api}/issues/{issue.iid}/award_emoji",
            "project": api,
            "closed_as_duplicate_of": (
                f"{api}/issues/{issue.duplicate_of}" if issue.duplicate_of is not None else None
            ),
        },
        "references": _references(project, "#", issue.iid),
        "severity": issue.severity,
        "moved_to_id": issue.moved_to_id,
        "imported": False,
        "imported_from": "none",
        "service_desk_reply_to": None,
        "health_status": issue.health_status,
        **({} if issue.epic is None else {"epic": issue.epic, "epic_iid": issue.epic["iid"]}),
        **({} if issue.iteration is None else {"iteration": issue.iteration}),
        **issue.extra,
    }


def merge_request_face(
    world: World,
    project: Project,
    item: MergeRequest,
    *,
    is_single: bool = False,
    with_label_details: bool = False,
) -> dict[str, Any]:
    """A merge request; `is_single` adds what only `/merge_requests/:iid` has."""
    done, count = _tasks(item.description)
    source = world.project(item.source_project) if item.source_project else project
    merger = user_face(world, item.merged_by)
    is_open = item.state == "opened"
    face = {
        **_head(world, project, item, with_label_details=with_label_details),
        "merged_by": merger,
        "merge_user": merger,
        "merged_at": item.merged_at,
        "target_branch": item.target_branch,
        "source_branch": item.source_branch,
        "user_notes_count": item.notes.user_count,
        **_votes(item),
        "author": user_face(world, item.author),
        "assignees": [user_face(world, each) for each in item.assignees],
        "assignee": user_face(world, item.assignees[0]) if item.assignees else None,
        "reviewers": [user_face(world, each) for each in item.reviewers],
        # Null once the fork is gone.
        "source_project_id": None if source is None else source.id,
        "target_project_id": project.id,
        "draft": item.draft,
        "imported": False,
        "imported_from": "none",
        "work_in_progress": item.draft,
        "merge_when_pipeline_succeeds": False,
        "merge_status": "can_be_merged" if is_open else "cannot_be_merged",
        "detailed_merge_status": "mergeable" if is_open else "not_open",
        "merge_after": None,
        "sha": item.sha or NO_SHA,
        "merge_commit_sha": item.merge_commit_sha,
        "squash_commit_sha": item.squash_commit_sha,
        "discussion_locked": item.discussion_locked,
        "should_remove_source_branch": None,
        "force_remove_source_branch": None,
        "prepared_at": item.created_at,
        "reference": f"!{item.iid}",
        "references": _references(project, "!", item.iid),
        "web_url": f"{world.url}/{project.full_path}/-/merge_requests/{item.iid}",
        "time_stats": _times(item),
        "squash": item.squash,
        "squash_on_merge": item.squash,
        "task_completion_status": {"count": count, "completed_count": done},
        "has_conflicts": False,
        # Generated notes are never resolvable, and not worth making for this.
        "blocking_discussions_resolved": item.notes.is_generated
        or all(note.resolved for note in item.notes.all() if note.resolvable),
        "approvals_before_merge": item.approvals_required or None,
    }
    if is_single:
        face |= {
            "subscribed": False,
            "changes_count": str(len(item.diffs) or 1),
            "latest_build_started_at": None,
            "latest_build_finished_at": None,
            "first_deployed_to_production_at": None,
            "pipeline": None,
            "head_pipeline": None,
            "diff_refs": {"base_sha": item.base_sha, "head_sha": item.sha, "start_sha": item.start_sha},
            "merge_error": None,
            "first_contribution": False,
            "user": {"can_merge": False},
        }
    return face | item.extra


def note_face(
    world: World, project: Project, owner: Item | Snippet, note: Note, *, in_discussion: bool = False
) -> dict[str, Any]:
    """A note (entity Note): in discussions with its project, on diffs with its position."""
    kind = type(owner).__name__
    face: dict[str, Any] = {
        "id": note.id,
        "type": note.type,
        "body": note.body,
        "attachment": None,
        "author": user_face(world, note.author),
        "created_at": note.created_at,
        "updated_at": note.updated_at,
        "system": note.system,
        "noteable_id": owner.id,
        "noteable_type": kind,
        "resolvable": note.resolvable,
        "confidential": note.internal,
        "internal": note.internal,
        "noteable_iid": owner.iid if isinstance(owner, Item) else None,
        "commands_changes": {},
    }
    if isinstance(owner, Snippet):
        del face["noteable_iid"]
    if in_discussion:
        face["project_id"] = project.id
    if note.position is not None and isinstance(owner, MergeRequest):
        face["position"] = _position(owner, note.position)
        face["commit_id"] = None
        face["suggestions"] = note.suggestions
    if note.resolvable:
        face["resolved"] = note.resolved
        face["resolved_by"] = user_face(world, note.resolved_by)
        face["resolved_at"] = note.resolved_at
    return face


def _position(owner: MergeRequest, kept: dict[str, Any]) -> dict[str, Any]:
    """A position with its SHAs: its own, the present ones, or those of a version (1 is the oldest)."""
    shas = {"base_sha": owner.base_sha, "start_sha": owner.start_sha, "head_sha": owner.sha}
    position = dict(kept)
    if (number := position.pop("version", None)) is not None:
        row = owner.versions[-number]
        shas = {f"{name}_sha": row[f"{name}_commit_sha"] for name in ("base", "start", "head")}
    return {**shas, **position}


def discussions(
    world: World, project: Project, owner: Item | Snippet, notes: list[Note]
) -> list[dict[str, Any]]:
    """The notes of an item laid together by thread, in the order of their first note."""
    threads: dict[str, list[Note]] = {}
    for note in notes:
        threads.setdefault(note.discussion_id, []).append(note)
    return [
        {
            "id": discussion_id,
            "individual_note": len(thread) == 1 and thread[0].individual,
            "notes": [note_face(world, project, owner, each, in_discussion=True) for each in thread],
        }
        for discussion_id, thread in threads.items()
    ]


def award_face(world: World, award: Award, kind: str, awardable_id: int) -> dict[str, Any]:
    """An emoji on an issue, merge request, snippet or note (`kind`: `Issue`, `Note` …)."""
    return {
        "id": award.id,
        "name": award.name,
        "user": user_face(world, award.username),
        "created_at": award.created_at,
        "updated_at": award.created_at,
        "awardable_id": awardable_id,
        "awardable_type": kind,
        "url": None,
    }


def event_face(world: World, project: Project, owner: Item, event: Event) -> dict[str, Any]:
    """A resource event of state, label or milestone."""
    face: dict[str, Any] = {
        "id": event.id,
        "user": user_face(world, event.username),
        "created_at": event.created_at,
        "resource_type": type(owner).__name__,
        "resource_id": owner.id,
    }
    if event.kind == "state":
        return {**face, "source_commit": None, "source_merge_request_id": None, "state": event.what}
    if event.kind == "label":
        found = world.label(project, event.what)
        label = label_face(found[0], is_project_label=None) if found is not None else None
        return {**face, "label": label, "action": event.action}
    return {**face, "milestone": milestone_in(world, project, event.what), "action": event.action}


def approvals_face(world: World, project: Project, item: MergeRequest) -> dict[str, Any]:
    """Who approved a merge request (docs: api/merge_request_approvals)."""
    left = max(item.approvals_required - len(item.approved_by), 0)
    return {
        "id": item.id,
        "iid": item.iid,
        "project_id": project.id,
        "title": item.title,
        "description": item.description,
        "state": item.state,
        "created_at": item.created_at,
        "updated_at": item.updated_at,
        "merge_status": "can_be_merged",
        "approved": left == 0,
        "approvals_required": item.approvals_required,
        "approvals_left": left,
        "require_password_to_approve": False,
        "approved_by": [
            {"user": user_face(world, each), "approved_at": item.merged_at or item.updated_at}
            for each in item.approved_by
        ],
        "suggested_approvers": [],
        "approvers": [],
        "approver_groups": [],
        "user_has_approved": False,
        "user_can_approve": False,
        "approval_rules_left": [],
        "has_approval_rules": item.approvals_required > 0,
        "merge_request_approvers_available": False,
        "multiple_approval_rules_available": False,
        "invalid_approvers_rules": [],
    }


def _head(world: World, project: Project, item: Item, *, with_label_details: bool) -> dict[str, Any]:
    labels: list[Any] = sorted(item.labels)
    if with_label_details:
        found = [world.label(project, title) for title in labels]
        labels = [label_face(each[0], is_project_label=None) for each in found if each is not None]
    return {
        "id": item.id,
        "iid": item.iid,
        "project_id": project.id,
        "title": item.title,
        "description": item.description,
        "state": item.state,
        "created_at": item.created_at,
        "updated_at": item.updated_at,
        "closed_at": item.closed_at,
        "closed_by": user_face(world, item.closed_by),
        "labels": labels,
        "milestone": milestone_in(world, project, item.milestone),
    }


def _blocking(world: World, project: Project, issue: Issue) -> int:
    """How many open issues an open one blocks (`Issue#update_blocking_issues_count!` counts no others)."""
    if issue.state != "opened":
        return 0
    others = [
        (world.project(path) if path else project, iid) for kind, path, iid in issue.links if kind == "blocks"
    ]
    return sum(
        place is not None and iid in place.issues and place.issues[iid].state == "opened"
        for place, iid in others
    )


def _votes(item: Item) -> dict[str, int]:
    return {
        f"{direction}votes": sum(award.name == f"thumbs{direction}" for award in item.awards)
        for direction in ("up", "down")
    }


def _references(project: Project, sign: str, iid: int) -> dict[str, str]:
    return {"short": f"{sign}{iid}", "relative": f"{sign}{iid}", "full": f"{project.full_path}{sign}{iid}"}


def _times(item: Item) -> dict[str, Any]:
    return {
        "time_estimate": item.time_estimate,
        "total_time_spent": item.time_spent,
        "human_time_estimate": _human(item.time_estimate),
        "human_total_time_spent": _human(item.time_spent),
    }


def _human(seconds: int) -> str | None:
    """`1w 2d 3h`, with GitLab's weeks of five days of eight hours."""
    parts = []
    for unit, size in _UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts) or None


def _tasks(text: str | None) -> tuple[int, int]:
    marks = _TASK.findall(text or "")
    return sum(mark in "xX" for mark in marks), sum(mark != "~" for mark in marks)
