"""One project's configuration, as the library takes it: a mapping that is checked here, once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from gl2gh_batch.batch.addresses import github_api_url, github_url, gitlab_url
from gl2gh_batch.batch.fields import (
    choice,
    folder,
    known_only,
    none_of,
    refuse_credentials,
    shown,
    text,
    token,
    truth,
    whole,
)
from gl2gh_batch.batch.label_rules import label_rules
from gl2gh_batch.domain.errors import ConfigurationError
from gl2gh_batch.domain.inventory import NOT_CARRIED
from gl2gh_batch.domain.numbering import NumberingPolicy
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.domain.request import (
    POLICIES,
    AttachmentPolicy,
    ConfidentialPolicy,
    IssueDetails,
    MentionPolicy,
    MergeRequestPolicy,
    NamingStrategy,
    NotesPolicy,
    PlaceholderPolicy,
    Policies,
    ProjectRequest,
    SnippetsPolicy,
    SourceAfter,
    SystemNotesPolicy,
    Visibility,
    WikiPolicy,
)

KEYS: Final = (
    "project_id",
    "gitlab_url",
    "gitlab_token",
    "github_url",
    "github_api_url",
    "github_token",
    "github_app_id",
    "github_app_private_key",
    "github_app_installation_id",
    "target",
    "target_owner",
    "naming",
    "output_dir",
    "priority",
    "kinds",
    *POLICIES,
    "from_export",
    "accept_source_changes",
    "origin",
    "listed_path",
)
SKIPPABLE: Final = (
    "issues",
    "labels",
    "lfs_objects",
    "merge_requests",
    "milestones",
    "releases",
    "snippets",
    "uploads",
    "wiki",
)
KIND_CHOICES: Final = ("migrate", "skip")
ISSUE_CHANNELS: Final = ("import", "rest")
# GitLab: `Gitlab::PathRegex`; a project is always inside something.
_FULL_PATH: Final = re.compile(
    r"[A-Za-z0-9_.][A-Za-z0-9_.-]{0,254}(?:/[A-Za-z0-9_.][A-Za-z0-9_.-]{0,254}){0,20}"
)
PROJECT_HINT: Final = "For example 123, or group/app: without the address of GitLab, and with all its groups."
_TARGET_HINT: Final = "Write owner/name, for example acme/app: at most 100 letters, digits, '.', '-' and '_'."
_OWNER_HINT: Final = "Write the name alone as its address on GitHub has it, for example acme."
_APP_ID: Final = re.compile(r"[A-Za-z0-9.]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AppCredential:
    """A GitHub App's installation; its tokens live an hour and are renewed."""

    app_id: str
    private_key: str = field(repr=False)
    installation_id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectConfig:
    """One project with its two platforms and credentials, valid by construction.

    `from_export` is the folder of its export, which is read in the place of GitLab. `listed_path` is the full
    path that stands beside its id in a table, and has to be the project's: one column of a table is soon
    sorted without the others.
    """

    request: ProjectRequest
    gitlab_url: str
    gitlab_token: str = field(repr=False)
    github_url: str
    github_api_url: str
    github_token: str = field(default="", repr=False)
    github_app: AppCredential | None = None
    owner: str = ""
    naming: NamingStrategy = NamingStrategy.PROJECT
    output_dir: Path | None = None
    from_export: Path | None = None
    accept_source_changes: bool = False
    listed_path: str = ""

    def check_path(self, found: str) -> None:
        """Raise `ConfigurationError` when the project of that id is another one than the table says."""
        if self.listed_path and self.listed_path.lower() != found.lower():
            place = f"{self.request.origin}: " if self.request.origin else ""
            raise ConfigurationError(
                f"id {self.request.project} is {found} on GitLab, and stands beside {self.listed_path}",
                field=f"{place}path",
                hint="Was one column sorted without the others, or the project moved? Mend the line, or leave"
                " its path empty.",
                project=found,
            )


def parse_config(raw: Mapping[str, Any]) -> ProjectConfig:
    """The configuration of one project; raises `ConfigurationError` that names the key and the remedy."""
    known_only(raw, KEYS, "project_configs")
    refuse_credentials(raw.get("listed_path"), "path", PROJECT_HINT)
    github = github_url(raw)
    return ProjectConfig(
        request=ProjectRequest(
            project=_checked_project(project_of(raw)),
            target=_target(raw.get("target")),
            priority=whole(raw, "priority"),
            kinds=_kinds(raw.get("kinds")) | _skipped(raw),
            policies=_policies(raw),
            origin=str(raw.get("origin") or ""),
        ),
        gitlab_url=gitlab_url(raw),
        gitlab_token=token(raw, "gitlab_token"),
        github_url=github,
        github_api_url=github_api_url(raw, github),
        github_token=token(raw, "github_token"),
        github_app=_app(raw),
        owner=_owner(raw),
        naming=choice(NamingStrategy, raw.get("naming"), "naming", NamingStrategy.PROJECT),
        output_dir=folder(raw, "output_dir"),
        from_export=folder(raw, "from_export"),
        accept_source_changes=truth(raw, "accept_source_changes"),
        listed_path=text(raw, "listed_path").strip("/"),
    )


def project_of(raw: Mapping[str, Any]) -> int | str:
    """The project that a configuration names: its id, or its full path."""
    project = raw.get("project_id")
    if isinstance(project, bool) or not isinstance(project, int | str) or not str(project).strip():
        raise ConfigurationError(
            "a GitLab project's id or full path is needed",
            field="project_id",
            hint="For example 123, or group/app.",
        )
    refuse_credentials(project, "project_id", PROJECT_HINT)
    if isinstance(project, str):
        project = project.strip()
        return int(project) if is_number(project) else project.strip("/")
    return project


def is_number(text: str) -> bool:
    """True for the digits of a whole number that a platform could have given."""
    return text.isascii() and text.isdigit() and len(text) <= 18


def is_full_path(text: str) -> bool:
    """True for what GitLab could have called a group, or a project inside one."""
    return bool(_FULL_PATH.fullmatch(text)) and not {".", ".."} & set(text.split("/"))


def _policies(raw: Mapping[str, Any]) -> Policies:
    issues_via = raw.get("issues_via")
    if issues_via is None or issues_via == "":
        issues_via = ISSUE_CHANNELS[0]
    if not isinstance(issues_via, str) or issues_via not in ISSUE_CHANNELS:
        raise none_of(issues_via, ISSUE_CHANNELS, "issues_via")
    visibility = choice(Visibility, raw.get("visibility"), "visibility", Visibility.PRIVATE)
    confidential = choice(
        ConfidentialPolicy, raw.get("confidential"), "confidential", ConfidentialPolicy.SKIP
    )
    if confidential is ConfidentialPolicy.INCLUDE and visibility is Visibility.PUBLIC:
        raise ConfigurationError(
            "confidential issues and internal notes never go into a public repository",
            field="confidential",
            hint="Write confidential: skip, or visibility: private.",
        )
    return Policies(
        visibility=visibility,
        numbering=choice(NumberingPolicy, raw.get("numbering"), "numbering", NumberingPolicy.ISSUES_EXACT),
        merge_requests=choice(
            MergeRequestPolicy,
            raw.get("merge_requests"),
            "merge_requests",
            MergeRequestPolicy.OPEN_AS_PULL_REQUEST,
        ),
        notes=choice(NotesPolicy, raw.get("notes"), "notes", NotesPolicy.FOLD),
        confidential=confidential,
        placeholders=choice(
            PlaceholderPolicy, raw.get("placeholders"), "placeholders", PlaceholderPolicy.DELETE
        ),
        mentions=choice(MentionPolicy, raw.get("mentions"), "mentions", MentionPolicy.MAP),
        issues_via=issues_via,
        system_notes=choice(
            SystemNotesPolicy, raw.get("system_notes"), "system_notes", SystemNotesPolicy.TIMELINE
        ),
        issue_details=choice(IssueDetails, raw.get("issue_details"), "issue_details", IssueDetails.COUNTED),
        labels=label_rules(raw),
        attachments=choice(AttachmentPolicy, raw.get("attachments"), "attachments", AttachmentPolicy.BRANCH),
        wiki=choice(WikiPolicy, raw.get("wiki"), "wiki", WikiPolicy.DOCS_BRANCH),
        source_after=_source_after(raw),
        snippets=choice(SnippetsPolicy, raw.get("snippets"), "snippets", SnippetsPolicy.BRANCH),
    )


def _source_after(raw: Mapping[str, Any]) -> SourceAfter:
    after = choice(SourceAfter, raw.get("source_after"), "source_after", SourceAfter.NOTHING)
    if after is not SourceAfter.NOTHING and folder(raw, "from_export") is not None:
        raise ConfigurationError(
            "a run that reads from an export asks nothing of GitLab, and changes nothing there",
            field="source_after",
            hint="Write source_after: nothing; or leave from_export out in the run that applies.",
        )
    return after


def _skipped(raw: Mapping[str, Any]) -> dict[str, str]:
    """The kinds that a policy says to skip."""
    wiki = choice(WikiPolicy, raw.get("wiki"), "wiki", WikiPolicy.DOCS_BRANCH)
    snippets = choice(SnippetsPolicy, raw.get("snippets"), "snippets", SnippetsPolicy.BRANCH)
    skipped = {"wiki": wiki is WikiPolicy.SKIP, "snippets": snippets is SnippetsPolicy.SKIP}
    return {name: "skip" for name, is_skipped in skipped.items() if is_skipped}


def _kinds(raw: object) -> dict[str, str]:
    if raw is None:
        return {}
    if not isinstance(raw, Mapping):
        raise ConfigurationError(
            f"{shown(raw)} is not a mapping of kinds", field="kinds", hint="For example {issues: skip}."
        )
    kinds = {}
    known_only(raw, (*SKIPPABLE, *NOT_CARRIED), "kinds", noun="kind")
    for name, value in raw.items():
        if not isinstance(value, str) or value not in KIND_CHOICES:
            raise none_of(value, KIND_CHOICES, f"kinds.{name}")
        if name in SKIPPABLE:
            kinds[name] = value
        elif value != "skip":
            raise ConfigurationError(
                "this version does not carry it yet",
                field=f"kinds.{name}",
                hint="Leave it out, or write skip: what is not carried is listed as a loss.",
            )
    return kinds


def _checked_project(project: int | str) -> int | str:
    if isinstance(project, int):
        if project < 1:
            raise ConfigurationError(
                f"{shown(project)} is not a project's id", field="project_id", hint="Ids begin with 1."
            )
    elif "/" not in project or not is_full_path(project):
        raise ConfigurationError(
            f"{shown(project)} is neither a project's id nor its full path",
            field="project_id",
            hint=PROJECT_HINT,
        )
    return project


def _target(raw: object) -> RepoRef | None:
    if raw is None or raw == "":
        return None
    refuse_credentials(raw, "target", _TARGET_HINT)
    try:
        return RepoRef.parse(raw if isinstance(raw, str) else "")
    except ValueError:
        raise ConfigurationError(
            f"{shown(raw)} is not a repository of the form owner/name",
            field="target",
            hint=_TARGET_HINT,
        ) from None


def _owner(raw: Mapping[str, Any]) -> str:
    owner = text(raw, "target_owner")
    refuse_credentials(owner, "target_owner", _OWNER_HINT)
    try:
        return RepoRef.parse(f"{owner}/name").owner if owner else ""
    except ValueError:
        raise ConfigurationError(
            f"{shown(owner)} is not a name of an organisation or user",
            field="target_owner",
            hint=_OWNER_HINT,
        ) from None


def _app(raw: Mapping[str, Any]) -> AppCredential | None:
    keys = ("github_app_id", "github_app_private_key", "github_app_installation_id")
    texts = {key: text(raw, key) for key in keys}
    if not any(texts.values()):
        return None
    for key in keys:
        if not texts[key]:
            others = " and ".join(one for one in keys if texts[one])
            raise ConfigurationError(
                f"is needed together with {others}", field=key, hint=f"Give all three of {', '.join(keys)}."
            )
    if raw.get("github_token"):
        raise ConfigurationError(
            "there are both a token and a GitHub App",
            field="github_token",
            hint="Keep one of the two: the token, or the three inputs of the App.",
        )
    if not _APP_ID.fullmatch(texts["github_app_id"]):
        raise ConfigurationError(
            f"{shown(texts['github_app_id'])} is not the id of an App",
            field="github_app_id",
            hint="It is the number on the App's settings page.",
        )
    if not texts["github_app_private_key"].startswith("-----BEGIN "):
        raise ConfigurationError(
            "this is no key in PEM form",
            field="github_app_private_key",
            hint="Give the whole file, from -----BEGIN to the last line.",
        )
    installation_id = whole(raw, "github_app_installation_id")
    if installation_id < 1:
        raise ConfigurationError(
            f"{shown(installation_id)} is not the id of an installation",
            field="github_app_installation_id",
            hint="It is the number at the end of the address of the installation's settings.",
        )
    return AppCredential(
        app_id=texts["github_app_id"],
        private_key=texts["github_app_private_key"],
        installation_id=installation_id,
    )
