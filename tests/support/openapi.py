"""GitHub's own OpenAPI description as an oracle: does an exchange look like one with the real GitHub?

The description is the pinned file that `tools/fetch-openapi.sh` fetches. What it leaves out has schemas here:
the issue import API (gist jonmagic/5282384165e0f86ef105; google/go-github `issue_import.go`), and refusals
that any operation may answer.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import jsonschema_rs

DESCRIPTION: Final = Path(__file__).resolve().parents[2] / ".tools" / "openapi" / "api.github.com.json"
API: Final = "/api/v3"
# Placeholders that hold slashes.
GREEDY: Final = frozenset({"ref", "path", "branch", "basehead"})
# Refusals that GitHub answers anywhere, though few operations say so.
ANYWHERE: Final = frozenset(
    {"400", "401", "403", "404", "429", "410", "413", "415", "307", "301", "422", "500", "503"}
)

_IMPORT_STATUS: Final[Mapping[str, Any]] = {
    "type": "object",
    "required": ["id", "status", "url", "import_issues_url", "repository_url", "created_at", "updated_at"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "integer"},
        "status": {"enum": ["pending", "importing", "imported", "failed"]},
        "url": {"type": "string", "format": "uri"},
        "import_issues_url": {"type": "string", "format": "uri"},
        "repository_url": {"type": "string", "format": "uri"},
        "issue_url": {"type": "string", "format": "uri"},
        "created_at": {"type": "string", "format": "date-time"},
        "updated_at": {"type": "string", "format": "date-time"},
        "errors": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["location", "resource", "field", "value", "code"],
                "properties": {
                    name: {"type": "string"} for name in ("location", "resource", "field", "code")
                },
            },
        },
    },
    "if": {"properties": {"status": {"const": "imported"}}},
    "then": {"required": ["issue_url"]},
    "else": {"not": {"required": ["issue_url"]}},
}
_IMPORT_REQUEST: Final[Mapping[str, Any]] = {
    "type": "object",
    "required": ["issue"],
    "additionalProperties": False,
    "properties": {
        "issue": {
            "type": "object",
            "required": ["title", "body"],
            "additionalProperties": False,
            "properties": {
                "title": {"type": "string"},
                "body": {"type": "string"},
                "created_at": {"type": "string", "format": "date-time"},
                "closed_at": {"type": "string", "format": "date-time"},
                "updated_at": {"type": "string", "format": "date-time"},
                "assignee": {"type": "string"},
                "milestone": {"type": "integer"},
                "closed": {"type": "boolean"},
                "labels": {"type": "array", "items": {"type": "string"}},
            },
        },
        "comments": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["body"],
                "additionalProperties": False,
                "properties": {
                    "body": {"type": "string"},
                    "created_at": {"type": "string", "format": "date-time"},
                },
            },
        },
    },
}
_JSON: Final = "application/json"
# What GitHub answers as null and its description does not say: the places of outdated review comments.
NULL_IN_FACT: Final[Mapping[str, tuple[str, ...]]] = {
    "pull-request-review-comment": ("line", "position"),
    "review-comment": ("line",),
}


METHODS: Final = ("GET", "PUT", "POST", "PATCH", "DELETE")


def _described(status: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {status: {"content": {_JSON: {"schema": schema}}}}


IMPORT_PATHS: Final[Mapping[str, Any]] = {
    "/repos/{owner}/{repo}/import/issues": {
        "post": {
            "requestBody": {"content": {_JSON: {"schema": _IMPORT_REQUEST}}},
            "responses": _described("202", _IMPORT_STATUS),
        },
        "get": {"responses": _described("200", {"type": "array", "items": _IMPORT_STATUS})},
    },
    "/repos/{owner}/{repo}/import/issues/{import_id}": {
        "get": {"responses": _described("200", _IMPORT_STATUS)},
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchanged:
    """The part of an exchange that is judged; `path` is below the API's base."""

    method: str
    path: str
    status: int
    request: Any = None
    response: Any = None
    is_json: bool = True


@dataclass(slots=True)
class _Operation:
    """One method of one path, its validators made when first needed."""

    template: str
    method: str
    description: Mapping[str, Any]
    validators: dict[str, Any] = field(default_factory=dict)


class Oracle:
    """Judges exchanges; `deviations` collects what every judged one did wrong."""

    def __init__(self, description: Path = DESCRIPTION) -> None:
        document = _without_nullable(json.loads(description.read_bytes()))
        for name, fields in NULL_IN_FACT.items():
            for each in fields:
                document["components"]["schemas"][name]["properties"][each]["type"] = ["integer", "null"]
        self._registry = jsonschema_rs.Registry([("urn:gh", document)], draft=jsonschema_rs.Draft202012)
        self._operations: list[tuple[re.Pattern[str], dict[str, _Operation]]] = []
        for template, methods in {**document["paths"], **IMPORT_PATHS}.items():
            by_method = {
                method: _Operation(template, method, description)
                for method, description in methods.items()
                if method in ("get", "put", "post", "patch", "delete")
            }
            self._operations.append((_template_pattern(template), by_method))
        # The path with the fewest placeholders is the one that is meant: /issues/comments before /issues/{n}.
        self._operations.sort(key=lambda each: each[0].groups)
        self._document = document
        self.judged = 0
        # `METHOD template` of what was judged, and how often.
        self.operations: Counter[str] = Counter()
        self.deviations: list[str] = []

    def forget(self) -> None:
        """Begin anew: nothing judged, no deviations."""
        self.judged = 0
        self.operations.clear()
        self.deviations.clear()

    def observe(self, exchange: Any) -> None:
        """Judge an exchange of the sandbox (its `Exchange`); git, GraphQL and faults are passed over."""
        is_rest = exchange.side == "github" and exchange.path.startswith(API)
        if not is_rest or exchange.is_faulted or exchange.method not in METHODS:
            return
        path = re.sub(r"^/repositories/[^/]+", "/repos/-/-", exchange.path.removeprefix(API) or "/")
        # The root folder is a path too, and an empty one.
        path = re.sub(r"/contents/?$", "/contents/-", path)
        is_json = "json" in exchange.response_headers.get("Content-Type", "")
        self.judge(
            Exchanged(
                method=exchange.method,
                path=path,
                status=exchange.status,
                request=_json(exchange.request_body),
                response=_json(exchange.response_body) if is_json else None,
                is_json=is_json,
            )
        )

    def judge(self, exchanged: Exchanged) -> list[str]:
        """What is wrong about one exchange; nothing, if it could have been with GitHub."""
        self.judged += 1
        found = list(self._problems(exchanged))
        place = f"{exchanged.method} {exchanged.path} -> {exchanged.status}"
        self.deviations += [f"{place}: {problem}" for problem in found]
        return found

    def _problems(self, exchanged: Exchanged) -> list[str]:
        operation = self._operation(exchanged.method, exchanged.path)
        if operation is None:
            return [] if exchanged.status == 404 else ["GitHub has no such operation"]
        self.operations[f"{exchanged.method} {operation.template}"] += 1
        status = str(exchanged.status)
        responses = operation.description["responses"]
        problems = []
        if status == "304":
            return []
        schema = _schema_of(self._resolved(responses[status])) if status in responses else None
        if schema is not None or (status in responses and exchanged.status < 400):
            problems += self._check(operation, status, schema, exchanged.response, "answer")
        elif status in ANYWHERE or status in responses:
            schema = {"$ref": "#/components/schemas/basic-error"}
            problems += self._check(operation, "any", schema, exchanged.response, "answer")
        else:
            problems.append(f"GitHub does not answer {status} here")
        if exchanged.status < 300 and "requestBody" in operation.description:
            schema = _schema_of(self._resolved(operation.description["requestBody"]))
            request = {} if exchanged.request is None else exchanged.request
            if isinstance(request, list) and operation.template.endswith("/labels"):
                # "You can also pass an array of labels directly", which the schema leaves out.
                request = {"labels": request}
            problems += self._check(operation, "request", schema, request, "request")
        return problems

    def _operation(self, method: str, path: str) -> _Operation | None:
        for pattern, by_method in self._operations:
            if pattern.fullmatch(path) and method.lower() in by_method:
                return by_method[method.lower()]
        return None

    def _resolved(self, description: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in description:
            node: Any = self._document
            for part in description["$ref"].removeprefix("#/").split("/"):
                node = node[part]
            description = node
        return description

    def _check(
        self, operation: _Operation, key: str, schema: Mapping[str, Any] | None, value: Any, what: str
    ) -> list[str]:
        if schema is None:
            return [] if value is None else [f"{what}: a body where GitHub has none"]
        if key not in operation.validators:
            operation.validators[key] = jsonschema_rs.Draft202012Validator(
                _absolute(schema), registry=self._registry, validate_formats=True
            )
        errors = operation.validators[key].iter_errors(value)
        return [f"{what} {'/'.join(map(str, each.instance_path))}: {each.message[:300]}" for each in errors]


def _json(body: bytes | None) -> Any:
    if not body:
        return None
    try:
        return json.loads(body)
    except ValueError:
        return None


def _schema_of(description: Mapping[str, Any]) -> Mapping[str, Any] | None:
    content = description.get("content", {})
    kind = content.get(_JSON) or next(iter(content.values()), None)
    return None if kind is None else kind.get("schema", {})


def _template_pattern(template: str) -> re.Pattern[str]:
    def expression(match: re.Match[str]) -> str:
        return "(.+)" if match[1] in GREEDY else "([^/]+)"

    pattern = re.sub(r"\\{(.+?)\\}", expression, re.escape(template))
    # "When you use this endpoint without providing a `:ref`, it will return an array of all the references".
    return re.compile(pattern.replace("/git/matching\\-refs/(.+)", "/git/matching\\-refs/(.*)"))


def _absolute(node: Any) -> Any:
    """A part of the description with its references made independent of where it stands."""
    if isinstance(node, dict):
        return {
            key: "urn:gh" + value if key == "$ref" and str(value).startswith("#") else _absolute(value)
            for key, value in node.items()
        }
    return [_absolute(each) for each in node] if isinstance(node, list) else node


def _without_nullable(node: Any) -> Any:
    """OpenAPI 3.0's `nullable` as JSON Schema says it."""
    if isinstance(node, list):
        return [_without_nullable(each) for each in node]
    if not isinstance(node, dict):
        return node
    made = {key: _without_nullable(value) for key, value in node.items()}
    if made.get("nullable") is True:
        if isinstance(made.get("type"), str):
            made["type"] = [made["type"], "null"]
        if isinstance(made.get("enum"), list) and None not in made["enum"]:
            made["enum"] = [*made["enum"], None]
        for choice in ("oneOf", "anyOf"):
            if choice in made and "type" not in made:
                made[choice] = [*made[choice], {"type": "null"}]
        if "allOf" in made and "type" not in made:
            made = {"anyOf": [made, {"type": "null"}]}
    return made
