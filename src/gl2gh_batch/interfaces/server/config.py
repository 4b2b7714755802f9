"""The service's configuration, `server.yml`, checked to the last key.

listen: {host: 127.0.0.1, port: 8765}
work_dir: gl2gh-service
tokens:
  - {name: anna, role: operator, sha256: 9f86d081…}
projects:
  acme:
    gitlab: {url: https://gitlab.example.com, token_env: GITLAB_TOKEN}
    github: {owner: acme, token_file: /run/secrets/github}
    defaults: {visibility: private}
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from gl2gh_batch.batch.config import ProjectConfig, parse_config
from gl2gh_batch.batch.exports import Exports
from gl2gh_batch.batch.fields import known_only, shown
from gl2gh_batch.batch.tokens import require_github_token, require_gitlab_token
from gl2gh_batch.domain.errors import ConfigurationError
from gl2gh_batch.domain.request import POLICIES
from gl2gh_batch.interfaces.yaml_file import load_yaml
from gl2gh_batch.kit.users import UserDirectory
from gl2gh_batch.target.limits import Overrides, parse_overrides

NAME: Final = r"[a-z0-9][a-z0-9_-]{0,62}"
DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8765
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_HOST: Final = re.compile(r"[A-Za-z0-9.\[\]:_-]{1,255}")
_TOP: Final = ("listen", "allowed_hosts", "work_dir", "tokens", "batches", "limits", "projects")
_SECRETS: Final = {
    "gitlab": ("token",),
    "github": ("token", "app_private_key"),
}


class Role(StrEnum):
    """What a token may do: `viewer` reads, `operator` also starts, approves, cancels and resumes."""

    VIEWER = "viewer"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One bearer token, known by its SHA-256 alone."""

    name: str
    role: Role
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationProject:
    """One migration: from a GitLab to an owner on GitHub, with credentials and policies.

    With `from_export`, the folder of exports that EXPORT_ONLY made, GitLab is not asked.
    """

    name: str
    config: Mapping[str, Any] = field(repr=False)
    work_dir: Path
    from_export: Path | None = None
    users: UserDirectory = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """All that the service is told; `port` 0 takes a free one."""

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    allowed_hosts: tuple[str, ...] = ()
    work_dir: Path
    access: tuple[Access, ...] = ()
    projects: Mapping[str, MigrationProject]
    limits: Overrides = field(default_factory=Overrides)
    running_batches: int = 4
    queued_batches: int = 100
    streams: int = 500
    most_body_bytes: int = 256 * 1024
    body_s: float = 10.0

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def read_server_config(path: Path, environment: Mapping[str, str]) -> ServerConfig:
    """Read and check the file; raises `ConfigurationError` that names the place and the remedy.

    Relative paths are beside the file. Tokens for the platforms come from `environment` or from files.
    """
    raw = _mapping(load_yaml(path, "config"), "the configuration")
    known_only(raw, _TOP, "config", place="the configuration")
    here = path.parent
    listen = _section(raw, "listen", ("host", "port"))
    batches = _section(raw, "batches", ("running", "queued"))
    work_dir = here / _text(raw, "work_dir", "gl2gh-service")
    limits = _text(raw, "limits", "")
    config = ServerConfig(
        host=_host(listen.get("host", DEFAULT_HOST), "listen.host"),
        port=_whole(listen, "port", DEFAULT_PORT, range(65536), "listen.port"),
        allowed_hosts=tuple(
            _host(one, f"allowed_hosts[{place}]").lower()
            for place, one in enumerate(_list(raw, "allowed_hosts"))
        ),
        work_dir=work_dir,
        access=_access(raw),
        projects={
            name: _project(name, one, here, work_dir, environment)
            for name, one in _section(raw, "projects").items()
        },
        limits=parse_overrides(load_yaml(here / limits, "limits")) if limits else Overrides(),
        running_batches=_whole(batches, "running", 4, range(1, 51), "batches.running"),
        queued_batches=_whole(batches, "queued", 100, range(1, 10_001), "batches.queued"),
    )
    if not config.projects:
        raise ConfigurationError(
            "there is no migration project", field="projects", hint="Name at least one, see docs/service.md."
        )
    if not config.access and not config.is_local:
        raise ConfigurationError(
            f"{config.host} can be reached from other machines, and there is no token",
            field="tokens",
            hint="List at least one token by its SHA-256, or listen on 127.0.0.1.",
        )
    return config


def _access(raw: Mapping[str, Any]) -> tuple[Access, ...]:
    found: dict[str, Access] = {}
    for place, one in enumerate(_list(raw, "tokens")):
        where = f"tokens[{place}]"
        entry = _mapping(one, where)
        known_only(entry, ("name", "role", "sha256"), "config", place=where)
        name, role = entry.get("name"), entry.get("role")
        digest = str(entry.get("sha256") or "").lower().removeprefix("sha256:")
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9@._-]{1,64}", name) or name in found:
            raise ConfigurationError(
                f"{shown(name)} is no name, or is given twice",
                field=f"{where}.name",
                hint="Give each token a name of letters, digits, '.', '-', '_' and '@'.",
            )
        if role not in [one.value for one in Role]:
            raise ConfigurationError(
                f"{shown(role)} is no role", field=f"{where}.role", hint="Use viewer or operator."
            )
        if not _SHA256.fullmatch(digest):
            # What stands here may be the token itself: it is not repeated.
            raise ConfigurationError(
                "this is no SHA-256 in hexadecimal",
                field=f"{where}.sha256",
                hint='Make it by: printf %s "$TOKEN" | sha256sum. The token itself is never in this file.',
            )
        found[name] = Access(name=name, role=Role(role), sha256=digest)
    return tuple(found.values())


def _project(
    name: object, raw: Any, here: Path, work_dir: Path, environment: Mapping[str, str]
) -> MigrationProject:
    if not isinstance(name, str) or not re.fullmatch(NAME, name):
        raise ConfigurationError(
            f"{shown(name)} is no name of a migration project",
            field="projects",
            hint="Use small letters, digits, '-' and '_'.",
        )
    where = f"projects.{name}"
    one = _mapping(raw, where)
    known_only(one, ("gitlab", "github", "naming", "users", "from_export", "defaults"), "config", place=where)
    gitlab = _section(one, "gitlab", ("url", "token_env", "token_file"), where)
    github = _section(
        one,
        "github",
        (
            *("owner", "url", "api_url", "token_env", "token_file", "app_id", "app_installation_id"),
            *("app_private_key_env", "app_private_key_file"),
        ),
        where,
    )
    defaults = _section(one, "defaults", ("kinds", *POLICIES), where)
    secrets = {
        f"{side}_{secret}": _secret(section, secret, f"{where}.{side}", here, environment)
        for side, section in (("gitlab", gitlab), ("github", github))
        for secret in _SECRETS[side]
    }
    export = _text(one, "from_export", "")
    from_export = here / export if export else None
    exported_at = None if from_export is None else Exports.of(from_export).gitlab_url
    config = {
        **defaults,
        **{key: value for key, value in secrets.items() if value},
        "gitlab_url": gitlab.get("url") or exported_at,
        "github_url": github.get("url"),
        "github_api_url": github.get("api_url"),
        "github_app_id": github.get("app_id"),
        "github_app_installation_id": github.get("app_installation_id"),
        "target_owner": github.get("owner"),
        "naming": one.get("naming"),
    }
    config = {key: value for key, value in config.items() if value is not None}
    try:
        parsed = parse_config({"project_id": 1, **config, "from_export": from_export})
        if from_export is None:
            require_gitlab_token(parsed)
        require_github_token(parsed)
        _require_owner(parsed)
    except ConfigurationError as error:
        said = error.message.removeprefix(f"{error.field}: ")
        raise ConfigurationError(said, field=f"{where}: {error.field}", hint=error.hint) from error
    users = _text(one, "users", "")
    return MigrationProject(
        name=name,
        config=config,
        work_dir=work_dir / "work" / name,
        from_export=from_export,
        users=UserDirectory.from_file(here / users) if users else UserDirectory(),
    )


def _require_owner(config: ProjectConfig) -> None:
    if not config.owner:
        raise ConfigurationError(
            "there is no owner for the new repositories",
            field="github.owner",
            hint="Name the GitHub organisation or user.",
        )


def _secret(raw: Mapping[str, Any], name: str, where: str, here: Path, environment: Mapping[str, str]) -> str:
    variable, file = raw.get(f"{name}_env"), raw.get(f"{name}_file")
    if variable is not None and file is not None:
        raise ConfigurationError(
            "is given by a variable and by a file", field=f"{where}.{name}", hint="Keep one of the two."
        )
    if variable is not None:
        secret = environment.get(str(variable), "").strip()
        if not secret:
            raise ConfigurationError(
                f"the variable {shown(variable)} is not set",
                field=f"{where}.{name}_env",
                hint="Set it for the service's process.",
            )
        return secret
    if file is None:
        return ""
    try:
        secret = (here / str(file)).read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"{shown(file)} cannot be read",
            field=f"{where}.{name}_file",
            hint="Name a file with the secret alone in it.",
        ) from error
    if not secret:
        raise ConfigurationError(
            f"{shown(file)} is empty", field=f"{where}.{name}_file", hint="Write the secret into it."
        )
    return secret


def _host(value: object, place: str) -> str:
    if not isinstance(value, str) or not _HOST.fullmatch(value):
        raise ConfigurationError(
            f"{shown(value)} is not a host",
            field=place,
            hint="For example 127.0.0.1, or migrate.example.com.",
        )
    return value


def _whole(raw: Mapping[str, Any], key: str, default: int, allowed: range, place: str) -> int:
    value = raw.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or value not in allowed:
        raise ConfigurationError(
            f"{shown(value)} is not a number from {allowed.start} to {allowed.stop - 1}",
            field=place,
            hint="Write digits without quotes.",
        )
    return value


def _text(raw: Mapping[str, Any], key: str, default: str) -> str:
    value = raw.get(key, default)
    if not isinstance(value, str) or not value.isprintable():
        raise ConfigurationError(f"{shown(value)} is not a text", field=key, hint="Put it in quotes.")
    return value


def _section(
    raw: Mapping[str, Any], key: str, keys: tuple[str, ...] | None = None, where: str = ""
) -> Mapping[str, Any]:
    place = f"{where}.{key}" if where else key
    section = {} if raw.get(key) is None else _mapping(raw[key], place)
    if keys is not None:
        known_only(section, keys, "config", place=place)
    return section


def _list(raw: Mapping[str, Any], key: str) -> list[Any]:
    value = raw.get(key)
    if value is not None and not isinstance(value, list):
        raise ConfigurationError(
            f"{shown(value)} is not a list", field=key, hint="Begin entries by a hyphen."
        )
    return value or []


def _mapping(raw: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(raw, Mapping):
        raise ConfigurationError(
            f"{place} is {shown(raw)}, not a mapping of keys to values",
            field="config",
            hint="See the example in docs/service.md.",
        )
    return raw
