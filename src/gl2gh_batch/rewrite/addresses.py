"""Addresses of GitLab, and where each leads once the project is on GitHub."""

from __future__ import annotations

import posixpath
import re
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from gl2gh_batch.domain.ports import Book
from gl2gh_batch.domain.refs import RepoRef

_SCHEME: Final = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:|//)")
_IID: Final = re.compile(r"[1-9][0-9]{0,6}")
# Browsers drop these from an address, and take a backslash for a slash.
_DROPPED: Final = re.compile(r"[\t\r\n]")
_WEB: Final = re.compile(r"(?:https?:)?//([^/?#]*)", re.IGNORECASE)
# doc/user/markdown: `/uploads/<32 hex>/<file>`, since 17.2 also `/-/project/<id>/uploads/…`
_UPLOAD: Final = re.compile(r"/uploads/([0-9a-f]{32})/([^/]+)\Z")
_HOLDS_UPLOADS: Final = re.compile(r"/-/(?:project|group)/[0-9]+|/groups/[^?#]+/-")
_OLD_FORM: Final = re.compile(
    r"/(.+?)/(issues|work_items|merge_requests|commits?|compare|blob|tree|raw|blame|edit|milestones|labels"
    r"|tags|branches|releases|wikis)(?:/(.*))?"
)
_SAME_ON_GITHUB: Final = frozenset(("commits", "compare", "blob", "tree", "raw", "blame", "edit"))
_LISTS: Final = {"issues": "issues", "work_items": "issues", "merge_requests": "pulls", "labels": "labels"}
_LISTS_OF_GIT: Final = {"tags": "tags", "branches": "branches", "releases": "releases"}
# A slash within a tag may be quoted or not; a quoted one is never the end of it.
_OF_RELEASE: Final = re.compile(r"/(?:(?:downloads|evidences)/|evidence\.json\Z)")
_FORM: Final = re.compile(r"\A(?:new\Z|permalink/)|/(?:edit|release/edit|release/new)\Z")
_LINES: Final = re.compile(r"L([0-9]+)-(?:L?)([0-9]+)")
_REF_TYPE: Final = re.compile(r"ref_type=(?:heads|tags)")
_GITHUB_ITEM: Final = re.compile(r"/+[^/]+/+[^/]+/+(?:issues|pulls?|discussions|commits?)/+.", re.IGNORECASE)
_ENTITY: Final = re.compile(r"&(?=#?[A-Za-z0-9]+;)")
_EDGE_OF_WORD: Final = re.compile(r"_(?![A-Za-z0-9])|(?<![A-Za-z0-9])_")
_SAFE: Final = "/%:@!$&'+,;=?#-."


def moved(address: str, book: Book, *, image: bool = False) -> str | None:
    """Where a link of that address should lead instead; None when it is right as it is.

    What the batch migrates leads to GitHub, other relative addresses become absolute ones of the old GitLab
    or of a file on GitHub, and a stranger's item is reached without the stranger being told.
    """
    plain = _DROPPED.sub("", address).strip()
    if not plain or plain[0] in "#?" or plain.lower().startswith("www."):
        return None
    root = book.gitlab_url.rstrip("/")
    if not _SCHEME.match(plain.replace("\\", "/", 2)):
        own = book.local(plain)
        return safe(_relative(plain, root, book, image=image) if own is None else own)
    inside = inside_gitlab(plain, root)
    if inside is not None:
        new = _inside(inside, book)
        return None if new is None else safe(new)
    new = around_backlinks(plain.replace("\\", "/"), book)
    return None if new is None else safe(new)


def safe(address: str) -> str:
    """The address with everything quoted that Markdown, HTML or a table could take for something else."""
    quoted = quote(address, safe=_SAFE).replace("~", "%7E")
    return _EDGE_OF_WORD.sub("%5F", _ENTITY.sub("%26", quoted))


def inside_gitlab(address: str, root: str) -> str | None:
    """What follows the root of this GitLab, with its slash; None for an address that leads elsewhere."""
    found = _WEB.match(address)
    if found is None:
        return None
    home = urlsplit(root)
    if found.group(1).lower() != home.netloc.lower():
        return None
    rest = address[found.end() :] or "/"
    if not rest.startswith(f"{home.path}/"):
        return None
    return rest.removeprefix(home.path)


def around_backlinks(address: str, book: Book) -> str | None:
    """The address without the power to show up at what it points to; None when it has none.

    For github.com that is GitHub's own redirecting host; elsewhere the first sign of the number is quoted,
    which leads to the same page and is not taken for a reference.
    """
    found = _WEB.match(address)
    if found is None:
        return None
    host = found.group(1).rpartition("@")[2].partition(":")[0].rstrip(".").lower()
    rest = address[found.end() :]
    path = unquote(rest.partition("?")[0].partition("#")[0])
    if not _GITHUB_ITEM.match(posixpath.normpath(path) if path else "") and not _GITHUB_ITEM.match(path):
        return None
    if host in {"github.com", "www.github.com"}:
        return f"https://redirect.github.com{rest}"
    if host != urlsplit(book.github_url).netloc.partition(":")[0].lower():
        return None
    head, slash, last = rest.partition("?")[0].partition("#")[0].rstrip("/").rpartition("/")
    return f"{found.group()}{head}{slash}%{ord(last[0]):02X}{last[1:]}" if last and last[0] != "%" else None


def on_github(repo: RepoRef, book: Book, *more: str) -> str:
    """The address of a repository on GitHub, or of something in it."""
    return "/".join((book.github_url.rstrip("/"), str(repo), *more))


def milestone_address(repo: RepoRef, title: str, book: Book) -> str:
    """The issues of a milestone; the number of its own page is known only after it is made."""
    inner = title.replace("\\", "\\\\").replace('"', '\\"')
    return on_github(repo, book, "issues") + "?q=" + quote(f'is:issue milestone:"{inner}"', safe="")


def label_address(repo: RepoRef, name: str, book: Book) -> str:
    """The issues with a label."""
    return on_github(repo, book, "labels", quote(name, safe=""))


def _relative(address: str, root: str, book: Book, *, image: bool) -> str:
    address = address.replace("\\", "/")
    path = address.partition("?")[0].partition("#")[0]
    if path.startswith("/"):
        if upload := _upload(path):
            if known := book.upload(*upload):
                return known
            own = path.startswith("/uploads/")
            return f"{root}/{book.project_path}{path}" if own else f"{root}{path}"
        if "/-/" in path or book.repository(path.strip("/")) is not None:
            return _inside(address, book) or f"{root}{posixpath.normpath(address)}"
    # GitLab reads what is left as a file of the default branch; no `..` leads out of it.
    rest = "" if image else address[len(path) :]
    return on_github(book.repo, book, "raw" if image else "blob", "HEAD", _confined(path)) + _lines(rest)


def _inside(rest: str, book: Book) -> str | None:
    """The new address for what follows the root of this GitLab."""
    path, _, fragment = rest.partition("#")
    path, _, query = path.partition("?")
    if upload := _upload(path):
        return book.upload(*upload)
    project, dash, action = path.strip("/").partition("/-/")
    if not dash:
        repo = book.repository(project.removesuffix(".git"))
        if repo is not None:
            git = ".git" if project.endswith(".git") else ""
            return None if query else on_github(repo, book) + git
        old = _OLD_FORM.fullmatch(path.rstrip("/"))
        if old is None:
            return None
        project, action = old.group(1), f"{old.group(2)}/{old.group(3) or ''}".rstrip("/")
    repo = book.repository(project)
    if repo is None or (query and not _REF_TYPE.fullmatch(query)):
        return None
    new = _action(action.rstrip("/"), project, repo, book)
    return None if new is None else new + _lines(f"#{fragment}" if fragment else "")


def _action(action: str, project: str, repo: RepoRef, book: Book) -> str | None:
    kind, _, what = action.partition("/")
    if kind in _SAME_ON_GITHUB:
        return on_github(repo, book, kind, _confined(what)) if what else None
    match kind:
        case "issues" | "work_items" | "merge_requests" if what:
            target = numbered(kind, what, project, book)
            return on_github(target[0], book, "issues", str(target[1])) if target else None
        case "commit" if what:
            return on_github(repo, book, "commit", _confined(what))
        case "releases" if _OF_RELEASE.search(what):
            return book.release_file(unquote(what)) if _own(project, book) else None
        case "releases" if what == "permalink/latest":
            return on_github(repo, book, "releases", "latest")
        case "tags" | "releases" if what and not _FORM.search(what):
            return on_github(repo, book, "releases", "tag", _confined(what))
        case "milestones" if what:
            title = book.milestone(what) if _own(project, book) else None
            return milestone_address(repo, title, book) if title else None
        case "milestones":
            return on_github(repo, book, "milestones")
        case "wikis":
            return book.wiki_page(unquote(what) or "home") if _own(project, book) else None
        case "snippets" if _IID.fullmatch(what):
            return book.snippet(int(what)) if _own(project, book) else None
        case _ if not what and (plain := _LISTS.get(kind) or _LISTS_OF_GIT.get(kind)):
            return on_github(repo, book, plain)
        case _:
            return None


def numbered(kind: str, iid: str, project: str, book: Book) -> tuple[RepoRef, int] | None:
    """The repository and number of an issue or merge request by the words of its GitLab address."""
    if kind == "merge_requests":
        iid = iid.removesuffix("/diffs").removesuffix("/commits")
    if not _IID.fullmatch(iid):
        return None
    look_up = book.merge_request_number if kind == "merge_requests" else book.issue_number
    return look_up(int(iid), None if _own(project, book) else project)


def _own(project: str, book: Book) -> bool:
    return project.lower() == book.project_path.lower()


def _upload(path: str) -> tuple[str, str, str] | None:
    """The secret, the file's name and the holder in the path of an attachment."""
    found = _UPLOAD.search(path)
    holder = path[: found.start()] if found else ""
    if found is None or ("/-" in holder and not _HOLDS_UPLOADS.fullmatch(holder)):
        return None
    return found.group(1), unquote(found.group(2)), holder


def _confined(path: str) -> str:
    """The path, quoted; no `..` leads out of the repository."""
    return quote(posixpath.normpath(f"/{unquote(path)}").lstrip("/"), safe="/@:+,=")


def _lines(fragment: str) -> str:
    """GitLab's `#L10-20` is `#L10-L20` on GitHub."""
    found = _LINES.fullmatch(fragment.removeprefix("#"))
    return f"#L{found.group(1)}-L{found.group(2)}" if found else fragment
