"""A reader of GraphQL operations: selections with arguments, aliases and variables, and inline fragments."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

TOKEN: Final = re.compile(
    r'[\s,]+|#[^\n]*|(?P<token>"(?:[^"\\]|\\.)*"|\.\.\.|[A-Za-z_][A-Za-z0-9_]*|-?[0-9][0-9.eE+-]*|[{}()\[\]:=!$@|])'
)


class GraphqlSyntaxError(ValueError):
    """The text is no GraphQL that is understood here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a selection; `alias` is the key of its answer."""

    name: str
    alias: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    selection: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A query or a mutation."""

    kind: str
    selection: tuple[Field, ...]


def parse_operation(text: str, variables: Mapping[str, Any]) -> Operation:
    """The first operation of a document, its variables put in; GraphqlSyntaxError when it is none."""
    return _Reader(_tokens(text), variables).operation()


def _tokens(text: str) -> list[str]:
    found, position = [], 0
    while position < len(text):
        match = TOKEN.match(text, position)
        if match is None:
            raise GraphqlSyntaxError(f"Parse error on {text[position]!r}")
        position = match.end()
        if match["token"] is not None:
            found.append(match["token"])
    return found


class _Reader:
    def __init__(self, tokens: list[str], variables: Mapping[str, Any]) -> None:
        self._tokens = tokens
        self._variables = dict(variables)
        self._at = 0

    def _peek(self) -> str:
        if self._at >= len(self._tokens):
            raise GraphqlSyntaxError("Unexpected end of document")
        return self._tokens[self._at]

    def _take(self, expected: str | None = None) -> str:
        token = self._peek()
        if expected is not None and token != expected:
            raise GraphqlSyntaxError(f"Expected {expected!r}, found {token!r}")
        self._at += 1
        return token

    def operation(self) -> Operation:
        kind = "query"
        if self._peek() != "{":
            kind = self._take()
            if kind not in ("query", "mutation"):
                raise GraphqlSyntaxError(f"Unexpected {kind!r}")
            if self._peek() not in ("{", "("):
                self._take()
            if self._peek() == "(":
                self._definitions()
        return Operation(kind=kind, selection=self._selection())

    def _definitions(self) -> None:
        """Pass over the types of the variables, noting defaults."""
        self._take("(")
        while self._peek() != ")":
            self._take("$")
            name = self._take()
            self._take(":")
            while self._peek() not in ("$", ")", "="):
                self._take()
            if self._peek() == "=":
                self._take()
                self._variables.setdefault(name, self._value())
        self._take(")")

    def _selection(self) -> tuple[Field, ...]:
        fields: list[Field] = []
        self._take("{")
        while self._peek() != "}":
            if self._peek() == "...":
                self._take()
                self._take("on")
                self._take()
                fields += self._selection()
                continue
            fields.append(self._field())
        self._take("}")
        return tuple(fields)

    def _field(self) -> Field:
        alias = name = self._take()
        if self._peek() == ":":
            self._take()
            name = self._take()
        arguments: dict[str, Any] = {}
        if self._peek() == "(":
            self._take()
            while self._peek() != ")":
                key = self._take()
                self._take(":")
                arguments[key] = self._value()
            self._take(")")
        selection = self._selection() if self._peek() == "{" else ()
        return Field(name=name, alias=alias, arguments=arguments, selection=selection)

    def _value(self) -> Any:
        token = self._take()
        if token == "$":
            return self._variables.get(self._take())
        if token == "{":
            document: dict[str, Any] = {}
            while self._peek() != "}":
                key = self._take()
                self._take(":")
                document[key] = self._value()
            self._take("}")
            return document
        if token == "[":
            items = []
            while self._peek() != "]":
                items.append(self._value())
            self._take("]")
            return items
        if token in ("true", "false", "null") or token[0] in '"-0123456789':
            return json.loads(token)
        return token
