"""What the floors above may ask of the outside, as protocols."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from gl2gh_batch.domain.events import Event
from gl2gh_batch.domain.limits import Costs, LimitReport
from gl2gh_batch.domain.people import UserMapping
from gl2gh_batch.domain.refs import RepoRef

Emit = Callable[[Event], None]


class Clock(Protocol):
    """Time, injected: seconds that only grow, the date in UTC, and sleep."""

    def monotonic(self) -> float: ...
    def now(self) -> datetime: ...
    async def sleep(self, seconds: float) -> None: ...


class Permit(Protocol):
    """One granted request; its answer's limits are reported through it."""

    def report(self, report: LimitReport) -> None: ...


class Governor(Protocol):
    """Who grants requests for one credential."""

    def request(self, costs: Costs, *, who: str = "") -> AbstractAsyncContextManager[Permit]:
        """Wait for room in every class of `costs`; the request is sent inside the context.

        `who` names the project that waits, for the events.
        """
        ...

    def revoke(self, message: str, hint: str) -> None:
        """The platform refused the credential: whoever asks in the next time is refused without a request."""
        ...


class Book(Protocol):
    """All that a kind may look up while it shapes a record; pure look-ups, no I/O on the network."""

    @property
    def gitlab_url(self) -> str: ...
    @property
    def github_url(self) -> str: ...
    @property
    def project_path(self) -> str: ...
    @property
    def repo(self) -> RepoRef: ...
    @property
    def mentions(self) -> bool:
        """True when people with a known login are mentioned, False when nobody ever is."""
        ...

    @property
    def in_file(self) -> bool:
        """True for a text that becomes a file: GitHub makes no links of the references in such."""
        ...

    def user(self, username: str) -> UserMapping | None: ...
    def repository(self, project_path: str) -> RepoRef | None:
        """Where the project of that full path goes, when this batch or an earlier one migrates it."""
        ...

    def label(self, name: str) -> str | None:
        """The name on GitHub of one of the project's labels."""
        ...

    def milestone(self, name: str) -> str | None:
        """The title on GitHub of one of the project's milestones, by its title or its iid."""
        ...

    def upload(self, secret: str, filename: str, holder: str = "") -> str | None:
        """The new address of the attachment `<holder>/uploads/<secret>/<filename>`.

        `holder` is empty in a project's own texts, else `/group/project`, `/-/project/12`, `/-/group/3` …
        """
        ...

    def snippet(self, snippet_id: int) -> str | None:
        """The address on GitHub of one of the project's snippets."""
        ...

    def release_file(self, path: str) -> str | None:
        """The address on GitHub of a file of the project's releases; `path` is GitLab's below `releases/`.

        That is `<tag>/downloads/<path>`, `permalink/latest/downloads/<path>` or an evidence, unquoted.
        """
        ...

    def wiki_page(self, slug: str) -> str | None:
        """The address on GitHub of a page of the project's wiki."""
        ...

    def local(self, address: str) -> str | None:
        """What a relative address leads to from where the text stands; None where that means nothing."""
        ...

    def issue_number(self, iid: int, project_path: str | None = None) -> tuple[RepoRef, int] | None: ...
    def merge_request_number(
        self, iid: int, project_path: str | None = None
    ) -> tuple[RepoRef, int] | None: ...
