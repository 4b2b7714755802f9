"""From what a door was told to a batch that is ready to run: parsed once, valid from here on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from gl2gh_batch.batch.config import KEYS, PROJECT_HINT, ProjectConfig, is_number, parse_config
from gl2gh_batch.batch.credentials import parse_credentials
from gl2gh_batch.batch.exports import Exports
from gl2gh_batch.batch.fields import refuse_credentials, shown, truth
from gl2gh_batch.batch.resources import SharedResources
from gl2gh_batch.batch.shards import Shard, parse_shard, parse_shards
from gl2gh_batch.batch.tokens import require_github_token, require_gitlab_token
from gl2gh_batch.domain.errors import ConfigurationError
from gl2gh_batch.domain.modes import MigrationMode, parse_mode, parse_resume_from
from gl2gh_batch.domain.request import (
    DEFAULT_PARALLEL_LIMIT,
    check_parallel_limit,
    refuse_duplicates,
    refuse_shared_targets,
)
from gl2gh_batch.interfaces.batch_file import BatchFile, parse_users_input, read_batch_file
from gl2gh_batch.interfaces.inputs import BY_NAME
from gl2gh_batch.interfaces.paths import Paths
from gl2gh_batch.interfaces.workflow_event import check_artifact_name
from gl2gh_batch.interfaces.yaml_file import load_yaml
from gl2gh_batch.kit.redact import Redactor
from gl2gh_batch.kit.users import UserDirectory
from gl2gh_batch.target.auth import check_key
from gl2gh_batch.target.limits import Overrides, parse_overrides

# A hosted job is ended after six hours (GitHub docs, "Actions limits"); some went by before our step.
HOSTED_DEADLINE: Final = "5h30m"
STAND_IN: Final = "stands-in-for-a-token-"
RATE_FILE: Final = "rate-limit.json"
_DURATION: Final = re.compile(r"(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m(?:in)?)?(?:([0-9]{1,6})s)?")
_DIGEST: Final = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
POLICY_INPUTS: Final = (
    "numbering",
    "merge_requests",
    "attachments",
    "wiki",
    "source_after",
    "visibility",
    "mentions",
)
SHARED_INPUTS: Final = (
    "gitlab_url",
    "gitlab_token",
    "github_url",
    "github_api_url",
    "github_token",
    "github_app_id",
    "github_app_private_key",
    "github_app_installation_id",
    "target_owner",
    "accept_source_changes",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A batch ready to run.

    `shared` holds addresses, credentials and the owner, `policies` what is said for projects that no list
    names. `exports` are read in the place of GitLab.
    """

    mode: MigrationMode
    parallel_limit: int
    resume_from: str | None
    configs: tuple[dict[str, Any], ...]
    groups: tuple[dict[str, Any], ...]
    shared: Mapping[str, Any] = field(repr=False)
    policies: Mapping[str, Any]
    github_credentials: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    work_dir: Path
    users: UserDirectory = field(repr=False)
    limits: Overrides
    deadline_s: float | None = None
    approved_plan: str = ""
    allow_public_artifacts: bool = False
    notices: tuple[str, ...] = ()
    rate_limit_file: Path
    exports: Exports | None = None
    shard: Shard | None = None
    shards: int | None = None


def wire(
    values: Mapping[str, str],
    *,
    base: Path | None = None,
    environment: Mapping[str, str] | None = None,
    has_secrets: bool = True,
    asks_source: bool = True,
) -> Batch:
    """The batch that these inputs describe (name → text, empty for not given); paths are relative to `base`.

    With a `base` no path may lead out of it, but for an absolute `rate_limit_file`, which may lie on a volume
    that several machines share. `environment` holds the secrets that a batch file names, and says whether a
    hosted runner will end the job; without `has_secrets` something stands in for each, for a look at the form
    alone. An input wins over the batch file; two lists of projects are an error. Without `asks_source` no
    token of GitLab's is needed. Raises `ConfigurationError`.
    """
    given = {name: text.strip() for name, text in values.items() if text.strip()}
    _check_names(given)
    check_artifact_name(given.get("artifact_name", ""))
    paths = Paths() if base is None else Paths(here=base, is_closed=True)
    file = BatchFile()
    users = parse_users_input(given.get("users", ""))
    users_file = _path(paths, users.file, "users")
    config = _path(paths, given.get("config", ""), "config")
    # What the file names lies beside it, wherever the program was started.
    beside = None if config is None else config.parent
    if config is not None:
        file = read_batch_file(config, paths)
        if not given.get("users"):
            users = file.users
            users_file = _path(paths, users.file, "users", beside)
    mode = parse_mode(given.get("mode") or file.mode or MigrationMode.PLAN_ONLY)
    credentials = _credentials(file, (environment or {}) if has_secrets else None)
    exports = _exports(
        _path(paths, given.get("from_export", ""), "from_export")
        or _path(paths, file.from_export, "from_export", beside),
        mode,
    )
    asks_source = asks_source and exports is None
    shared = _shared(given, file, is_alone=not credentials, exports=exports, asks_source=asks_source)
    if has_secrets:
        _check_keys(shared, credentials)
    policies: dict[str, Any] = {name: given[name] for name in POLICY_INPUTS if name in given}
    _checked(policies, "")
    _checked(file.defaults, "defaults")
    listed = _projects(given, file)
    if exports is not None:
        listed = _with_exports(listed, exports, file, is_listed=bool(listed or file.groups), mode=mode)
    configs = tuple({**shared, **one, **policies} for one in listed)
    groups = tuple({**one, **policies} for one in file.groups)
    parsed = [_checked(one, _place(one)) for one in configs]
    for group in groups:
        _checked({key: value for key, value in group.items() if key in KEYS}, _place(group))
    refuse_duplicates(tuple(one.request for one in parsed))
    refuse_shared_targets(tuple(one.request for one in parsed))
    if not shared["target_owner"] and (groups or any(one.request.target is None for one in parsed)):
        raise ConfigurationError(
            "there is no owner for the new repositories",
            field="target_owner",
            hint="Name the GitHub organisation or user, or give each project a `target` of its own.",
        )
    limits = _path(paths, given.get("limits", ""), "limits")
    return Batch(
        mode=mode,
        parallel_limit=_parallel_limit(given.get("parallel_limit"), file.parallel_limit),
        resume_from=parse_resume_from(given.get("resume_from"), mode),
        configs=configs,
        groups=groups,
        shared=shared,
        policies={**file.defaults, **policies},
        github_credentials=credentials,
        work_dir=(work_dir := _work_dir(paths, given)),
        rate_limit_file=_rate_file(paths, given.get("rate_limit_file", "")) or work_dir / RATE_FILE,
        exports=exports,
        users=_directory(users_file, users.patterns),
        limits=Overrides() if limits is None else parse_overrides(load_yaml(limits, "limits")),
        deadline_s=parse_duration(given.get("deadline") or _own_deadline(environment or {})),
        approved_plan=_approved_plan(given.get("approved_plan", ""), mode),
        allow_public_artifacts=truth(given, "allow_public_artifacts"),
        notices=_notices(mode, file),
        shard=(shard := parse_shard(given.get("shard", ""))),
        shards=_shards(given.get("shards", ""), mode, shard),
    )


def _shards(text: str, mode: MigrationMode, shard: Shard | None) -> int | None:
    shards = parse_shards(text)
    if shards is not None and shard is not None:
        raise ConfigurationError(
            f"shard {shard} is a part of a plan that was cut, and shards cuts a new one",
            field="shards",
            hint="Plan all of it with shards; the jobs that apply it give `shard`, and no shards.",
        )
    if shards is not None and mode is not MigrationMode.PLAN_ONLY:
        raise ConfigurationError(
            f"a plan is cut when it is made, and {mode} makes none to be cut",
            field="shards",
            hint="Give shards with PLAN_ONLY; the jobs that apply it give `shard`, such as 2/3.",
        )
    return shards


def _notices(mode: MigrationMode, file: BatchFile) -> tuple[str, ...]:
    """The runner always sets a mode, so that a batch file's would be passed over in silence."""
    if file.mode and parse_mode(file.mode) is not mode:
        return (f"the batch file says mode {file.mode}, and the input says {mode}: the input wins",)
    return ()


def _check_names(given: Mapping[str, str]) -> None:
    for name in given:
        if name not in BY_NAME:
            raise unknown_input(name)


def unknown_input(name: str) -> ConfigurationError:
    """The error for a name that is no input's, with the nearest one that is."""
    near = get_close_matches(name[:100], list(BY_NAME), n=1)
    return ConfigurationError(
        f"there is no input {shown(name)}",
        field="inputs",
        hint=f"Did you mean {near[0]!r}?" if near else "The README has a table of all inputs.",
    )


def _credentials(file: BatchFile, environment: Mapping[str, str] | None) -> tuple[Mapping[str, Any], ...]:
    """The credentials that the batch file names, with their secrets from the environment, if there is one."""
    place = "github.credentials"
    found = []
    for number, said in enumerate(file.github_credentials):
        one = {key: value for key, value in said.items() if not key.endswith("_env")}
        for key in ("token", "private_key"):
            variable = said.get(f"{key}_env")
            if variable is None:
                continue
            if environment is None:
                one[key] = f"-----BEGIN {number}" if key == "private_key" else f"{STAND_IN}{number}"
                continue
            one[key] = environment.get(variable, "") if isinstance(variable, str) else ""
            if not one[key]:
                raise ConfigurationError(
                    f"the environment has no {shown(variable)}",
                    field=f"{place}[{number}].{key}_env",
                    hint="Name a variable that holds the secret, and set it; in a workflow by `env`.",
                )
        found.append(one)
    parse_credentials(found, place)
    return tuple(found)


def _exports(folder: Path | None, mode: MigrationMode) -> Exports | None:
    if folder is None:
        return None
    if mode in {MigrationMode.DISCOVER_ONLY, MigrationMode.EXPORT_ONLY}:
        raise ConfigurationError(
            f"{mode} reads from GitLab and does not go on from an export",
            field="from_export",
            hint="Leave from_export out, or choose TRANSFORM_ONLY, PLAN_ONLY, APPLY or FULL.",
        )
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError(
            f"{shown(folder.name)} is a file, and no folder of exports",
            field="from_export",
            hint="Name the folder export/ of a work directory in which EXPORT_ONLY came to its end.",
        )
    return Exports.of(folder)


def _with_exports(
    listed: list[dict[str, Any]], exports: Exports, file: BatchFile, *, is_listed: bool, mode: MigrationMode
) -> list[dict[str, Any]]:
    """The projects with the folders of their exports; all that there are when none is named.

    What APPLY is to apply stands in the work directory when it is not named.
    """
    if not is_listed and mode is not MigrationMode.APPLY:
        listed = [
            {**file.defaults, "project_id": one.head.project.id, "origin": f"the export {one.path.name}"}
            for one in exports
        ]
    return [{**one, "from_export": exports.named(one["project_id"]).path} for one in listed]


def _shared(
    given: Mapping[str, str],
    file: BatchFile,
    *,
    is_alone: bool,
    exports: Exports | None,
    asks_source: bool,
) -> dict[str, Any]:
    """What holds for every project, checked by itself so that a message does not blame a project for it.

    `is_alone`: no other credential could pay for a project. The address of GitLab is that of the `exports`.
    """
    shared: dict[str, Any] = {name: given.get(name, "") for name in SHARED_INPUTS}
    said = {
        "gitlab_url": file.gitlab_url or ("" if exports is None else exports.gitlab_url),
        "github_url": file.github_url,
        "github_api_url": file.github_api_url,
        "target_owner": file.github_owner,
    }
    shared |= {name: shared[name] or text for name, text in said.items()} | {"naming": file.naming}
    parsed = _checked(shared, "")
    if asks_source:
        require_gitlab_token(parsed)
    if is_alone:
        require_github_token(parsed)
    return shared | {
        "gitlab_url": parsed.gitlab_url,
        "github_url": parsed.github_url,
        "github_api_url": parsed.github_api_url,
    }


def _checked(config: Mapping[str, Any], place: str) -> ProjectConfig:
    """The configuration parsed; an error names the place where it was said."""
    try:
        return parse_config({"project_id": 1, **config})
    except ConfigurationError as error:
        if not place:
            raise
        said = error.message.removeprefix(f"{error.field}: ")
        raise ConfigurationError(said, field=f"{place}: {error.field}", hint=error.hint) from error


def _place(config: Mapping[str, Any]) -> str:
    return str(config.get("origin") or "")


def _directory(file: Path | None, patterns: tuple[str, ...]) -> UserDirectory:
    if file is None:
        return UserDirectory(patterns=patterns)
    return UserDirectory.from_file(file, patterns=patterns)


def _path(paths: Paths, text: str, field: str, folder: Path | None = None) -> Path | None:
    """The path that a text names, from `folder` or from where the program was started; None for no text."""
    return paths.of(text, field, folder=folder) if text else None


def _work_dir(paths: Paths, given: Mapping[str, str]) -> Path:
    path = paths.of(given.get("work_dir") or BY_NAME["work_dir"].default, "work_dir")
    try:
        usable = not path.exists() or path.is_dir()
    except OSError:  # a name that is too long
        usable = False
    if not usable:
        raise ConfigurationError(
            f"{shown(str(path))} cannot be a folder", field="work_dir", hint="Name a folder, or a new one."
        )
    return path


def _rate_file(paths: Paths, text: str) -> Path | None:
    """The file that is shared; an absolute path may lie on a volume outside of the workspace."""
    return _path(Paths() if Path(text).is_absolute() else paths, text, "rate_limit_file")


def _check_keys(shared: Mapping[str, Any], credentials: Sequence[Mapping[str, Any]]) -> None:
    """Whether each App's key can be read, before anything is asked with it."""
    if shared["github_app_private_key"]:
        check_key(shared["github_app_private_key"], "github_app_private_key")
    for number, one in enumerate(credentials):
        if one.get("private_key"):
            check_key(str(one["private_key"]), f"github.credentials[{number}].private_key_env")


def _approved_plan(text: str, mode: MigrationMode) -> str:
    if not text:
        return ""
    found = _DIGEST.fullmatch(text.lower())
    if found is None:
        raise ConfigurationError(
            f"{shown(text)} is not the digest of a plan",
            field="approved_plan",
            hint="It is the output plan_digest of the run that made the plan: 64 hexadecimal digits.",
        )
    if mode is not MigrationMode.APPLY:
        raise ConfigurationError(
            f"mode {mode} carries out no plan that was made before",
            field="approved_plan",
            hint="Use mode APPLY with the work directory of the approved plan, or leave approved_plan empty.",
        )
    return found[1]


def resources_for(batch: Batch, redactor: Redactor | None = None) -> SharedResources:
    """What the projects of that batch share."""
    return SharedResources(
        limits=batch.limits.limits,
        imports_are_content=batch.limits.imports_are_content,
        github_credentials=batch.github_credentials,
        work_dir=batch.work_dir,
        users=batch.users,
        redactor=redactor,
        rate_limit_file=batch.rate_limit_file,
        shard=None if batch.shard is None else str(batch.shard),
    )


def _own_deadline(environment: Mapping[str, str]) -> str:
    return HOSTED_DEADLINE if environment.get("RUNNER_ENVIRONMENT") == "github-hosted" else ""


def parse_duration(text: str) -> float | None:
    """Seconds from `5h30m`, `90m`, `45s` or a number of seconds; None for nothing."""
    if not text:
        return None
    found = _DURATION.fullmatch(text.replace(" ", "").lower())
    if found is not None:
        hours, minutes, rest = (int(part or 0) for part in found.groups())
        seconds = hours * 3600 + minutes * 60 + rest
    else:
        seconds = int(text) if is_number(text) else 0
    if not seconds:
        raise ConfigurationError(
            f"{shown(text)} is not a length of time", field="deadline", hint="Write it as 5h30m, 90m or 45s."
        )
    return float(seconds)


def _projects(given: Mapping[str, str], file: BatchFile) -> list[dict[str, Any]]:
    if "project_ids" not in given:
        return [dict(one) for one in file.projects]
    if file.projects or file.groups:
        raise ConfigurationError(
            "projects are listed both there and in the batch file",
            field="project_ids",
            hint="Keep one of the two lists.",
        )
    # Before it is cut at the commas, which a password may hold.
    refuse_credentials(given["project_ids"], "project_ids", PROJECT_HINT)
    named = _names(given["project_ids"])
    if not named:
        raise ConfigurationError(
            "the list is empty", field="project_ids", hint="Name projects by id or full path: 123, group/app."
        )
    return [
        {
            **file.defaults,
            "project_id": int(name) if is_number(name) else name,
            "origin": f"project_ids, entry {place}",
        }
        for place, name in enumerate(named, start=1)
    ]


def _names(text: str) -> Sequence[str]:
    return [name for part in re.split(r"[,\n]", text) if (name := part.strip())]


def _parallel_limit(text: str | None, from_file: object) -> int:
    if text is None:
        return check_parallel_limit(DEFAULT_PARALLEL_LIMIT if from_file is None else from_file)
    return check_parallel_limit(int(text) if is_number(text) else text)
