"""What of the history GitHub would refuse or could not follow: found at export, said before a write."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from gl2gh_batch import codec
from gl2gh_batch.agents._desk import Desk
from gl2gh_batch.agents.export import REMEDY
from gl2gh_batch.domain.plan import Finding, Severity
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.kinds.lfs_objects import LfsDesired
from gl2gh_batch.kit.git_refs import BLOB_LIMIT_BYTES
from gl2gh_batch.kit.workdir import ProjectFolder, read_lines, read_manifest

_NAMED_AT_MOST: Final = 20
_MIB: Final = 1024 * 1024
# The least of GitHub's plans ("About Git Large File Storage").
LFS_OBJECT_BYTES: Final = 2 * 1024 * _MIB
_SHOWN_OF_A_NAME: Final = 60
_REVOKE: Final = (
    "Where push protection is on, GitHub declines the whole push for it. Revoke it now: whoever may read the"
    " project has it. Then take it out of the history before the export (git filter-repo --replace-text), or"
    " let GitHub allow it when the push is declined."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Where the project comes from and goes, and where its neighbours go."""

    gitlab_url: str
    full_path: str
    github_url: str
    repo: RepoRef
    repo_of: Callable[[str], RepoRef | None]


def surroundings_of(desk: Desk) -> Surroundings:
    """The surroundings of the project on the desk."""

    def repo_of(full_path: str) -> RepoRef | None:
        known = desk.references.of_instance(full_path, desk.gitlab_url)
        return None if known is None else known.repo

    return Surroundings(
        gitlab_url=desk.gitlab_url,
        full_path=desk.reference.project.full_path,
        github_url=desk.github_url,
        repo=desk.repo,
        repo_of=repo_of,
    )


def git_findings(folder: ProjectFolder, around: Surroundings) -> Iterator[Finding]:
    """What GitHub would refuse or could not follow, with place and remedy; of many, the first twenty."""
    manifest = read_manifest(folder.snapshot, remedy=REMEDY)
    facts: Mapping[str, Any] = {} if manifest is None else manifest.facts
    severity = Severity.BLOCKING if _is_hosted(around.github_url) else Severity.WARNING
    yield from _large(facts.get("large_files", ()), severity)
    yield from _refs(facts.get("refused_refs", ()))
    yield from _submodules(facts.get("submodules", ()), around)
    yield from _secrets(facts.get("secrets", {}))
    yield from _lfs(folder, around.repo)


def _lfs(folder: ProjectFolder, repo: RepoRef) -> Iterator[Finding]:
    """What the LFS objects take of their owner's storage, and those that not every plan of GitHub's takes."""
    count, total, large = 0, 0, list[tuple[str, int]]()
    objects = folder.desired / "lfs_objects.ndjson"
    for line in read_lines(objects) if objects.is_file() else ():
        one = codec.decode(line, LfsDesired)
        count, total = count + 1, total + one.size
        if one.size > LFS_OBJECT_BYTES and len(large) < _NAMED_AT_MOST:
            large.append((one.oid, one.size))
    if not count:
        return
    yield Finding(
        code="lfs-storage",
        severity=Severity.NOTICE,
        message=f"{count:,} LFS objects of {total / _MIB:,.1f} MiB take from the LFS storage of {repo.owner}",
        hint="See in the owner's billing settings that there is room: GitHub refuses what is over it, and the"
        " same command goes on once there is.",
        item="lfs_objects",
    )
    for oid, size in large:
        yield Finding(
            code="lfs-object-size",
            severity=Severity.WARNING,
            message=f"the LFS object {oid[:12]} has {size / _MIB:,.0f} MiB",
            hint="GitHub takes 2 GiB an object on Free and Pro, 4 GiB on Team, 5 GiB on Enterprise Cloud.",
            item=f"lfs_objects/{oid}",
        )


def _refs(refused: Iterable[Mapping[str, str]]) -> Iterator[Finding]:
    by_reason: dict[str, list[str]] = {}
    for one in refused:
        by_reason.setdefault(str(one["reason"]), []).append(str(one["name"]))
    for reason, names in sorted(by_reason.items()):
        shown = ", ".join(
            name if len(name) <= _SHOWN_OF_A_NAME else f"{name[:_SHOWN_OF_A_NAME]}…" for name in names[:5]
        )
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        yield Finding(
            code="ref-refused",
            severity=Severity.WARNING,
            message=f"{len(names)} refs stay behind, each because {reason}: {shown}{more}",
            hint="Rename them in GitLab before the export to take them along; each is listed as a loss.",
            item=names[0],
        )


def _submodules(listed: Iterable[Mapping[str, str]], around: Surroundings) -> Iterator[Finding]:
    found = (one for one in (_submodule(one, around) for one in listed) if one is not None)
    for place, finding in enumerate(found):
        if place == _NAMED_AT_MOST:
            yield Finding(
                code="submodule-url",
                severity=Severity.WARNING,
                message=f"more than {_NAMED_AT_MOST} submodules lead to the GitLab that is left, or nowhere",
                hint="See the files .gitmodules of the branches.",
            )
            return
        yield finding


def _submodule(one: Mapping[str, str], around: Surroundings) -> Finding | None:
    """What is wrong with the URL once the repository is on GitHub; None for one that leads where it did."""
    url = str(one["url"])
    is_relative = url.startswith(("./", "../"))
    path = _path_on(around, url, is_relative=is_relative)
    if not path:
        return None
    target = around.repo_of(path)
    if is_relative:
        there = posixpath.normpath(f"{around.repo}/{url}").removesuffix(".git")
        if target is not None and str(target).lower() == there.lower():
            return None
        why = f"a relative URL, which on GitHub means {there}"
    else:
        why = "which is on the GitLab that is left"
    if target is not None:
        hint = (
            f"That project goes to {around.github_url}/{target}: write this URL into .gitmodules by a commit"
            " after the migration; commits keep their ids, so nothing else changes."
        )
    else:
        hint = (
            f"{path} is not in this batch: migrate it too and write its new URL into .gitmodules, or give"
            " those who clone from GitHub access to GitLab."
        )
    return Finding(
        code="submodule-url",
        severity=Severity.WARNING,
        message=f"the submodule {one['name']!r} on branch {one['branch']!r} leads to {url!r}, {why}",
        hint=hint,
        item=str(one["name"]),
    )


def _path_on(around: Surroundings, url: str, *, is_relative: bool) -> str:
    """The full path of the project on the GitLab that is left; empty for an address elsewhere."""
    if is_relative:
        return posixpath.normpath(f"{around.full_path}/{url}").removesuffix(".git")
    old = urlsplit(around.gitlab_url)
    if "://" in url:
        try:
            parts = urlsplit(url)
            host, path = parts.hostname or "", parts.path
        except ValueError:
            return ""
    else:  # user@host:path, as scp writes it
        host, _, path = url.partition(":")
        host = host.rpartition("@")[2]
    if host.lower() != (old.hostname or "").lower():
        return ""
    return path.strip("/").removeprefix(old.path.strip("/")).strip("/").removesuffix(".git")


def _secrets(facts: Mapping[str, Any]) -> Iterator[Finding]:
    found = list(facts.get("found", ()))
    for one in found[:_NAMED_AT_MOST]:
        yield Finding(
            code="secret",
            severity=Severity.WARNING,
            message=f"the file {one['path']!r} holds what looks like a {one['shape']} (object {one['sha']})",
            hint=_REVOKE,
            item=str(one["sha"]),
        )
    if len(found) > _NAMED_AT_MOST:
        yield Finding(
            code="secret",
            severity=Severity.WARNING,
            message=f"{len(found) - _NAMED_AT_MOST} more files hold what looks like a secret",
            hint=_REVOKE,
        )
    if left := int(facts.get("files_left", 0)):
        yield Finding(
            code="secrets-not-searched",
            severity=Severity.NOTICE,
            message=(
                f"{left} files of the history ({int(facts['bytes_left']) / _MIB:.1f} MiB) were not searched"
                " for secrets: those over 1 MiB, and what goes beyond 128 MiB in all"
            ),
            hint="What GitHub declines there is told by the push, with its place and what to do.",
        )


def _large(large: Iterable[dict[str, Any]], severity: Severity) -> Iterator[Finding]:
    hint = (
        f"GitHub refuses the whole push for a file over {BLOB_LIMIT_BYTES // _MIB} MiB in any commit."
        " Before the export, in GitLab: move it to Git LFS (git lfs migrate import --everything"
        " --include=PATH) or take it out of the history (git filter-repo --strip-blobs-bigger-than 100M)."
    )
    rest = 0
    for place, one in enumerate(large):
        if place >= _NAMED_AT_MOST:
            rest += 1
            continue
        yield Finding(
            code="large-file",
            severity=severity,
            message=f"the file {one['path']!r} has {int(one['size']) / _MIB:.1f} MiB (object {one['sha']})",
            hint=hint,
            item=str(one["sha"]),
        )
    if rest:
        yield Finding(
            code="large-file",
            severity=severity,
            message=f"{rest} more files of the history are over {BLOB_LIMIT_BYTES // _MIB} MiB",
            hint=hint,
        )


def _is_hosted(github_url: str) -> bool:
    """True where the limit is GitHub's own; a server of one's own may have another."""
    host = (urlsplit(github_url).hostname or "").lower()
    return host == "github.com" or host.endswith(".ghe.com")
