"""Kinds of settings that are kept in the API's own shape: who may read them, and what a row shows.

A row of a seed shows the fields that the kind has, completed by defaults; anything else (such as the secret
token that an export holds of a hook) is not shown, as GitLab does not either.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from gl2gh_batch.sandbox.gitlab.faces import user_face
from gl2gh_batch.sandbox.gitlab.world import World
from gl2gh_batch.sandbox.seeds.records import (
    DEVELOPER,
    EPOCH,
    MAINTAINER,
    REPORTER,
    Project,
)

_LEVEL_NAMES: Final = {
    0: "No one",
    30: "Developers + Maintainers",
    40: "Maintainers",
    60: "Instance admins",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A kind: the access level that reads it, and its fields with their defaults."""

    level: int
    fields: dict[str, Any]


SETTINGS: Final = {
    # docs: api/protected_branches
    "protected_branches": Setting(
        level=DEVELOPER,
        fields={
            "id": 0,
            "name": "",
            "push_access_levels": [],
            "merge_access_levels": [],
            "allow_force_push": False,
            "unprotect_access_levels": [],
            "code_owner_approval_required": False,
            "inherited": False,
        },
    ),
    "protected_tags": Setting(level=DEVELOPER, fields={"name": "", "create_access_levels": []}),
    # docs: api/project_level_variables
    "variables": Setting(
        level=MAINTAINER,
        fields={
            "variable_type": "env_var",
            "key": "",
            "value": "",
            "hidden": False,
            "protected": False,
            "masked": False,
            "raw": False,
            "environment_scope": "*",
            "description": None,
        },
    ),
    # docs: api/project_webhooks
    "hooks": Setting(
        level=MAINTAINER,
        fields={
            "id": 0,
            "url": "",
            "created_at": EPOCH,
            "push_events": True,
            "tag_push_events": False,
            "merge_requests_events": False,
            "repository_update_events": False,
            "enable_ssl_verification": True,
            "alert_status": "executable",
            "disabled_until": None,
            "url_variables": [],
            "push_events_branch_filter": None,
            "custom_webhook_template": None,
            "project_id": 0,
            "issues_events": False,
            "confidential_issues_events": False,
            "note_events": False,
            "confidential_note_events": None,
            "pipeline_events": False,
            "wiki_page_events": False,
            "deployment_events": False,
            "job_events": False,
            "releases_events": False,
            "emoji_events": False,
        },
    ),
    # docs: api/environments
    "environments": Setting(
        level=REPORTER,
        fields={
            "id": 0,
            "name": "",
            "slug": "",
            "external_url": None,
            "state": "available",
            "last_deployment": None,
        },
    ),
    # docs: api/deploy_keys
    "deploy_keys": Setting(
        level=MAINTAINER,
        fields={
            "id": 0,
            "title": "",
            "created_at": EPOCH,
            "expires_at": None,
            "key": "",
            "fingerprint": "",
            "fingerprint_sha256": "",
            "usage_type": "auth",
            "projects_with_write_access": [],
            "can_push": False,
        },
    ),
    # docs: api/pipeline_schedules
    "pipeline_schedules": Setting(
        level=DEVELOPER,
        fields={
            "id": 0,
            "description": "",
            "ref": "",
            "cron": "0 4 * * *",
            "cron_timezone": "UTC",
            "next_run_at": EPOCH,
            "active": True,
            "created_at": EPOCH,
            "updated_at": EPOCH,
            "owner": None,
        },
    ),
    # docs: api/pipeline_triggers
    "triggers": Setting(
        level=MAINTAINER,
        fields={
            "id": 0,
            "token": "",
            "description": "",
            "created_at": EPOCH,
            "updated_at": EPOCH,
            "deleted_at": None,
            "last_used": None,
            "expires_at": None,
            "owner": None,
        },
    ),
    # docs: api/project_badges
    "badges": Setting(
        level=0,
        fields={
            "name": None,
            "link_url": "",
            "image_url": "",
            "rendered_link_url": "",
            "rendered_image_url": "",
            "id": 0,
            "kind": "project",
        },
    ),
}


def setting_face(world: World, project: Project, kind: str, row: dict[str, Any]) -> dict[str, Any]:
    """One row of a kind as the API shows it."""
    fields = SETTINGS[kind].fields
    face = {name: row.get(name) if row.get(name) is not None else default for name, default in fields.items()}
    if "project_id" in face:
        face["project_id"] = project.id
    if isinstance(row.get("owner"), str):
        face["owner"] = user_face(world, row["owner"])
    for name in (
        "push_access_levels",
        "merge_access_levels",
        "create_access_levels",
        "unprotect_access_levels",
    ):
        if name in face:
            face[name] = [_access_level(level) for level in row.get(name) or ()]
    if kind == "badges":
        for name in ("link_url", "image_url"):
            face[f"rendered_{name}"] = face[f"rendered_{name}"] or _rendered(world, project, str(face[name]))
    if kind == "triggers":
        face["token"] = str(face["token"])[:4]
    if kind == "variables" and face["hidden"]:
        face["value"] = None
    if kind == "environments" and not face["slug"]:
        face["slug"] = str(face["name"]).lower().replace("/", "-")
    return face


def _rendered(world: World, project: Project, template: str) -> str:
    """An address of a badge without its placeholders (docs: user/project/badges)."""
    known = {
        "project_path": project.full_path,
        "project_title": project.name,
        "project_name": project.full_path.rpartition("/")[2],
        "project_id": str(project.id),
        "project_namespace": project.namespace_path,
        "gitlab_server": urlsplit(world.url).netloc,
        "default_branch": project.default_branch or "",
    }
    return re.sub(r"%\{([a-z_]+)\}", lambda found: known.get(found[1], ""), template)


def _access_level(level: dict[str, Any]) -> dict[str, Any]:
    number = level.get("access_level")
    return {
        "id": level.get("id", 1),
        "access_level": number,
        "access_level_description": _LEVEL_NAMES.get(number or 0, str(number)),
        "deploy_key_id": None,
        "user_id": level.get("user_id"),
        "group_id": level.get("group_id"),
    }
