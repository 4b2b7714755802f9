"""Attached files: which ones texts name, where they are read from, and where they lie on GitHub."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from gl2gh_batch import codec
from gl2gh_batch.domain.people import UserMapping
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.domain.request import AttachmentPolicy
from gl2gh_batch.kit.workdir import read_lines
from gl2gh_batch.rewrite.text import to_github
from gl2gh_batch.source.designs import Design

BASE: Final = "gl2gh-attachments"
ASSETS_PER_RELEASE: Final = 1000
NAME_LENGTH: Final = 100
_NAMED: Final = re.compile(r"uploads/[0-9a-f]{32}/")
_OTHER_SIGNS: Final = re.compile(r"[^\w.-]+")
_DOTS: Final = re.compile(r"\.{2,}")
_OTHER_HOLDER: Final = re.compile(r"/-/(project|group)/([0-9]+)|/groups/(.+)/-|/(.+?)(?:/-)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """An attachment as a text names it; `item` is the first one whose text does.

    A design has a `path` below the instance, and stands in no text.
    """

    secret: str
    filename: str
    holder: str
    item: str
    path: str | None = None


def key_of(secret: str, filename: str) -> str:
    """What tells an attachment from all others: a secret is never used twice."""
    return f"{secret}/{filename}"


def asset_name(filename: str) -> str:
    """A name that GitHub keeps as it is, for a file of a release: letters, digits, `.`, `-` and `_`."""
    plain = unicodedata.normalize("NFKD", filename).encode("ascii", "ignore").decode()
    return _shortened(_DOTS.sub(".", re.sub(r"[^A-Za-z0-9_.-]+", "-", plain)).strip(".-"))


def branch_name(filename: str) -> str:
    """A name for a file of a branch, safe on every file system; letters of all scripts stay."""
    plain = unicodedata.normalize("NFC", filename)
    return _shortened(_DOTS.sub(".", _OTHER_SIGNS.sub("-", plain)).strip(".-"))


def _shortened(name: str) -> str:
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending) > 16:
        stem, dot, ending = name, "", ""
    stem = stem.rstrip(".-")
    while len(f"{stem}{dot}{ending}".encode()) > NAME_LENGTH:
        stem = stem[:-1]
    return f"{stem or 'file'}{dot}{ending}"


def place(sha256: str, filename: str, policy: AttachmentPolicy) -> str:
    """Where a file lies: a path in the branch, or the name of an asset; no two files share one."""
    if policy is AttachmentPolicy.RELEASE:
        return f"{sha256[:16]}-{asset_name(filename)}"
    return f"{sha256[:16]}/{branch_name(filename)}"


def tag_of(base: str, number: int) -> str:
    """The tag of the release with that number, from 1; a release holds 1,000 files."""
    return base if number == 1 else f"{base}.{number}"


def addresses(secret: str, filename: str, holder: str, project_id: int, project_path: str) -> list[str]:
    """Where a file is read from: the API, then the address for browsers, without which older versions give
    none (api/project_markdown_uploads, api/group_markdown_uploads: since 17.4)."""
    tail = f"uploads/{secret}/{quote(filename, safe='')}"
    found = _OTHER_HOLDER.fullmatch(holder) if holder else None
    if found is None:
        return [f"/projects/{project_id}/{tail}", f"/{quote(project_path)}/{tail}"]
    if found.group(1):
        return [f"/{found.group(1)}s/{found.group(2)}/{tail}"]
    if found.group(3):
        return [f"/groups/{quote(found.group(3), safe='')}/{tail}"]
    path = found.group(4)
    return [f"/projects/{quote(path, safe='')}/{tail}", f"/{quote(path)}/{tail}"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """The addresses on GitHub of the files that were stored.

    `places` maps `key_of` → `<release>/<place>`; release 0 is the branch. `used` collects what was asked for.
    """

    places: Mapping[str, str]
    github_url: str
    repo: RepoRef
    base: str
    used: set[str]

    def address(self, secret: str, filename: str) -> str | None:
        """The address of the file; None for one that was not stored."""
        key = key_of(secret, filename)
        found = self.places.get(key)
        if found is None:
            return None
        self.used.add(key)
        number, _, path = found.partition("/")
        root = f"{self.github_url.rstrip('/')}/{self.repo}"
        if number == "0":
            # For people who may see the repository GitHub shows it in texts too, private or not.
            return f"{root}/blob/{self.base}/{quote(path)}?raw=true"
        return f"{root}/releases/download/{quote(tag_of(self.base, int(number)))}/{quote(path)}"


class _FindingBook:
    """Implements the port `Book`, knows nothing, and notes the attachments that it is asked for."""

    mentions = False
    in_file = False

    def __init__(self, gitlab_url: str, project_path: str) -> None:
        self.gitlab_url = gitlab_url
        self.github_url = "https://github.com"
        self.project_path = project_path
        self.repo = RepoRef(owner="owner", name="name")
        self.found: list[tuple[str, str, str]] = []

    def user(self, username: str) -> UserMapping | None:
        del username
        return None

    def repository(self, project_path: str) -> RepoRef | None:
        del project_path
        return None

    def label(self, name: str) -> str | None:
        del name
        return None

    def milestone(self, name: str) -> str | None:
        del name
        return None

    def upload(self, secret: str, filename: str, holder: str = "") -> str | None:
        self.found.append((secret, filename, holder))
        return None

    def snippet(self, snippet_id: int) -> str | None:
        del snippet_id
        return None

    def release_file(self, path: str) -> str | None:
        del path
        return None

    def wiki_page(self, slug: str) -> str | None:
        del slug
        return None

    def local(self, address: str) -> str | None:
        del address
        return None

    def issue_number(self, iid: int, project_path: str | None = None) -> tuple[RepoRef, int] | None:
        del iid, project_path
        return None

    def merge_request_number(self, iid: int, project_path: str | None = None) -> tuple[RepoRef, int] | None:
        del iid, project_path
        return None


def named_in(snapshot: Path, own: str, gitlab_url: str, project_path: str) -> Iterator[Named]:
    """The attachments that the texts of a snapshot name, each once; `own` is the file that is passed over.

    Texts are read by the same parser that rewrites them, so that nothing in code counts and names are
    unquoted as they will be.
    """
    met: set[str] = set()
    for path in sorted(snapshot.glob("*.ndjson")):
        if path.name == own:
            continue
        for line in read_lines(path):
            has_designs = path.stem == "issues" and b'"designs":[{' in line
            if not has_designs and not _NAMED.search(line.decode("utf-8", "replace")):
                continue
            record = json.loads(line)
            item = f"{path.stem}/{_name_of(record)}"
            yield from _designs_of(record, item)
            book = _FindingBook(gitlab_url, project_path)
            for text in _texts(record):
                to_github(text, book)
            inside = set(record.get("own_files", ()))  # those that a wiki brings along itself
            for secret, filename, holder in book.found:
                if f"uploads/{secret}/{filename}" in inside:
                    continue
                if key_of(secret, filename) not in met:
                    met.add(key_of(secret, filename))
                    yield Named(secret=secret, filename=filename, holder=holder, item=item)


def _designs_of(record: Any, item: str) -> Iterator[Named]:
    for raw in record.get("designs") or ():
        one = codec.convert(raw, Design)
        yield Named(secret=one.secret, filename=one.filename, holder="", item=item, path=one.path)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if _NAMED.search(value):
            yield value
    elif isinstance(value, dict):
        for name, one in value.items():
            # An address by itself is no text: the kind that has it knows what to do about it.
            if not name.endswith("url"):
                yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


def _name_of(record: Any) -> str:
    """What a reader calls the record: its number, tag or id."""
    levels = [record, *(one for one in record.values() if isinstance(one, dict))]
    for level in levels:
        for name in ("iid", "tag_name", "slug", "id"):
            if name in level:
                return str(level[name])
    return "?"
