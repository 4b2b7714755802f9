"""Who may ask: the bearer token, the Host, the Origin; in constant time, and nobody hears which was wrong."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from gl2gh_batch.interfaces.server.config import Access, Role
from gl2gh_batch.interfaces.server.problems import Problem

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


def identify(header: str | None, access: Iterable[Access]) -> Access:
    """Whose token it is; raises `Problem` 401. Every token is compared, so that time tells nothing."""
    scheme, _, token = (header or "").partition(" ")
    digest = hashlib.sha256(token.strip().encode("utf-8", "surrogateescape")).hexdigest()
    found = None
    for one in access:
        if hmac.compare_digest(one.sha256, digest):
            found = one
    if found is None or scheme.lower() != "bearer":
        said = "a bearer token is needed" if not header else "this token is not one of ours"
        challenge = 'Bearer realm="gl2gh-batch"' + (', error="invalid_token"' if header else "")
        raise Problem(401, "unauthorized", said, headers={"WWW-Authenticate": challenge})
    return found


def require(who: Access, role: Role) -> None:
    """Raise `Problem` 403 when the role does not go so far."""
    if role is Role.OPERATOR and who.role is not Role.OPERATOR:
        raise Problem(403, "forbidden", f"{who.name} may look, and an operator's token is needed for this")


def check_host(header: str | None, allowed: frozenset[str]) -> None:
    """Raise `Problem` 421 for a Host that is not ours: what a rebound DNS name would bring."""
    if (header or "").lower() not in allowed:
        raise Problem(421, "wrong-host", "this Host is not served here: see allowed_hosts")


def check_origin(origin: str | None, site: str | None, allowed: frozenset[str]) -> None:
    """Raise `Problem` 403 for a request that another site's page makes a browser send."""
    if origin is not None:
        try:
            parts = urlsplit(origin)
            fits = parts.scheme in {"http", "https"} and parts.netloc.lower() in allowed and not parts.path
        except ValueError:
            fits = False
        if not fits:
            raise Problem(403, "wrong-origin", "requests from other origins are refused")
    if site not in {None, "same-origin", "none"}:
        raise Problem(403, "wrong-origin", "requests from other sites are refused")


def hosts_for(host: str, port: int, allowed: Iterable[str]) -> frozenset[str]:
    """The values of Host that are ours: where we listen, and what the configuration adds."""
    own = set() if host in {"0.0.0.0", "::"} else {f"[{host}]" if ":" in host else host}  # noqa: S104 - compared, not bound
    if _is_loopback(host):
        own |= LOCAL_NAMES
    names = {f"{one}:{port}" for one in own} | {one for one in own if port == 80}
    for one in allowed:
        names |= {one.lower(), f"{one.lower()}:{port}"}
    return frozenset(name.lower() for name in names)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
