"""The book for texts that become files on GitHub, where a reference is a link only if written as one."""

from __future__ import annotations

from gl2gh_batch.domain.people import UserMapping
from gl2gh_batch.domain.ports import Book
from gl2gh_batch.domain.refs import RepoRef


class FileBook:
    """Implements the port `Book`: another book, for the files of a repository or of a wiki."""

    in_file = True

    def __init__(self, book: Book) -> None:
        self._book = book
        self.gitlab_url = book.gitlab_url
        self.github_url = book.github_url
        self.project_path = book.project_path
        self.repo = book.repo
        self.mentions = book.mentions

    def user(self, username: str) -> UserMapping | None:
        return self._book.user(username)

    def repository(self, project_path: str) -> RepoRef | None:
        return self._book.repository(project_path)

    def label(self, name: str) -> str | None:
        return self._book.label(name)

    def milestone(self, name: str) -> str | None:
        return self._book.milestone(name)

    def upload(self, secret: str, filename: str, holder: str = "") -> str | None:
        return self._book.upload(secret, filename, holder)

    def snippet(self, snippet_id: int) -> str | None:
        return self._book.snippet(snippet_id)

    def release_file(self, path: str) -> str | None:
        return self._book.release_file(path)

    def wiki_page(self, slug: str) -> str | None:
        return self._book.wiki_page(slug)

    def local(self, address: str) -> str | None:
        return self._book.local(address)

    def issue_number(self, iid: int, project_path: str | None = None) -> tuple[RepoRef, int] | None:
        return self._book.issue_number(iid, project_path)

    def merge_request_number(self, iid: int, project_path: str | None = None) -> tuple[RepoRef, int] | None:
        return self._book.merge_request_number(iid, project_path)
