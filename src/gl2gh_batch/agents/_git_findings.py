"""What of the history GitHub would refuse, found at export and said in the plan before a write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from gl2gh_batch.agents.export import REMEDY
from gl2gh_batch.domain.plan import Finding, Severity
from gl2gh_batch.kit.git_refs import BLOB_LIMIT_BYTES
from gl2gh_batch.kit.workdir import ProjectFolder, read_manifest

_NAMED_AT_MOST: Final = 20
_MIB: Final = 1024 * 1024


def git_findings(folder: ProjectFolder, github_url: str) -> Iterator[Finding]:
    """One finding for each file over GitHub's limit, largest first; beyond twenty, one for all others."""
    manifest = read_manifest(folder.snapshot, remedy=REMEDY)
    large: list[dict[str, Any]] = [] if manifest is None else list(manifest.facts.get("large_files", ()))
    severity = Severity.BLOCKING if _is_hosted(github_url) else Severity.WARNING
    yield from _large(large, severity)


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
