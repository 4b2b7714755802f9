"""Addresses of the two platforms: those that are right in form and cannot be meant are told apart here.

Sources: GitHub docs, "Getting started with the REST API" for each product; GitLab docs, "REST API".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from gl2gh_batch.batch.fields import shown, url
from gl2gh_batch.domain.errors import ConfigurationError

GITLAB: Final = "https://gitlab.com"
GITHUB: Final = "https://github.com"
_OF_GITLAB: Final = frozenset({"gitlab.com", "www.gitlab.com"})
_OF_GITHUB: Final = frozenset({"github.com", "www.github.com"})
_API_OF_GITHUB: Final = "api.github.com"
_API: Final = re.compile(r"/api/(?:v[0-9]+|graphql)(?:/.*)?$")


def gitlab_url(raw: Mapping[str, Any]) -> str:
    """The address of the GitLab instance; raises `ConfigurationError`."""
    key = "gitlab_url"
    value, host, path = _parts(raw, key, GITLAB)
    if host in {*_OF_GITHUB, _API_OF_GITHUB}:
        raise _meant(value, key, "is GitHub's address", "Write where your GitLab is, or leave it out for")
    if _API.search(path):
        raise _meant(value, key, "is the address of the API", "Write", _API.sub("", value))
    if host in _OF_GITLAB and path:
        hint = "The project goes into project_ids; write"
        raise _meant(value, key, "is more than the address of GitLab", hint)
    return value


def github_url(raw: Mapping[str, Any]) -> str:
    """The address of GitHub for git and links; raises `ConfigurationError`."""
    key = "github_url"
    value, host, path = _parts(raw, key, GITHUB)
    if host in _OF_GITLAB:
        raise _meant(value, key, "is GitLab's address", "Write where your GitHub is, or", GITHUB)
    if host == _API_OF_GITHUB:
        raise _meant(value, key, "is the address of the API", "Write", GITHUB)
    if _API.search(path):
        raise _meant(value, key, "is the address of the API", "Write", _API.sub("", value))
    if host in _OF_GITHUB and path:
        hint = "The organisation goes into target_owner; write"
        raise _meant(value, key, "is more than the address of GitHub", hint, GITHUB)
    return value


def github_api_url(raw: Mapping[str, Any], github: str) -> str:
    """The address of GitHub's REST API, which follows from GitHub's own; raises `ConfigurationError`."""
    key, usual = "github_api_url", api_url_for(github)
    value, host, path = _parts(raw, key, usual)
    if path.endswith("/graphql") or host in _OF_GITHUB:
        said = "is not the address of the REST API"
        raise _meant(value, key, said, "It follows from github_url and can be left out; here it is", usual)
    return value


def api_url_for(github: str) -> str:
    """Where the API of that GitHub is (docs: "Getting started with the REST API" for each product)."""
    scheme, _, rest = github.partition("://")
    host = rest.split("/", 1)[0]
    if host.lower() == "github.com":
        return "https://api.github.com"
    if host.lower().endswith(".ghe.com"):
        return f"{scheme}://api.{host}"
    return f"{github.rstrip('/')}/api/v3"


def _parts(raw: Mapping[str, Any], key: str, default: str) -> tuple[str, str, str]:
    """The address, and of it the host in small letters and the path."""
    value = url(raw, key, default)
    parts = urlsplit(value)
    return value, (parts.hostname or "").lower(), parts.path


def _meant(value: str, key: str, what: str, hint: str, right: str = GITLAB) -> ConfigurationError:
    return ConfigurationError(f"{shown(value)} {what}", field=key, hint=f"{hint} {right}.")
