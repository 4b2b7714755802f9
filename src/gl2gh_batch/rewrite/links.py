"""The addresses of links and images, wherever they are written: `[x](…)`, `<…>`, `[x]: …`, `<img src=…>`."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Final

from gl2gh_batch.domain.ports import Book
from gl2gh_batch.rewrite.addresses import moved, safe
from gl2gh_batch.rewrite.markdown import Definition, Link
from gl2gh_batch.rewrite.raw_html import Attribute
from gl2gh_batch.rewrite.references import ends_in_keyword
from gl2gh_batch.rewrite.runs import ZERO_WIDTH_SPACE, Edit

_TO_ADDRESS: Final = re.compile(r"[\s>]*\]\([\s>]*")
_LABEL: Final = re.compile(r"\[(?:[^\[\]\\]|\\.)*\]:[\s>]*", re.DOTALL)
_ANGLE: Final = re.compile(r"<((?:[^<>\n\\]|\\.)*)>")
_WORD: Final = re.compile(r"[^\s<][^\s]*")
_ESCAPED: Final = re.compile(r"\\([!-/:-@\[-`{-~])")
# doc/user/markdown: "Change image or video dimensions"; the numbers are pixels or percents.
_SIZES: Final = re.compile(
    r"\{[ \t]*((?:(?:width|height)[ \t]*=[ \t]*[\"']?[0-9]{1,5}(?:px|%)?[\"']?[ \t]*){1,2})\}"
)
_SIZE: Final = re.compile(r"(width|height)[ \t]*=[ \t]*[\"']?([0-9]{1,5}%?)")
_PLAYED: Final = re.compile(
    r"\.(?:mp4|m4v|mov|webm|ogv|mp3|oga|ogg|spx|wav)(?:[?#].*)?", re.IGNORECASE | re.DOTALL
)
_PICTURE: Final = re.compile(r"\.(?:png|jpe?g|gif|svg|webp|bmp|ico)\Z", re.IGNORECASE)
_LINE_ENDS: Final = re.compile(r"[ \t]*(?:\r?\n|\Z)")
_NUMBERED: Final = re.compile(r"/issues/[0-9]+(?:#|\Z)")
_LONGEST_ENDING: Final = 6
_LONGEST_INDENT: Final = 200


def link_edits(link: Link, source: str, book: Book) -> Iterator[Edit]:
    """The edits for one link or image of Markdown; one by name is right when its definition is."""
    new = moved(link.url, book, image=link.image)
    if new is not None and _NUMBERED.search(new) and ends_in_keyword(source, link.start):
        yield Edit(link.start, link.start, ZERO_WIDTH_SPACE)
    if link.style == "Autolink" and new is not None:
        yield Edit(link.start + 1, link.end - 1, new)
    if link.image and (sizes := _SIZES.match(source, link.end)):
        if link.plain and link.style == "Inline" and not _plays(link.url):
            yield Edit(link.start, sizes.end(), _sized(link, sizes, new or safe(link.url), source))
            return
        yield Edit(link.end, sizes.end(), "")
    if link.image and link.plain and _plays(link.url):
        # GitHub shows nothing for an image that is a film or a sound; a link can be followed.
        joins = link.start > 0 and source[link.start - 1] in "!]\\"
        yield Edit(link.start, link.start + 1, ZERO_WIDTH_SPACE if joins else "")
    if new is not None and link.style == "Inline":
        yield _address_edit(source, link.inside_end, link.end, link.url, link.title, new)


def definition_edits(definition: Definition, source: str, book: Book) -> Iterator[Edit]:
    """The edit for the definition of an address that links name."""
    new = moved(definition.url, book, image=bool(_PICTURE.search(definition.url)))
    label = _LABEL.match(source, definition.start, definition.end)
    if new is None or label is None:
        return
    place = _find(source, label.end(), definition.end, definition.url)
    if place is not None:
        yield Edit(*place, new)
    else:
        title = _title(definition.title)
        yield Edit(label.end(), definition.end, f"{new}{title}")


def attribute_edits(attribute: Attribute, book: Book) -> Iterator[Edit]:
    """The edit for an address in a tag; quoted, since an unquoted value could not hold each of them."""
    new = moved(attribute.value, book, image=attribute.name != "href")
    if new is not None:
        yield Edit(attribute.start, attribute.end, f'"{html.escape(new)}"')


def _address_edit(source: str, start: int, end: int, url: str, title: str, new: str) -> Edit:
    opening = _TO_ADDRESS.match(source, start, end)
    if opening is not None:
        place = _find(source, opening.end(), end, url)
        if place is not None:
            return Edit(*place, new)
    return Edit(start, end, f"]({new}{_title(title)})")


def _find(source: str, start: int, end: int, url: str) -> tuple[int, int] | None:
    """Where the address is written, when what is written there is that address."""
    if found := _ANGLE.match(source, start, end):
        return found.span() if _read(found.group(1)) == url else None
    found = _WORD.match(source, start, end)
    if found is None:
        return None
    depth, stop, skip = 0, found.start(), False
    for sign in found.group():
        if skip:
            skip = False
        elif sign == "\\":
            skip = True
        elif sign == "(":
            depth += 1
        elif sign == ")":
            depth -= 1
            if depth < 0:
                break
        stop += 1
    return (start, stop) if _read(source[start:stop]) == url else None


def _read(address: str) -> str:
    # Escapes first: `\\&amp;` is no entity.
    return "".join(
        part if number % 2 else html.unescape(part) for number, part in enumerate(_ESCAPED.split(address))
    )


def _title(title: str) -> str:
    words = html.escape(title, quote=False).replace("\\", "\\\\").replace('"', '\\"')
    return f' "{" ".join(words.split())}"' if words.strip() else ""


def _plays(url: str) -> bool:
    """True for the addresses that GitLab shows as a player."""
    dot = url.partition("?")[0].partition("#")[0].rpartition(".")[2]
    return len(dot) <= _LONGEST_ENDING and bool(_PLAYED.fullmatch(f".{dot}"))


def _sized(link: Link, sizes: re.Match[str], address: str, source: str) -> str:
    """An image of a given size, as HTML: GitHub's Markdown has no other way to say it."""
    values = {"src": address, "alt": link.words, "title": link.title} | dict(_SIZE.findall(sizes.group(1)))
    tag = " ".join(f'{name}="{_attribute(value)}"' for name, value in values.items() if value)
    # Alone on its line, such a tag would make HTML of the lines that follow.
    line = source[source.rfind("\n", max(0, link.start - _LONGEST_INDENT), link.start) + 1 : link.start]
    begins = not line.strip(" \t>-+*0123456789.)")
    ends = _LINE_ENDS.match(source, sizes.end()) is not None
    return f"{ZERO_WIDTH_SPACE if begins and ends else ''}<img {tag}>"


def _attribute(value: str) -> str:
    return " ".join(html.escape(value).replace("|", "&#124;").replace("`", "&#96;").split())
