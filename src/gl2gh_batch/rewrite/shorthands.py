"""What GitLab shows for `%milestone`, `~label`, `&epic`, `$snippet`, commits and inline marks, as GitHub can.

GitLab makes a link only of what exists; so does this: a name that the book does not know stays a word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from gl2gh_batch.domain.ports import Book
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.rewrite.addresses import label_address, milestone_address, moved, on_github
from gl2gh_batch.rewrite.references import (
    ADDRESS_FOLLOWS,
    LONGEST_PATH,
    framed,
    full_path,
    linked,
    path_before,
    written_out,
)
from gl2gh_batch.rewrite.runs import ZERO_WIDTH_SPACE, Edit, Run
from gl2gh_batch.rewrite.urls import Addresses

# doc/user/markdown, "GitLab-specific references"
_NAMED: Final = re.compile(r"([~%])(?:\"([^\"\n]{1,255})\"|([^\s\"~%<>()\[\],;|`]{1,255}))")
_NUMBERED: Final = re.compile(r"([&$])([1-9][0-9]{0,8})(?![\w;]|[.,][0-9])", re.ASCII)
_SPELLED: Final = re.compile(
    r"\[(issue|work_item|epic):(?:([\w.-]{1,255}(?:/[\w.-]{1,255}){0,20})/)?([1-9][0-9]{0,6})\]"
    r"|(?<![\w-])GL-([1-9][0-9]{0,6})(?![\w-])",
    re.ASCII,
)
_SHA: Final = r"[0-9a-f]{7,40}"
# Right behind one, GitHub may see the beginning of an address, and so the end of this.
_HASH_ENDS: Final = rf"(?:(?!\w|\.\w)|{ADDRESS_FOLLOWS})"
_COMMIT: Final = re.compile(rf"@({_SHA})(?:(\.{{2,3}})({_SHA}))?{_HASH_ENDS}", re.ASCII)
_RANGE: Final = re.compile(rf"(?<![\w@./-])({_SHA})(\.{{2,3}})({_SHA})(?![\w-]|\.\w)", re.ASCII)
_INCLUDE: Final = re.compile(r"^::include\{file=([^}\s]{1,1000})\}$", re.MULTILINE)
_MARK: Final = re.compile(r"\n|[{\[][+-]|[+-][}\]]")
_CLOSER: Final = {"{+": "+}", "[+": "+]", "{-": "-}", "[-": "-]"}
_TAG: Final = {"+": "ins", "-": "del"}
_BEFORE: Final = frozenset(("", *" \t\r\n([{\"'*_,:>"))
# Which epics there are is not known, and `2>&1` is the commonest of what looks like one.
_BEFORE_EPIC: Final = _BEFORE - {">"}
_AFTER: Final = frozenset(("", *" \t\r\n.,;:!?)"))
_ENDS_SENTENCE: Final = ".,:!?*_'"
_MARKUP: Final = re.compile(r"([\\`*_\[\]<>#!|~&$^])")


def shorthand_edits(run: Run, book: Book, addresses: Addresses) -> Iterator[Edit]:
    """The edits for one run of Markdown."""
    text = run.text
    if "~" in text or "%" in text:
        yield from _kept_apart(_NAMED.finditer(text), run, book, addresses, _name)
    if "&" in text or "$" in text:
        yield from _kept_apart(_NUMBERED.finditer(text), run, book, addresses, _number)
    if "GL-" in text or ":" in text:
        for found in _SPELLED.finditer(text):
            if not addresses.holds(found.start()):
                yield from _spelled(run, book, found)
    if ".." in text:
        for found in _RANGE.finditer(text):
            if not addresses.holds(found.start()) and _is_hash(found.group(1)) and _is_hash(found.group(3)):
                yield from _range(run, book, found.start(), found, book.repo)
    if "::include" in text:
        for found in _INCLUDE.finditer(text):
            address = moved(found.group(1), book) or found.group(1)
            if found.start() or run.before(0) in {"", "\n", " ", ">"}:
                yield Edit(*found.span(), linked(run, found.start(), escaped(found.group(1)), address))
    for mark in _marks(text):
        if not addresses.holds(mark.start):
            yield mark


def commit_edits(run: Run, book: Book, addresses: Addresses) -> Iterator[Edit]:
    """The edits for commits of named projects, `project@commit`, in any run."""
    if "@" in run.text:
        if run.raw:
            for found in _COMMIT.finditer(run.text):
                yield Edit(found.start() + 1, found.start() + 1, ZERO_WIDTH_SPACE)
        else:
            yield from _kept_apart(_COMMIT.finditer(run.text), run, book, addresses, _commit)


def escaped(words: str) -> str:
    """The words as Markdown that shows them as they are."""
    return _MARKUP.sub(r"\\\1", words)


def _kept_apart(
    found: Iterable[re.Match[str]],
    run: Run,
    book: Book,
    addresses: Addresses,
    edits: Callable[[Run, Book, re.Match[str], int], Iterator[Edit]],
) -> Iterator[Edit]:
    floor = 0
    for one in found:
        if not addresses.holds(one.start()):
            yield from edits(run, book, one, floor)
        floor = one.end()


def _name(run: Run, book: Book, found: re.Match[str], floor: int) -> Iterator[Edit]:
    """`%milestone` and `~label`, alone or behind a project's path."""
    sign, quoted, word = found.groups()
    path, start = _owner(run, found.start(), floor)
    if start < 0:
        return
    project = full_path(path, book.project_path)
    name = quoted if quoted is not None else word.rstrip(_ENDS_SENTENCE)
    repo = book.repository(project or book.project_path)
    # Another project's names are not known here: GitHub shows an empty list for a wrong one.
    own = book.label if sign == "~" else book.milestone
    known = name if project else own(name)
    if repo is None or not known:
        return
    end = found.end() if quoted is not None else found.end() - len(word) + len(name)
    find = label_address if sign == "~" else milestone_address
    # A label is shown without its sign, as GitLab does it.
    words = escaped(f"{path}{'%' if sign == '%' else ' ' if path else ''}{known}")
    yield Edit(start, end, linked(run, start, words, find(repo, known, book)))


def _number(run: Run, book: Book, found: re.Match[str], floor: int) -> Iterator[Edit]:
    """`&epic`, `group&epic` and `project$snippet`; `$12` alone is money, unless there is such a snippet."""
    sign, digits = found.groups()
    path, start = _owner(run, found.start(), floor)
    known = book.snippet(int(digits)) if sign == "$" and not path else None
    if start < 0 or (sign == "$" and not path and known is None):
        return
    before = run.text[start - 1 : start] if start or run.first else run.before(0)
    if sign == "&" and before not in _BEFORE_EPIC:
        return
    gitlab = book.gitlab_url.rstrip("/")
    if sign == "&":
        group = path or book.project_path.rpartition("/")[0]
        address = f"{gitlab}/groups/{group}/-/epics/{digits}"
    elif known is not None:
        address = known
    else:
        address = f"{gitlab}/{full_path(path, book.project_path) or book.project_path}/-/snippets/{digits}"
    yield Edit(start, found.end(), linked(run, start, escaped(f"{path}{sign}{digits}"), address))


def _spelled(run: Run, book: Book, found: re.Match[str]) -> Iterator[Edit]:
    """`[issue:12]`, `[work_item:group/app/12]`, `[epic:5]` and `GL-12`."""
    kind, path, iid, own = found.groups()
    start, end = found.span()
    gitlab = book.gitlab_url.rstrip("/")
    words = escaped(found.group())
    if kind == "epic":
        group = path or book.project_path.rpartition("/")[0]
        yield Edit(start, end, linked(run, start, words, f"{gitlab}/groups/{group}/-/epics/{iid}"))
        return
    project = full_path(path or "", book.project_path)
    target = book.issue_number(int(iid or own), project)
    if target is not None:
        # A bracket ended it on GitLab, and what stands behind must not join the number now.
        apart = "" if run.text[end : end + 1] in _AFTER else ZERO_WIDTH_SPACE
        yield Edit(start, end, framed(run, start, end, target, book) + apart)
    elif kind:  # what looks like `GL-12` may be anything, unless there is such an issue
        address = f"{gitlab}/{project or book.project_path}/-/{kind}s/{iid}"
        yield Edit(start, end, linked(run, start, words, address))


def _owner(run: Run, sign: int, floor: int) -> tuple[str, int]:
    """The path in front of a sign and where it begins; -1 when neither path nor space is there."""
    path = path_before(run.text, sign, floor)
    start = sign - len(path)
    before = run.text[start - 1 : start] if start else ""
    if len(path) > LONGEST_PATH or (path and "/" not in path) or before not in _BEFORE:
        return "", -1
    return ("", -1) if not start and run.glued_before else (path, start)


def _commit(run: Run, book: Book, found: re.Match[str], floor: int) -> Iterator[Edit]:
    """`project@commit` and `project@commit...commit`; GitHub would look for `owner/repo@commit`."""
    at = found.start()
    path = path_before(run.text, at, floor)
    guard = at + 1
    if not path or len(path) > LONGEST_PATH:
        return
    start = at - len(path)
    project = full_path(path, book.project_path)
    repo = book.repository(project or book.project_path)
    sha, dots, last = found.groups()
    outside = run.text[start - 1 : start] in {"/", ":", ".", "-"} if start else run.glued_before
    if outside or (repo is None and "/" not in path):
        yield Edit(guard, guard, ZERO_WIDTH_SPACE)
    elif repo is not None and dots and run.markdown:
        yield from _range(run, book, start, found, repo)
    elif repo is not None and not dots:
        words = sha if repo.key == book.repo.key else f"{repo}@{sha}"
        if book.in_file and run.markdown:
            words = written_out(run, start, words, on_github(repo, book, "commit", sha))
        yield Edit(start, found.end(), words, guard)
    elif not run.markdown:
        yield Edit(guard, guard, ZERO_WIDTH_SPACE)
    else:
        gitlab = f"{book.gitlab_url.rstrip('/')}/{project}/-"
        address = f"{gitlab}/compare/{sha}{dots}{last}" if dots else f"{gitlab}/commit/{sha}"
        words = escaped(run.text[start : found.end()])
        yield Edit(start, found.end(), linked(run, start, words, address), guard)


def _range(run: Run, book: Book, start: int, found: re.Match[str], repo: RepoRef) -> Iterator[Edit]:
    first, dots, last = found.groups()
    address = on_github(repo, book, "compare", f"{first}{dots}{last}")
    yield Edit(start, found.end(), linked(run, start, escaped(run.text[start : found.end()]), address))


def _is_hash(word: str) -> bool:
    # Two numbers with dots between them are no commits.
    return not word.isdigit() and not word.isalpha()


def _marks(text: str) -> Iterator[Edit]:
    """`{+ inserted +}` and `[- deleted -]`, on one line each."""
    opened: dict[str, re.Match[str]] = {}
    for found in _MARK.finditer(text):
        sign = found.group()
        if sign == "\n":
            opened.clear()
        elif sign in _CLOSER:
            opened.setdefault(_CLOSER[sign], found)
        elif opening := opened.get(sign):
            words = text[opening.end() : found.start()]
            if words.strip():
                left, right = len(words) - len(words.lstrip()), len(words) - len(words.rstrip())
                tag = _TAG[sign[0]]
                yield Edit(opening.start(), opening.end() + left, f"<{tag}>")
                yield Edit(found.start() - right, found.end(), f"</{tag}>")
            opened.clear()
