"""The JSON schemas of GitLab's own request specs as an oracle: does an answer look like GitLab's?"""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any, Final

import jsonschema
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

HOME: Final = "https://gitlab.test/spec/fixtures/api/schemas"
API: Final = "/api/v4"
# `type` values of a few schemas that are no types of JSON Schema.
NO_TYPES: Final = ("date", "uri", "string ", "integer ")

# Fields of a comment on a line of a diff alone.
ON_A_LINE: Final = frozenset({"commit_id", "position", "suggestions"})

# (path below the API's base, schema of one row of a list or of the whole answer)
PLACES: Final = tuple(
    (re.compile(API + path.replace("{}", "[^/]+")), name, is_row)
    for path, name, is_row in (
        ("/user", "user/public", False),
        ("/projects", "project/identity", True),
        ("/projects/{}/issues", "issue", True),
        ("/projects/{}/issues/{}", "issue", False),
        ("/projects/{}/issues/{}/notes", "notes", False),
        ("/projects/{}/issues/{}/links", "issue", True),
        ("/projects/{}/labels", "labels/project_label", True),
        ("/projects/{}/milestones", "milestone", True),
        ("/projects/{}/merge_requests", "merge_request", True),
        ("/projects/{}/merge_requests/{}", "merge_request", False),
        ("/projects/{}/merge_requests/{}/notes", "notes", False),
        ("/projects/{}/members", "members", False),
        ("/projects/{}/members/all", "members", False),
        ("/projects/{}/repository/branches", "branch", True),
        ("/projects/{}/repository/commits", "commit/basic", True),
        ("/projects/{}/repository/commits/{}", "commit/detail", False),
        ("/projects/{}/releases", "release", True),
        ("/projects/{}/hooks", "project_hook", True),
        ("/projects/{}/environments", "environment", True),
        ("/projects/{}/boards", "board", True),
        ("/projects/{}/deploy_keys", "deploy_key", True),
    )
)


def repaired(schema: Any) -> Any:
    """A schema in which words that are no types stand for strings, null allowed as for the optional."""
    if isinstance(schema, dict):
        return {
            key: ["string", "null"] if key == "type" and value in NO_TYPES else repaired(value)
            for key, value in schema.items()
        }
    if isinstance(schema, list):
        return [repaired(each) for each in schema]
    return schema


class Schemas:
    """The schemas, each registered under its path in GitLab's own tree."""

    def __init__(self, folder: Path) -> None:
        resources = []
        for path in folder.rglob("*.json"):
            place = path.relative_to(folder).as_posix().replace("public_api_v4/", "public_api/v4/")
            content = repaired(json.loads(path.read_text()))
            resource: Resource[Any] = Resource.from_contents(content, default_specification=DRAFT7)
            resources.append((f"{HOME}/{place}", resource))
            # issue_link.json goes up through the repository's root to come down again.
            resources.append((f"https://gitlab.test/{place}", resource))
        registry: Registry[Any] = Registry()
        self._registry = registry.with_resources(resources)

    def problems(self, name: str, value: Any) -> list[str]:
        """What is wrong with a value by the schema `public_api/v4/<name>.json`."""
        validator = jsonschema.Draft7Validator(
            {"$ref": f"{HOME}/public_api/v4/{name}.json"}, registry=self._registry
        )
        return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(value)]


class GitLabOracle:
    """Judges the answers of a sandbox's GitLab; `deviations` collects what is wrong with them."""

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas
        # The schema's name, and how many answers were judged by it.
        self.judged: Counter[str] = Counter()
        self.deviations: list[str] = []

    def observe(self, exchange: Any) -> None:
        """Judge an exchange of the sandbox (its `Exchange`); what has no schema is passed over."""
        if exchange.side != "gitlab" or exchange.method != "GET" or exchange.status != 200:
            return
        for pattern, name, is_row in PLACES:
            if pattern.fullmatch(exchange.path):
                body = json.loads(exchange.response_body)
                self.judged[name] += 1
                for row in body if is_row else [body]:
                    self.deviations += [
                        f"{exchange.path}?{exchange.query}: {problem}"
                        for problem in self._schemas.problems(*_as_described(name, row))
                    ]


@cache
def load(folder: Path) -> Schemas:
    """The schemas of a folder, read once."""
    return Schemas(folder)


def _as_described(name: str, answer: Any) -> tuple[str, Any]:
    """The schema and the answer, where GitLab's code shows more than the schema of the name knows.

    Labels come with counts when they are asked for, and comments on lines of a diff with their place
    (lib/api/entities/note.rb of gitlabhq/gitlabhq).
    """
    if name == "labels/project_label" and "open_issues_count" in answer:
        return "labels/project_label_with_counts", answer
    return name, [_note_as_described(note) for note in answer] if name == "notes" else answer


def _note_as_described(note: dict[str, Any]) -> dict[str, Any]:
    hidden = ON_A_LINE if note.get("type") == "DiffNote" else ()
    shown = {key: value for key, value in note.items() if key not in hidden}
    if shown.get("resolved") and isinstance(shown.get("resolved_by"), dict):
        # The schema has seen unresolved ones only, and a name where there is a user.
        shown["resolved_by"] = shown["resolved_by"].get("username")
    return shown
