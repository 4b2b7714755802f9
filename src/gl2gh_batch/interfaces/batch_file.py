"""The batch file: a YAML description of a batch, checked to the last key.

gitlab: {url: https://gitlab.example.com}
github: {owner: acme}
defaults: {visibility: private}
projects:
  - id: 123
  - path: group/app
    target: acme/app
groups:
  - {path: group/platform, exclude: ["*/archive-*"]}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from gl2gh_batch.batch.config import is_full_path
from gl2gh_batch.batch.fields import known_only, refuse_credentials, shown
from gl2gh_batch.domain.errors import ConfigurationError
from gl2gh_batch.domain.request import POLICIES
from gl2gh_batch.interfaces.paths import Paths
from gl2gh_batch.interfaces.project_table import LISTED_PATH, read_table
from gl2gh_batch.interfaces.yaml_file import load_yaml

USERNAME: Final = "{username}"
TOP: Final = (
    "gitlab",
    "github",
    "mode",
    "parallel_limit",
    "users",
    "from_export",
    "naming",
    "defaults",
    "projects",
    "groups",
)
# A secret is named by the variable of the environment that holds it: no file has to be kept secret.
CREDENTIAL: Final = ("name", "owner", "token_env", "app_id", "installation_id", "private_key_env")
PROJECT: Final = ("id", "path", "target", "priority", "kinds", *POLICIES)
GROUP: Final = ("path", "subgroups", "exclude", "priority", "kinds", *POLICIES)
# What is an input's name, and has another in the file.
_WRITTEN_AS: Final = {
    "target_owner": "github.owner",
    "gitlab_url": "gitlab.url",
    "github_url": "github.url",
    "github_api_url": "github.api_url",
    "project_ids": "projects",
    "kinds": "defaults.kinds",
    **{name: f"defaults.{name}" for name in POLICIES},
}
_OF_THE_TOP: Final = {name: f"It stands at the top of the file: {name}." for name in TOP}


@dataclass(frozen=True, slots=True, kw_only=True)
class UsersChoice:
    """Where the map of users is, and the patterns for those whom it does not name."""

    file: str = ""
    patterns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFile:
    """What the file says; policies of `defaults` are merged into each project and group already."""

    gitlab_url: str = ""
    github_owner: str = ""
    github_url: str = ""
    github_api_url: str = ""
    github_credentials: tuple[Mapping[str, Any], ...] = ()
    mode: str = ""
    parallel_limit: Any = None
    users: UsersChoice = field(default_factory=UsersChoice)
    from_export: str = ""
    naming: str = ""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    projects: tuple[Mapping[str, Any], ...] = ()
    groups: tuple[Mapping[str, Any], ...] = ()


def read_batch_file(path: Path, paths: Paths | None = None) -> BatchFile:
    """Read and check the file; raises `ConfigurationError` that names the place and the remedy.

    A file that ends in `.csv` is a table of projects, such as the inventory of DISCOVER_ONLY. `paths` says
    where what the file names may lie.
    """
    if path.suffix.lower() == ".csv":
        return BatchFile(projects=tuple(_row(one, place, {}) for place, one in read_table(path, "config")))
    raw = _mapping(load_yaml(path, "config"), "the batch file")
    written = {name: f"In the file it is written as `{place}`." for name, place in _WRITTEN_AS.items()}
    known_only(raw, TOP, "config", place="the batch file", elsewhere=written)
    gitlab = _section(raw, "gitlab")
    github = _section(raw, "github")
    defaults = _section(raw, "defaults")
    known_only(gitlab, ("url",), "config", place="gitlab")
    known_only(github, ("owner", "url", "api_url", "credentials"), "config", place="github")
    known_only(defaults, ("kinds", *POLICIES), "config", place="defaults", elsewhere=_OF_THE_TOP)
    return BatchFile(
        gitlab_url=_text(gitlab, "url", "gitlab.url"),
        github_owner=_text(github, "owner", "github.owner"),
        github_url=_text(github, "url", "github.url"),
        github_api_url=_text(github, "api_url", "github.api_url"),
        github_credentials=tuple(
            _credential(one, f"github.credentials[{place}]")
            for place, one in enumerate(_list(github.get("credentials"), "github.credentials"))
        ),
        mode=_text(raw, "mode", "mode"),
        parallel_limit=raw.get("parallel_limit"),
        users=_users(raw.get("users")),
        from_export=_text(raw, "from_export", "from_export"),
        naming=_text(raw, "naming", "naming"),
        defaults=defaults,
        projects=tuple(_listed(raw.get("projects"), path.parent, paths or Paths(), defaults)),
        groups=tuple(
            _group(one, f"groups[{place}]", defaults)
            for place, one in enumerate(_list(raw.get("groups"), "groups"))
        ),
    )


def _listed(raw: Any, folder: Path, paths: Paths, defaults: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The projects: of a list, or of a table that lies beside the file."""
    if isinstance(raw, str) and raw.lower().endswith(".csv"):
        table = read_table(paths.of(raw, "projects", folder=folder), "projects")
        return [_row(one, place, defaults) for place, one in table]
    return [_project(one, f"projects[{place}]", defaults) for place, one in enumerate(_list(raw, "projects"))]


def _row(one: Mapping[str, Any], place: str, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """An entry of a table, which may have a path beside the id."""
    rest = {key: value for key, value in one.items() if key != LISTED_PATH}
    return _project(rest, place, defaults) | {LISTED_PATH: one.get(LISTED_PATH, "")}


def _credential(raw: Any, place: str) -> Mapping[str, Any]:
    one = _mapping(raw, place)
    known_only(one, CREDENTIAL, "config", place=place)
    return one


def parse_users_input(text: str) -> UsersChoice:
    """A path, patterns (what holds `{username}`), or both, one a line; raises `ConfigurationError`."""
    lines = [line for one in text.splitlines() if (line := one.strip())]
    files = [line for line in lines if USERNAME not in line]
    if len(files) > 1:
        raise ConfigurationError(
            f"there are two files, {shown(files[0])} and {shown(files[1])}",
            field="users",
            hint="Put all people into one file; a pattern such as {username}_acme has a line of its own.",
        )
    return UsersChoice(
        file=files[0] if files else "", patterns=tuple(line for line in lines if USERNAME in line)
    )


def _users(raw: Any) -> UsersChoice:
    """`users: users.csv`, `users: "{username}_acme"`, or `users: {file: …, pattern: …}`."""
    if not isinstance(raw, Mapping):
        return parse_users_input(_text({"users": raw}, "users", "users"))
    known_only(raw, ("file", "pattern"), "config", place="users")
    pattern = raw.get("pattern")
    patterns = pattern if isinstance(pattern, list) else [] if pattern is None else [pattern]
    return UsersChoice(
        file=_text(raw, "file", "users.file"),
        patterns=tuple(_text({"pattern": one}, "pattern", "users.pattern") for one in patterns),
    )


def _project(raw: Any, place: str, defaults: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(raw, int | str) and not isinstance(raw, bool):
        raw = {"id": raw} if isinstance(raw, int) else {"path": raw}
    one = _mapping(raw, place)
    known_only(one, PROJECT, "config", place=place)
    if ("id" in one) == ("path" in one):
        raise ConfigurationError(
            "give either `id` or `path`", field=place, hint="For example {id: 123}, or {path: group/app}."
        )
    if "id" in one and (isinstance(one["id"], bool) or not isinstance(one["id"], int)):
        raise ConfigurationError(
            f"{shown(one['id'])} is not a whole number",
            field=f"{place}.id",
            hint="Write digits without quotes, or use `path` for a full path.",
        )
    refuse_credentials(one.get("path"), f"{place}.path", "For example group/app; use `id` for a number.")
    if "path" in one and (not isinstance(one["path"], str) or "/" not in one["path"]):
        raise ConfigurationError(
            f"{shown(one['path'])} is not the full path of a project",
            field=f"{place}.path",
            hint="For example group/app; use `id` for a number.",
        )
    rest = {key: value for key, value in one.items() if key not in {"id", "path"}}
    return _merged(defaults, rest) | {"project_id": one.get("id", one.get("path")), "origin": place}


def _group(raw: Any, place: str, defaults: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(raw, str):
        raw = {"path": raw}
    one = _mapping(raw, place)
    known_only(one, GROUP, "config", place=place)
    path = one.get("path")
    refuse_credentials(path, f"{place}.path", "For example group/platform.")
    if not isinstance(path, str) or not is_full_path(path.strip().strip("/")):
        raise ConfigurationError(
            "a group needs its full path"
            if path is None
            else f"{shown(path)} is not the full path of a group",
            field=f"{place}.path",
            hint="For example group/platform.",
        )
    exclude = one.get("exclude")
    if exclude is not None and not (
        isinstance(exclude, list) and all(isinstance(item, str) for item in exclude)
    ):
        raise ConfigurationError(
            f"{shown(exclude)} is not a list of patterns",
            field=f"{place}.exclude",
            hint='For example ["*/archive-*"].',
        )
    if not isinstance(one.get("subgroups", True), bool):
        raise ConfigurationError(
            f"{shown(one['subgroups'])} is neither true nor false",
            field=f"{place}.subgroups",
            hint="Write true or false.",
        )
    return _merged(defaults, one) | {"path": path.strip().strip("/"), "origin": place}


def _merged(defaults: Mapping[str, Any], one: Mapping[str, Any]) -> dict[str, Any]:
    """What one entry says over the defaults; of kinds, each for itself."""
    merged = {**defaults, **one}
    general, own = defaults.get("kinds"), one.get("kinds")
    if isinstance(general, Mapping) and isinstance(own, Mapping):
        merged["kinds"] = {**general, **own}
    return merged


def _mapping(raw: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(raw, Mapping):
        said = "is empty" if raw is None else f"is {shown(raw)}, not a mapping of keys to values"
        listed = place.startswith("projects[")
        hint = "For example {id: 123}, 123 or group/app." if listed else "See examples/batch.yml."
        raise ConfigurationError(f"{place} {said}", field="config", hint=hint)
    return raw


def _section(raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    return {} if raw.get(key) is None else _mapping(raw[key], key)


def _list(raw: Any, place: str) -> list[Any]:
    if raw is None:
        return []
    if not isinstance(raw, list):
        raise ConfigurationError(
            f"{place} is {shown(raw)}, not a list", field="config", hint="Begin each entry with a hyphen."
        )
    return raw


def _text(raw: Mapping[str, Any], key: str, place: str) -> str:
    value = raw.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ConfigurationError(f"{shown(value)} is not a text", field=place, hint="Put it in quotes.")
    return value.strip()
