"""The pages of a wiki: what they are called on GitHub, where links lead, and their texts.

Sources: GitLab's doc/user/project/wiki ("Wiki-specific Markdown", sidebar, front matter); GitHub's "Editing
wiki content" and "Creating a footer or sidebar for your wiki". Neither GitHub's wikis nor its files make
links of `#12`: here they are written out.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote

from gl2gh_batch.domain.people import UserMapping
from gl2gh_batch.domain.ports import Book
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.domain.request import WikiPolicy
from gl2gh_batch.rewrite.markdown import Definition, Link, parts
from gl2gh_batch.rewrite.raw_html import Attribute
from gl2gh_batch.rewrite.runs import Edit, apply
from gl2gh_batch.rewrite.shorthands import escaped
from gl2gh_batch.rewrite.text import to_github

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
# Code first, in which nothing counts; lengths are bound, so that time stays linear.
_WIKI_WORD: Final = re.compile(
    r"^ {0,3}(?P<fence>`{3,}|~{3,})(?s:.*?)(?:^ {0,3}(?P=fence)[`~]*[ \t]*$|\Z)"
    r"|(?<!`)(?P<ticks>`{1,10})(?!`)[^\n]{1,1000}?(?<!`)(?P=ticks)(?!`)"
    r"|\[\[(?!_?TOC_?\]\])(?P<inner>[^\[\]\n]{1,500})\]\]"
    r"|\[wiki_page:(?P<page>[^\[\]\n]{1,500})\]"
    r"|(?<![\w/&#!$\[])(?<!\]\()(?P<path>(?:[\w.-]{1,80}/){1,20}[\w.-]{1,80})?"
    r"(?P<sign>[#!])(?P<iid>[1-9][0-9]{0,6})(?!\w)",
    re.MULTILINE,
)


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
    placed = _PageBook(book, wiki, path)
    text = _titled(text)
    return to_github(apply(text, _word_edits(text, wiki, book)), placed)


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
    """Links in double brackets and references become links of Markdown, with GitLab's addresses still."""
    linked = [(one.start, one.end) for one in parts(text) if isinstance(one, Link | Attribute | Definition)]
    at = 0
    for found in _WIKI_WORD.finditer(text):
        while at < len(linked) and linked[at][1] <= found.start():
            at += 1
        if found["fence"] or found["ticks"] or (at < len(linked) and linked[at][0] <= found.start()):
            continue
        if found["sign"]:
            yield from _reference(found, book)
            continue
        words, bar, name = (found["inner"] or found["page"]).replace("\\|", "|").partition("|")
        name = (name if bar else words).strip()
        page, _, fragment = name.partition("#")
        place = wiki.find(f"/{page}")
        if place is not None:
            anchor = f"#{quote(fragment)}" if fragment else ""
            yield Edit(*found.span(), f"[{escaped(words.strip())}](/{quote(place)}{anchor})")


def _reference(found: re.Match[str], book: Book) -> Iterator[Edit]:
    path, sign, iid = found["path"], found["sign"], found["iid"]
    look_up = book.issue_number if sign == "#" else book.merge_request_number
    target = look_up(int(iid), path)
    if target is not None:
        repo, number = target
        words = f"#{number}" if repo.key == book.repo.key else f"{repo}#{number}"
        kind = "issues" if sign == "#" else "merge_requests"
        address = f"{book.gitlab_url.rstrip('/')}/{path or book.project_path}/-/{kind}/{iid}"
        yield Edit(*found.span(), f"[{words}]({address})")


def _slug(path: str) -> str:
    return path.replace(" ", "-").lower()


class _PageBook:
    """A book whose relative addresses are those of one page; all else is another book's."""

    def __init__(self, book: Book, wiki: Wiki, path: str) -> None:
        self._book = book
        self._wiki = wiki
        self._folder = posixpath.dirname(path)
        self._place = wiki.places[path]
        self.gitlab_url = book.gitlab_url
        self.github_url = book.github_url
        self.project_path = book.project_path
        self.repo = book.repo
        self.mentions = book.mentions

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

    def user(self, username: str) -> UserMapping | None:
        return self._book.user(username)

    def repository(self, project_path: str) -> RepoRef | None:
        return self._book.repository(project_path)

    def label(self, name: str) -> str | None:
        return self._book.label(name)

    def milestone(self, name: str) -> str | None:
        return self._book.milestone(name)

    def upload(self, secret: str, filename: str, holder: str = "") -> str | None:
        return self._book.upload(secret, filename, holder)

    def snippet(self, snippet_id: int) -> str | None:
        return self._book.snippet(snippet_id)

    def wiki_page(self, slug: str) -> str | None:
        return self._book.wiki_page(slug)

    def issue_number(self, iid: int, project_path: str | None = None) -> tuple[RepoRef, int] | None:
        return self._book.issue_number(iid, project_path)

    def merge_request_number(self, iid: int, project_path: str | None = None) -> tuple[RepoRef, int] | None:
        return self._book.merge_request_number(iid, project_path)


def _is_picture(place: str) -> bool:
    return posixpath.splitext(place)[1].lower() in {".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp"}
