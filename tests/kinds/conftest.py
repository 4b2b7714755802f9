"""A setting in which kinds shape records, without any platform."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gl2gh_batch.domain.inventory import Inventory, Watermark
from gl2gh_batch.domain.people import UserMapping
from gl2gh_batch.domain.refs import ProjectRef, RepoRef
from gl2gh_batch.domain.request import Policies
from gl2gh_batch.kinds import Setting


class TestBook:
    """Implements the port Book over a few people and numbers."""

    __test__ = False
    gitlab_url = "https://gitlab.example.com"
    github_url = "https://github.com"
    project_path = "group/app"
    repo = RepoRef(owner="acme", name="app")
    mentions = True
    in_file = False

    def repository(self, project_path: str) -> RepoRef | None:
        return self.repo if project_path == self.project_path else None

    def label(self, name: str) -> str | None:
        return name

    def milestone(self, name: str) -> str | None:
        return name

    def upload(self, secret: str, filename: str, holder: str = "") -> str | None:
        return None

    def snippet(self, snippet_id: int) -> str | None:
        return None

    def user(self, username: str) -> UserMapping | None:
        if username.startswith("known"):
            return UserMapping(gitlab_username=username, github_login=username.replace("known", "login"))
        return UserMapping(gitlab_username=username, github_login=None) if username == "gone" else None

    def release_file(self, path: str) -> str | None:
        del path
        return None

    def wiki_page(self, slug: str) -> str | None:
        del slug
        return None

    def local(self, address: str) -> str | None:
        del address
        return None

    def issue_number(self, iid: int, project_path: str | None = None) -> tuple[RepoRef, int] | None:
        return (self.repo, iid) if project_path in {None, self.project_path} and iid <= 100 else None

    def merge_request_number(self, iid: int, project_path: str | None = None) -> tuple[RepoRef, int] | None:
        return None


@pytest.fixture
def setting() -> Callable[..., Setting]:
    """Makes a setting; `policies` and `names` as given."""

    def make(names: dict[str, dict[str, str]] | None = None, **policies: Any) -> Setting:
        inventory = Inventory(
            project=ProjectRef(id=1, full_path="group/app"),
            name="App",
            description="",
            web_url="https://gitlab.example.com/group/app",
            visibility="private",
            default_branch="main",
            archived=False,
            empty_repository=False,
            issues_enabled=True,
            wiki_enabled=False,
            topics=(),
            created_at="2024-01-01T10:00:00.000+02:00",
            counts={},
            sizes={},
            gitlab_version="17.0",
            watermark=Watermark(last_activity_at="", refs_sha256=""),
        )
        known = (
            {"labels": {"bug": "bug", "a very": "A"}, "milestones": {"id:5": "1.0"}}
            if names is None
            else names
        )
        return Setting(book=TestBook(), policies=Policies(**policies), inventory=inventory, names=known)

    return make
