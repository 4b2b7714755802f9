"""Names as GitHub takes them: labels, repositories, descriptions, topics.

Everything here is a pure function of what GitLab has, so that every run and every shard gives the same names.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from gl2gh_batch.domain.refs import is_repository_name
from gl2gh_batch.domain.request import NamingStrategy
from gl2gh_batch.rewrite.runs import clean
from gl2gh_batch.rewrite.text import shortened

LABEL_NAME_LIMIT: Final = 50
LABEL_DESCRIPTION_LIMIT: Final = 100
MILESTONE_TITLE_LIMIT: Final = 255
REPOSITORY_NAME_LIMIT: Final = 100
REPOSITORY_DESCRIPTION_LIMIT: Final = 350
TOPIC_LIMIT: Final = 50
TOPICS_LIMIT: Final = 20

# Control characters, line and paragraph separators, and what reverses the direction of the text after it.
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_SPACES: Final = re.compile(r" {2,}")
_BEYOND_THREE_BYTES: Final = re.compile(r"[\U00010000-\U0010ffff]")
_NOT_REPOSITORY: Final = re.compile(r"[^A-Za-z0-9._-]+")
_NOT_TOPIC: Final = re.compile(r"[^a-z0-9-]+")
_REFUSED_ENDINGS: Final = (".git", ".wiki", ".atom")


def one_line(text: str) -> str:
    """The text on one line: control characters become spaces, runs of spaces one."""
    return _SPACES.sub(" ", _CONTROL.sub(" ", clean(text))).strip()


def label_key(name: str) -> str:
    """What two labels must not share: GitHub compares their names without regard to case."""
    return unicodedata.normalize("NFC", name).casefold()


def label_names(names: Iterable[str], rules: Mapping[str, str | None] | None = None) -> dict[str, str]:
    """The name on GitHub for each label: at most 50 characters, and no two alike; empty for a dropped one.

    Of those that would be alike, one that needs no change keeps the name, the first in alphabetical order
    before others; the rest get ` (2)`, ` (3)` … The order of `names` makes no difference. Those to which
    `rules` give the same name become one.
    """
    wanted = {name: translate(name, rules or {}) for name in names}
    given = _distinct({one for one in wanted.values() if one is not None}, LABEL_NAME_LIMIT, "unnamed")
    return {name: "" if one is None else given[one] for name, one in wanted.items()}


def translate(name: str, rules: Mapping[str, str | None]) -> str | None:
    """The label's name by the first rule whose pattern it matches; None when that drops it.

    In a pattern `*` stands for any characters, in the name each `*` for what the one at the same place
    matched; case makes a difference. A label that no pattern matches keeps its name.
    """
    for pattern, template in rules.items():
        found = _pattern(pattern).fullmatch(name)
        if found is not None:
            if template is None:
                return None
            texts = template.split("*")
            return "".join(
                one
                for pair in zip(texts, (*found.groups()[: template.count("*")], ""), strict=False)
                for one in pair
            )
    return name


@lru_cache(maxsize=1024)
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile("(.*?)".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)


def milestone_titles(titles: Iterable[str]) -> dict[str, str]:
    """The title on GitHub for each milestone: at most 255 characters, and no two alike."""
    return _distinct(titles, MILESTONE_TITLE_LIMIT, "untitled")


def _distinct(names: Iterable[str], limit: int, nameless: str) -> dict[str, str]:
    wanted = {name: shortened(one_line(name), limit) or nameless for name in names}
    taken: set[str] = set()
    given: dict[str, str] = {}
    for name in sorted(wanted, key=lambda one: (wanted[one] != one, label_key(one), one)):
        final, number = wanted[name], 1
        while label_key(final) in taken:
            number += 1
            suffix = f" ({number})"
            final = shortened(wanted[name], limit - len(suffix)) + suffix
        taken.add(label_key(final))
        given[name] = final
    return given


def label_description(text: str | None) -> str:
    """At most 100 characters on one line, without those beyond three bytes of UTF-8, which GitHub refuses."""
    return shortened(one_line(_BEYOND_THREE_BYTES.sub("", text or "")), LABEL_DESCRIPTION_LIMIT)


def repository_name(full_path: str, strategy: NamingStrategy = NamingStrategy.PROJECT) -> str:
    """The repository's name for a project: its last segment, or its whole path with hyphens between."""
    match strategy:
        case NamingStrategy.PROJECT:
            name = full_path.rpartition("/")[2]
        case NamingStrategy.FULL_PATH:
            name = full_path.replace("/", "-")
    name = _NOT_REPOSITORY.sub("-", name)[:REPOSITORY_NAME_LIMIT]
    while name.lower().endswith(_REFUSED_ENDINGS):
        name = name.rpartition(".")[0]
    return name if is_repository_name(name) else "repository"


def repository_description(text: str | None) -> str:
    """At most 350 characters on one line; GitHub refuses control characters."""
    return shortened(one_line(text or ""), REPOSITORY_DESCRIPTION_LIMIT)


def topics(names: Iterable[str]) -> list[str]:
    """At most 20 topics in lower case letters, digits and hyphens, each once, in the order given."""
    kept: dict[str, None] = {}
    for name in names:
        folded = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        topic = _NOT_TOPIC.sub("-", folded).strip("-")[:TOPIC_LIMIT].rstrip("-")
        if topic:
            kept[topic] = None
    return list(kept)[:TOPICS_LIMIT]
