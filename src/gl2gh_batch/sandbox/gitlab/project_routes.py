"""A project with its labels, milestones, members, boards and settings (docs: api/projects, api/labels …)."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from gl2gh_batch.sandbox.gitlab.answers import not_found
from gl2gh_batch.sandbox.gitlab.call import Call, Handler, Routes
from gl2gh_batch.sandbox.gitlab.faces import (
    label_face,
    member_face,
    milestone_face,
    project_face,
    simple_project,
)
from gl2gh_batch.sandbox.gitlab.instance_routes import highest_members, permissions
from gl2gh_batch.sandbox.gitlab.repository import Repository
from gl2gh_batch.sandbox.gitlab.settings_faces import SETTINGS, setting_face
from gl2gh_batch.sandbox.seeds.records import (
    REPORTER,
    Group,
    Label,
    Milestone,
    Project,
)


async def project(call: Call) -> web.StreamResponse:
    """`/projects/:id`, with `statistics` for Reporters and `license` if asked for."""
    found = call.project()
    if call.caller.user is None:
        return call.json(simple_project(call.world, found))
    with_statistics = call.flag("statistics") and call.caller.level(found) >= REPORTER
    face = project_face(
        call.world, found, permissions=permissions(call, found), with_statistics=with_statistics
    )
    if call.flag("license"):
        face |= _license(call, found)
    return call.json(face)


async def labels(call: Call) -> web.StreamResponse:
    """`/projects/:id/labels`, with those of the groups above unless `include_ancestor_groups=false`."""
    found = call.project()
    rows = _labels(call, found)
    if search := call.text("search").lower():
        rows = [row for row in rows if search in row[0].title.lower()]
    counts = _counts(found) if call.flag("with_counts") else {}
    nothing = dict.fromkeys(_COUNTS, 0)

    def show(row: tuple[Label, Group | None]) -> dict[str, Any]:
        own = counts.get(row[0].title, nothing) if call.flag("with_counts") else None
        return label_face(row[0], is_project_label=row[1] is None, counts=own)

    return call.page(rows, show)


async def label(call: Call) -> web.StreamResponse:
    """`/projects/:id/labels/:label_id`, by id or title."""
    found, wanted = call.project(), call.part("label_id")
    for each, group in _labels(call, found):
        if wanted in (str(each.id), each.title):
            return call.json(label_face(each, is_project_label=group is None))
    raise not_found("Label")


async def milestones(call: Call) -> web.StreamResponse:
    """`/projects/:id/milestones`; those of the groups above with `include_ancestors=true`."""
    found = call.project()
    rows: list[tuple[Milestone, Group | None]] = [(each, None) for each in found.milestones]
    if call.flag("include_ancestors") or call.flag("include_parent_milestones"):
        for group in call.world.ancestors(found.full_path):
            rows += [(each, group) for each in group.milestones]
    if (state := call.text("state")) and state != "all":
        rows = [row for row in rows if row[0].state == state]
    if title := call.text("title"):
        rows = [row for row in rows if row[0].title == title]
    if iids := call.numbers("iids"):
        rows = [row for row in rows if row[0].iid in iids]
    rows.sort(key=lambda row: -row[0].id)
    return call.page(rows, lambda row: milestone_face(call.world, found, *row))


async def milestone(call: Call) -> web.StreamResponse:
    """`/projects/:id/milestones/:milestone_id`."""
    found, wanted = call.project(), call.number("milestone_id")
    for each in found.milestones:
        if each.id == wanted:
            return call.json(milestone_face(call.world, found, each, None))
    raise not_found("Milestone")


async def members(call: Call) -> web.StreamResponse:
    """`/projects/:id/members`: the direct ones."""
    return call.page(call.project().members, lambda each: member_face(call.world, each))


async def all_members(call: Call) -> web.StreamResponse:
    """`/projects/:id/members/all`: with those of the groups above, each once with the highest level."""
    found = call.project()
    above = [each.members for each in call.world.ancestors(found.full_path)]
    return call.page(highest_members([found.members, *above]), lambda each: member_face(call.world, each))


async def boards(call: Call) -> web.StreamResponse:
    """`/projects/:id/boards`."""
    found = call.project()
    return call.page(found.settings.get("boards", []), lambda row: board_face(call, found, row))


async def board_lists(call: Call) -> web.StreamResponse:
    """`/projects/:id/boards/:board_id/lists`."""
    found, wanted = call.project(), call.number("board_id")
    for row in found.settings.get("boards", ()):
        if row["id"] == wanted:
            return call.page(board_face(call, found, row)["lists"], lambda each: each)
    raise not_found("Board")


def _settings(kind: str) -> Handler:
    """The list of one kind of setting, for those who may see it."""

    async def handle(call: Call) -> web.StreamResponse:
        found = call.project(SETTINGS[kind].level)
        rows = found.settings.get(kind, [])
        return call.page(rows, lambda row: setting_face(call.world, found, kind, row))

    return handle


def _setting(kind: str) -> Handler:
    """One of a kind of setting, by its id, name or key."""

    async def handle(call: Call) -> web.StreamResponse:
        found, wanted = call.project(SETTINGS[kind].level), call.part("setting")
        for row in found.settings.get(kind, ()):
            if wanted in (str(row.get("id")), row.get("name"), row.get("key")):
                return call.json(setting_face(call.world, found, kind, row))
        raise not_found()

    return handle


def board_face(call: Call, project: Project, row: dict[str, Any]) -> dict[str, Any]:
    """An issue board with its lists; only those of labels are shown, as on GitLab."""
    about = simple_project(call.world, project)
    lists = []
    for each in row.get("lists", ()):
        title = (each.get("label") or {}).get("title") or (each.get("label") or {}).get("name")
        found = call.world.label(project, title) if title else None
        if found is not None:
            shown = {key: value for key, value in label_face(found[0]).items() if key in _BOARD_LABEL}
            lists.append({"id": each["id"], "label": shown, "position": each.get("position")})
    return {
        "id": row["id"],
        "name": row.get("name", "Development"),
        "hide_backlog_list": False,
        "hide_closed_list": False,
        "project": {key: value for key, value in about.items() if key not in ("namespace", "readme_url")},
        "lists": lists,
        "group": None,
        "milestone": None,
        "assignee": None,
        "labels": [],
        "weight": None,
    }


_BOARD_LABEL: Final = ("id", "name", "color", "description")
_COUNTS: Final = ("open_issues_count", "closed_issues_count", "open_merge_requests_count")


def _labels(call: Call, project: Project) -> list[tuple[Label, Group | None]]:
    rows: list[tuple[Label, Group | None]] = [(each, None) for each in project.labels]
    if call.flag("include_ancestor_groups", otherwise=True):
        for group in call.world.ancestors(project.full_path):
            rows += [(each, group) for each in group.labels]
    return sorted(rows, key=lambda row: (row[0].title.lower(), row[0].title, row[0].id))


def _counts(project: Project) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for issue in project.issues.values():
        kind = "open_issues_count" if issue.state == "opened" else "closed_issues_count"
        for title in issue.labels:
            counts.setdefault(title, dict.fromkeys(_COUNTS, 0))[kind] += 1
    for merge_request in project.merge_requests.values():
        for title in merge_request.labels if merge_request.state == "opened" else ():
            counts.setdefault(title, dict.fromkeys(_COUNTS, 0))["open_merge_requests_count"] += 1
    return counts


def _license(call: Call, project: Project) -> dict[str, Any]:
    repository = Repository(call.world.repository(project))
    sha = repository.resolve(project.default_branch or "")
    text = repository.file(sha, "LICENSE") if sha is not None else None
    if text is None:
        return {"license_url": None, "license": None}
    is_mit = b"MIT License" in text
    key, name = ("mit", "MIT License") if is_mit else ("other", "Other")
    url = f"{call.world.url}/{project.full_path}/-/blob/{project.default_branch}/LICENSE"
    face = {"key": key, "name": name, "nickname": None, "html_url": None, "source_url": None}
    return {"license_url": url, "license": face}


ROUTES: Final[Routes] = (
    ("GET", "/projects/{id}", project),
    ("GET", "/projects/{id}/labels", labels),
    ("GET", "/projects/{id}/labels/{label_id}", label),
    ("GET", "/projects/{id}/milestones", milestones),
    ("GET", "/projects/{id}/milestones/{milestone_id}", milestone),
    ("GET", "/projects/{id}/members", members),
    ("GET", "/projects/{id}/members/all", all_members),
    ("GET", "/projects/{id}/boards", boards),
    ("GET", "/projects/{id}/boards/{board_id}/lists", board_lists),
    *(("GET", f"/projects/{{id}}/{kind}", _settings(kind)) for kind in SETTINGS),
    *(("GET", f"/projects/{{id}}/{kind}/{{setting}}", _setting(kind)) for kind in SETTINGS),
)
