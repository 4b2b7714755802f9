"""The pages of a wiki: what they are called on GitHub, where links lead, and their texts.

Sources: GitLab's doc/user/project/wiki ("Wiki-specific Markdown", sidebar, front matter); GitHub's "Editing
wiki content" and "Creating a footer or sidebar for your wiki". Neither GitHub's wikis nor its files make
links of `#12`: here they are written out.
"""

from __future__ import annotations

import posixpath
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote

from gl2gh_batch.domain.ports import Book
from gl2gh_batch.domain.request import WikiPolicy
from gl2gh_batch.kinds._file_book import FileBook
from gl2gh_batch.rewrite.addresses import safe
from gl2gh_batch.rewrite.markdown import parts
from gl2gh_batch.rewrite.runs import Edit, Run, apply
from gl2gh_batch.rewrite.shorthands import escaped
from gl2gh_batch.rewrite.text import prepared, rewritten

MARKDOWN: Final = (".md", ".markdown", ".mkd", ".mdown")
OTHER_MARKUP: Final = (
    ".adoc",
    ".asciidoc",
    ".asc",
    ".org",
    ".rdoc",
    ".rst",
    ".textile",
    ".creole",
    ".mediawiki",
)
_RENAMED: Final = {"home": "Home", "_sidebar": "_Sidebar", "_footer": "_Footer"}
_FRONT: Final = re.compile(r"\A---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.MULTILINE | re.DOTALL)
_TITLE: Final = re.compile(r"^title:[ \t]*(.*?)[ \t]*\r?\n?$", re.MULTILINE)
_HEADING: Final = re.compile(r"\s*#[ \t]+\S")
_NEWLINE: Final = re.compile(r"\r?\n")
# Formulas first, in which nothing counts; lengths are bound, so that time stays linear.
_WIKI_WORD: Final = re.compile(
    r"\$\$(?:[^$\n]|\n(?![ \t]*\n)){1,2000}\$\$"
    r"|(?<!\\)\[\[(?!\^|_?TOC_?\]\])(?P<inner>[^\[\]\n]{1,500})\]\]"
    r"|(?<!\\)\[wiki_page:(?P<page>[^\[\]\n]{1,500})\]"
)
# What Ruby's `\p{Word}` matches: letters, marks, digits and `_`.
_ANCHOR_SIGNS: Final = frozenset("Lu Ll Lt Lm Lo Mn Mc Me Nd Pc".split())  # noqa: SIM905 - one list of words
_ELSEWHERE: Final = re.compile(r"(?:https?|ftp)://|mailto:", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiki:
    """The pages of one wiki: `places` maps paths on GitLab to those on GitHub, `ref` is the branch.

    With the policy `wiki` there is no branch, and pages are reached by their names alone.
    """

    places: Mapping[str, str]
    policy: WikiPolicy
    root: str
    ref: str
    slugs: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, places: Mapping[str, str], *, policy: WikiPolicy, root: str, ref: str) -> Wiki:
        """The wiki of the repository at the address `root`."""
        slugs: dict[str, str] = {}
        for path in sorted(places):
            stem, ending = posixpath.splitext(path)
            if ending.lower() in (*MARKDOWN, *OTHER_MARKUP):
                slugs.setdefault(_slug(stem), path)
        return cls(places=places, policy=policy, root=root, ref=ref, slugs=slugs)

    def find(self, name: str, folder: str = "") -> str | None:
        """The path on GitLab of a page or file, as a text in `folder` names it."""
        name = unquote(name).replace("\\", "/")
        base = "" if name.startswith("/") else folder
        path = posixpath.normpath(posixpath.join("/", base, name.lstrip("/"))).lstrip("/")
        if path in self.places:
            return path
        return self.slugs.get(_slug(path)) or self.slugs.get(_slug(posixpath.splitext(path)[0]))

    def address(self, name: str) -> str | None:
        """The whole address on GitHub of a page or file."""
        found = self.find(name)
        return None if found is None else self._address(self.places[found])

    def from_page(self, place: str, page: str, *, is_file: bool) -> str:
        """How the page at `page` (on GitHub) links to `place`."""
        if self.policy is WikiPolicy.WIKI:
            return self._address(place)
        relative = posixpath.relpath(place, posixpath.dirname(page) or ".")
        # Without a folder, what looks like a scheme would be one.
        return quote(f"./{relative}" if ":" in relative else relative) + ("?raw=true" if is_file else "")

    def _address(self, place: str) -> str:
        if self.policy is not WikiPolicy.WIKI:
            return f"{self.root}/blob/{quote(self.ref)}/{quote(place)}"
        stem, ending = posixpath.splitext(place)
        is_page = ending.lower() in (*MARKDOWN, *OTHER_MARKUP)
        # GitHub knows pages by their names, whatever folder they are in.
        return f"{self.root}/wiki/{quote(posixpath.basename(stem) if is_page else place)}"


def is_page(path: str) -> bool:
    """True for a page whose text is Markdown."""
    return path.lower().endswith(MARKDOWN)


def places_of(paths: Iterable[str], policy: WikiPolicy) -> dict[str, str]:
    """Where each file of a wiki is on GitHub: the special pages by GitHub's names, no two in one place.

    In a wiki of GitHub's no two pages may have one name, whatever their folders: of such, all but the first
    get the names of their folders, too.
    """
    ordered = sorted(paths)
    places: dict[str, str] = {}
    taken = set(ordered)
    names: set[str] = set()
    for path in sorted(ordered, key=lambda one: (one.count("/"), one)):
        folder, slash, name = path.rpartition("/")
        stem, ending = posixpath.splitext(name)
        place = path
        if ending.lower() in (*MARKDOWN, *OTHER_MARKUP):
            if not slash and stem in _RENAMED and (wanted := f"{_RENAMED[stem]}{ending}") not in taken:
                place = wanted
            key = posixpath.splitext(posixpath.basename(place))[0].lower()
            movable = "/.git" not in f"/{path.lower()}" and path.isprintable()
            if policy is WikiPolicy.WIKI and key in names and movable:
                base, number = f"{folder.replace('/', '-')}-{stem}" if folder else f"{stem}-2", 1
                unique = base
                while (key := unique.lower()) in names or f"{folder}{slash}{unique}{ending}" in taken:
                    number += 1
                    unique = f"{base}-{number}"
                place = f"{folder}{slash}{unique}{ending}"
            names.add(key)
        taken.add(place)
        places[path] = place
    return places


def page_to_github(text: str, path: str, wiki: Wiki, book: Book) -> str:
    """A page's Markdown as GitHub should have it; `path` is where it lies on GitLab."""
    text = prepared(_titled(text))
    return rewritten(apply(text, _word_edits(text, wiki, book)), _PageBook(book, wiki, path))


def _titled(text: str) -> str:
    """The text with the title of its front matter as a heading: GitHub would show a table, or code."""
    front = _FRONT.match(text)
    if front is None or (title := _TITLE.search(front.group(1))) is None:
        return text
    words = title.group(1).strip().strip("\"'").strip()
    rest = front.group(1)[: title.start()] + front.group(1)[title.end() :]
    body = text[front.end() :]
    heading = "" if not words or _HEADING.match(body) else f"# {escaped(words)}\n\n"
    kept = f"---\n{rest.strip()}\n---\n\n" if rest.strip() else ""
    return f"{kept}{heading}{body.lstrip() if heading else body}"


def _word_edits(text: str, wiki: Wiki, book: Book) -> Iterator[Edit]:
    """Links in double brackets become links of Markdown, wherever GitHub reads text and no code."""
    words = _Words(text)
    for found in _WIKI_WORD.finditer(text):
        inner = found["inner"] or found["page"]
        if not inner or not inner.strip() or not words.hold(*found.span()):
            continue
        label, bar, name = inner.replace("\\|", "|").partition("|")
        name = (name if bar else label).strip()
        if name:
            shown = escaped(label.strip() or name)
            yield Edit(*found.span(), f"[{shown}]({_wiki_address(name, wiki, book)})")


def _wiki_address(name: str, wiki: Wiki, book: Book) -> str:
    """Where a link in double brackets leads, as an address that is still one of GitLab's."""
    if _ELSEWHERE.match(name):
        return safe(name)
    page, _, fragment = name.partition("#")
    place = wiki.find(f"/{name}")
    if place is not None:
        page, fragment = name, ""
    anchor = f"#{quote(fragment)}" if fragment else ""
    heading = f"#{quote(anchor_of(unquote(fragment)))}" if fragment else ""
    if not page:
        return heading
    place = place or wiki.find(f"/{page}")
    if place is not None:
        has_headings = place.lower().endswith((*MARKDOWN, *OTHER_MARKUP))
        return f"/{quote(place)}{heading if has_headings else anchor}"
    # A page that nobody wrote yet; or one that is gone.
    slug = posixpath.normpath(f"/{unquote(page).strip().replace(' ', '-')}").lstrip("/")
    return f"{book.gitlab_url.rstrip('/')}/{book.project_path}/-/wikis/{quote(slug)}{anchor}"


def anchor_of(heading: str) -> str:
    """What GitHub calls the place of a heading; of what is such a name already, the same."""
    words = heading.strip().lower().replace(" ", "-")
    return "".join(sign for sign in words if sign == "-" or unicodedata.category(sign) in _ANCHOR_SIGNS)


class _Words:
    """Where the words of a text are: what is neither code nor link, nor between raw tags."""

    def __init__(self, text: str) -> None:
        block = 0
        self._starts: list[int] = []
        self._found: list[tuple[int, int]] = []
        for one in parts(text, telling=False):
            if isinstance(one, Run):
                block += one.first
                if one.markdown and not one.inside_tag:
                    start, end = one.span
                    self._starts.append(start)
                    self._found.append((end, block))

    def hold(self, start: int, end: int) -> bool:
        """True when both ends are words, and of one paragraph or cell."""
        first, last = self._at(start), self._at(end - 1)
        return first is not None and first == last

    def _at(self, place: int) -> int | None:
        number = bisect_right(self._starts, place) - 1
        if number < 0:
            return None
        end, block = self._found[number]
        return block if place < end else None


def _slug(path: str) -> str:
    return path.replace(" ", "-").lower()


class _PageBook(FileBook):
    """A book whose relative addresses are those of one page; all else is another book's."""

    def __init__(self, book: Book, wiki: Wiki, path: str) -> None:
        super().__init__(book)
        self._wiki = wiki
        self._folder = posixpath.dirname(path)
        self._place = wiki.places[path]

    def local(self, address: str) -> str | None:
        name, mark, fragment = address.partition("#")
        path = name.partition("?")[0]
        found = self._wiki.find(path, self._folder) or self._wiki.find(f"/{path}")
        if found is None:
            if path.startswith("/") or "uploads/" in path or not path:
                return None
            # A page that nobody wrote yet; or one that is gone.
            whole = posixpath.normpath(posixpath.join("/", self._folder, unquote(path))).lstrip("/")
            return f"{self.gitlab_url.rstrip('/')}/{self.project_path}/-/wikis/{quote(whole)}{mark}{fragment}"
        place = self._wiki.places[found]
        return self._wiki.from_page(place, self._place, is_file=_is_picture(place)) + mark + fragment


def _is_picture(place: str) -> bool:
    return posixpath.splitext(place)[1].lower() in {".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp"}
