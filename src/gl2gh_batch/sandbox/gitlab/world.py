"""The world that the sandbox's GitLab shows: people, tokens, groups and projects, numbered and consistent."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

from gl2gh_batch.sandbox import seeds
from gl2gh_batch.sandbox.gitlab.edits import ProjectEdit
from gl2gh_batch.sandbox.gitlab.ids import Ids
from gl2gh_batch.sandbox.rules import Rules
from gl2gh_batch.sandbox.seeds.records import (
    MAINTAINER,
    OWNER,
    Group,
    Issue,
    Label,
    Member,
    MergeRequest,
    Milestone,
    Note,
    Project,
    Seed,
    Token,
    User,
    version_row,
)

VERSION: Final = "17.11.4-ee"
REVISION: Final = "3b1c2d4e5f6"
T = TypeVar("T")


class World:
    """Everything on one GitLab; `url` is set once its port is known, and addresses are made from it when
    shown.

    A new world has one person, `migrator`, an administrator who becomes owner of every group and maintainer
    of every personal project that is added; `token` is theirs. More come by `add_user` and `add_token`.
    """

    def __init__(self, git_root: Path, url: str = "", rules: Rules | None = None) -> None:
        self.rules = rules or Rules()
        self.git_root = git_root
        self.url = url
        # Where readers of files are sent, when the instance keeps them in object storage; empty: it has them.
        self.storage_url = ""
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.ids = Ids()
        self.users: dict[str, User] = {}
        self.groups: dict[str, Group] = {}
        self.projects: dict[int, Project] = {}
        self.tokens: dict[str, Token] = {}
        self.token = "glpat-sandbox-migrator"
        self._incoming = itertools.count(1)
        self.add_user(User(username="migrator", name="Migrator", is_admin=True, email="migrator@example.com"))
        self.add_token(self.token, "migrator", scopes=("api",))

    # People and tokens

    def add_user(self, user: User) -> User:
        """Make somebody known; a username that is there already keeps its user, completed by what is new."""
        if (known := self.users.get(user.username)) is not None:
            known.email = known.email or user.email
            known.public_email = known.public_email or user.public_email
            known.avatar = known.avatar or user.avatar
            if known.name == known.username:
                known.name = user.name
            return known
        user.id = self.ids.take("user", user.id)
        self.users[user.username] = user
        return user

    def user(self, username: str) -> User:
        """The user of that name; one that nobody introduced becomes known by the name alone."""
        return self.users.get(username) or self.add_user(User(username=username, name=username))

    def user_of_id(self, user_id: int) -> User | None:
        """The user with that id."""
        return next((user for user in self.users.values() if user.id == user_id), None)

    def add_token(self, value: str, username: str, *, scopes: Iterable[str] = ("api",)) -> Token:
        """Make a token: any of `api`, `read_api`, `read_user`, `read_repository`, `write_repository`."""
        self.user(username)
        self.tokens[value] = Token(username=username, scopes=frozenset(scopes))
        return self.tokens[value]

    # Places

    def group(self, full_path: str) -> Group | None:
        """The group or personal namespace with that full path, in any case."""
        return self.groups.get(full_path.lower())

    def add_group(self, group: Group) -> Group:
        """Make a group with those above it; one that is there already takes up what is new."""
        if group.kind == "group" and group.parent_path and self.group(group.parent_path) is None:
            self.add_group(Group(full_path=group.parent_path, name=group.parent_path.rsplit("/", 1)[-1]))
        known = self.group(group.full_path)
        if known is None:
            known = Group(full_path=group.full_path, name=group.name, kind=group.kind)
            known.id = self.ids.take("namespace", group.id)
            self.groups[group.full_path.lower()] = known
            if group.kind == "group" and not group.parent_path:
                known.members.append(Member(username="migrator", access_level=OWNER))
        known.name = group.name if known.name == known.path else known.name
        known.description = known.description or group.description
        known.avatar = known.avatar or group.avatar
        known.created_at = min(known.created_at, group.created_at)
        self._raise_visibility(known, group.visibility)
        _extend(known.members, group.members, lambda member: member.username)
        self._number_labels(_extend(known.labels, group.labels, lambda label: label.title))
        new = _extend(known.milestones, group.milestones, lambda milestone: milestone.title)
        self._number_milestones(new, known.milestones)
        return known

    def _raise_visibility(self, group: Group, visibility: str) -> None:
        """A group is at least as visible as what is in it."""
        order = ("private", "internal", "public")
        for place in (group, *self.ancestors(group.full_path)):
            if order.index(visibility) > order.index(place.visibility):
                place.visibility = visibility

    def ancestors(self, full_path: str) -> Iterator[Group]:
        """The groups above a group or project, the nearest first."""
        while full_path := full_path.rpartition("/")[0]:
            if (group := self.group(full_path)) is not None:
                yield group

    def project(self, reference: int | str) -> Project | None:
        """The project with that id or full path (in any case); digits are an id."""
        text = str(reference)
        if text.isdecimal():
            return self.projects.get(int(text))
        lowered = text.lower()
        return next((each for each in self.projects.values() if each.full_path.lower() == lowered), None)

    def repository(self, project: Project) -> Path:
        """The project's bare repository."""
        return self.git_root / f"project-{project.id}.git"

    def wiki_repository(self, project: Project) -> Path:
        """The bare repository of the project's wiki; it is only there if the wiki has pages."""
        return self.git_root / f"project-{project.id}.wiki.git"

    # Labels and milestones as a project sees them

    def label(self, project: Project, title: str) -> tuple[Label, Group | None] | None:
        """The label of that title of the project or of a group above it, and that group."""
        for label in project.labels:
            if label.title == title:
                return label, None
        for group in self.ancestors(project.full_path):
            for label in group.labels:
                if label.title == title:
                    return label, group
        return None

    def milestone(self, project: Project, title: str | None) -> tuple[Milestone, Group | None] | None:
        """The milestone of that title of the project or of a group above it, and that group."""
        for milestone in project.milestones:
            if milestone.title == title:
                return milestone, None
        for group in self.ancestors(project.full_path):
            for milestone in group.milestones:
                if milestone.title == title:
                    return milestone, group
        return None

    # Seeds

    def add(self, seed: str | Path, project_id: int | None = None, full_path: str | None = None) -> Project:
        """Load a seed of any form (see `sandbox.seeds`), under another id or full path if one is given."""
        folder = self.git_root / f"incoming-{next(self._incoming)}"
        folder.mkdir(parents=True)
        try:
            return self.install(seeds.load(seed, git_root=folder), project_id=project_id, full_path=full_path)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def install(self, seed: Seed, *, project_id: int | None = None, full_path: str | None = None) -> Project:
        """Take a loaded seed into the world: number its records and complete what they refer to."""
        project = seed.project
        old_path = project.full_path
        project.full_path = full_path or old_path
        if "/" not in project.full_path:
            raise ValueError(f"a project needs a full path like group/name, not {project.full_path!r}")
        if self.project(project.full_path) is not None:
            raise ValueError(f"two projects with the path {project.full_path}")
        if project_id is not None and project_id in self.projects:
            raise ValueError(f"two projects with the id {project_id}")
        for user in seed.users:
            self.add_user(user)
        self._place(seed, old_path)
        project.id = self.ids.take("project", project_id or project.id)
        for name, target in (
            ("repository.git", self.repository(project)),
            ("wiki.git", self.wiki_repository(project)),
        ):
            if (seed.folder / name).exists():
                shutil.move(seed.folder / name, target)
        if not self.repository(project).exists():
            seeds.make_bare(self.repository(project), project.default_branch or "main")
        self._keep_files(project, seed.folder)
        self._number(project)
        self._complete(project)
        self.projects[project.id] = project
        return project

    def edit(self, project: int | str | Project) -> ProjectEdit:
        """The changes that can be made to a project while it is being read."""
        found = project if isinstance(project, Project) else self.project(project)
        if found is None:
            raise KeyError(f"no project {project}")
        return ProjectEdit(self, found)

    def timestamp(self) -> str:
        """Now, in the form that all records use."""
        return self.now().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _place(self, seed: Seed, old_path: str) -> None:
        """Make the groups that the seed brings, moved along where the project got another path."""
        project, old_namespace = seed.project, old_path.rpartition("/")[0]
        moved = {old_namespace: project.namespace_path} if old_path != project.full_path else {}
        for group in seed.groups:
            group.full_path = moved.get(group.full_path, group.full_path)
            if moved and group.kind == "user":
                group.kind = "group"
            if project.full_path.startswith(f"{group.full_path}/") or not moved:
                self.add_group(group)
        namespace = self.group(project.namespace_path)
        if namespace is None:
            name = project.namespace_path.rsplit("/", 1)[-1]
            namespace = self.add_group(Group(full_path=project.namespace_path, name=name))
        self._raise_visibility(namespace, project.visibility)
        if namespace.kind == "user":
            owner = self.user(namespace.path)
            _extend(
                project.members,
                [
                    Member(username=owner.username, access_level=OWNER),
                    Member(username="migrator", access_level=MAINTAINER),
                ],
                lambda member: member.username,
            )

    def _keep_files(self, project: Project, folder: Path) -> None:
        """Move uploads and LFS objects out of the seed's folder to where they stay."""
        kept = self.git_root / f"project-{project.id}.files"
        for upload in project.uploads:
            if upload.path.is_relative_to(folder):
                target = kept / upload.path.relative_to(folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                upload.path = Path(shutil.move(upload.path, target))
            upload.id = self.ids.take("upload", upload.id)
        for place, path in project.packages.items():
            if path.is_relative_to(folder):
                target = kept / path.relative_to(folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                project.packages[place] = Path(shutil.move(path, target))
        for oid, path in project.lfs_objects.items():
            if path.is_relative_to(folder):
                target = kept / path.relative_to(folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                project.lfs_objects[oid] = Path(shutil.move(path, target))

    def _number(self, project: Project) -> None:
        """Give every record of the project an id of its own."""
        self._number_labels(project.labels)
        self._number_milestones(project.milestones, project.milestones)
        for issue in project.issues.values():
            self.number_item("issue", issue)
        for merge_request in project.merge_requests.values():
            self.number_item("merge_request", merge_request)
        for snippet in project.snippets:
            snippet.id = self.ids.take("snippet", snippet.id)
            for note in snippet.notes.own():
                self.number_note(note)
            for award in snippet.awards:
                award.id = self.ids.take("award", award.id)
        for kind, rows in project.settings.items():
            for row in rows:
                if "id" in row:
                    row["id"] = self.ids.take(kind, int(row["id"]))

    def number_item(self, kind: str, item: Issue | MergeRequest) -> None:
        """Give an issue or merge request, its notes, awards and events their ids."""
        item.id = self.ids.take(kind, item.id)
        if isinstance(item, MergeRequest):
            self._number_versions(item)
        else:
            for design in item.designs:
                design.id = self.ids.take("design", design.id)
        if item.notes.is_generated:
            item.notes.first_id = self.ids.block("note", len(item.notes))
        else:
            for note in item.notes.own():
                self.number_note(note)
        for award in item.awards:
            award.id = self.ids.take("award", award.id)
        for event in item.events:
            event.id = self.ids.take(f"{event.kind}_event", event.id)

    def _number_versions(self, item: MergeRequest) -> None:
        """Every merge request has at least the version that is present."""
        item.versions = item.versions or [
            version_row(item.base_sha, item.start_sha, item.sha, item.created_at)
        ]
        for row in item.versions:
            row["id"] = self.ids.take("merge_request_diff", int(row.get("id") or 0))
            row["merge_request_id"] = item.id

    def number_note(self, note: Note) -> None:
        """Give a note and its awards their ids, and a thread of its own if it has none."""
        note.id = self.ids.take("note", note.id)
        note.discussion_id = note.discussion_id or f"{note.id:040x}"
        for award in note.awards:
            award.id = self.ids.take("award", award.id)

    def _number_labels(self, new: list[Label]) -> None:
        for label in new:
            label.id = self.ids.take("label", label.id)

    def _number_milestones(self, new: list[Milestone], among: list[Milestone]) -> None:
        for milestone in new:
            milestone.id = self.ids.take("milestone", milestone.id)
            milestone.iid = milestone.iid or max(each.iid for each in among) + 1

    def _complete(self, project: Project) -> None:
        """Bring in whoever and whatever the project's records name and no list of the seed has."""
        for username in _people(project):
            self.user(username)
        labels, milestones = len(project.labels), len(project.milestones)
        for item in (*project.issues.values(), *project.merge_requests.values()):
            for title in item.labels:
                if self.label(project, title) is None:
                    project.labels.append(Label(title=title))
            if item.milestone is not None and self.milestone(project, item.milestone) is None:
                project.milestones.append(Milestone(title=item.milestone, created_at=item.created_at))
        for issue in project.issues.values():
            for kind, path, iid in issue.links:
                other = project.issues.get(iid) if not path else None
                back = (_BACK[kind], "", issue.iid)
                if other is not None and back not in other.links:
                    other.links.append(back)
        self._number_labels(project.labels[labels:])
        self._number_milestones(project.milestones[milestones:], project.milestones)
        newest = max((item.updated_at for item in project.issues.values()), default="")
        project.last_activity_at = max(project.last_activity_at, newest)


# How a link looks from its other side (`IssueLink.inverse_link_type`).
_BACK: Final = {"blocks": "is_blocked_by", "is_blocked_by": "blocks", "relates_to": "relates_to"}


def _people(project: Project) -> Iterator[str]:
    """Everybody that the records of a project name."""
    yield from (member.username for member in project.members)
    if project.creator is not None:
        yield project.creator
    for item in (*project.issues.values(), *project.merge_requests.values()):
        yield from (item.author, *item.assignees, *(award.username for award in item.awards))
        yield from (event.username for event in item.events)
        if item.closed_by is not None:
            yield item.closed_by
        if isinstance(item, MergeRequest):
            yield from (*item.reviewers, *item.approved_by, *([item.merged_by] if item.merged_by else ()))
        if not item.notes.is_generated:
            yield from _people_of_notes(item.notes.all())
    for snippet in project.snippets:
        yield from (snippet.author, *(award.username for award in snippet.awards))
        yield from _people_of_notes(snippet.notes.all())
    yield from (release.author for release in project.releases)
    yield from (upload.username for upload in project.uploads if upload.username is not None)


def _people_of_notes(notes: Iterable[Note]) -> Iterator[str]:
    for note in notes:
        yield from (note.author, *(award.username for award in note.awards))
        if note.resolved_by is not None:
            yield note.resolved_by


def _extend(into: list[T], new: Iterable[T], key: Callable[[T], str]) -> list[T]:
    """Append what is not there yet, by its key; answers what was appended."""
    there = {key(each) for each in into}
    added = [each for each in new if key(each) not in there]
    into.extend(added)
    return added
