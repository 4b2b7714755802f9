"""The records of a project export in our own shape.

An export names people by their id, with a name beside some of them and a username only for members: the
others get a username made from their name, always the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gl2gh_batch.sandbox.seeds.records import (
    EPOCH,
    Award,
    Event,
    Group,
    Issue,
    Label,
    Member,
    MergeRequest,
    Milestone,
    Note,
    Notes,
    Project,
    Release,
    Snippet,
    User,
)
from gl2gh_batch.sandbox.seeds.shapes import day, maybe_moment, moment, username_of

VISIBILITY: Final = {0: "private", 10: "internal", 20: "public"}
_FEATURE: Final = {0: "disabled", 10: "private", 20: "enabled", 30: "public"}
# Relations of an export that are kept in the API's own shape, by the API's name.
_SETTINGS: Final = {
    "hooks": ("hooks",),
    "protected_branches": ("protected_branches",),
    "protected_tags": ("protected_tags",),
    "pipeline_schedules": ("pipeline_schedules",),
    "triggers": ("triggers",),
    "deploy_keys": ("deploy_keys",),
    "badges": ("project_badges",),
    "environments": ("environments",),
    "boards": ("boards",),
    "variables": ("variables",),
}
_RELATIONS_WITH_PEOPLE: Final = (
    "issues",
    "merge_requests",
    "snippets",
    "releases",
    "pipelines",
    "commit_notes",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Relations:
    """An export of either form: the project's attributes, and the rows of each relation."""

    attributes: Mapping[str, Any]
    rows: Callable[[str], Iterator[dict[str, Any]]]


class _People:
    """Usernames by the ids of the export."""

    def __init__(self, relations: Relations) -> None:
        names: dict[int, str] = {}
        for relation in _RELATIONS_WITH_PEOPLE:
            for row in relations.rows(relation):
                names.update(_names_in(row))
        self.users: dict[int, User] = {}
        for row in relations.rows("project_members"):
            face = row.get("user") or {}
            if not face.get("username"):
                continue
            self.users[row["user_id"]] = User(
                id=row["user_id"],
                username=face["username"],
                name=names.get(row["user_id"], face["username"]),
                email=face.get("email") or "",
                public_email=face.get("public_email") or face.get("email") or "",
            )
        for user_id in sorted(names):
            self._introduce(user_id, names[user_id])

    def username(self, user_id: int | None) -> str:
        """Whom the export means by an id; a deleted author (no id) is the ghost user."""
        if user_id is None:
            return "ghost"
        if user_id not in self.users:
            self._introduce(user_id, f"User {user_id}")
        return self.users[user_id].username

    def maybe(self, user_id: int | None) -> str | None:
        """The same, or None for nobody."""
        return None if user_id is None else self.username(user_id)

    def _introduce(self, user_id: int, name: str) -> None:
        if user_id in self.users:
            return
        username = username_of(name)
        if any(user.username == username for user in self.users.values()):
            username = f"{username}.{user_id}"
        self.users[user_id] = User(id=user_id, username=username, name=name)


def _names_in(value: Any) -> Iterator[tuple[int, str]]:
    if isinstance(value, dict):
        author = value.get("author")
        if isinstance(author, dict) and isinstance(value.get("author_id"), int) and author.get("name"):
            yield value["author_id"], author["name"]
        for each in value.values():
            yield from _names_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from _names_in(each)


def shape_project(
    relations: Relations, *, full_path: str, namespace: str
) -> tuple[Project, list[User], list[Group]]:
    """The project of an export with everything that its records tell, its people and the group it was in."""
    attributes, people = relations.attributes, _People(relations)
    group = Group(full_path=namespace, name=namespace)
    issues = list(relations.rows("issues"))
    merge_requests = list(relations.rows("merge_requests"))
    created = min((moment(row["created_at"]) for row in (*issues, *merge_requests)), default=EPOCH)
    project = Project(
        full_path=full_path,
        name=str(attributes.get("name") or full_path.rsplit("/", 1)[-1]),
        description=attributes.get("description"),
        visibility=VISIBILITY.get(int(attributes.get("visibility_level") or 0), "private"),
        archived=bool(attributes.get("archived")),
        default_branch=attributes.get("default_branch"),
        created_at=moment(attributes.get("created_at"), created),
        last_activity_at=moment(attributes.get("last_activity_at"), created),
        topics=_topics(attributes),
    )
    for row in relations.rows("project_feature"):
        project.features = {
            key.removesuffix("_access_level"): _FEATURE.get(level, "enabled")
            for key, level in row.items()
            if key.endswith("_access_level") and isinstance(level, int)
        }
    project.members = [
        Member(
            username=people.username(row["user_id"]),
            access_level=row["access_level"],
            expires_at=day(row.get("expires_at")),
            created_at=moment(row.get("created_at")),
        )
        for row in relations.rows("project_members")
        if row.get("user_id") is not None
    ]
    _labels(relations, issues + merge_requests, project, group)
    _milestones(relations, issues + merge_requests, project, group)
    project.issues = {row["iid"]: _issue(row, people) for row in sorted(issues, key=lambda row: row["iid"])}
    project.merge_requests = {
        row["iid"]: _merge_request(row, people) for row in sorted(merge_requests, key=lambda row: row["iid"])
    }
    project.releases = [_release(row, people) for row in relations.rows("releases")]
    project.snippets = [_snippet(row, people) for row in relations.rows("snippets")]
    for name, sources in _SETTINGS.items():
        rows = [dict(row) for source in sources for row in relations.rows(source)]
        if rows:
            project.settings[name] = rows
    return project, list(people.users.values()), [group]


def _topics(attributes: Mapping[str, Any]) -> list[str]:
    found = attributes.get("topics") or attributes.get("tag_list") or ()
    if isinstance(found, str):
        return [each.strip() for each in found.split(",") if each.strip()]
    return [each if isinstance(each, str) else str(each["name"]) for each in found]


def _labels(relations: Relations, items: Iterable[dict[str, Any]], project: Project, group: Group) -> None:
    """The labels of the export's list, and those that only an item shows."""
    rows = list(relations.rows("labels"))
    rows += [link["label"] for item in items for link in item.get("label_links") or () if link.get("label")]
    known: set[str] = set()
    for row in rows:
        if row["title"] in known:
            continue
        known.add(row["title"])
        priorities = row.get("priorities") or ()
        label = Label(
            id=row.get("id") or 0,
            title=row["title"],
            color=row.get("color") or "#428bca",
            description=row.get("description") or None,
            priority=priorities[0]["priority"] if priorities else row.get("priority"),
        )
        (group if row.get("type") == "GroupLabel" else project).labels.append(label)


def _milestones(
    relations: Relations, items: Iterable[dict[str, Any]], project: Project, group: Group
) -> None:
    rows = list(relations.rows("milestones"))
    rows += [item["milestone"] for item in items if item.get("milestone")]
    known: set[str] = set()
    for row in rows:
        if row["title"] in known:
            continue
        known.add(row["title"])
        milestone = Milestone(
            id=row.get("id") or 0,
            iid=row.get("iid") or 0,
            title=row["title"],
            description=row.get("description"),
            state=row.get("state") or "active",
            start_date=day(row.get("start_date")),
            due_date=day(row.get("due_date")),
            created_at=moment(row.get("created_at")),
            updated_at=moment(row.get("updated_at")),
        )
        (group if row.get("group_id") else project).milestones.append(milestone)


def _common(row: dict[str, Any], people: _People, kind: str) -> dict[str, Any]:
    """The fields that issues and merge requests share."""
    assignees = [each["user_id"] for each in row.get(f"{kind}_assignees") or ()]
    if not assignees and row.get("assignee_id") is not None:
        assignees = [row["assignee_id"]]
    metrics = row.get("metrics") or {}
    state = str(row.get("state") or "opened")
    return {
        "id": row.get("id") or 0,
        "iid": row["iid"],
        "title": row["title"],
        "description": row.get("description"),
        "state": "opened" if state == "reopened" else state,
        "author": people.username(row.get("author_id")),
        "created_at": moment(row["created_at"]),
        "updated_at": moment(row.get("updated_at"), moment(row["created_at"])),
        "closed_at": maybe_moment(row.get("closed_at") or metrics.get("latest_closed_at")),
        "closed_by": people.maybe(row.get("closed_by_id") or metrics.get("latest_closed_by_id")),
        "labels": [link["label"]["title"] for link in row.get("label_links") or () if link.get("label")],
        "milestone": (row.get("milestone") or {}).get("title"),
        "assignees": list(dict.fromkeys(people.username(each) for each in assignees)),
        "discussion_locked": row.get("discussion_locked"),
        "time_estimate": row.get("time_estimate") or 0,
        "time_spent": sum(each.get("time_spent") or 0 for each in row.get("timelogs") or ()),
        "notes": Notes(_notes(row.get("notes") or (), people)),
        "awards": _awards(row.get("award_emoji") or (), people),
        "events": list(_events(row, people)),
    }


def _notes(rows: Iterable[dict[str, Any]], people: _People) -> list[Note]:
    notes = [_note(row, people) for row in rows]
    return sorted(notes, key=lambda note: (note.created_at, note.id))


def _note(row: dict[str, Any], people: _People) -> Note:
    position = row.get("position")
    kind = row.get("type")
    is_resolvable = kind in ("DiffNote", "DiscussionNote") and row.get("noteable_type") == "MergeRequest"
    return Note(
        id=row.get("id") or 0,
        body=str(row.get("note") or ""),
        author=people.username(row.get("author_id")),
        created_at=moment(row["created_at"]),
        updated_at=moment(row.get("updated_at"), moment(row["created_at"])),
        discussion_id=str(row.get("discussion_id") or ""),
        individual=kind is None,
        type=kind,
        system=bool(row.get("system")),
        internal=bool(row.get("internal") or row.get("confidential")),
        resolvable=is_resolvable,
        resolved=row.get("resolved_at") is not None,
        resolved_by=people.maybe(row.get("resolved_by_id")),
        resolved_at=maybe_moment(row.get("resolved_at")),
        position=json.loads(position) if isinstance(position, str) and position.startswith("{") else position,
        suggestions=list(row.get("suggestions") or ()),
        awards=_awards(row.get("award_emoji") or (), people),
    )


def _awards(rows: Iterable[dict[str, Any]], people: _People) -> list[Award]:
    return [
        Award(
            id=row.get("id") or 0,
            name=row["name"],
            username=people.username(row.get("user_id")),
            created_at=moment(row.get("created_at")),
        )
        for row in rows
    ]


def _events(row: dict[str, Any], people: _People) -> Iterator[Event]:
    for kind in ("state", "label", "milestone"):
        for each in row.get(f"resource_{kind}_events") or ():
            what = each.get("state") if kind == "state" else (each.get(kind) or {}).get("title")
            if what is not None:
                yield Event(
                    id=each.get("id") or 0,
                    kind=kind,
                    action=str(each.get("action") or what),
                    what=str(what),
                    username=people.username(each.get("user_id")),
                    created_at=moment(each.get("created_at")),
                )


def _issue(row: dict[str, Any], people: _People) -> Issue:
    return Issue(
        **_common(row, people, "issue"),
        confidential=bool(row.get("confidential")),
        due_date=day(row.get("due_date")),
        weight=row.get("weight"),
        issue_type=row.get("issue_type") or "issue",
        health_status=row.get("health_status"),
        relative_position=row.get("relative_position"),
    )


def _merge_request(row: dict[str, Any], people: _People) -> MergeRequest:
    diff, metrics = row.get("merge_request_diff") or {}, row.get("metrics") or {}
    commits = [
        _commit(each) for each in diff.get("st_commits") or diff.get("merge_request_diff_commits") or ()
    ]
    common = _common(row, people, "merge_request")
    is_merged = common["state"] == "merged"
    return MergeRequest(
        **common,
        source_branch=row["source_branch"],
        target_branch=row["target_branch"],
        draft=str(row["title"]).lower().startswith(("draft:", "wip:", "[draft]", "[wip]")),
        reviewers=[people.username(each["user_id"]) for each in row.get("merge_request_reviewers") or ()],
        merged_at=maybe_moment(metrics.get("merged_at") or (row.get("updated_at") if is_merged else None)),
        merged_by=people.maybe(row.get("merge_user_id") or metrics.get("merged_by_id")),
        sha=diff.get("head_commit_sha") or (commits[0]["id"] if commits else None),
        base_sha=diff.get("base_commit_sha"),
        start_sha=diff.get("start_commit_sha") or diff.get("base_commit_sha"),
        merge_commit_sha=row.get("merge_commit_sha"),
        squash_commit_sha=row.get("squash_commit_sha"),
        squash=bool(row.get("squash")),
        approved_by=[people.username(each["user_id"]) for each in row.get("approvals") or ()],
        approvals_required=row.get("approvals_before_merge") or 0,
        commits=commits,
        diffs=[
            _diff(each) for each in diff.get("utf8_st_diffs") or diff.get("merge_request_diff_files") or ()
        ],
    )


def _commit(row: dict[str, Any]) -> dict[str, Any]:
    sha, message = str(row.get("id") or row.get("sha")), str(row.get("message") or "")
    return {
        "id": sha,
        "short_id": sha[:8],
        "created_at": row.get("committed_date"),
        "parent_ids": list(row.get("parent_ids") or ()),
        "title": message.partition("\n")[0],
        "message": message,
        **{
            key: row.get(key)
            for key in (
                "author_name",
                "author_email",
                "authored_date",
                "committer_name",
                "committer_email",
                "committed_date",
            )
        },
    }


def _diff(row: dict[str, Any]) -> dict[str, Any]:
    keys = (
        "old_path",
        "new_path",
        "a_mode",
        "b_mode",
        "new_file",
        "renamed_file",
        "deleted_file",
        "too_large",
    )
    return {**{key: row.get(key) for key in keys}, "diff": row.get("diff") or row.get("utf8_diff") or ""}


def _release(row: dict[str, Any], people: _People) -> Release:
    return Release(
        tag=row["tag"],
        name=row.get("name") or row["tag"],
        author=people.username(row.get("author_id")),
        description=row.get("description") or "",
        created_at=moment(row.get("created_at")),
        released_at=moment(row.get("released_at"), moment(row.get("created_at"))),
        milestones=[
            each["milestone"]["title"]
            for each in row.get("milestone_releases") or ()
            if each.get("milestone")
        ],
        links=[
            {"id": each.get("id") or 0, "name": each["name"], "url": each["url"], "link_type": "other"}
            for each in row.get("links") or ()
        ],
    )


def _snippet(row: dict[str, Any], people: _People) -> Snippet:
    return Snippet(
        id=row.get("id") or 0,
        title=row["title"],
        author=people.username(row.get("author_id")),
        files={row.get("file_name") or "snippetfile1.txt": row.get("content") or ""},
        description=row.get("description"),
        visibility=VISIBILITY.get(row.get("visibility_level") or 0, "private"),
        created_at=moment(row["created_at"]),
        updated_at=moment(row.get("updated_at"), moment(row["created_at"])),
        notes=Notes(_notes(row.get("notes") or (), people)),
        awards=_awards(row.get("award_emoji") or (), people),
    )
