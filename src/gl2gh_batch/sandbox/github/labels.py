"""Labels of a repository."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from gl2gh_batch.sandbox.github.call import Call, Route, answer, no_content, text_field
from gl2gh_batch.sandbox.github.errors import invalid, not_found, too_long, wrong
from gl2gh_batch.sandbox.github.render import label_document
from gl2gh_batch.sandbox.github.state import Label, Repository, Role, State

RESOURCE: Final = "Label"
COLOR: Final = re.compile(r"[0-9a-fA-F]{6}")
# The colour of a label for which none was given.
DEFAULT_COLOR: Final = "ededed"


def check_label(state: State, fields: Mapping[str, Any], name_field: str = "name") -> None:
    """Refuse what GitHub refuses of a label's name, colour and description."""
    errors: list[dict[str, Any]] = []
    name = text_field(fields, name_field, RESOURCE)
    if name is not None and len(name) > state.rules.most("label_name_chars"):
        errors.append(wrong(RESOURCE, "name"))
    color = text_field(fields, "color", RESOURCE)
    if color is not None and not COLOR.fullmatch(color) and state.rules.holds("label_color"):
        errors.append(wrong(RESOURCE, "color"))
    description = text_field(fields, "description", RESOURCE) or ""
    most = state.rules.most("label_description_chars")
    if len(description) > most:
        errors.append(too_long(RESOURCE, "description", most))
    if state.rules.holds("label_description_plane") and any(ord(each) > 0xFFFF for each in description):
        message = "description contains unicode characters above 0xffff"
        errors.append(wrong(RESOURCE, "description", "custom", message=message))
    if errors:
        raise invalid(*errors)


def add_label(state: State, repository: Repository, name: str, fields: Mapping[str, Any]) -> Label:
    """Make a label; no checks."""
    label = Label(
        id=state.next_id(),
        name=name,
        color=(fields.get("color") or DEFAULT_COLOR).lower(),
        description=fields.get("description"),
        default=bool(fields.get("default", False)),
    )
    repository.labels[label.id] = label
    return label


def label_named(state: State, repository: Repository, name: str) -> Label:
    """The label of that name, made if need be: so GitHub does when an issue asks for one."""
    found = repository.label(name)
    if found is not None:
        return found
    check_label(state, {"name": name})
    return add_label(state, repository, name, {})


async def list_labels(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/labels; the default labels of a new repository may come late."""
    repository = call.repository()
    are_late = call.state.bare_labels_until.get(repository.id, 0) > call.state.clock.monotonic()
    labels = [label for label in repository.labels.values() if not (are_late and label.default)]
    labels.sort(key=lambda label: label.name.casefold())
    return call.paged(labels, lambda label: label_document(call.state, repository, label))


async def create_label(call: Call) -> web.StreamResponse:
    """POST /repos/{owner}/{repo}/labels."""
    repository = call.repository(Role.WRITE, "issues")
    fields = await call.body()
    name = (text_field(fields, "name", RESOURCE) or "").strip()
    if not name:
        raise invalid(wrong(RESOURCE, "name", "missing_field"))
    check_label(call.state, fields)
    if repository.label(name) is not None and call.state.rules.holds("label_exists"):
        raise invalid(wrong(RESOURCE, "name", "already_exists"))
    label = add_label(call.state, repository, name, fields)
    document = label_document(call.state, repository, label)
    return answer(document, 201, {"Location": document["url"]})


def _label_of(call: Call, repository: Repository) -> Label:
    label = repository.label(call.params["name"])
    if label is None:
        raise not_found()
    return label


async def get_label(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/labels/{name}."""
    repository = call.repository()
    return answer(label_document(call.state, repository, _label_of(call, repository)))


async def update_label(call: Call) -> web.StreamResponse:
    """PATCH /repos/{owner}/{repo}/labels/{name}."""
    repository = call.repository(Role.WRITE, "issues")
    label = _label_of(call, repository)
    fields = await call.body()
    check_label(call.state, fields, "new_name")
    name = (text_field(fields, "new_name", RESOURCE) or label.name).strip()
    if repository.label(name) not in (None, label) and call.state.rules.holds("label_exists"):
        raise invalid(wrong(RESOURCE, "name", "already_exists"))
    label.name = name
    if fields.get("color") is not None:
        label.color = fields["color"].lower()
    if "description" in fields:
        label.description = fields["description"]
    return answer(label_document(call.state, repository, label))


async def delete_label(call: Call) -> web.StreamResponse:
    """DELETE /repos/{owner}/{repo}/labels/{name}."""
    repository = call.repository(Role.WRITE, "issues")
    remove_label(repository, _label_of(call, repository))
    return no_content()


def remove_label(repository: Repository, label: Label) -> None:
    """Take a label away, from its issues too."""
    del repository.labels[label.id]
    for issue in repository.issues.values():
        issue.labels = [each for each in issue.labels if each != label.id]


ROUTES: Final[tuple[Route, ...]] = (
    ("GET", "/repos/{owner}/{repo}/labels", list_labels),
    ("POST", "/repos/{owner}/{repo}/labels", create_label),
    ("GET", "/repos/{owner}/{repo}/labels/{name}", get_label),
    ("PATCH", "/repos/{owner}/{repo}/labels/{name}", update_label),
    ("DELETE", "/repos/{owner}/{repo}/labels/{name}", delete_label),
)
