"""Changes to a project while it is being read: what drift tests do to the source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from gl2gh_batch.sandbox.gitlab.ids import Ids
from gl2gh_batch.sandbox.seeds.history import run_git
from gl2gh_batch.sandbox.seeds.records import Issue, Label, MergeRequest, Milestone, Note, Project, User


class Surroundings(Protocol):
    """What an edit needs of the world around the project."""

    ids: Ids
    now: Callable[[], datetime]

    def timestamp(self) -> str: ...
    def user(self, username: str) -> User: ...
    def number_item(self, kind: str, item: Issue | MergeRequest) -> None: ...
    def number_note(self, note: Note) -> None: ...
    def repository(self, project: Project) -> Path: ...


class ProjectEdit:
    """Each method makes one change, as somebody using that GitLab would, and moves its dates along.

    `iid`s are those of the project; a record that is not there raises `KeyError`.
    """

    def __init__(self, world: Surroundings, project: Project) -> None:
        self._world = world
        self.project = project

    # Issues

    def add_issue(
        self, title: str, *, author: str = "migrator", iid: int | None = None, **more: Any
    ) -> Issue:
        """Open an issue with the next number, or a given one; `more` are fields of `Issue`."""
        now = self._now()
        number = iid or max(self.project.highest_issue, *self.project.issues, 0) + 1
        if number in self.project.issues:
            raise ValueError(f"issue {number} is there already")
        issue = Issue(iid=number, title=title, author=author, created_at=now, updated_at=now)
        _set(issue, more)
        self._world.user(author)
        self._world.number_item("issue", issue)
        self.project.issues[number] = issue
        self._changed()
        return issue

    def edit_issue(self, iid: int, **changes: Any) -> Issue:
        """Change fields of an issue; a `state` of `closed` or `opened` sets who and when too."""
        issue = self.project.issues[iid]
        now = self._now()
        if "state" in changes and changes["state"] != issue.state:
            is_closing = changes["state"] == "closed"
            issue.closed_at = now if is_closing else None
            issue.closed_by = changes.pop("closed_by", "migrator") if is_closing else None
        _set(issue, changes)
        issue.updated_at = changes.get("updated_at", now)
        self._changed()
        return issue

    def delete_issue(self, iid: int) -> None:
        """Take an issue away; its number stays unused, as on GitLab."""
        self.project.highest_issue = max(self.project.highest_issue, iid)
        del self.project.issues[iid]
        self._changed()

    # Merge requests

    def add_merge_request(
        self, title: str, *, source_branch: str = "work", author: str = "migrator", **more: Any
    ) -> MergeRequest:
        """Open a merge request with the next number; `more` are fields of `MergeRequest`."""
        now = self._now()
        number = max(self.project.highest_merge_request, *self.project.merge_requests, 0) + 1
        item = MergeRequest(
            iid=number,
            title=title,
            author=author,
            created_at=now,
            updated_at=now,
            source_branch=source_branch,
            target_branch=self.project.default_branch or "main",
        )
        _set(item, more)
        self._world.user(author)
        self._world.number_item("merge_request", item)
        self.project.merge_requests[number] = item
        self._changed()
        return item

    def edit_merge_request(self, iid: int, **changes: Any) -> MergeRequest:
        """Change fields of a merge request, its `sha` as a push does."""
        item = self.project.merge_requests[iid]
        _set(item, changes)
        item.updated_at = changes.get("updated_at", self._now())
        self._changed()
        return item

    def delete_merge_request(self, iid: int) -> None:
        """Take a merge request away; its number stays unused, as on GitLab."""
        self.project.highest_merge_request = max(self.project.highest_merge_request, iid)
        del self.project.merge_requests[iid]
        self._changed()

    # Notes, of issues or (`kind="merge_requests"`) of merge requests

    def add_note(
        self, iid: int, body: str, *, author: str = "migrator", kind: str = "issues", **more: Any
    ) -> Note:
        """Comment on an item; `more` are fields of `Note`."""
        item = self._item(kind, iid)
        note = Note(body=body, author=author, created_at=self._now())
        _set(note, more)
        self._world.user(author)
        self._world.number_note(note)
        item.notes.own().append(note)
        item.updated_at = self._now()
        self._changed()
        return note

    def edit_note(self, iid: int, note_id: int, *, kind: str = "issues", **changes: Any) -> Note:
        """Change fields of a note; its item is touched, too (gitlabhq, `Note#touch_noteable`)."""
        note = self._note(kind, iid, note_id)
        _set(note, changes)
        note.updated_at = changes.get("updated_at", self._now())
        self._item(kind, iid).updated_at = note.updated_at
        self._changed()
        return note

    def delete_note(self, iid: int, note_id: int, *, kind: str = "issues") -> None:
        """Take a note away; its item is not touched by that, only its count of notes tells."""
        self._item(kind, iid).notes.own().remove(self._note(kind, iid, note_id))
        self._changed()

    # Labels and milestones of the project

    def add_label(self, title: str, **more: Any) -> Label:
        """Make a project label; `more` are fields of `Label`."""
        label = Label(title=title)
        _set(label, more)
        label.id = self._world.ids.take("label", label.id)
        self.project.labels.append(label)
        self._changed()
        return label

    def rename_label(self, title: str, new_title: str) -> None:
        """Rename a project label, on every item that has it."""
        label = next((each for each in self.project.labels if each.title == title), None)
        if label is None:
            raise KeyError(f"no label {title}")
        label.title = new_title
        for item in (*self.project.issues.values(), *self.project.merge_requests.values()):
            item.labels = [new_title if each == title else each for each in item.labels]
        self._changed()

    def delete_label(self, title: str) -> None:
        """Take a project label away, from every item too."""
        self.project.labels = [each for each in self.project.labels if each.title != title]
        for item in (*self.project.issues.values(), *self.project.merge_requests.values()):
            item.labels = [each for each in item.labels if each != title]
        self._changed()

    def add_milestone(self, title: str, **more: Any) -> Milestone:
        """Make a project milestone; `more` are fields of `Milestone`."""
        milestone = Milestone(title=title, created_at=self._now(), updated_at=self._now())
        _set(milestone, more)
        milestone.id = self._world.ids.take("milestone", milestone.id)
        highest = max((each.iid for each in self.project.milestones), default=0)
        milestone.iid = milestone.iid or highest + 1
        self.project.milestones.append(milestone)
        self._changed()
        return milestone

    def edit_milestone(self, number: int, **changes: Any) -> Milestone:
        """Change fields of a project milestone, by its iid; a new title shows on every item that has it."""
        milestone = self._milestone(number)
        old = milestone.title
        _set(milestone, changes)
        milestone.updated_at = self._now()
        for item in (*self.project.issues.values(), *self.project.merge_requests.values()):
            if item.milestone == old:
                item.milestone = milestone.title
        self._changed()
        return milestone

    def delete_milestone(self, number: int) -> None:
        """Take a project milestone away, by its iid, from every item too."""
        milestone = self._milestone(number)
        self.project.milestones.remove(milestone)
        for item in (*self.project.issues.values(), *self.project.merge_requests.values()):
            if item.milestone == milestone.title:
                item.milestone = None
        self._changed()

    def _milestone(self, number: int) -> Milestone:
        for milestone in self.project.milestones:
            if milestone.iid == number:
                return milestone
        raise KeyError(f"no milestone {number}")

    # The project itself and its git

    def edit_project(self, **changes: Any) -> Project:
        """Change fields of the project (`archived`, `description`, `visibility`, `features` …)."""
        _set(self.project, changes)
        self._changed()
        return self.project

    def commit(self, branch: str, files: dict[str, str | None], *, message: str = "Change") -> str:
        """Commit files to a branch, made from the default branch if it is new; answers the commit's SHA."""
        repository = self._world.repository(self.project)
        date = int(self._world.now().timestamp())
        who = f"Migrator <migrator@example.com> {date} +0000"
        target = f"refs/heads/{branch}"
        refs = run_git(repository, "for-each-ref", "--format=%(refname)", "refs/heads").decode().split("\n")
        start = next(
            (ref for ref in (target, f"refs/heads/{self.project.default_branch}") if ref in refs), None
        )
        lines = [f"commit {target}", f"committer {who}", f"data {len(message.encode())}", message]
        if start is not None:
            lines.append(f"from {start}^0")
        for path, content in files.items():
            if content is None:
                lines.append(f"D {path}")
            else:
                lines += [f"M 100644 inline {path}", f"data {len(content.encode())}", content]
        stream = "\n".join([*lines, ""]).encode()
        run_git(repository, "fast-import", "--quiet", stdin=stream)
        if self.project.default_branch is None:
            self.project.default_branch = branch
            run_git(repository, "symbolic-ref", "HEAD", target)
        self._changed()
        return run_git(repository, "rev-parse", target).decode().strip()

    def set_ref(self, name: str, sha: str) -> None:
        """Make or move any ref, by its full name."""
        run_git(self._world.repository(self.project), "update-ref", name, sha)
        self._changed()

    def delete_branch(self, branch: str) -> None:
        """Take a branch away."""
        run_git(self._world.repository(self.project), "update-ref", "-d", f"refs/heads/{branch}")
        self._changed()

    def _item(self, kind: str, iid: int) -> Issue | MergeRequest:
        return self.project.issues[iid] if kind == "issues" else self.project.merge_requests[iid]

    def _note(self, kind: str, iid: int, note_id: int) -> Note:
        for note in self._item(kind, iid).notes.own():
            if note.id == note_id:
                return note
        raise KeyError(f"no note {note_id}")

    def _now(self) -> str:
        return self._world.timestamp()

    def _changed(self) -> None:
        self.project.revision += 1
        self.project.last_activity_at = self._now()


def _set(record: Any, changes: dict[str, Any]) -> None:
    """Set fields of a record; one that it does not have is a mistake of the caller."""
    known = {each.name for each in fields(record)}
    for name, value in changes.items():
        if name not in known:
            raise TypeError(f"{type(record).__name__} has no field {name}")
        setattr(record, name, value)
