"""Where a token may be sent, and by which proxy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

from gl2gh_batch.domain.errors import ConfigurationError, TransportError

# Everything that a URL may hold apart from letters and digits; a space, a quote or a # is none of it.
_URL_SAFE: Final = "/%:?&=+,;@!$'()*~-._[]"
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class ElsewhereError(TransportError):
    """An answer leads to another address than the one that the token is for; trying again is vain."""

    retryable = False


class Origin:
    """The only place that a token may be sent to: scheme, host and port of `base_url`."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
            raise ConfigurationError(
                f"{base_url!r} is not an address of the form https://host", hint="Check the URLs given."
            )
        self.base_url = base_url.rstrip("/")
        self._key = _origin_of(base_url)

    def __contains__(self, url: str) -> bool:
        return _origin_of(url) == self._key

    def absolute(self, path_or_url: str, params: Mapping[str, str | int] | None = None) -> str:
        """The full address; raises `ElsewhereError` for one that leads out of it."""
        raw = path_or_url if "://" in path_or_url else f"{self.base_url}/{path_or_url.lstrip('/')}"
        url = quote(raw, safe=_URL_SAFE, errors="replace")
        if url not in self:
            raise self.elsewhere(url)
        if any(part in {".", ".."} for part in urlsplit(url).path.split("/")):
            raise ElsewhereError(f"the path of {url!r} is not plain; not sent")
        if params:
            url += ("&" if "?" in url else "?") + urlencode(params)
        return url

    def elsewhere(self, url: str) -> ElsewhereError:
        """The error for an address outside of this origin."""
        return ElsewhereError(
            f"an address leads from {self.base_url} to {url.split('?', maxsplit=1)[0]}; not followed",
            hint="Tokens are sent to the configured address only. Check that address.",
        )


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for an address; never one for loopback."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in _LOOPBACK or proxy_bypass(host):
        return None
    return getproxies().get(parts.scheme)


def _origin_of(url: str) -> tuple[str, str, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return ("", "", None)
    if "@" in parts.netloc or "\\" in url:
        return ("", "", None)
    return (parts.scheme.lower(), (parts.hostname or "").lower(), port)
