"""Names of things on either side."""

from __future__ import annotations

import re
from dataclasses import dataclass

_REPOSITORY_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")
_OWNER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,38})")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRef:
    """A GitLab project: its id and its full path (`group/subgroup/name`)."""

    id: int
    full_path: str

    def __str__(self) -> str:
        return self.full_path


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class RepoRef:
    """A GitHub repository: its owner and its name."""

    owner: str
    name: str

    def __str__(self) -> str:
        return f"{self.owner}/{self.name}"

    @property
    def key(self) -> str:
        """The name as GitHub compares it: without regard to case."""
        return str(self).lower()

    @classmethod
    def parse(cls, text: str) -> RepoRef:
        """`owner/name`; raises `ValueError` for what GitHub would not accept as one."""
        owner, slash, name = text.partition("/")
        if not slash or not _OWNER.fullmatch(owner) or not is_repository_name(name):
            msg = f"{text!r} is not a repository name of the form owner/name"
            raise ValueError(msg)
        return cls(owner=owner, name=name)


def is_repository_name(name: str) -> bool:
    """True for a name that GitHub would keep as it is."""
    return (
        bool(_REPOSITORY_NAME.fullmatch(name))
        and name not in {".", ".."}
        and not name.endswith((".git", ".wiki", ".atom"))
    )
