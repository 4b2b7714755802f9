"""One API request: what it names, who asks, and how it is answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

from aiohttp import web

from gl2gh_batch.sandbox.gitlab.access import Caller
from gl2gh_batch.sandbox.gitlab.answers import (
    forbidden,
    invalid,
    json_answer,
    not_found,
    offset_page,
    unauthorized,
)
from gl2gh_batch.sandbox.gitlab.repository import Repository
from gl2gh_batch.sandbox.gitlab.world import World
from gl2gh_batch.sandbox.seeds.records import GHOST, Group, Issue, MergeRequest, Note, Project, User
from gl2gh_batch.sandbox.seeds.shapes import moment

T = TypeVar("T")
_TRUE: Final = ("true", "1", "t", "yes")


class Call:
    """A request with the world it is about; what cannot be found or seen raises the refusal GitLab gives."""

    def __init__(self, request: web.Request, caller: Caller) -> None:
        self.request = request
        self.caller = caller
        self.world: World = caller.world
        self.base_url = self.world.url or str(request.url.origin())

    # Parameters

    def text(self, name: str, otherwise: str = "") -> str:
        """A parameter of the query."""
        return self.request.query.get(name, otherwise)

    def flag(self, name: str, *, otherwise: bool = False) -> bool:
        """A boolean parameter."""
        value = self.request.query.get(name)
        return otherwise if value is None else value.lower() in _TRUE

    def choice(self, name: str, choices: tuple[str, ...], otherwise: str) -> str:
        """A parameter with a closed set of values; another one is refused."""
        value = self.text(name) or otherwise
        if value not in choices:
            raise invalid(name, "does not have a valid value")
        return value

    def numbers(self, name: str) -> list[int]:
        """A list parameter of numbers, `iids[]=1&iids[]=2` or `iids=1,2`."""
        texts = self.request.query.getall(f"{name}[]", []) + self.text(name).split(",")
        if any(text and not text.isdecimal() for text in texts):
            raise invalid(name)
        return [int(text) for text in texts if text]

    def texts(self, name: str) -> list[str]:
        """A list parameter of texts."""
        texts = self.request.query.getall(f"{name}[]", []) + self.text(name).split(",")
        return [text for text in texts if text]

    def moment(self, name: str) -> str | None:
        """A parameter that is a time, in the records' form."""
        value = self.text(name)
        try:
            return moment(value) if value else None
        except ValueError:
            raise invalid(name) from None

    def part(self, name: str) -> str:
        """A part of the path, decoded."""
        return self.request.match_info[name]

    def number(self, name: str) -> int:
        """A part of the path that is a number."""
        value = self.part(name)
        if not value.isdecimal():
            raise invalid(name)
        return int(value)

    def signed_in(self) -> User:
        """Who asks; nobody is refused."""
        if self.caller.user is None and self.world.rules.holds("gitlab_sign_in"):
            raise unauthorized()
        return self.caller.user or self.world.user(GHOST)

    # What the path names

    def project(self, level: int = 0) -> Project:
        """The project `:id`, for a caller with at least `level` in it."""
        project = self.world.project(self.part("id"))
        if project is None or not self.caller.can_see(project):
            raise not_found("Project")
        if not self.caller.reaches(project, level):
            raise forbidden()
        return project

    def code(self) -> tuple[Project, Repository]:
        """The project `:id` with its repository, for a caller who may read it."""
        project = self.project()
        if not self.caller.can_read_code(project):
            raise forbidden()
        return project, Repository(self.world.repository(project))

    def group(self, level: int = 0) -> Group:
        """The group `:id`, for a caller with at least `level` in it."""
        reference = self.part("id")
        if reference.isdecimal():
            numbered = (each for each in self.world.groups.values() if each.id == int(reference))
            group = next(numbered, None)
        else:
            group = self.world.group(reference)
        if group is None or group.kind != "group" or not self.caller.can_see_group(group):
            raise not_found("Group")
        if self.caller.group_level(group) < level and self.world.rules.holds("gitlab_level"):
            raise forbidden()
        return group

    def issue(self) -> tuple[Project, Issue]:
        """The issue `:issue_iid` of the project `:id`."""
        project = self.project()
        issue = project.issues.get(self.number("issue_iid"))
        if (
            issue is None
            or not self.caller.can_use(project, "issues")
            or not self.caller.can_see_issue(project, issue)
        ):
            raise not_found()
        return project, issue

    def merge_request(self) -> tuple[Project, MergeRequest]:
        """The merge request `:merge_request_iid` of the project `:id`."""
        project = self.project()
        if not self.caller.can_use(project, "merge_requests") or not self.caller.can_read_code(project):
            raise forbidden()
        merge_request = project.merge_requests.get(self.number("merge_request_iid"))
        if merge_request is None:
            raise not_found()
        return project, merge_request

    def visible_notes(self, project: Project, notes: list[Note]) -> list[Note]:
        """The notes without those that the caller may not see."""
        if self.caller.can_see_internal_notes(project):
            return notes
        return [note for note in notes if not note.internal]

    # Answers

    def json(self, body: Any, *, status: int = 200) -> web.Response:
        """A JSON answer."""
        return json_answer(self.request, body, status=status)

    def page(self, rows: Sequence[T], show: Callable[[T], Any], **options: Any) -> web.Response:
        """One page of rows; see `offset_page`."""
        return offset_page(self.request, self.base_url, rows, show, **options)


Handler = Callable[[Call], Awaitable[web.StreamResponse]]
# (method, path below /api/v4, handler)
Routes = Sequence[tuple[str, str, Handler]]
