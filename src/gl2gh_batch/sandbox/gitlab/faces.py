"""How people, places, labels and milestones look in the API."""

from __future__ import annotations

import re
from typing import Any, Final

from gl2gh_batch.sandbox.gitlab.repository import Repository
from gl2gh_batch.sandbox.gitlab.world import World
from gl2gh_batch.sandbox.seeds.records import GHOST, Group, Label, Member, Milestone, Project, User

# What a project shows beside what the records say, where a recording does not tell otherwise (GET
# /projects/:id).
PROJECT_SETTINGS: Final[dict[str, Any]] = {
    "packages_enabled": True,
    "resolve_outdated_diff_discussions": False,
    "repository_object_format": "sha1",
    "container_registry_enabled": True,
    "service_desk_enabled": False,
    "can_create_merge_request_in": True,
    "emails_disabled": False,
    "emails_enabled": True,
    "shared_runners_enabled": True,
    "lfs_enabled": True,
    "import_status": "none",
    "ci_config_path": None,
    "public_jobs": True,
    "shared_with_groups": [],
    "only_allow_merge_if_pipeline_succeeds": False,
    "allow_merge_on_skipped_pipeline": None,
    "request_access_enabled": True,
    "only_allow_merge_if_all_discussions_are_resolved": False,
    "remove_source_branch_after_merge": True,
    "printing_merge_request_link_enabled": True,
    "merge_method": "merge",
    "squash_option": "default_off",
    "enforce_auth_checks_on_uploads": True,
    "suggestion_commit_message": None,
    "merge_commit_template": None,
    "squash_commit_template": None,
    "issue_branch_template": None,
    "autoclose_referenced_issues": True,
    "approvals_before_merge": 0,
    "mirror": False,
    "external_authorization_classification_label": "",
    "requirements_enabled": False,
    "security_and_compliance_enabled": False,
    "compliance_frameworks": [],
}
FEATURES: Final = (
    "issues",
    "repository",
    "merge_requests",
    "forking",
    "wiki",
    "builds",
    "snippets",
    "pages",
    "analytics",
    "container_registry",
    "security_and_compliance",
    "releases",
    "environments",
    "feature_flags",
    "infrastructure",
    "monitor",
    "model_experiments",
    "model_registry",
    "package_registry",
    "requirements",
)
_SWITCHES: Final = {
    "issues_enabled": "issues",
    "merge_requests_enabled": "merge_requests",
    "wiki_enabled": "wiki",
    "jobs_enabled": "builds",
    "snippets_enabled": "snippets",
}


def absolute(world: World, address: str) -> str | None:
    """An address as it is shown: paths are on this GitLab, nothing is null."""
    if not address:
        return None
    return f"{world.url}{address}" if address.startswith("/") else address


def user_face(world: World, username: str | None, *, is_strict: bool = False) -> dict[str, Any] | None:
    """A person in a record (entity UserBasic); `is_strict`: with the six oldest fields only."""
    if username is None:
        return None
    user = world.user(username)
    if username == GHOST and user.name == GHOST:
        user.name = "Ghost User"
    face = {
        "id": user.id,
        "username": user.username,
        "name": user.name,
        "state": user.state,
        "avatar_url": _avatar(world, user),
        "web_url": f"{world.url}/{user.username}",
    }
    return face if is_strict else {**face, "locked": False, "public_email": user.public_email or None}


def user_page(world: World, user: User, *, is_admin: bool) -> dict[str, Any]:
    """A person as `/users/:id` shows them; e-mail addresses that are not public only to administrators."""
    basic = user_face(world, user.username)
    assert basic is not None
    return {
        **basic,
        "created_at": user.created_at,
        "bio": user.bio,
        "location": None,
        "public_email": user.public_email or None,
        "skype": "",
        "linkedin": "",
        "twitter": "",
        "website_url": "",
        "organization": None,
        "job_title": "",
        "pronouns": None,
        "bot": user.is_bot,
        "work_information": None,
        "local_time": None,
        **({"email": user.email or _made_email(user), "is_admin": user.is_admin} if is_admin else {}),
    }


def own_page(world: World, user: User) -> dict[str, Any]:
    """The caller as `/user` shows them."""
    email = user.email or _made_email(user)
    return {
        **user_page(world, user, is_admin=False),
        "last_sign_in_at": user.created_at,
        "confirmed_at": user.created_at,
        "last_activity_on": user.created_at[:10],
        "email": email,
        "theme_id": 1,
        "color_scheme_id": 1,
        "projects_limit": 100000,
        "current_sign_in_at": user.created_at,
        "identities": [],
        "can_create_group": True,
        "can_create_project": True,
        "two_factor_enabled": False,
        "external": user.is_external,
        "private_profile": False,
        "commit_email": email,
        **({"is_admin": True, "note": None} if user.is_admin else {}),
    }


def member_face(world: World, member: Member) -> dict[str, Any]:
    """A membership (entity Member)."""
    basic = user_face(world, member.username)
    assert basic is not None
    return {
        **basic,
        "access_level": member.access_level,
        "created_at": member.created_at,
        "expires_at": member.expires_at,
        "membership_state": "active",
    }


def namespace_face(world: World, full_path: str) -> dict[str, Any]:
    """The group or person that a project is in."""
    group = world.group(full_path)
    assert group is not None
    parent = world.group(group.parent_path)
    is_user = group.kind == "user"
    user = world.user(group.path) if is_user else None
    return {
        "id": group.id,
        "name": group.name,
        "path": group.path,
        "kind": group.kind,
        "full_path": group.full_path,
        "parent_id": parent.id if parent is not None else None,
        "avatar_url": _avatar(world, user) if user is not None else group.avatar or None,
        "web_url": f"{world.url}/{'' if is_user else 'groups/'}{group.full_path}",
    }


def group_face(world: World, group: Group) -> dict[str, Any]:
    """A group (entity Group)."""
    parent = world.group(group.parent_path)
    names = [each.name for each in world.ancestors(group.full_path)]
    return {
        "id": group.id,
        "web_url": f"{world.url}/groups/{group.full_path}",
        "name": group.name,
        "path": group.path,
        "description": group.description,
        "visibility": group.visibility,
        "share_with_group_lock": False,
        "require_two_factor_authentication": False,
        "two_factor_grace_period": 48,
        "project_creation_level": "developer",
        "auto_devops_enabled": None,
        "subgroup_creation_level": "maintainer",
        "emails_disabled": False,
        "emails_enabled": True,
        "mentions_disabled": None,
        "lfs_enabled": True,
        "default_branch": None,
        "default_branch_protection": 2,
        "avatar_url": absolute(world, group.avatar),
        "request_access_enabled": True,
        "full_name": " / ".join([*reversed(names), group.name]),
        "full_path": group.full_path,
        "created_at": group.created_at,
        "parent_id": parent.id if parent is not None else None,
        "organization_id": 1,
        "shared_runners_setting": "enabled",
        "archived": False,
        "marked_for_deletion_on": None,
    }


def simple_project(world: World, project: Project) -> dict[str, Any]:
    """A project in short, as `simple=true` and the anonymous get it (entity BasicProjectDetails)."""
    namespace = namespace_face(world, project.namespace_path)
    names = [each.name for each in world.ancestors(project.full_path)]
    web_url = f"{world.url}/{project.full_path}"
    host = world.url.partition("://")[2].partition(":")[0] or "localhost"
    return {
        "id": project.id,
        "description": project.description,
        "name": project.name,
        "name_with_namespace": " / ".join([*reversed(names), project.name]),
        "path": project.path,
        "path_with_namespace": project.full_path,
        "created_at": project.created_at,
        "default_branch": project.default_branch,
        "tag_list": project.topics,
        "ssh_url_to_repo": f"git@{host}:{project.full_path}.git",
        "http_url_to_repo": f"{web_url}.git",
        "web_url": web_url,
        "readme_url": f"{web_url}/-/blob/{project.default_branch}/README.md"
        if project.default_branch
        else None,
        "forks_count": int(project.face.get("forks_count") or 0),
        "avatar_url": absolute(world, str(project.face.get("avatar") or "")),
        "star_count": int(project.face.get("star_count") or 0),
        "last_activity_at": project.last_activity_at,
        "namespace": namespace,
    }


def project_face(
    world: World, project: Project, *, permissions: dict[str, Any] | None, with_statistics: bool = False
) -> dict[str, Any]:
    """A project in full (entity ProjectWithAccess); `permissions` None leaves them out."""
    api = f"{world.url}/api/v4/projects/{project.id}"
    namespace = world.group(project.namespace_path)
    creator = world.user(project.creator) if project.creator else None
    repository = Repository(world.repository(project))
    recorded = {key: project.face[key] for key in PROJECT_SETTINGS if key in project.face}
    face = {
        **simple_project(world, project),
        **PROJECT_SETTINGS,
        **recorded,
        "topics": project.topics,
        "container_registry_image_prefix": f"registry.example.com/{project.full_path.lower()}",
        "_links": {
            "self": api,
            "issues": f"{api}/issues",
            "merge_requests": f"{api}/merge_requests",
            "repo_branches": f"{api}/repository/branches",
            "labels": f"{api}/labels",
            "events": f"{api}/events",
            "members": f"{api}/members",
            "cluster_agents": f"{api}/cluster_agents",
        },
        "empty_repo": repository.is_empty,
        "archived": project.archived,
        "visibility": project.visibility,
        "creator_id": creator.id if creator is not None else None,
        "open_issues_count": sum(each.state == "opened" for each in project.issues.values()),
        "description_html": f"<p>{_escaped(project.description)}</p>" if project.description else "",
        "updated_at": project.last_activity_at,
    }
    if namespace is not None and namespace.kind == "user":
        face["owner"] = user_face(world, namespace.path)
    for switch, feature in _SWITCHES.items():
        face[switch] = project.can_use(feature)
    for feature in FEATURES:
        face[f"{feature}_access_level"] = project.features.get(feature, "enabled")
    if not project.can_use("repository"):
        face["readme_url"] = None
        del face["default_branch"]  # entity BasicProjectDetails: for who may read the code
    origin = world.project(str(project.face["forked_from"])) if project.face.get("forked_from") else None
    if origin is not None:
        face["forked_from_project"] = simple_project(world, origin)
    if permissions is not None:
        face["permissions"] = permissions
    if with_statistics:
        face["statistics"] = _statistics(world, project, repository)
    return face


def label_face(
    label: Label, *, is_project_label: bool | None = True, counts: dict[str, int] | None = None
) -> dict[str, Any]:
    """A label; of a group's own list (`is_project_label` None) without the project's fields."""
    return {
        "id": label.id,
        "name": label.title,
        "description": label.description,
        "description_html": _escaped(label.description),
        "text_color": _text_color(label.color),
        "color": label.color,
        **(counts or {}),
        "subscribed": False,
        **(
            {"priority": label.priority if is_project_label else None, "is_project_label": is_project_label}
            if is_project_label is not None
            else {}
        ),
    }


def milestone_face(
    world: World, project: Project | None, milestone: Milestone, group: Group | None
) -> dict[str, Any]:
    """A milestone of a project or of a group."""
    if group is not None:
        owner, place = {"group_id": group.id}, f"groups/{group.full_path}"
    else:
        assert project is not None
        owner, place = {"project_id": project.id}, project.full_path
    today = world.timestamp()[:10]
    return {
        "id": milestone.id,
        "iid": milestone.iid,
        **owner,
        "title": milestone.title,
        "description": milestone.description,
        "state": milestone.state,
        "created_at": milestone.created_at,
        "updated_at": milestone.updated_at,
        "due_date": milestone.due_date,
        "start_date": milestone.start_date,
        "expired": milestone.due_date is not None and milestone.due_date < today,
        "web_url": f"{world.url}/{place}/-/milestones/{milestone.iid}",
    }


def milestone_in(world: World, project: Project, title: str | None) -> dict[str, Any] | None:
    """The milestone of an item of the project, wherever it is."""
    found = world.milestone(project, title) if title is not None else None
    return milestone_face(world, project, *found) if found is not None else None


def _avatar(world: World, user: User) -> str:
    return absolute(world, user.avatar) or f"{world.url}/uploads/-/system/user/avatar/{user.id}/avatar.png"


def _made_email(user: User) -> str:
    return f"{user.username}@example.com"


def _escaped(text: str | None) -> str:
    return re.sub(r"[<>&\"]", lambda found: f"&#{ord(found.group())};", text or "")


def _text_color(color: str) -> str:
    """Black on light labels, white on dark ones, by the sum of the parts (fitted to recorded answers)."""
    digits = color.lstrip("#")
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    return "#1F1E24" if sum(int(digits[at : at + 2], 16) for at in (0, 2, 4)) > 450 else "#FFFFFF"


def _statistics(world: World, project: Project, repository: Repository) -> dict[str, int]:
    wiki = world.wiki_repository(project)
    sizes = {
        "repository_size": repository.size(),
        "wiki_size": Repository(wiki).size() if wiki.exists() else 0,
        "lfs_objects_size": sum(path.stat().st_size for path in project.lfs_objects.values()),
        "job_artifacts_size": 0,
        "pipeline_artifacts_size": 0,
        "packages_size": 0,
        "snippets_size": sum(len(text.encode()) for each in project.snippets for text in each.files.values()),
        "uploads_size": sum(each.path.stat().st_size for each in project.uploads),
        "container_registry_size": 0,
    }
    return {"commit_count": repository.commit_count(), "storage_size": sum(sizes.values()), **sizes}
