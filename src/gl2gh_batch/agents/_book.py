"""The look-ups that kinds make while they shape records: users, numbers, names, addresses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from gl2gh_batch.agents._desk import Desk
from gl2gh_batch.domain.people import UserMapping
from gl2gh_batch.domain.references import ProjectReference
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.domain.request import MentionPolicy

Uploads = Callable[[str, str], str | None]
People = Callable[[str], UserMapping | None]


class DeskBook:
    """Implements the port `Book` over the batch's map and the users' directory.

    `labels` and `milestones` give names as GitLab has them → as GitHub has them; `uploads` gives the new
    address for a secret and a file's name, `snippets` one for an id, `wiki` one for a page; `people` who
    somebody is, where more is known than the map says; `release_files` maps paths below GitLab's `releases/`
    to those below GitHub's.
    """

    in_file = False

    def __init__(
        self,
        desk: Desk,
        *,
        labels: Mapping[str, str] | None = None,
        milestones: Mapping[str, str] | None = None,
        uploads: Uploads | None = None,
        snippets: Callable[[int], str | None] | None = None,
        people: People | None = None,
        wiki: Callable[[str], str | None] | None = None,
        release_files: Mapping[str, str] | None = None,
    ) -> None:
        self._desk = desk
        self._labels = labels or {}
        self._milestones = milestones or {}
        self._uploads = uploads
        self._snippets = snippets
        self._wiki = wiki
        self._release_files = release_files or {}
        self._people = people or desk.users.lookup
        # Texts name the same few projects again and again; the map is on disk.
        self._by_path = lru_cache(maxsize=512)(desk.references.by_path)

    @property
    def gitlab_url(self) -> str:
        return self._desk.gitlab_url

    @property
    def github_url(self) -> str:
        return self._desk.github_url

    @property
    def project_path(self) -> str:
        return self._desk.reference.project.full_path

    @property
    def repo(self) -> RepoRef:
        return self._desk.repo

    @property
    def mentions(self) -> bool:
        return self._desk.request.policies.mentions is MentionPolicy.MAP

    def user(self, username: str) -> UserMapping | None:
        return self._people(username)

    def repository(self, project_path: str) -> RepoRef | None:
        reference = self._reference(project_path)
        return None if reference is None else reference.repo

    def label(self, name: str) -> str | None:
        return self._labels.get(name)

    def milestone(self, name: str) -> str | None:
        return self._milestones.get(name)

    def upload(self, secret: str, filename: str, holder: str = "") -> str | None:
        del holder  # a secret is enough to tell files apart
        return None if self._uploads is None else self._uploads(secret, filename)

    def snippet(self, snippet_id: int) -> str | None:
        return None if self._snippets is None else self._snippets(snippet_id)

    def release_file(self, path: str) -> str | None:
        found = self._release_files.get(path)
        return None if found is None else f"{self.github_url.rstrip('/')}/{self.repo}/releases/{found}"

    def wiki_page(self, slug: str) -> str | None:
        return None if self._wiki is None else self._wiki(slug)

    def local(self, address: str) -> str | None:
        del address
        return None  # none but a wiki's pages has a place of its own

    def issue_number(self, iid: int, project_path: str | None = None) -> tuple[RepoRef, int] | None:
        reference = self._numbered(project_path)
        number = None if reference is None else reference.numbers.issue(iid)
        return None if reference is None or number is None else (reference.repo, number)

    def merge_request_number(self, iid: int, project_path: str | None = None) -> tuple[RepoRef, int] | None:
        reference = self._numbered(project_path)
        if reference is None or "merge_requests" not in self._desk.kinds:
            return None
        number = reference.numbers.merge_request(iid)
        return None if number is None else (reference.repo, number)

    def _numbered(self, project_path: str | None) -> ProjectReference | None:
        """The project, if its items have numbers that can be told now."""
        reference = self._reference(project_path)
        return reference if reference is not None and reference.numbers.promised else None

    def _reference(self, project_path: str | None) -> ProjectReference | None:
        if project_path is None or project_path.lower() == self.project_path.lower():
            return self._desk.reference
        return self._by_path(project_path)
