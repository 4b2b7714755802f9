"""JSON Patch (RFC 6902) over JSON Pointer (RFC 6901)."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any


class PatchError(ValueError):
    """An operation that cannot be done; nothing was changed."""


def apply_patch(document: Any, patch: Sequence[Mapping[str, Any]]) -> Any:
    """The document after all operations, in order; the one given is left as it is."""
    patched = copy.deepcopy(document)
    for index, operation in enumerate(patch):
        try:
            patched = _apply(patched, operation)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise PatchError(
                f"operation {index} ({operation.get('op')} {operation.get('path')}): {error}"
            ) from error
    return patched


def _apply(document: Any, operation: Mapping[str, Any]) -> Any:
    path = _tokens(operation["path"])
    match operation["op"]:
        case "add":
            return _add(document, path, copy.deepcopy(operation["value"]))
        case "remove":
            return _remove(document, path)
        case "replace":
            _get(document, path)
            return _set(document, path, copy.deepcopy(operation["value"]))
        case "move":
            source = _tokens(operation["from"])
            value = _get(document, source)
            return _add(_remove(document, source), path, value)
        case "copy":
            return _add(document, path, copy.deepcopy(_get(document, _tokens(operation["from"]))))
        case "test":
            found = _get(document, path)
            if found != operation["value"]:
                raise ValueError(f"found {found!r}")
            return document
        case other:
            raise ValueError(f"unknown operation {other!r}")


def _tokens(pointer: str) -> list[str]:
    if pointer and not pointer.startswith("/"):
        raise ValueError(f"{pointer!r} is no JSON Pointer")
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]


def _get(document: Any, path: Sequence[str]) -> Any:
    for token in path:
        document = document[_index(document, token)] if isinstance(document, list) else document[token]
    return document


def _index(items: list[Any], token: str) -> int:
    if not token.isdecimal() or (len(token) > 1 and token[0] == "0"):
        raise ValueError(f"{token!r} is no index")
    index = int(token)
    if index >= len(items):
        raise IndexError(f"there is no item {index}")
    return index


def _set(document: Any, path: Sequence[str], value: Any) -> Any:
    if not path:
        return value
    parent = _get(document, path[:-1])
    parent[_index(parent, path[-1]) if isinstance(parent, list) else path[-1]] = value
    return document


def _add(document: Any, path: Sequence[str], value: Any) -> Any:
    if not path:
        return value
    parent = _get(document, path[:-1])
    if not isinstance(parent, list):
        parent[path[-1]] = value
    elif path[-1] == "-" or (path[-1].isdecimal() and int(path[-1]) == len(parent)):
        parent.append(value)
    else:
        parent.insert(_index(parent, path[-1]), value)
    return document


def _remove(document: Any, path: Sequence[str]) -> Any:
    if not path:
        return None
    parent = _get(document, path[:-1])
    del parent[_index(parent, path[-1]) if isinstance(parent, list) else path[-1]]
    return document
