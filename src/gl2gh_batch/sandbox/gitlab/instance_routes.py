"""The instance, its people, groups and the list of projects (docs: api/users, api/groups, api/projects)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from aiohttp import web

from gl2gh_batch.sandbox.gitlab.answers import (
    from_cursor,
    invalid,
    keyset_page,
    keyset_unavailable,
    not_found,
    to_cursor,
)
from gl2gh_batch.sandbox.gitlab.call import Call, Routes
from gl2gh_batch.sandbox.gitlab.faces import (
    group_face,
    label_face,
    member_face,
    milestone_face,
    own_page,
    project_face,
    simple_project,
    user_face,
    user_page,
)
from gl2gh_batch.sandbox.gitlab.world import REVISION, VERSION
from gl2gh_batch.sandbox.seeds.records import REPORTER, Group, Member, Project, User

T = TypeVar("T")
_PROJECT_KEYS: Final[dict[str, Callable[[Project], Any]]] = {
    "id": lambda project: project.id,
    "name": lambda project: (project.name.lower(), project.id),
    "path": lambda project: (project.path, project.id),
    "created_at": lambda project: (project.created_at, project.id),
    "updated_at": lambda project: (project.last_activity_at, project.id),
    "last_activity_at": lambda project: (project.last_activity_at, project.id),
    "star_count": lambda project: (project.face.get("star_count") or 0, project.id),
    "similarity": lambda project: project.id,
}


async def version(call: Call) -> web.StreamResponse:
    """`/version` and `/metadata`, for anybody who is signed in."""
    call.signed_in()
    kas = {"enabled": False, "externalUrl": None, "externalK8sProxyUrl": None, "version": None}
    return call.json({"version": VERSION, "revision": REVISION, "kas": kas, "enterprise": True})


async def own_user(call: Call) -> web.StreamResponse:
    """`/user`: who the token belongs to."""
    return call.json(own_page(call.world, call.signed_in()))


async def own_token(call: Call) -> web.StreamResponse:
    """`/personal_access_tokens/self`: the token that asks (docs: api/personal_access_tokens)."""
    user = call.signed_in()
    token = call.caller.token
    assert token is not None
    return call.json(
        {
            "id": user.id,
            "name": "token",
            "description": None,
            "revoked": token.revoked,
            "created_at": "2024-01-01T00:00:00.000Z",
            "scopes": sorted(token.scopes),
            "user_id": user.id,
            "last_used_at": None,
            "active": not token.revoked,
            "expires_at": token.expires_at,
        }
    )


async def users(call: Call) -> web.StreamResponse:
    """`/users`: by name, by a search, or all of them."""
    found = list(call.world.users.values())
    is_admin = call.caller.user is not None and call.caller.user.is_admin
    if not call.text("username"):
        call.signed_in()
    if wanted := call.text("username").lower():
        found = [user for user in found if user.username.lower() == wanted]
    if search := call.text("search").lower():
        found = [
            user
            for user in found
            if search in user.username.lower()
            or search in user.name.lower()
            or search in ((user.public_email, user.email) if is_admin else (user.public_email,))
        ]

    def show(user: User) -> dict[str, Any] | None:
        return (
            user_page(call.world, user, is_admin=True) if is_admin else user_face(call.world, user.username)
        )

    return _by_key_or_page(call, found, show, key="id", otherwise="desc", rows_type="User", keys=("id",))


async def user(call: Call) -> web.StreamResponse:
    """`/users/:id`."""
    viewer = call.signed_in()
    found = call.world.user_of_id(call.number("id"))
    if found is None:
        raise not_found("User")
    return call.json(user_page(call.world, found, is_admin=viewer.is_admin))


async def projects(call: Call) -> web.StreamResponse:
    """`/projects`: those the caller can see, filtered."""
    return _projects(call, [each for each in call.world.projects.values() if call.caller.can_see(each)])


async def user_projects(call: Call) -> web.StreamResponse:
    """`/users/:id/projects`: those in somebody's own namespace."""
    reference = call.part("id")
    found = call.world.users.get(reference)
    if found is None and reference.isdecimal():
        found = call.world.user_of_id(int(reference))
    if found is None:
        raise not_found("User")
    own = [each for each in call.world.projects.values() if each.namespace_path == found.username]
    return _projects(call, [each for each in own if call.caller.can_see(each)])


async def groups(call: Call) -> web.StreamResponse:
    """`/groups`: those the caller can see; for an administrator all."""
    found = [each for each in call.world.groups.values() if _sees(call, each)]
    return _groups(call, found)


async def group(call: Call) -> web.StreamResponse:
    """`/groups/:id`, with its projects unless `with_projects=false`."""
    found = call.group()
    face = group_face(call.world, found)
    if call.flag("with_projects", otherwise=True):
        inside = [each for each in call.world.projects.values() if each.namespace_path == found.full_path]
        face["projects"] = [simple_project(call.world, each) for each in inside if call.caller.can_see(each)]
        face["shared_projects"] = []
    return call.json(face)


async def group_projects(call: Call) -> web.StreamResponse:
    """`/groups/:id/projects`; those of subgroups only with `include_subgroups=true`."""
    found = call.group()
    is_deep = call.flag("include_subgroups")
    inside = f"{found.full_path.lower()}/"
    rows = [
        each
        for each in call.world.projects.values()
        if (each.full_path.lower().startswith(inside) if is_deep else each.namespace_path == found.full_path)
    ]
    return _projects(call, [each for each in rows if call.caller.can_see(each)])


async def subgroups(call: Call) -> web.StreamResponse:
    """`/groups/:id/subgroups`: the groups right below."""
    found = call.group()
    rows = [each for each in call.world.groups.values() if each.parent_path == found.full_path]
    return _groups(call, [each for each in rows if _sees(call, each)])


async def descendant_groups(call: Call) -> web.StreamResponse:
    """`/groups/:id/descendant_groups`: all groups below."""
    inside = f"{call.group().full_path.lower()}/"
    rows = [each for each in call.world.groups.values() if each.full_path.lower().startswith(inside)]
    return _groups(call, [each for each in rows if _sees(call, each)])


async def group_labels(call: Call) -> web.StreamResponse:
    """`/groups/:id/labels`, with those of the groups above unless told otherwise."""
    found = call.group()
    places = [found]
    if call.flag("include_ancestor_groups", otherwise=True):
        places += call.world.ancestors(found.full_path)
    labels = sorted((label for place in places for label in place.labels), key=lambda label: label.title)
    return call.page(labels, lambda label: label_face(label, is_project_label=None))


async def group_milestones(call: Call) -> web.StreamResponse:
    """`/groups/:id/milestones`; those of the groups above with `include_ancestors=true`."""
    found = call.group()
    places = [found]
    if call.flag("include_ancestors") or call.flag("include_parent_milestones"):
        places += call.world.ancestors(found.full_path)
    rows = [(each, place) for place in places for each in place.milestones]
    if state := call.text("state"):
        rows = [row for row in rows if row[0].state == state]
    rows.sort(key=lambda row: -row[0].id)
    return call.page(rows, lambda row: milestone_face(call.world, None, row[0], row[1]))


async def group_members(call: Call) -> web.StreamResponse:
    """`/groups/:id/members`: the direct ones."""
    found = call.group()
    return call.page(found.members, lambda each: member_face(call.world, each))


async def all_group_members(call: Call) -> web.StreamResponse:
    """`/groups/:id/members/all`: with the inherited ones, each once with the highest level."""
    found = call.group()
    rows = highest_members([found.members, *(each.members for each in call.world.ancestors(found.full_path))])
    return call.page(rows, lambda each: member_face(call.world, each))


def highest_members(lists: Sequence[Sequence[Member]]) -> list[Member]:
    """Every member of several places once, with the highest access level."""
    highest: dict[str, Member] = {}
    for member in (each for members in lists for each in members):
        known = highest.get(member.username)
        if known is None or known.access_level < member.access_level:
            highest[member.username] = member
    return list(highest.values())


def permissions(call: Call, project: Project) -> dict[str, Any]:
    """The caller's direct access to a project and through its groups."""
    mine = call.caller.user.username if call.caller.user is not None else None

    def access(members: list[Member]) -> dict[str, int] | None:
        levels = [each.access_level for each in members if each.username == mine]
        return {"access_level": max(levels), "notification_level": 3} if levels else None

    through = [each for group in call.world.ancestors(project.full_path) for each in group.members]
    return {"project_access": access(project.members), "group_access": access(through)}


def _sees(call: Call, group: Group) -> bool:
    return group.kind == "group" and call.caller.can_see_group(group)


def _projects(call: Call, found: list[Project]) -> web.Response:
    """A list of projects with the filters that all such lists have."""
    if "archived" in call.request.query:
        found = [each for each in found if each.archived == call.flag("archived")]
    if visibility := call.text("visibility"):
        found = [each for each in found if each.visibility == visibility]
    if search := call.text("search").lower():
        found = [each for each in found if search in each.full_path.lower() or search in each.name.lower()]
    if topic := call.text("topic").lower():
        wanted = set(topic.split(","))
        found = [each for each in found if wanted <= {name.lower() for name in each.topics}]
    if call.flag("membership"):
        found = [each for each in found if call.caller.is_member(each)]
    if call.flag("owned"):
        found = [each for each in found if call.caller.level(each) >= 50 and call.caller.is_member(each)]
    if minimum := call.text("min_access_level"):
        found = [each for each in found if call.caller.level(each) >= int(minimum)]
    if (after := call.moment("last_activity_after")) is not None:
        found = [each for each in found if each.last_activity_at > after]
    if (before := call.moment("last_activity_before")) is not None:
        found = [each for each in found if each.last_activity_at < before]
    order = call.choice("order_by", tuple(_PROJECT_KEYS), "created_at")
    is_ascending = call.choice("sort", ("asc", "desc"), "desc") == "asc"
    found.sort(key=_PROJECT_KEYS[order], reverse=not is_ascending)
    for name in ("id_after", "id_before"):
        if (limit := call.text(name)) and limit.isdecimal():
            is_after = name == "id_after"
            found = [each for each in found if (each.id > int(limit)) == is_after and each.id != int(limit)]

    def show(project: Project) -> dict[str, Any]:
        if call.flag("simple") or call.caller.user is None:
            return simple_project(call.world, project)
        with_statistics = call.flag("statistics") and call.caller.level(project) >= REPORTER
        return project_face(
            call.world,
            project,
            permissions=permissions(call, project),
            with_statistics=with_statistics,
        )

    if call.text("pagination") != "keyset":
        return call.page(found, show, keyset_type="Project")
    is_keyed = order == "id" and "order_by" in call.request.query
    if not is_keyed and call.world.rules.holds("gitlab_keyset"):
        raise keyset_unavailable()
    name = "id_after" if is_ascending else "id_before"
    return keyset_page(call.request, call.base_url, found, show, following=lambda last: {name: str(last.id)})


def _groups(call: Call, found: list[Group]) -> web.Response:
    if search := call.text("search").lower():
        found = [each for each in found if search in each.full_path.lower()]
    if call.flag("top_level_only"):
        found = [each for each in found if not each.parent_path]
    if call.flag("owned"):
        found = [each for each in found if call.caller.group_level(each) >= 50]
    return _by_key_or_page(
        call,
        found,
        lambda each: group_face(call.world, each),
        key="name",
        otherwise="asc",
        rows_type="Group",
        keys=("name", "path", "id"),
    )


def _by_key_or_page(
    call: Call,
    found: list[T],
    show: Callable[[T], Any],
    *,
    key: str,
    otherwise: str,
    rows_type: str,
    keys: tuple[str, ...],
) -> web.Response:
    """A page by number, or after a cursor when keyset paging is asked for in the one order that has it."""
    order = call.choice("order_by", keys, key)
    is_ascending = call.choice("sort", ("asc", "desc"), otherwise) == "asc"

    def place(row: Any) -> tuple[str, int] | tuple[int]:
        return (row.id,) if order == "id" else (str(getattr(row, order)).lower(), row.id)

    found = sorted(found, key=place, reverse=not is_ascending)
    if call.text("pagination") != "keyset":
        return call.page(found, show, keyset_type=rows_type)
    if order != key and call.world.rules.holds("gitlab_keyset"):
        raise keyset_unavailable()
    if cursor := call.text("cursor"):
        after = from_cursor(cursor).get("after")
        if not isinstance(after, list):
            raise invalid("cursor")
        found = [
            row for row in found if (list(place(row)) > after) == is_ascending and list(place(row)) != after
        ]
    return keyset_page(
        call.request,
        call.base_url,
        found,
        show,
        following=lambda last: {"cursor": to_cursor({"after": list(place(last))})},
    )


ROUTES: Final[Routes] = (
    ("GET", "/version", version),
    ("GET", "/metadata", version),
    ("GET", "/user", own_user),
    ("GET", "/personal_access_tokens/self", own_token),
    ("GET", "/users", users),
    ("GET", "/users/{id}", user),
    ("GET", "/users/{id}/projects", user_projects),
    ("GET", "/projects", projects),
    ("GET", "/groups", groups),
    ("GET", "/groups/{id}", group),
    ("GET", "/groups/{id}/projects", group_projects),
    ("GET", "/groups/{id}/subgroups", subgroups),
    ("GET", "/groups/{id}/descendant_groups", descendant_groups),
    ("GET", "/groups/{id}/labels", group_labels),
    ("GET", "/groups/{id}/milestones", group_milestones),
    ("GET", "/groups/{id}/members", group_members),
    ("GET", "/groups/{id}/members/all", all_group_members),
)
