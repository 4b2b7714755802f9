"""An export in the place of GitLab: it answers what later agents ask, and nothing else is asked at all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Never

from gl2gh_batch import codec
from gl2gh_batch.domain.errors import SourceError, WorkDirectoryError
from gl2gh_batch.kit.exported import RECORDS, REMEDY, Exported
from gl2gh_batch.kit.http import Answer
from gl2gh_batch.kit.workdir import read_lines
from gl2gh_batch.source.api import GitLab
from gl2gh_batch.source.cold import ColdGitLab
from gl2gh_batch.source.files import SentAs, StoredFile
from gl2gh_batch.source.models import Member, User
from gl2gh_batch.source.paging import Params

USERS: Final = f"{RECORDS}/users.ndjson"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedUser:
    """Somebody whom the project names or who is a member, with the addresses that GitLab told."""

    id: int
    username: str
    name: str = ""
    state: str = ""
    emails: tuple[str, ...] = ()
    access_level: int | None = None


class ExportedGitLab(GitLab):
    """GitLab as far as an export knows it: who people are. Whatever else is asked raises `SourceError`."""

    def __init__(self, export: Exported) -> None:
        self._export = export
        self._users: dict[int, ExportedUser] | None = None

    @property
    def web_url(self) -> str:
        """The address of the instance that was exported."""
        return self._export.head.gitlab_url

    def for_project(self, who: str) -> GitLab:
        """The same: an export is of one project."""
        del who
        return self

    async def user_by_id(self, number: int) -> User | None:
        """One user, with the e-mail addresses that GitLab told at the export."""
        one = self._known().get(number)
        if one is None:
            return None
        first, second = (*one.emails, "", "")[:2]
        return User(
            id=one.id,
            username=one.username,
            name=one.name,
            state=one.state or "active",
            email=first or None,
            public_email=second or None,
        )

    async def members(self, project: int | str) -> AsyncIterator[Member]:
        """The members at the export."""
        del project
        for one in self._known().values():
            if one.access_level is not None:
                yield Member(
                    id=one.id,
                    username=one.username,
                    name=one.name,
                    state=one.state or "active",
                    access_level=one.access_level,
                )

    async def get(self, path: str, params: Params | None = None) -> Answer:
        """Nothing is asked."""
        del params
        _refuse(path)

    async def graphql(self, query: str, variables: Mapping[str, str]) -> Any:
        """Nothing is asked."""
        del query, variables
        _refuse("/api/graphql")

    async def file(
        self, address: str, folder: Path, *, max_bytes: int, sent_as: SentAs = SentAs.FILE
    ) -> StoredFile:
        """Nothing is fetched."""
        del folder, max_bytes, sent_as
        _refuse(address)

    def _known(self) -> dict[int, ExportedUser]:
        if self._users is None:
            found: dict[int, ExportedUser] = {}
            for file in self._export.files():
                if file.path != USERS:
                    continue
                for line in read_lines(self._export.checked(file)):
                    one = _decoded(line)
                    found[one.id] = one
            self._users = found
        return self._users


class ShutColdGitLab(ColdGitLab):
    """The same for the rare questions: none is answered."""

    def __init__(self) -> None:
        pass

    def for_project(self, who: str) -> ColdGitLab:
        """The same."""
        del who
        return self

    async def _get(self, path: str, params: Mapping[str, str]) -> Any:
        del params
        _refuse(path)

    async def _count(self, project_id: int, rest: str, params: Mapping[str, str]) -> int | None:
        del project_id, params
        _refuse(rest)


def _refuse(path: str) -> Never:
    raise SourceError(
        f"{path} is not asked of GitLab: this run reads from an export",
        hint="Leave from_export out to read from GitLab.",
    )


def _decoded(line: bytes) -> ExportedUser:
    try:
        return codec.decode(line, ExportedUser)
    except codec.DecodeError as error:
        raise WorkDirectoryError(f"the export is damaged: {USERS}: {error}", hint=REMEDY) from error
