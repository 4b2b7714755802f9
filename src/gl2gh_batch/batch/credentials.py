"""Several GitHub credentials for one batch: who they are, and which project each of them pays for."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from gl2gh_batch import codec
from gl2gh_batch.batch.config import AppCredential, ProjectConfig, parse_config
from gl2gh_batch.batch.fields import known_only, shown, text
from gl2gh_batch.domain.errors import ConfigurationError, Gl2ghError
from gl2gh_batch.kit.workdir import write_atomic

_log = logging.getLogger(__name__)

FIELD: Final = "github_credentials"
FILE: Final = "credentials.json"
# Each key of a credential, and what a project's configuration calls the same.
KEYS: Final[Mapping[str, str]] = {
    "name": "",
    "owner": "target_owner",
    "token": "github_token",
    "app_id": "github_app_id",
    "private_key": "github_app_private_key",
    "installation_id": "github_app_installation_id",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHubCredential:
    """A token, or an App's installation, for the repositories of `owner`; without one, for anybody's."""

    name: str
    owner: str = ""
    token: str = field(default="", repr=False)
    app: AppCredential | None = None

    def serves(self, owner: str) -> bool:
        """Whether it is named for that owner; GitHub does not tell cases apart."""
        return self.owner.lower() == owner.lower()

    def settings(self) -> dict[str, Any]:
        """It as a project's configuration has it."""
        app = self.app
        return {
            "github_token": self.token,
            "github_app_id": app.app_id if app else "",
            "github_app_private_key": app.private_key if app else "",
            "github_app_installation_id": app.installation_id if app else "",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """One project as it is dealt out: who will own its repository, and the seconds that it takes."""

    name: str
    owner: str
    seconds: float


def parse_credentials(raw: object, place: str = FIELD) -> tuple[GitHubCredential, ...]:
    """The credentials in a list of mappings with `KEYS`; raises `ConfigurationError` that names the entry."""
    if isinstance(raw, str | bytes | Mapping) or not isinstance(raw, Sequence):
        raise ConfigurationError(
            f"{shown(raw)} is not a list of credentials",
            field=place,
            hint="For example [{owner: acme, token: …}, {owner: beta, app_id: …}].",
        )
    found: list[GitHubCredential] = []
    for number, one in enumerate(raw):
        credential = _parse(one, f"{place}[{number}]", number)
        for other, known in enumerate(found):
            same = (known.token, known.app) == (credential.token, credential.app)
            if known.name == credential.name or (same and known.serves(credential.owner)):
                raise ConfigurationError(
                    f"is the same as {place}[{other}]" if same else f"has the name of {place}[{other}]",
                    field=f"{place}[{number}]",
                    hint="Keep one of the two." if same else "Give each a name of its own.",
                )
        found.append(credential)
    return tuple(found)


def _parse(raw: object, place: str, number: int) -> GitHubCredential:
    if not isinstance(raw, Mapping):
        raise ConfigurationError(
            f"{shown(raw)} is not a mapping", field=place, hint=f"Its keys are {', '.join(KEYS)}."
        )
    known_only(raw, tuple(KEYS), place)
    try:
        said = {config: raw.get(key) for key, config in KEYS.items() if config}
        parsed = parse_config({"project_id": 1, **said})
        name = text(raw, "name") or parsed.owner or f"credential {number + 1}"
    except ConfigurationError as error:
        key = next((key for key, config in KEYS.items() if config == error.field), error.field)
        message = error.message.removeprefix(f"{error.field}: ")
        for own, config in KEYS.items():
            message = message.replace(config, own) if config else message
        raise ConfigurationError(message, field=f"{place}.{key}", hint=error.hint) from error
    if not parsed.github_token and parsed.github_app is None:
        raise ConfigurationError(
            "is neither a token nor an App",
            field=place,
            hint="Give a token, or the app_id, private_key and installation_id of an App.",
        )
    return GitHubCredential(name=name, owner=parsed.owner, token=parsed.github_token, app=parsed.github_app)


def deal(
    loads: Sequence[Load], credentials: Sequence[GitHubCredential], before: Mapping[str, str]
) -> dict[str, GitHubCredential]:
    """Who pays for each project: one named for its owner, else one for anybody; left out when there is none.

    The largest first, each to the one with the least so far. What a run `before` dealt out stays, as
    long as it still may: an owner's token is known to GitHub as the author of what it wrote.
    """
    by_name = {one.name: one for one in credentials}
    spent = dict.fromkeys(by_name, 0.0)
    dealt: dict[str, GitHubCredential] = {}
    open_loads = []
    for load in loads:
        able = [one for one in credentials if one.serves(load.owner)] if load.owner else []
        able = able or [one for one in credentials if not one.owner]
        known = by_name.get(before.get(load.name, ""))
        if known is not None and known in able:
            able = [known]
        if len(able) == 1:
            dealt[load.name] = able[0]
            spent[able[0].name] += load.seconds
        elif able:
            open_loads.append((load, able))
    for load, able in sorted(open_loads, key=lambda pair: -pair[0].seconds):
        lightest = min(able, key=lambda one: spent[one.name])
        dealt[load.name] = lightest
        spent[lightest.name] += load.seconds
    return dealt


async def refuse_one_user_twice(
    used: Mapping[str, ProjectConfig], login_of: Callable[[ProjectConfig], Awaitable[str]]
) -> None:
    """Raise `ConfigurationError` for two tokens of one user among those that are used, by name."""
    known: dict[tuple[str, str], str] = {}
    for name, config in used.items():
        try:
            login = await login_of(config)
        except Gl2ghError as error:
            # Its projects meet the same fault and report it.
            _log.info("a credential could not be asked for its user: %s", error.reason)
            continue
        key = (config.github_api_url.lower(), login.lower())
        other = known.setdefault(key, name) if login else name
        if other != name and used[other].github_token != config.github_token:
            raise ConfigurationError(
                f"{other!r} and {name!r} are tokens of the same user, {login}",
                field=FIELD,
                hint="GitHub counts requests by user: give one of the two, or an App or another user.",
            )


def read_dealt(root: Path) -> dict[str, str]:
    """Which credential each project had in this work directory; empty when nobody wrote it down."""
    try:
        document = codec.decode((root / FILE).read_bytes(), dict[str, Any])
        return {str(name): str(credential) for name, credential in document["projects"].items()}
    except (OSError, codec.DecodeError, KeyError, AttributeError):
        return {}


def write_dealt(root: Path, dealt: Mapping[str, GitHubCredential]) -> None:
    """Remember it, by names; projects that this run does not have keep theirs."""
    projects = read_dealt(root) | {name: one.name for name, one in dealt.items()}
    document = {"schema": "gl2gh-batch/credentials", "version": 1, "projects": projects}
    write_atomic(root / FILE, codec.encode_pretty(document))
