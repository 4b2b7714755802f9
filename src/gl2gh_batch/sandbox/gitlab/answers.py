"""How GitLab answers: its refusals, and its pages.

Pages follow lib/gitlab/pagination of gitlabhq/gitlabhq and docs: api/rest (section pagination): at most 100
rows, 20 by default; `X-Total` and `rel="last"` missing above 10,000 rows; an offset beyond 50,000 refused
where there is keyset paging; keyset paging refused with 405 where there is none.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from aiohttp import web

from gl2gh_batch.sandbox.rules import Rules

# The rules that an application keeps.
RULES: Final = web.AppKey("rules", Rules)
DEFAULT_PER_PAGE: Final = 20

T = TypeVar("T")


class Refusal(Exception):  # noqa: N818 - it is GitLab's answer and no error of ours
    """A request that GitLab refuses, with the status and the body that it gives."""

    def __init__(
        self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body
        self.headers = headers or {}

    def response(self) -> web.Response:
        """The answer to send."""
        return web.json_response(self.body, status=self.status, headers=self.headers)


def not_found(what: str = "") -> Refusal:
    """What is not there, or not for this token."""
    return Refusal(404, {"message": f"404 {what} Not Found" if what else "404 Not found"})


def forbidden(why: str = "403 Forbidden") -> Refusal:
    """Seen, but not allowed."""
    return Refusal(403, {"message": why})


def unauthorized() -> Refusal:
    """No token, or none that counts."""
    return Refusal(401, {"message": "401 Unauthorized"})


def invalid(parameter: str, why: str = "is invalid") -> Refusal:
    """A parameter with a value that is none."""
    return Refusal(400, {"error": f"{parameter} {why}"})


def json_answer(
    request: web.Request, body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """A JSON answer with its weak ETag; a client that has it already gets 304."""
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    etag = f'W/"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
    common = {"ETag": etag, "Cache-Control": "max-age=0, private, must-revalidate", **(headers or {})}
    if not request.app[RULES].holds("gitlab_etag"):
        del common["ETag"]
    elif request.method in ("GET", "HEAD") and request.headers.get("If-None-Match") == etag:
        return web.Response(status=304, headers=common)
    return web.Response(body=content, status=status, content_type="application/json", headers=common)


def page_size(request: web.Request) -> int:
    """The wanted rows of a page; more than 100 give 100."""
    size = _number(request, "per_page", DEFAULT_PER_PAGE)
    if size == 0 and request.app[RULES].holds("gitlab_page_number"):
        raise invalid("per_page", "has a value not allowed")
    return int(min(size or DEFAULT_PER_PAGE, request.app[RULES].most("gitlab_per_page")))


def offset_page(
    request: web.Request,
    base_url: str,
    rows: Sequence[T],
    show: Callable[[T], Any],
    *,
    keyset_type: str | None = None,
    is_counted: bool = True,
) -> web.Response:
    """One page by number. `keyset_type` names the type of rows that could be paged by key (`Project` …)."""
    rules = request.app[RULES]
    if request.query.get("pagination") == "keyset" and rules.holds("gitlab_keyset"):
        raise keyset_unavailable()
    size, page = page_size(request), _number(request, "page", 1)
    if page == 0 and rules.holds("gitlab_page_number"):
        raise invalid("page", "does not have a valid value")
    page = page or 1
    start = (page - 1) * size
    most = rules.most("gitlab_offset")
    if keyset_type is not None and start > most:
        raise Refusal(
            405,
            {
                "error": f"Offset pagination has a maximum allowed offset of {most:.0f} for requests that"
                f" return objects of type {keyset_type}. Remaining records can be retrieved using keyset"
                " pagination."
            },
        )
    total = len(rows)
    pages = max(-(-total // size), 1)
    is_last = start + size >= total
    is_counted = is_counted and total <= rules.most("gitlab_total")
    links = []
    if page > 1:
        links.append(_link(request, base_url, "prev", page=page - 1, per_page=size))
    if not is_last:
        links.append(_link(request, base_url, "next", page=page + 1, per_page=size))
    links.append(_link(request, base_url, "first", page=1, per_page=size))
    if is_counted:
        links.append(_link(request, base_url, "last", page=pages, per_page=size))
    headers: dict[str, str] = {}
    if rules.holds("gitlab_pages"):
        headers |= {
            "X-Per-Page": str(size),
            "X-Page": str(page),
            "X-Next-Page": "" if is_last else str(page + 1),
            "X-Prev-Page": str(page - 1) if page > 1 else "",
        }
    if rules.holds("gitlab_link"):
        headers["Link"] = ", ".join(links)
    if is_counted:
        headers |= {"X-Total": str(total), "X-Total-Pages": str(pages)}
    return json_answer(request, [show(row) for row in rows[start : start + size]], headers=headers)


def keyset_unavailable() -> Refusal:
    """Keyset paging asked of a list, or in an order, that has none."""
    return Refusal(405, {"error": "Keyset pagination is not yet available for this type of request"})


def keyset_page(
    request: web.Request,
    base_url: str,
    rows: Sequence[T],
    show: Callable[[T], Any],
    following: Callable[[T], dict[str, str]],
) -> web.Response:
    """The first page of `rows` (what comes after the key is chosen by the caller already)."""
    size = page_size(request)
    shown = rows[:size]
    headers = {"X-Per-Page": str(size)}
    if len(rows) > size and request.app[RULES].holds("gitlab_link"):
        headers["Link"] = _link(request, base_url, "next", per_page=size, **following(shown[-1]))
    return json_answer(request, [show(row) for row in shown], headers=headers)


def to_cursor(value: Mapping[str, Any]) -> str:
    """A cursor of keyset paging."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


def from_cursor(cursor: str) -> dict[str, Any]:
    """What a cursor holds; one that was not made here is refused."""
    try:
        value = json.loads(base64.urlsafe_b64decode(cursor))
    except (binascii.Error, ValueError):
        raise invalid("cursor") from None
    if not isinstance(value, dict):
        raise invalid("cursor")
    return value


def _number(request: web.Request, name: str, otherwise: int) -> int:
    text = request.query.get(name, "")
    if not text:
        return otherwise
    if text.isascii() and text.isdecimal():
        return int(text)
    if request.app[RULES].holds("gitlab_page_number"):
        raise invalid(name)
    return otherwise


def _link(request: web.Request, base_url: str, relation: str, **changes: object) -> str:
    """A `Link` entry: the same request with other numbers, its path's parameters repeated as GitLab does."""
    pairs = {key: value for key, value in request.query.items() if not key.endswith("[]")}
    pairs |= {key: value for key, value in request.match_info.items() if key not in ("path", "tail")}
    pairs |= {key: str(value) for key, value in changes.items()}
    lists = [(key, value) for key, value in request.query.items() if key.endswith("[]")]
    query = urlencode([*sorted(pairs.items()), *lists])
    return f'<{base_url}{request.rel_url.raw_path}?{query}>; rel="{relation}"'
