"""A folder of recorded answers of one GitLab project as a seed.

One file for a request, named `METHOD_` and the URL-encoded path and query; it holds the response's headers,
an empty line and the body. Pages and shorter views of one list are laid together by the records' ids, and
what other answers mention (people, milestones, labels) is completed from there. Recordings have no git: a
small history is made, with the recorded default branch, a tag for each release and the branches and heads of
the merge requests; the SHAs of the records are set to those of that history, so that the project is
consistent in itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from gl2gh_batch.sandbox.seeds.errors import SeedError
from gl2gh_batch.sandbox.seeds.records import (
    Award,
    Event,
    Group,
    Issue,
    Label,
    MergeRequest,
    Milestone,
    Note,
    Notes,
    Project,
    Release,
    Seed,
    User,
)
from gl2gh_batch.sandbox.seeds.shapes import day, local, maybe_moment, moment, user_of
from gl2gh_batch.sandbox.seeds.synthesis import synthesize

_REQUEST = re.compile(r"GET_%2Fapi%2Fv4%2F", re.IGNORECASE)
_KEYS: Final = ("id", "iid", "tag_name", "name")
# What the answer for approvals tells of its merge request.
_APPROVALS_KNOW: Final = (
    "id",
    "iid",
    "project_id",
    "title",
    "description",
    "state",
    "created_at",
    "updated_at",
)
# The features of a project that the API shows as `<name>_access_level`.
_FEATURE: Final = "_access_level"


def is_recording(folder: Path) -> bool:
    """Whether the folder holds recorded answers."""
    return any(_REQUEST.match(entry.name) for entry in folder.iterdir())


def load(folder: Path, *, git_root: Path) -> Seed:
    """Read the project that a folder of recordings tells of; its git is made in `git_root`."""
    answers = _Answers(folder)
    face = answers.project()
    host = _host(face)
    seed = Seed(project=_project(face), folder=git_root, users=list(answers.people(host)))
    creators = [user.username for user in seed.users if user.id == face.get("creator_id")]
    seed.project.creator = seed.project.creator or next(iter(creators), None)
    seed.groups.append(_namespace(face, host))
    project = seed.project
    project.labels = [
        Label(
            id=row["id"],
            title=row["name"],
            color=row["color"],
            description=row.get("description"),
            priority=row.get("priority"),
        )
        for row in answers.rows("labels")
    ]
    for row in answers.milestones():
        milestone = _milestone(row)
        owner = project.milestones if row.get("group_id") is None else seed.groups[0].milestones
        if all(each.title != milestone.title for each in owner):
            owner.append(milestone)
    for row in answers.rows("issues"):
        issue = _issue(row)
        answers.fill(f"issues/{issue.iid}", issue)
        project.issues[issue.iid] = issue
    for row in answers.merge_requests():
        merge_request = _merge_request(row, project)
        answers.fill(f"merge_requests/{merge_request.iid}", merge_request)
        approvals = answers.one(f"merge_requests/{merge_request.iid}/approvals") or {}
        merge_request.approved_by = [each["user"]["username"] for each in approvals.get("approved_by", ())]
        merge_request.approvals_required = int(approvals.get("approvals_required") or 0)
        project.merge_requests[merge_request.iid] = merge_request
    project.releases = [_release(row, host) for row in answers.rows("releases")]
    if not face.get("empty_repo"):
        synthesize(project, git_root / "repository.git", {user.username: user for user in seed.users})
    return seed


class _Answers:
    """The recorded answers by what they are about, relative to the project."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bodies: dict[str, list[Any]] = {}
        for path in sorted(folder.iterdir()):
            if not _REQUEST.match(path.name):
                continue
            url = urlsplit(unquote(path.name.removeprefix("GET_")))
            body = path.read_bytes().partition(b"\n\n")[2] or path.read_bytes().partition(b"\r\n\r\n")[2]
            try:
                answer = json.loads(body)
            except ValueError as error:
                raise SeedError(f"{path}: the recorded body is no JSON ({error})") from error
            if match := re.match(r"/api/v4/projects/[^/]+(?:/(.*))?$", url.path):
                self._bodies.setdefault(match.group(1) or "", []).append(answer)

    def project(self) -> dict[str, Any]:
        """The project itself; there is one."""
        faces = [each for each in self._bodies.get("", ()) if isinstance(each, dict)]
        if not faces:
            raise SeedError(f"{self._folder}: no recorded answer of /projects/:id")
        return faces[0]

    def one(self, path: str) -> dict[str, Any] | None:
        """The single answer of a path, if it was recorded."""
        return next((each for each in self._bodies.get(path, ()) if isinstance(each, dict)), None)

    def rows(self, path: str) -> list[dict[str, Any]]:
        """All records of a list: its pages laid together, completed by the answers for single ones."""
        merged: dict[Any, dict[str, Any]] = {}
        singles = [
            body
            for other, bodies in self._bodies.items()
            if re.fullmatch(rf"{re.escape(path)}/[^/]+", other)
            for body in bodies
        ]
        for body in (*self._bodies.get(path, ()), *singles):
            for row in body if isinstance(body, list) else [body]:
                key = next(row[name] for name in _KEYS if row.get(name) is not None)
                merged[key] = {**merged.get(key, {}), **row}
        return sorted(merged.values(), key=lambda row: (row.get("created_at") or "", row.get("iid") or 0))

    def people(self, host: str) -> Iterator[User]:
        """Everybody who appears anywhere, once."""
        seen: dict[str, dict[str, Any]] = {}
        for bodies in self._bodies.values():
            for found in _people_in(bodies):
                seen.setdefault(found["username"], found)
        yield from (user_of(face, host) for face in seen.values())

    def merge_requests(self) -> list[dict[str, Any]]:
        """The recorded merge requests, and those of which only the approvals were asked for."""
        rows = {row["iid"]: row for row in self.rows("merge_requests")}
        for path, bodies in self._bodies.items():
            if re.fullmatch(r"merge_requests/\d+/approvals", path):
                for body in bodies:
                    kept = {key: body[key] for key in _APPROVALS_KNOW if key in body}
                    rows[body["iid"]] = {**kept, **rows.get(body["iid"], {})}
        return sorted(rows.values(), key=lambda row: int(row["iid"]))

    def milestones(self) -> list[dict[str, Any]]:
        """The recorded milestones, and those that only issues and merge requests show."""
        rows = {row["id"]: row for row in self.rows("milestones")}
        for kind in ("issues", "merge_requests"):
            for item in self.rows(kind):
                if item.get("milestone"):
                    rows.setdefault(item["milestone"]["id"], item["milestone"])
        return sorted(rows.values(), key=lambda row: row["iid"])

    def fill(self, path: str, item: Issue | MergeRequest) -> None:
        """Give an item its recorded notes (from discussions, or plain), awards and events."""
        notes = [
            _note(row, discussion["id"], is_individual=discussion.get("individual_note", True))
            for discussion in self.rows(f"{path}/discussions")
            for row in discussion["notes"]
        ]
        notes = notes or [_note(row, "", is_individual=True) for row in self.rows(f"{path}/notes")]
        item.notes = Notes(sorted(notes, key=lambda note: (note.created_at, note.id)))
        item.awards = [
            Award(
                id=row["id"],
                name=row["name"],
                username=row["user"]["username"],
                created_at=moment(row["created_at"]),
            )
            for row in self.rows(f"{path}/award_emoji")
        ]
        item.events = [
            Event(
                id=row["id"],
                kind="state",
                action=row["state"],
                what=row["state"],
                username=row["user"]["username"],
                created_at=moment(row["created_at"]),
            )
            for row in self.rows(f"{path}/resource_state_events")
        ]


def _people_in(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "username" in value and "id" in value:
            yield value
        for each in value.values():
            yield from _people_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from _people_in(each)


def _host(face: dict[str, Any]) -> str:
    url = urlsplit(str(face.get("web_url") or ""))
    return f"{url.scheme}://{url.netloc}" if url.netloc else ""


def _project(face: dict[str, Any]) -> Project:
    return Project(
        id=int(face["id"]),
        full_path=face["path_with_namespace"],
        name=face["name"],
        description=face.get("description"),
        visibility=face.get("visibility", "public"),
        archived=bool(face.get("archived")),
        default_branch=face.get("default_branch"),
        created_at=moment(face.get("created_at")),
        last_activity_at=moment(face.get("last_activity_at")),
        creator=(face.get("owner") or {}).get("username"),
        topics=list(face.get("topics") or face.get("tag_list") or ()),
        features={
            key.removesuffix(_FEATURE): value
            for key, value in face.items()
            if key.endswith(_FEATURE) and isinstance(value, str)
        },
        face=face,
    )


def _namespace(face: dict[str, Any], host: str) -> Group:
    namespace = face["namespace"]
    avatar = str(namespace.get("avatar_url") or "")
    return Group(
        id=int(namespace["id"]),
        full_path=namespace["full_path"],
        name=namespace["name"],
        kind=namespace["kind"],
        visibility=face.get("visibility", "public"),
        avatar=local(avatar, host),
        created_at=moment(face.get("created_at")),
    )


def _milestone(row: dict[str, Any]) -> Milestone:
    return Milestone(
        id=row["id"],
        iid=row["iid"],
        title=row["title"],
        description=row.get("description"),
        state=row["state"],
        start_date=day(row.get("start_date")),
        due_date=day(row.get("due_date")),
        created_at=moment(row["created_at"]),
        updated_at=moment(row["updated_at"]),
    )


def _common(row: dict[str, Any]) -> dict[str, Any]:
    """The fields that issues and merge requests share."""
    times = row.get("time_stats") or {}
    return {
        "id": row["id"],
        "iid": row["iid"],
        "title": row["title"],
        "description": row.get("description"),
        "state": row["state"],
        "author": row["author"]["username"] if row.get("author") else "ghost",
        "created_at": moment(row["created_at"]),
        "updated_at": moment(row["updated_at"]),
        "closed_at": maybe_moment(row.get("closed_at")),
        "closed_by": (row.get("closed_by") or {}).get("username"),
        "labels": list(row.get("labels") or ()),
        "milestone": (row.get("milestone") or {}).get("title"),
        "assignees": [each["username"] for each in row.get("assignees") or ()],
        "discussion_locked": row.get("discussion_locked"),
        "time_estimate": times.get("time_estimate") or 0,
        "time_spent": times.get("total_time_spent") or 0,
    }


def _issue(row: dict[str, Any]) -> Issue:
    return Issue(
        **_common(row),
        confidential=bool(row.get("confidential")),
        due_date=day(row.get("due_date")),
        weight=row.get("weight"),
        issue_type=row.get("issue_type") or "issue",
        severity=row.get("severity") or "UNKNOWN",
        moved_to_id=row.get("moved_to_id"),
    )


def _merge_request(row: dict[str, Any], project: Project) -> MergeRequest:
    if not row.get("author") and project.creator is not None:
        row = {**row, "author": {"username": project.creator}}
    references = row.get("diff_refs") or {}
    return MergeRequest(
        **_common(row),
        source_branch=row.get("source_branch") or f"merge-request-{row['iid']}",
        target_branch=row.get("target_branch") or "",
        draft=bool(row.get("draft")),
        reviewers=[each["username"] for each in row.get("reviewers") or ()],
        merged_at=maybe_moment(row.get("merged_at")),
        merged_by=(row.get("merge_user") or row.get("merged_by") or {}).get("username"),
        sha=row.get("sha"),
        base_sha=references.get("base_sha"),
        start_sha=references.get("start_sha"),
        merge_commit_sha=row.get("merge_commit_sha"),
        squash_commit_sha=row.get("squash_commit_sha"),
        squash=bool(row.get("squash")),
    )


def _note(row: dict[str, Any], discussion_id: str, *, is_individual: bool) -> Note:
    return Note(
        id=row["id"],
        body=row["body"],
        author=row["author"]["username"],
        created_at=moment(row["created_at"]),
        updated_at=moment(row["updated_at"]),
        discussion_id=discussion_id,
        individual=is_individual,
        system=bool(row.get("system")),
        internal=bool(row.get("internal")),
        type=row.get("type"),
        resolvable=bool(row.get("resolvable")),
        resolved=bool(row.get("resolved")),
        resolved_by=(row.get("resolved_by") or {}).get("username"),
        resolved_at=maybe_moment(row.get("resolved_at")),
        position=row.get("position"),
    )


def _release(row: dict[str, Any], host: str) -> Release:
    return Release(
        tag=row["tag_name"],
        name=row["name"],
        description=row.get("description") or "",
        author=row["author"]["username"],
        created_at=moment(row["created_at"]),
        released_at=moment(row["released_at"]),
        milestones=[each["title"] for each in row.get("milestones") or ()],
        links=list(row["assets"]["links"]),
        evidences=[
            {**each, "filepath": local(each["filepath"], host)} for each in row.get("evidences") or ()
        ],
    )
