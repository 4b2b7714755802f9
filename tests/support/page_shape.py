"""The structure of a Markdown page, without its words."""

from __future__ import annotations

import pyromark
from pyromark import Options

OPTIONS = Options.ENABLE_TABLES | Options.ENABLE_STRIKETHROUGH | Options.ENABLE_GFM


def shape(markdown: str) -> list[str]:
    """The structure of a page: every event but the words."""
    found = []
    for event in pyromark.events(markdown, options=OPTIONS):
        match event:
            case {"Text": _}:
                name = "Text"
            case _:
                name = str(event)
        if not found or name != "Text" or found[-1] != "Text":
            found.append(name)
    return found
