"""The issues and merge requests of a YAML description (the form is described in `seeds.description`)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Any, Final

from gl2gh_batch.sandbox.seeds.reader import Reader
from gl2gh_batch.sandbox.seeds.records import (
    Award,
    Design,
    Event,
    Issue,
    MergeRequest,
    Note,
    Notes,
    Project,
    version_row,
)
from gl2gh_batch.sandbox.seeds.shapes import later

_LINK_TYPES: Final = ("relates_to", "blocks", "is_blocked_by")
_SEVERITIES: Final = ("UNKNOWN", "LOW", "MEDIUM", "HIGH", "CRITICAL")


def read_issues(top: Reader, project: Project) -> None:
    """Put the described issues into the project."""
    for entry in top.children("issues"):
        with entry as issue:
            common = _common(issue, project, project.issues)
            common["state"] = issue.choice("state", ("opened", "closed"), "opened")
            _close(issue, common)
            links = []
            for each in issue.children("links"):
                with each as link:
                    kind = link.choice("type", _LINK_TYPES, "relates_to")
                    links.append((kind, link.text("project"), link.number("issue")))
            project.issues[common["iid"]] = Issue(
                **common,
                confidential=issue.flag("confidential"),
                due_date=issue.day("due_date"),
                weight=issue.maybe_number("weight"),
                issue_type=issue.choice("type", ("issue", "incident", "task", "test_case"), "issue"),
                severity=issue.choice("severity", _SEVERITIES, "UNKNOWN"),
                health_status=issue.maybe_text("health_status"),
                moved_to_id=issue.maybe_number("moved_to_id"),
                duplicate_of=issue.maybe_number("duplicate_of"),
                epic=_epic(issue, project),
                iteration=_iteration(issue),
                links=links,
                designs=[_design(each, common["iid"]) for each in issue.children("designs")],
                related_merge_requests=issue.numbers("related_merge_requests"),
                closed_by_merge_requests=issue.numbers("closed_by_merge_requests"),
            )


def _design(entry: Reader, iid: int) -> Design:
    """One picture; GitLab takes no name with a slash."""
    with entry as design:
        filename, encoded = design.needed_text("filename"), design.maybe_text("base64")
        if "/" in filename or filename in (".", ".."):
            raise design.refuse("filename", f"expected the name of a file, got {filename!r}")
        try:
            content = base64.b64decode(encoded) if encoded else design.text("text").encode()
        except binascii.Error as error:
            raise design.refuse("base64", str(error)) from None
        return Design(
            filename=filename,
            content=content,
            sha=hashlib.sha1(f"{iid}/{filename}".encode() + content).hexdigest(),
            notes_count=design.number("notes_count"),
        )


def read_merge_requests(top: Reader, project: Project) -> None:
    """Put the described merge requests into the project; their SHAs are still names of commits."""
    for entry in top.children("merge_requests"):
        with entry as merge_request:
            common = _common(merge_request, project, project.merge_requests)
            common["state"] = merge_request.choice("state", ("opened", "closed", "merged"), "opened")
            _close(merge_request, common)
            is_merged = common["state"] == "merged"
            project.merge_requests[common["iid"]] = MergeRequest(
                **common,
                source_branch=merge_request.needed_text("source_branch"),
                source_project=merge_request.text("source_project"),
                has_branch=_has_branch(merge_request),
                versions=_versions(merge_request, common["created_at"]),
                target_branch=merge_request.text("target_branch"),
                draft=merge_request.flag("draft"),
                reviewers=merge_request.texts("reviewers"),
                merged_at=merge_request.moment("merged_at", common["updated_at"]) if is_merged else None,
                merged_by=merge_request.text("merged_by", common["author"]) if is_merged else None,
                sha=merge_request.maybe_text("head"),
                base_sha=merge_request.maybe_text("base"),
                merge_commit_sha=merge_request.maybe_text("merge_commit"),
                squash_commit_sha=merge_request.maybe_text("squash_commit"),
                squash=merge_request.flag("squash"),
                approved_by=merge_request.texts("approved_by"),
                approvals_required=merge_request.number("approvals_required"),
            )


def _has_branch(item: Reader) -> bool | None:
    wanted = item.choice("branch", ("as its state", "kept", "deleted"), "as its state")
    return None if wanted == "as its state" else wanted == "kept"


def _versions(item: Reader, created: str) -> list[dict[str, Any]]:
    """The earlier versions of the diff, newest first; SHAs are still names of commits."""
    rows = []
    for index, entry in enumerate(item.children("versions")):
        with entry as version:
            base, head = version.needed_text("base"), version.needed_text("head")
            at = version.moment("at", later(created, minutes=index))
            rows.append(version_row(base, version.text("start", base), head, at))
    return rows[::-1]


def _common(item: Reader, project: Project, others: Mapping[int, object]) -> dict[str, Any]:
    """The fields that issues and merge requests share, but for their state."""
    iid = item.number("iid") or max(others, default=0) + 1
    if iid in others:
        raise item.refuse("iid", f"{iid} is there twice")
    author = item.text("author", project.creator or "migrator")
    created = item.moment("created_at", later(project.created_at, days=iid, hours=iid % 9))
    notes = _notes(item, author, created, f"{project.full_path}/{type(others).__name__}/{iid}")
    newest = max((note.created_at for note in notes), default=created)
    return {
        "iid": iid,
        "title": item.needed_text("title"),
        "description": item.maybe_text("description"),
        "author": author,
        "created_at": created,
        "updated_at": item.moment("updated_at", newest),
        "labels": item.texts("labels"),
        "milestone": item.maybe_text("milestone"),
        "assignees": item.texts("assignees"),
        "discussion_locked": True if item.flag("locked") else None,
        "time_estimate": item.number("time_estimate"),
        "time_spent": item.number("time_spent"),
        "awards": _awards(item, created),
        "notes": Notes(notes),
    }


def _epic(issue: Reader, project: Project) -> dict[str, Any] | None:
    """The epic of the group above that an issue belongs to, as the API shows it (entity EpicBasicEntity)."""
    if "epic" not in issue:
        return None
    with issue.child("epic") as epic:
        iid = epic.number("iid")
        return {
            "id": 7000 + iid,
            "iid": iid,
            "title": epic.needed_text("title"),
            "url": f"/groups/{project.namespace_path}/-/epics/{iid}",
            "group_id": 1,
            "human_readable_end_date": None,
            "human_readable_timestamp": None,
        }


def _iteration(issue: Reader) -> dict[str, Any] | None:
    """The iteration that an issue belongs to, as the API shows it (docs: api/iterations)."""
    if "iteration" not in issue:
        return None
    with issue.child("iteration") as iteration:
        iid = iteration.number("iid")
        return {
            "id": 8000 + iid,
            "iid": iid,
            "sequence": iid,
            "group_id": 1,
            "title": iteration.maybe_text("title"),
            "description": None,
            "state": 1,
            "start_date": iteration.day("start_date"),
            "due_date": iteration.day("due_date"),
        }


def _close(item: Reader, common: dict[str, Any]) -> None:
    """When and by whom an item was closed, with the event that GitLab keeps of it."""
    is_closed = common["state"] == "closed"
    closed_at = item.maybe_moment("closed_at")
    closed_by = item.maybe_text("closed_by")
    common["closed_at"] = (closed_at or common["updated_at"]) if is_closed else None
    common["closed_by"] = (closed_by or common["author"]) if is_closed else None
    if common["closed_at"] is not None:
        common["updated_at"] = max(common["updated_at"], common["closed_at"])
        common["events"] = [
            Event(
                kind="state",
                action="closed",
                what="closed",
                username=common["closed_by"],
                created_at=common["closed_at"],
            )
        ]


def _notes(item: Reader, author: str, created: str, place: str) -> list[Note]:
    notes = []
    for index, entry in enumerate(item.children("notes"), 1):
        with entry as note:
            at = note.moment("at", later(created, hours=index))
            thread = note.text("thread")
            path = note.maybe_text("path")
            is_resolved = note.flag("resolved")
            is_thread = bool(thread) or path is not None
            by = note.text("author", author)
            body, suggestions = _suggested(note)
            notes.append(
                Note(
                    body=body,
                    suggestions=suggestions,
                    author=by,
                    created_at=at,
                    updated_at=note.moment("edited_at", at),
                    discussion_id=hashlib.sha1(f"{place}/{thread or index}".encode()).hexdigest(),
                    individual=not is_thread,
                    type="DiffNote" if path is not None else "DiscussionNote" if thread else None,
                    system=note.flag("system"),
                    internal=note.flag("internal"),
                    resolvable=path is not None or (is_thread and is_resolved),
                    resolved=is_resolved,
                    resolved_by=note.text("resolved_by", by) if is_resolved else None,
                    resolved_at=at if is_resolved else None,
                    position=_position(note, path),
                    awards=_awards(note, at),
                )
            )
    return sorted(notes, key=lambda note: note.created_at)


def _position(note: Reader, path: str | None) -> dict[str, Any] | None:
    """Where in the diff a note is; its SHAs are those of the merge request, put in when it is shown."""
    new_line, old_line = note.maybe_number("line"), note.maybe_number("old_line")
    first, version = note.maybe_number("first_line"), note.maybe_number("version")
    image, raw = dict(note.pairs("image")), dict(note.pairs("position"))
    if path is None:
        return None
    position: dict[str, Any] = {
        "old_path": note.text("old_path", path),
        "new_path": path,
        "position_type": "image" if image else "text" if new_line or old_line else "file",
    }
    if image:
        position |= {key: image.get(key) for key in ("width", "height", "x", "y")}
    else:
        position |= {"old_line": old_line, "new_line": new_line, "line_range": None}
    if first is not None:
        last = new_line or old_line
        position["line_range"] = {
            "start": _line_code(path, first, is_old=new_line is None),
            "end": _line_code(path, last or first, is_old=new_line is None),
        }
    return position | ({} if version is None else {"version": version}) | raw


def _line_code(path: str, line: int, *, is_old: bool) -> dict[str, Any]:
    """One end of a range of lines; its code names the file by the SHA-1 of its path."""
    digest = hashlib.sha1(path.encode()).hexdigest()
    return {
        "line_code": f"{digest}_{line if is_old else 0}_{0 if is_old else line}",
        "type": "old" if is_old else "new",
        "old_line": line if is_old else None,
        "new_line": None if is_old else line,
    }


def _suggested(note: Reader) -> tuple[str, list[dict[str, Any]]]:
    """The body with the suggested lines as GitLab's fenced block, and the suggestion as the API shows it."""
    body, suggestion, line = note.text("body"), note.maybe_text("suggestion"), note.maybe_number("line") or 1
    if suggestion is None:
        return body, []
    first = note.maybe_number("first_line") or line
    row = {
        "id": line,
        "from_line": first,
        "to_line": line,
        "appliable": True,
        "applied": False,
        "from_content": "",
        "to_content": f"{suggestion}\n",
    }
    return f"{body}\n\n```suggestion:-{line - first}+0\n{suggestion}\n```".lstrip(), [row]


def _awards(owner: Reader, created: str) -> list[Award]:
    awards = []
    for name, usernames in owner.pairs("awards"):
        if not isinstance(usernames, list):
            raise owner.refuse(f"awards.{name}", "expected a list of usernames")
        awards += [
            Award(name=name, username=str(each), created_at=later(created, minutes=5)) for each in usernames
        ]
    return awards
