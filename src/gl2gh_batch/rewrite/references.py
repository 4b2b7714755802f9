"""References: `#12`, `!34`, `group/app#12` and addresses, as they are right on GitHub.

What the batch migrates gets its new number; what it does not know leads to GitLab. Nothing is left that
GitHub would take for a reference to something else, that closes an issue by a keyword, or that shows up in
the repository of a stranger.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from gl2gh_batch.domain.ports import Book
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.rewrite.addresses import inside_gitlab, moved, numbered, on_github
from gl2gh_batch.rewrite.runs import ZERO_WIDTH_SPACE, Edit, Run
from gl2gh_batch.rewrite.urls import Addresses

# `#12+` and `#12+s` show the title on GitLab, which GitHub does by itself where it can.
ADDRESS_FOLLOWS: Final = r"(?=(?:https?|ftp):|www\.)"
_REFERENCE: Final = re.compile(
    rf"([#!])([0-9]+)(?:(?![A-Za-z0-9_])|{ADDRESS_FOLLOWS})(?:\+s?(?![A-Za-z0-9_+]))?"
)
_GH: Final = re.compile(r"(?<![A-Za-z0-9_])[Gg][Hh]-(?=[0-9])")
_RAW: Final = re.compile(r"(?:#|(?<![A-Za-z0-9_])[Gg][Hh]-)(?=[0-9<]|\Z)")
_PATH_SIGNS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-")
LONGEST_PATH: Final = 255
_GITHUB_HOSTS: Final = ("github.com/", "www.github.com/")
_IID: Final = re.compile(r"[1-9][0-9]{0,6}")
_PATH: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_./-]*[A-Za-z0-9_])?")
_GITLAB_ITEM: Final = re.compile(
    r"/(.+?)(?:/-)?/(issues|work_items|merge_requests)/([1-9][0-9]{0,6})(?:/|\+s?)?"
)
_ITEM: Final = r"(?=/[\w.-]+/[\w.-]+/(?:issues|pulls?|discussions|commits?)/)"
_GITHUB_ITEM: Final = re.compile(
    rf"(?:(?<=//)(?:www\.)?|(?<![A-Za-z0-9./-])www\.)github\.com{_ITEM}", re.ASCII | re.IGNORECASE
)
# GitHub's page "Linking a pull request to an issue using a keyword"
_KEYWORD: Final = re.compile(
    r"(?<![A-Za-z0-9_])(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)\s*:?\s*\Z", re.IGNORECASE
)
# Signs of emphasis, of inserted and deleted words, of a list or a quote.
_EMPHASIS: Final = re.compile(r"[*_~{}\[\]+<>-]+")
_PERHAPS_KEYWORD: Final = re.compile(r"[sdxe][^A-Za-z0-9]{0,40}\Z", re.IGNORECASE)
_LIVE: Final = re.compile(r"[#@](?=[A-Za-z0-9])")
_LONGEST_KEYWORD: Final = 40


def reference_edits(run: Run, book: Book, addresses: Addresses) -> Iterator[Edit]:
    """The edits for one run, which do not overlap; `addresses` are the bare ones in it."""
    if run.raw:
        yield from _github_addresses(run, book, addresses)
        for found in _RAW.finditer(run.text):
            yield Edit(found.end(), found.end(), ZERO_WIDTH_SPACE)
        return
    for start, end in addresses.spans:
        yield from _address(run, book, start, end)
    if "/" in run.text:
        yield from _github_addresses(run, book, addresses)
    for found in _GH.finditer(run.text) if "-" in run.text else ():
        if not addresses.holds(found.start()):
            yield Edit(found.end(), found.end(), ZERO_WIDTH_SPACE)
    floor = 0
    for found in _REFERENCE.finditer(run.text):
        if not addresses.holds(found.start()):
            yield from _reference(run, book, found, floor)
        floor = found.end()


def _reference(run: Run, book: Book, found: re.Match[str], floor: int) -> Iterator[Edit]:
    """The edit for one reference; its path begins behind `floor`, where the one before ended."""
    sign, digits = found.groups()
    path = path_before(run.text, found.start(), floor)
    start = found.start() - len(path)
    if sign == "!" and not path and found.start() and run.text[found.start() - 1].isalnum():
        return
    behind_sign = found.start() + 1
    # A merge request that is not known is no reference to GitHub either: nothing to guard.
    guard = behind_sign if sign == "#" else found.end()
    part_of_address = run.text[start - 1 : start] in {"/", ":"} or path.lower().startswith(_GITHUB_HOSTS)
    if not _IID.fullmatch(digits) or len(path) > LONGEST_PATH or part_of_address:
        if sign == "#":
            yield Edit(behind_sign, behind_sign, ZERO_WIDTH_SPACE)
        return
    project = full_path(path, book.project_path)
    look_up = book.issue_number if sign == "#" else book.merge_request_number
    target = look_up(int(digits), project)
    if target is not None:
        yield Edit(start, found.end(), framed(run, start, found.end(), target, book), guard)
    elif run.markdown and (not path or "/" in path):
        kind = "issues" if sign == "#" else "merge_requests"
        address = f"{book.gitlab_url.rstrip('/')}/{project or book.project_path}/-/{kind}/{digits}"
        words = f"{path}{sign}{digits}".replace("_", "\\_")
        yield Edit(start, found.end(), linked(run, start, words, address), guard)
    elif sign == "#":
        yield Edit(behind_sign, behind_sign, ZERO_WIDTH_SPACE)


def ends_in_keyword(text: str, index: int | None = None) -> bool:
    """True when a closing keyword ends at `index`, or at the text's end, whatever marks stand between."""
    near = text[-_LONGEST_KEYWORD:] if index is None else text[max(0, index - _LONGEST_KEYWORD) : index]
    if not _PERHAPS_KEYWORD.search(near):
        return False
    return bool(_KEYWORD.search(near) or _KEYWORD.search(_EMPHASIS.sub("", near)))


def path_before(text: str, end: int, floor: int) -> str:
    """The path of a project or group that ends at `end` and begins behind `floor`; empty for none."""
    start = end
    while start > floor and text[start - 1] in _PATH_SIGNS and end - start <= LONGEST_PATH:
        start -= 1
    path = text[start:end].lstrip("./-")
    return path if len(path) > LONGEST_PATH or _PATH.fullmatch(path) else ""


def full_path(path: str, project_path: str) -> str | None:
    """The full path of the project that is meant; None for the own one."""
    if not path:
        return None
    namespace, slash, _ = project_path.rpartition("/")
    full = path if "/" in path or not slash else f"{namespace}/{path}"
    return None if full.lower() == project_path.lower() else full


def linked(run: Run, start: int, words: str, address: str) -> str:
    """A link in place of what begins at `start`; `words` are Markdown already.

    Where GitHub's parser takes for raw HTML what ours takes for Markdown, even its words are harmless.
    """
    return written_out(run, start, _LIVE.sub(lambda found: found.group() + ZERO_WIDTH_SPACE, words), address)


def written_out(run: Run, start: int, words: str, address: str) -> str:
    """The same with live words: for files, which act on nobody."""
    # After these, Markdown would read the brackets as something else.
    guard = ZERO_WIDTH_SPACE if run.before(start) in {"!", "]", "\\"} else ""
    return f"{guard}[{words}]({address})"


def named(book: Book, repo: RepoRef, number: int) -> str:
    return f"#{number}" if repo.key == book.repo.key else f"{repo}#{number}"


def framed(run: Run, start: int, end: int, target: tuple[RepoRef, int], book: Book) -> str:
    """The reference, kept apart from a closing keyword before it and from text that may join it.

    In a file, where it is neither a link nor closes anything, it is written out.
    """
    reference = named(book, *target)
    if book.in_file and run.markdown:
        return written_out(run, start, reference, on_github(target[0], book, "issues", str(target[1])))
    # The keyword may stand in another run: `**Fixes** #12`.
    keyword = ends_in_keyword(run.text, start) or ends_in_keyword(run.before(start, _LONGEST_KEYWORD))
    joined = (run.glued_before and start <= _LONGEST_KEYWORD) or run.text[start - 1 : start] in _PATH_SIGNS
    # The `+` of `#12+` goes.
    joined = joined or (run.text[start - 1 : start] == "+" and run.text[max(0, start - 2)].isdigit())
    before = ZERO_WIDTH_SPACE if keyword or joined else ""
    after = ZERO_WIDTH_SPACE if run.glued_after and end == len(run.text) else ""
    return f"{before}{reference}{after}"


def _address(run: Run, book: Book, start: int, end: int) -> Iterator[Edit]:
    """The edit for a bare address of this GitLab."""
    address = run.text[start:end]
    inside = inside_gitlab(address, book.gitlab_url.rstrip("/"))
    if inside is None:
        return
    if item := _GITLAB_ITEM.fullmatch(inside):
        path, kind, iid = item.groups()
        if target := numbered(kind, iid, path, book):
            yield Edit(start, end, framed(run, start, end, target, book))
    elif (new := moved(address, book)) is not None:
        keyword = ends_in_keyword(run.text, start) or ends_in_keyword(run.before(start, _LONGEST_KEYWORD))
        yield Edit(start, end, f"{ZERO_WIDTH_SPACE if keyword else ''}{new}")


def _github_addresses(run: Run, book: Book, addresses: Addresses) -> Iterator[Edit]:
    """Addresses of issues and the like on GitHub would show up there as mentioned by us."""
    for found in _GITHUB_ITEM.finditer(run.text):
        # GitHub's own redirecting host: the link works, and the other repository is not told of it.
        yield Edit(found.start(), found.end(), "redirect.github.com")
    host = urlsplit(book.github_url).netloc.lower()
    if host.removeprefix("www.") == "github.com":
        return
    own = re.compile(rf"(?<=//){re.escape(host)}{_ITEM}", re.ASCII | re.IGNORECASE)
    for found in own.finditer(run.text):
        start, end = addresses.around(found.start()) or (0, 0)
        address = run.text[start:end]
        if address and "`" not in address:
            yield Edit(start, end, f"`{address}`")
        else:
            yield Edit(found.start(), found.start(), ZERO_WIDTH_SPACE)
