"""The files of a release: which of its links lead to files of the project, and where those are read from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from gl2gh_batch.kinds._attachments import asset_name
from gl2gh_batch.rewrite.addresses import inside_gitlab
from gl2gh_batch.source.published import Release

# Of the project itself only: whoever writes a release could else have our token read what they may not.
_API: Final = re.compile(
    r"/api/v4/projects/([^/]+)(/packages/generic/[^/]+/[^/]+/[^/]+|/jobs/[0-9]+/artifacts(?:/.+)?"
    r"|/jobs/artifacts/.+/(?:raw/.+|download))"
)
_UPLOAD: Final = re.compile(r"/-/project/([0-9]+)(/uploads/[0-9a-f]{32}/[^/]+)")
_OWN_UPLOAD: Final = re.compile(r"(?:/-)?(/uploads/[0-9a-f]{32}/[^/]+)")
_JOB: Final = re.compile(r"/-(/jobs/[0-9]+/artifacts)/(?:raw|file)(/.+)")
_JOB_ARCHIVE: Final = re.compile(r"/-(/jobs/[0-9]+/artifacts)/download")
_LATEST: Final = re.compile(r"/-(/jobs/artifacts/.+/(?:raw/.+|download))")
_PACKAGE_FILE: Final = re.compile(r"/-/package_files/[0-9]+/download")
DOWNLOADS: Final = "downloads/"
_JOB_QUERY: Final = re.compile(r"(?:job=[^&]*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseFile:
    """A file that belongs to a release; `name` is the asset's, `label` its name on GitLab.

    `problem` says why it was not stored.
    """

    name: str
    label: str
    url: str
    sha256: str = ""
    size: int = 0
    problem: str = ""


def source_of(url: str, root: str, project_id: int, project_path: str) -> str | None:
    """Where our token may read the file of a link: a path below `/api/v4`, or an address; None for others."""
    inside = inside_gitlab(url.strip(), root)
    if inside is None:
        return None
    parts = urlsplit(inside)
    path, query = parts.path, parts.query
    if ".." in unquote(path).split("/") or not _JOB_QUERY.fullmatch(query):
        return None
    tail = f"?{query}" if query else ""
    own = {str(project_id), quote(project_path, safe="").lower(), project_path.lower()}
    for pattern in (_API, _UPLOAD):
        found = pattern.fullmatch(path)
        if found is not None and found.group(1).lower() in own:
            return f"/projects/{project_id}{found.group(2)}{tail}"
    start = f"/{project_path}"
    if not path.lower().startswith(f"{start}/".lower()):
        return None
    rest = path[len(start) :]
    if found := _OWN_UPLOAD.fullmatch(rest):
        return f"/projects/{project_id}{found.group(1)}"
    if found := _JOB.fullmatch(rest):
        return f"/projects/{project_id}{found.group(1)}{found.group(2)}"
    if found := _JOB_ARCHIVE.fullmatch(rest):
        return f"/projects/{project_id}{found.group(1)}"
    if found := _LATEST.fullmatch(rest):
        return f"/projects/{project_id}{found.group(1)}{tail}"
    if _PACKAGE_FILE.fullmatch(rest):
        return f"{root}{path}"
    return None


def feature_of(url: str) -> str:
    """The feature of GitLab's that guards the file of a link; empty for one that goes with the release."""
    path = urlsplit(url).path
    if re.search(r"/jobs/(?:[0-9]+/)?artifacts(?:/|$)", path):
        return "builds"
    return "package_registry" if "/packages/generic/" in path or "/-/package_files/" in path else ""


def paths_of(release: Release, files: Sequence[ReleaseFile]) -> Iterator[tuple[str, str]]:
    """The paths below a release's address on GitLab that lead to files, and their assets' names, quoted."""
    names = {one.url: one.name for one in reversed(files)}
    addresses = [(one.direct_asset_url or "", one.url) for one in release.assets.links]
    addresses += [(one.filepath, one.filepath) for one in release.evidences or ()]
    for address, url in addresses:
        whole, of_tag = unquote(urlsplit(address).path), f"/-/releases/{release.tag_name}/"
        path = whole.partition(of_tag)[2]
        if path and url in names:
            yield path, quote(names[url])


def file_name(url: str, label: str) -> str:
    """What a file is called: the end of its address, when that looks like a name, else the link's name."""
    last = unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2])
    is_name = "." in last.strip(".") and len(last) <= 200
    return last if is_name else label or last or "file"


def distinct_names(wanted: list[str]) -> Iterator[str]:
    """Names for the assets of one release that GitHub keeps as they are and does not take for one another."""
    taken: set[str] = set()
    for one in wanted:
        name = asset_name(one)
        stem, dot, ending = name.rpartition(".")
        if not stem:
            stem, dot, ending = name, "", ""
        number = 1
        while name.lower() in taken:
            number += 1
            name = f"{stem}-{number}{dot}{ending}"
        taken.add(name.lower())
        yield name
