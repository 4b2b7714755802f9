"""Foreign text in our own output: harmless in a table cell, on a terminal and in the runner's log.

Titles, paths and messages come from GitLab and from users. Sources: GitHub's page "Workflow commands for
GitHub Actions" and the runner's `ActionCommand`, which takes a line that begins with `::` for a command, and
`##[` anywhere in a line.
"""

from __future__ import annotations

import re
from typing import Any, Final

ZERO_WIDTH_SPACE: Final = "\u200b"
_UNUSABLE: Final = re.compile("[\x00\ud800-\udfff]")
_SPACE: Final = re.compile(r"[\s\x00-\x20\x7f-\xa0\u2028\u2029]+")
# What hides text or changes its direction (Unicode "Bidi_Control", zero-width signs, tags, the BOM).
_HIDDEN: Final = re.compile("[\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_MARKUP: Final = re.compile(r"[&<>\"'`*_{}\[\]()#+!|~$:@\\^=-]|www\.|(?<=\d)\.", re.IGNORECASE)
_LIVE: Final = re.compile(r"(?:[@#]|\b[Gg][Hh]-)(?=\w)")
_NAMED: Final = re.compile(r"`([A-Za-z][A-Za-z0-9_.:/{} -]{2,80})`")
_COMMAND: Final = re.compile(r"::|##(?=\[)")


def words(text: object, limit: int = 0) -> str:
    """One line of plain words without hidden signs; with a limit, at most that many characters."""
    line = _SPACE.sub(" ", _HIDDEN.sub("", _UNUSABLE.sub("", str(text)))).strip()
    return line if not limit or len(line) <= limit else line[: limit - 1].rstrip() + "…"


def cell(text: object, limit: int = 300) -> str:
    """Words for GitHub's Markdown and HTML, also within a table: no markup, no link, no mention."""
    return _harmless(words(text, limit))


def prose(text: object, limit: int = 600) -> str:
    """A sentence of ours in a cell: what stands between backticks as a name is shown in code letters."""
    parts = _NAMED.split(words(text, limit))
    return "".join(
        f"<code>{_harmless(part)}</code>" if place % 2 else _harmless(part)
        for place, part in enumerate(parts)
    )


def code(text: object, limit: int = 300) -> str:
    """The same in code letters; an element and not backticks, which a text may hold, too."""
    return f"<code>{cell(text, limit)}</code>"


def terminal(text: object, limit: int = 0) -> str:
    """One line for a terminal or a log: control signs are shown as `\\xNN`, no workflow command remains."""
    line = _UNUSABLE.sub("", str(text)).replace("\r\n", " ").replace("\n", " ").replace("\t", " ")
    line = _CONTROL.sub(_shown, _HIDDEN.sub(_shown, line))
    if limit and len(line) > limit:
        line = line[: limit - 1].rstrip() + "…"
    return _COMMAND.sub(lambda found: ZERO_WIDTH_SPACE.join(found.group()) + ZERO_WIDTH_SPACE, line)


def _harmless(line: str) -> str:
    line = _LIVE.sub(lambda found: found.group() + ZERO_WIDTH_SPACE, line)
    return _MARKUP.sub(lambda found: "".join(f"&#{ord(sign)};" for sign in found.group()), line)


def _shown(found: re.Match[str]) -> str:
    code_point = ord(found.group())
    return f"\\x{code_point:02x}" if code_point < 0x100 else f"\\u{code_point:04x}"


def usable(value: Any) -> Any:
    """The same plain data with every string fit for UTF-8."""
    match value:
        case str():
            return _UNUSABLE.sub("\ufffd", value)
        case dict():
            return {usable(key): usable(one) for key, one in value.items()}
        case list() | tuple():
            return [usable(one) for one in value]
        case _:
            return value
