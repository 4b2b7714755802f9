"""YAML that users write, as plain data: with caps on size, depth and aliases, and no key given twice."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any, Final

import yaml

from gl2gh_batch.batch.fields import shown
from gl2gh_batch.domain.errors import ConfigurationError
from gl2gh_batch.kit.users_file import refuse_workbook

MOST_BYTES: Final = 1 << 20
MOST_ALIASES: Final = 100
MOST_DEPTH: Final = 20
# What all aliases may unfold to: a file of the greatest size that has none holds fewer.
MOST_VALUES: Final = 1 << 20


def load_yaml(path: Path, field: str) -> Any:
    """The file's content; raises `ConfigurationError` for `field` that names the place and the remedy."""
    data = _read(path, field)
    try:
        return yaml.load(data.decode("utf-8-sig"), _Loader)  # noqa: S506 - a SafeLoader that refuses more
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{path.name} is no UTF-8 text", field=field, hint="Save it as UTF-8."
        ) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigurationError(
            f"{path.name} is no YAML that can be used{place}: {error.problem}",
            field=field,
            hint="Mend that line; a YAML checker in the editor helps.",
        ) from error
    except yaml.reader.ReaderError as error:
        raise ConfigurationError(
            f"{path.name} holds the control sign U+{int(error.character):04X}"
            f" at character {int(error.position) + 1}",
            field=field,
            hint="Remove it, or save the file as plain text.",
        ) from error
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, RecursionError) as error:
        # Some values that are not what they look like end in plain errors of PyYAML's constructors.
        raise ConfigurationError(
            f"{path.name} holds a value that YAML cannot read",
            field=field,
            hint="Put numbers that are none, and whatever stands behind `!!`, in quotes.",
        ) from error


def _read(path: Path, field: str) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no path"
        raise ConfigurationError(
            f"{shown(str(path))} cannot be read: {reason}",
            field=field,
            hint="Give the path of a file that is there.",
        ) from error
    if len(data) > MOST_BYTES:
        raise ConfigurationError(
            f"{path.name} is larger than 1 MiB", field=field, hint="Split it into several files."
        )
    refuse_workbook(data, path.name, field)
    return data


class _Loader(yaml.SafeLoader):
    """Refuses keys given twice, nesting that no such file has, and aliases that unfold to too much."""

    depth = 0
    aliases = 0

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._unfolded: dict[int, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call] # because the stubs leave it out
        is_alias = isinstance(event, yaml.AliasEvent)
        self.aliases += is_alias
        self.depth += 1
        try:
            if self.depth > MOST_DEPTH or self.aliases > MOST_ALIASES:
                raise yaml.constructor.ConstructorError(
                    None, None, "it is nested too deeply, or has too many aliases", event.start_mark
                )
            node = super().compose_node(parent, index)
            if node is not None:
                self._measure(node, event.start_mark, is_alias=is_alias)
            return node
        finally:
            self.depth -= 1

    def _measure(self, node: yaml.Node, mark: Any, *, is_alias: bool) -> None:
        """Count the values that the node stands for, those behind aliases once for each."""
        if is_alias:
            if id(node) not in self._unfolded:
                raise yaml.constructor.ConstructorError(None, None, "an alias holds itself", mark)
            return
        parts = node.value if isinstance(node, yaml.CollectionNode) else ()
        if isinstance(node, yaml.MappingNode):
            parts = [part for pair in parts for part in pair]
        size = 1 + sum(self._unfolded[id(part)] for part in parts)
        if size > MOST_VALUES:
            raise yaml.constructor.ConstructorError(None, None, "its aliases unfold to too much", mark)
        self._unfolded[id(node)] = size

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag != "tag:yaml.org,2002:merge" and isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {shown(key.value)} is given twice", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


# A date is only a text here; as a date, one that the calendar lacks would be an error of its own.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
