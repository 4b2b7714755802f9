"""What GitHub would do about a text: whom it calls, what it refers to, links to, and closes.

It shares nothing with the program: GitHub's own parser (cmark-gfm) renders the text, and the rules are those
of GitHub's pages "Basic writing and formatting syntax", "Autolinked references and URLs" and "Linking a pull
request to an issue using a keyword", read broadly: what may act counts as acting.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import cmarkgfm
from cmarkgfm.cmark import Options

_OPTIONS = Options.CMARK_OPT_UNSAFE | Options.CMARK_OPT_FOOTNOTES
# Elements that GitHub keeps: a text ends where one begins or ends. What it drops leaves one text behind.
_BLOCK_NAMES = """
    p li ul ol dl dt dd h1 h2 h3 h4 h5 h6 td th tr table thead tbody tfoot blockquote pre div section details
    summary hr br
"""
_INLINE_NAMES = """
    a b strong i em del ins s strike code kbd samp var tt sub sup q span img picture video input
"""
_BLOCKS = frozenset(_BLOCK_NAMES.split())
_INLINE = frozenset(_INLINE_NAMES.split())
_SILENT = frozenset(("pre", "code", "a", "tt", "kbd", "samp"))
_KEYWORD = r"(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)"
_CLOSING = re.compile(
    rf"(?i)(?<![A-Za-z0-9_]){_KEYWORD}\s*:?\s+"
    r"((?:[\w.-]+/[\w.-]+)?#[0-9]+|GH-[0-9]+|https?://(?:www\.)?github\.com/[\w.-]+/[\w.-]+/(?:issues|pull)/[0-9]+)\b",
    re.ASCII,
)
_MENTION = re.compile(r"(?:^|[^A-Za-z0-9_])@([A-Za-z0-9][A-Za-z0-9-]*)")
_REFERENCE = re.compile(r"(?:([\w.-]+/[\w.-]+|[\w-]+)?#(\d+)\b)|(?i:\b(GH-\d+))", re.ASCII)
# Mathematics: the numbers in it are its own. People and others' items count all the same, to be strict.
_FORMULA = re.compile(r"(?<!\$)\$\$(?!\$)[^$]+\$\$(?!\$)")
_OWN_NUMBER = re.compile(r"(?<![A-Za-z0-9./-])#(?=[0-9])")
_COMMIT = re.compile(r"([\w.-]+(?:/[\w.-]+)?)@[0-9a-f]{7,40}\b(?!\.\w)", re.ASCII)
_ITEM = re.compile(r"/+([^/]+)/+([^/]+)/+(issues|pulls?|discussions|commits?)/+([^/]+)", re.IGNORECASE)


@dataclass
class Seen:
    """What GitHub would find in one text."""

    mentions: set[str] = field(default_factory=set)
    references: set[str] = field(default_factory=set)
    commits: set[str] = field(default_factory=set)
    closing: set[str] = field(default_factory=set)
    backlinks: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)


class _Page(HTMLParser):
    """The texts of a rendered page, each by itself, by block, and the addresses."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts = [""]
        self.blocks = [""]
        self.silent = 0
        self.coded = 0
        self.seen = Seen()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._edge(tag)
        self.silent += tag in _SILENT
        if tag in {"pre", "code"}:
            self.coded += 1
            self.seen.code.append("")
        values = dict(attrs)
        if tag == "a" and values.get("href"):
            self.seen.links.append(values["href"] or "")
            self.blocks[-1] += values["href"] or ""
        if tag == "img" and values.get("src"):
            self.seen.images.append(values["src"] or "")

    def handle_endtag(self, tag: str) -> None:
        self._edge(tag)
        self.silent = max(0, self.silent - (tag in _SILENT))
        self.coded = max(0, self.coded - (tag in {"pre", "code"}))

    def handle_data(self, data: str) -> None:
        if self.coded:
            self.seen.code[-1] += data
        if not self.silent:
            self.texts[-1] += data
            self.blocks[-1] += data

    def _edge(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.blocks.append("")
        if tag in _BLOCKS or tag in _INLINE:
            self.texts.append("")


def rendered(markdown: str) -> str:
    """The page that GitHub's own parser makes of a text."""
    return str(cmarkgfm.github_flavored_markdown_to_html(markdown, options=_OPTIONS))


def scan(markdown: str) -> Seen:
    """What GitHub would do about a Markdown text."""
    page = _Page()
    page.feed(rendered(markdown))
    page.close()
    seen = page.seen
    for text in page.texts:
        _read(_FORMULA.sub(lambda found: _OWN_NUMBER.sub("", found.group()), text), seen)
    for block in page.blocks:
        seen.closing |= set(_CLOSING.findall(block))
    for address in seen.links:
        if item := stranger(address):
            seen.backlinks.add(item)
    return seen


def scan_title(title: str) -> Seen:
    """What GitHub would do about a title, in which there is no Markdown."""
    seen = Seen()
    _read(title, seen)
    seen.closing |= set(_CLOSING.findall(title))
    return seen


def _read(text: str, seen: Seen) -> None:
    seen.mentions |= set(_MENTION.findall(text))
    for path, number, gh in _REFERENCE.findall(text):
        seen.references.add(f"{path}#{number}" if number else gh)
    seen.commits |= set(_COMMIT.findall(text))


def stranger(address: str, host: str = "github.com") -> str:
    """`owner/name` when the address is one of an item on GitHub that would be told of it; else empty."""
    plain = re.sub(r"[\t\r\n]", "", address).strip().replace("\\", "/")
    try:
        parts = urlsplit(plain if "://" in plain or plain.startswith("//") else f"x:{plain}")
        found = parts.hostname or ""
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https", "x"}:
        return ""  # `<ahttps://…>` is a link too, to nowhere on the web
    if found.rstrip(".").removeprefix("www.") != host:
        return ""
    path: list[str] = []
    for part in unquote(parts.path).split("/"):
        if part == "..":
            path = path[:-1]
        elif part not in {"", "."}:
            path.append(part)
    item = _ITEM.match("/" + "/".join(path))
    return f"{item.group(1)}/{item.group(2)}" if item else ""
