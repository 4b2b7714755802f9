"""Who is who: what the users' file and the patterns say, and look-ups that ask only once."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gl2gh_batch import codec
from gl2gh_batch.domain.errors import ConfigurationError
from gl2gh_batch.domain.people import UserMapping, is_pattern
from gl2gh_batch.kit.single_flight import SingleFlight
from gl2gh_batch.kit.users_file import read_users


class UserDirectory:
    """All that is known of people during a batch, for all its projects; one event loop.

    `patterns` make a login of the username of a person whom the map does not name (`{username}_acme`), in
    the order given; raises `ConfigurationError` for one that could make none.
    """

    def __init__(
        self, mappings: Iterable[tuple[str, UserMapping]] = (), *, patterns: Iterable[str] = ()
    ) -> None:
        self._known: dict[str, UserMapping] = {_key(key): mapping for key, mapping in mappings}
        self._values: dict[str, Any] = {}
        self.patterns = tuple(patterns)
        self.questions = SingleFlight()
        for pattern in self.patterns:
            if not is_pattern(pattern):
                raise ConfigurationError(
                    f"{pattern[:100]!r} is not a pattern of logins",
                    field="users",
                    hint="Write the login with {username} in it once, such as {username}_acme.",
                )

    @classmethod
    def from_file(cls, path: Path, *, patterns: Iterable[str] = ()) -> UserDirectory:
        """The directory that a users' file describes; raises `ConfigurationError` with line and column."""
        return cls(read_users(path), patterns=patterns)

    def fresh(self) -> UserDirectory:
        """The same map for another batch, which asks anew: somebody may have made an account since."""
        copy = UserDirectory(patterns=self.patterns)
        copy._known, copy._values = dict(self._known), dict(self._values)
        return copy

    def lookup(self, username: str) -> UserMapping | None:
        """Who the map says that the GitLab user is on GitHub; None when it says nothing."""
        return self._known.get(_key(username))

    def lookup_email(self, email: str) -> UserMapping | None:
        """The same by an e-mail address."""
        return self._known.get(_key(email)) if "@" in email else None

    @property
    def knows_emails(self) -> bool:
        """True when the map names somebody by an e-mail address."""
        return any("@" in key for key in self._known)

    def __len__(self) -> int:
        return len(self._known)

    def digest(self) -> str:
        """Changes when the map or the patterns change."""
        return codec.digest([self._known, self.patterns])

    def set(self, key: str, value: Any) -> None:
        """Keep any value under a key; a `UserMapping`, a login, or a mapping with a `github_login` also
        answers `lookup`.
        """
        self._values[key] = value
        match value:
            case UserMapping():
                self._known[_key(key)] = value
            case str():
                self._known[_key(key)] = UserMapping(gitlab_username=key, github_login=value or None)
            case {"github_login": str() | None as login}:
                self._known[_key(key)] = UserMapping(gitlab_username=key, github_login=login or None)
            case _:
                pass

    def get(self, key: str) -> Any | None:
        """The value kept under a key, else the mapping of the user of that name, else None."""
        return self._values[key] if key in self._values else self.lookup(key)


def _key(text: str) -> str:
    # GitLab compares usernames and addresses without regard to case.
    return text.strip().lower()
