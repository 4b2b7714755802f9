"""A project as GitLab's export archive of the present form (`tree/project.json`, `tree/project/*.ndjson`)."""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from gl2gh_batch.sandbox.gitlab.repository import Repository
from gl2gh_batch.sandbox.gitlab.world import REVISION, VERSION, World
from gl2gh_batch.sandbox.seeds.history import run_git
from gl2gh_batch.sandbox.seeds.records import (
    Award,
    Group,
    Issue,
    Item,
    Label,
    MergeRequest,
    Milestone,
    Note,
    Project,
)

IMPORT_EXPORT_VERSION: Final = "0.2.4"
_VISIBILITY: Final = {"private": 0, "internal": 10, "public": 20}
_FEATURE: Final = {"disabled": 0, "private": 10, "enabled": 20, "public": 30}
_KEPT_SETTINGS: Final = ("protected_branches", "protected_tags", "pipeline_schedules", "boards")


def write_export(world: World, project: Project, path: Path) -> None:
    """Write the archive; hooks, variables and tokens are not in it, as on GitLab."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder, tarfile.open(path, "w:gz") as archive:
        _add(archive, "VERSION", IMPORT_EXPORT_VERSION)
        _add(archive, "GITLAB_VERSION", VERSION)
        _add(archive, "GITLAB_REVISION", REVISION)
        _add(archive, "tree/project.json", json.dumps(_attributes(project)))
        for relation, rows in _relations(world, project):
            lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            if lines:
                _add(archive, f"tree/project/{relation}.ndjson", lines)
        for name, repository in (
            ("project.bundle", world.repository(project)),
            ("project.wiki.bundle", world.wiki_repository(project)),
        ):
            if not Repository(repository).is_empty:
                bundle = Path(folder) / name
                run_git(repository, "bundle", "create", "--quiet", str(bundle), "--all")
                archive.add(bundle, name)
        for upload in project.uploads:
            archive.add(upload.path, f"uploads/{upload.secret}/{upload.filename}")
        for oid, content in project.lfs_objects.items():
            archive.add(content, f"lfs-objects/{oid}")
        _add(archive, "lfs-objects.json", json.dumps({oid: [0] for oid in project.lfs_objects}))


def _add(archive: tarfile.TarFile, name: str, text: str) -> None:
    content = text.encode()
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def _attributes(project: Project) -> dict[str, Any]:
    return {
        "description": project.description,
        "visibility_level": _VISIBILITY[project.visibility],
        "archived": project.archived,
        "name": project.name,
        "default_branch": project.default_branch,
        "created_at": project.created_at,
        "last_activity_at": project.last_activity_at,
        "topics": project.topics,
        "import_type": "gitlab_project",
    }


def _relations(world: World, project: Project) -> Iterator[tuple[str, Iterator[dict[str, Any]]]]:
    yield "labels", (_label(*each) for each in _used_labels(world, project))
    yield "milestones", (_milestone(each, None) for each in project.milestones)
    yield "issues", (_issue(world, project, each) for each in project.issues.values())
    yield "merge_requests", (_merge_request(world, project, each) for each in project.merge_requests.values())
    yield (
        "project_members",
        (
            {
                "access_level": member.access_level,
                "source_type": "Project",
                "user_id": world.user(member.username).id,
                "created_at": member.created_at,
                "expires_at": member.expires_at,
                "user": {
                    "id": world.user(member.username).id,
                    "public_email": world.user(member.username).public_email,
                    "username": member.username,
                },
            }
            for member in project.members
        ),
    )
    yield (
        "project_feature",
        iter([{f"{name}_access_level": _FEATURE.get(value, 20) for name, value in project.features.items()}]),
    )
    yield (
        "releases",
        (
            {
                "tag": each.tag,
                "name": each.name,
                "description": each.description,
                "created_at": each.created_at,
                "released_at": each.released_at,
                **_author(world, each.author),
                "links": [{"name": link["name"], "url": link["url"]} for link in each.links],
            }
            for each in project.releases
        ),
    )
    yield (
        "snippets",
        (
            {
                "id": each.id,
                "title": each.title,
                "description": each.description,
                "visibility_level": _VISIBILITY[each.visibility],
                "file_name": next(iter(each.files), ""),
                "content": next(iter(each.files.values()), ""),
                "created_at": each.created_at,
                "updated_at": each.updated_at,
                **_author(world, each.author),
                "notes": [_note(world, note, "Snippet") for note in each.notes.all()],
                "award_emoji": [_award(world, award) for award in each.awards],
            }
            for each in project.snippets
        ),
    )
    for name in _KEPT_SETTINGS:
        yield name, iter(project.settings.get(name, ()))


def _used_labels(world: World, project: Project) -> list[tuple[Label, Group | None]]:
    found: dict[str, tuple[Label, Group | None]] = {label.title: (label, None) for label in project.labels}
    for item in (*project.issues.values(), *project.merge_requests.values()):
        for title in item.labels:
            if title not in found and (label := world.label(project, title)) is not None:
                found[title] = label
    return list(found.values())


def _label(label: Label, group: Group | None) -> dict[str, Any]:
    return {
        "id": label.id,
        "title": label.title,
        "color": label.color,
        "description": label.description,
        "type": "ProjectLabel" if group is None else "GroupLabel",
        "group_id": None if group is None else group.id,
        "priorities": [] if label.priority is None else [{"priority": label.priority}],
    }


def _milestone(milestone: Milestone, group: Group | None) -> dict[str, Any]:
    return {
        "id": milestone.id,
        "iid": milestone.iid,
        "title": milestone.title,
        "description": milestone.description,
        "state": milestone.state,
        "start_date": milestone.start_date,
        "due_date": milestone.due_date,
        "created_at": milestone.created_at,
        "updated_at": milestone.updated_at,
        "group_id": None if group is None else group.id,
    }


def _author(world: World, username: str) -> dict[str, Any]:
    user = world.user(username)
    return {"author_id": user.id, "author": {"name": user.name}}


def _person(world: World, username: str | None) -> int | None:
    return None if username is None else world.user(username).id


def _common(world: World, project: Project, item: Item, kind: str) -> dict[str, Any]:
    labels = [world.label(project, title) for title in item.labels]
    milestone = world.milestone(project, item.milestone) if item.milestone is not None else None
    return {
        "id": item.id,
        "iid": item.iid,
        "title": item.title,
        "description": item.description,
        "state": item.state,
        **_author(world, item.author),
        "created_at": item.created_at,
        "updated_at": item.updated_at,
        "closed_at": item.closed_at,
        "closed_by_id": _person(world, item.closed_by),
        "label_links": [
            {"target_type": kind, "label": _label(*found)} for found in labels if found is not None
        ],
        "milestone": _milestone(*milestone) if milestone is not None else None,
        "discussion_locked": item.discussion_locked,
        "time_estimate": item.time_estimate,
        "timelogs": [{"time_spent": item.time_spent}] if item.time_spent else [],
        "notes": [_note(world, note, kind) for note in item.notes.all()],
        "award_emoji": [_award(world, award) for award in item.awards],
        "resource_state_events": [
            {"user_id": _person(world, event.username), "created_at": event.created_at, "state": event.what}
            for event in item.events
            if event.kind == "state"
        ],
    }


def _issue(world: World, project: Project, issue: Issue) -> dict[str, Any]:
    return {
        **_common(world, project, issue, "Issue"),
        "confidential": issue.confidential,
        "due_date": issue.due_date,
        "weight": issue.weight,
        "issue_type": issue.issue_type,
        "health_status": issue.health_status,
        "relative_position": issue.relative_position,
        "issue_assignees": [{"user_id": _person(world, each)} for each in issue.assignees],
    }


def _merge_request(world: World, project: Project, item: MergeRequest) -> dict[str, Any]:
    return {
        **_common(world, project, item, "MergeRequest"),
        "source_branch": item.source_branch,
        "target_branch": item.target_branch,
        "source_project_id": project.id,
        "target_project_id": project.id,
        "merge_commit_sha": item.merge_commit_sha,
        "squash_commit_sha": item.squash_commit_sha,
        "squash": item.squash,
        "merge_user_id": _person(world, item.merged_by),
        "metrics": {"merged_at": item.merged_at, "merged_by_id": _person(world, item.merged_by)},
        "approvals": [{"user_id": _person(world, each)} for each in item.approved_by],
        "approvals_before_merge": item.approvals_required,
        "merge_request_assignees": [{"user_id": _person(world, each)} for each in item.assignees],
        "merge_request_reviewers": [{"user_id": _person(world, each)} for each in item.reviewers],
        "merge_request_diff": {
            "state": "collected",
            "base_commit_sha": item.base_sha,
            "start_commit_sha": item.start_sha,
            "head_commit_sha": item.sha,
            "merge_request_diff_commits": [
                {**{key: value for key, value in each.items() if key != "id"}, "sha": each["id"]}
                for each in item.commits
            ],
            "merge_request_diff_files": [{**each, "utf8_diff": each["diff"]} for each in item.diffs],
        },
    }


def _note(world: World, note: Note, kind: str) -> dict[str, Any]:
    return {
        "id": note.id,
        "note": note.body,
        "noteable_type": kind,
        **_author(world, note.author),
        "created_at": note.created_at,
        "updated_at": note.updated_at,
        "system": note.system,
        "internal": note.internal,
        "type": note.type,
        "discussion_id": note.discussion_id,
        "position": note.position,
        "resolved_at": note.resolved_at,
        "resolved_by_id": _person(world, note.resolved_by),
        "award_emoji": [_award(world, award) for award in note.awards],
    }


def _award(world: World, award: Award) -> dict[str, Any]:
    return {"name": award.name, "user_id": _person(world, award.username), "created_at": award.created_at}
