"""The rules by which labels are renamed or dropped, as a batch file gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gl2gh_batch.batch.fields import shown
from gl2gh_batch.domain.errors import ConfigurationError

EXAMPLE: Final = 'For example {"type::*": "type: *", "wontfix*": null}; null drops a label.'
MOST_RULES: Final = 1000
MOST_ASTERISKS: Final = 2
# GitHub refuses a longer name of a label (422, "name is too long (maximum is 50 characters)").
MOST_OF_A_NAME: Final = 50


def label_rules(raw: Mapping[str, Any]) -> dict[str, str | None]:
    """Pattern over GitLab's name → name on GitHub, or None to drop it; in the order given.

    Raises `ConfigurationError` that names the pattern.
    """
    value = raw.get("labels")
    if value is None or value == "":
        return {}
    if not isinstance(value, Mapping):
        raise ConfigurationError(
            f"{shown(value)} is not a mapping of patterns to names", field="labels", hint=EXAMPLE
        )
    if len(value) > MOST_RULES:
        raise ConfigurationError(f"there are more than {MOST_RULES} rules", field="labels", hint=EXAMPLE)
    rules: dict[str, str | None] = {}
    for pattern, name in value.items():
        if not isinstance(pattern, str) or not pattern.strip():
            raise ConfigurationError(f"{shown(pattern)} is not a pattern", field="labels", hint=EXAMPLE)
        if name is not None and (not isinstance(name, str) or not name.strip() or not name.isprintable()):
            raise ConfigurationError(
                f"the rule for {shown(pattern)} gives {shown(name)}, which is no name",
                field="labels",
                hint=EXAMPLE,
            )
        if name is not None and len(name) > MOST_OF_A_NAME:
            raise ConfigurationError(
                f"the rule for {shown(pattern)} gives a name of {len(name):,} characters",
                field="labels",
                hint=f"GitHub takes at most {MOST_OF_A_NAME}.",
            )
        if name is not None and name.count("*") > pattern.count("*"):
            raise ConfigurationError(
                f"the rule for {shown(pattern)} has more asterisks in the name than in the pattern",
                field="labels",
                hint="Each * of the name stands for what the * at the same place of the pattern matched.",
            )
        if pattern.count("*") > MOST_ASTERISKS:
            raise ConfigurationError(
                f"the pattern {shown(pattern)} has more than {MOST_ASTERISKS} asterisks",
                field="labels",
                hint=EXAMPLE,
            )
        rules[pattern] = name
    return rules
