"""The exports that a batch goes on from: which projects they hold, and what numbers those had."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from gl2gh_batch.batch.config import ProjectConfig
from gl2gh_batch.batch.survey import require_target
from gl2gh_batch.domain.errors import ConfigurationError
from gl2gh_batch.domain.numbering import NumberingPolicy, Numbers
from gl2gh_batch.domain.references import ProjectReference
from gl2gh_batch.kit.exported import HEAD, RECORDS, REMEDY, Exported, read_export
from gl2gh_batch.kit.plain_json import read_json
from gl2gh_batch.kit.workdir import read_lines

EXPORTS = "export"


class Exports:
    """Every project's export in a folder, or the one export that it is; of one GitLab."""

    def __init__(self, found: Sequence[Exported]) -> None:
        self._found = tuple(found)

    @classmethod
    def of(cls, folder: Path) -> Exports:
        """Raises `ConfigurationError` for a folder without one, `WorkDirectoryError` for a damaged one."""
        places = [folder]
        if not (folder / HEAD).exists() and folder.is_dir():
            places = sorted(one.parent for one in folder.glob(f"*/{HEAD}") if one.parent.name[0] != ".")
        found = [read_export(place) for place in places or [folder]]
        addresses = sorted({one.head.gitlab_url for one in found})
        if len(addresses) > 1:
            raise ConfigurationError(
                f"there are exports of {' and of '.join(addresses[:3])}",
                field="from_export",
                hint="Name one project's folder, or keep those of each GitLab in a folder of their own.",
            )
        return cls(found)

    @property
    def gitlab_url(self) -> str:
        """The GitLab that they are of."""
        return self._found[0].head.gitlab_url

    def __iter__(self) -> Iterator[Exported]:
        return iter(self._found)

    def named(self, project: int | str) -> Exported:
        """The export of a project by its id or full path; raises `ConfigurationError` when there is none."""
        for one in self._found:
            if _is_of(one, project):
                return one
        held = ", ".join(one.head.project.full_path for one in self._found[:5])
        more = f" and {len(self._found) - 5} more" if len(self._found) > 5 else ""
        raise ConfigurationError(
            f"there is no export of project {project}; there are exports of {held}{more}",
            field="from_export",
            hint="Run EXPORT_ONLY for it, or leave it out of the list.",
        )

    def below(self, group: str, *, subgroups: bool) -> Iterator[Exported]:
        """The exports of the projects of a group."""
        for one in self._found:
            path = one.head.project.full_path.lower()
            start = f"{group.lower()}/"
            if path.startswith(start) and (subgroups or "/" not in path.removeprefix(start)):
                yield one


def open_export(config: ProjectConfig) -> Exported | None:
    """The export that a project's configuration names; None when it is read from GitLab.

    Raises `ConfigurationError` for one of another project or another GitLab.
    """
    if config.from_export is None:
        return None
    export = read_export(config.from_export)
    if not _is_of(export, config.request.project):
        raise ConfigurationError(
            f"the export is of {export.head.project}, and the project is {config.request.project}",
            field="from_export",
            hint="Name the folder of that project's export.",
        )
    if export.head.gitlab_url.lower() != config.gitlab_url.lower():
        raise ConfigurationError(
            f"the export is of {export.head.gitlab_url}, and gitlab_url is {config.gitlab_url}",
            field="gitlab_url",
            hint=f"Write {export.head.gitlab_url}: texts and numbers are rewritten by it. It is not asked.",
        )
    return export


def surveyed(export: Exported, config: ProjectConfig, *, now: datetime) -> ProjectReference:
    """The row of the map that the survey before the export would have given for this request."""
    request, head = config.request, export.head
    compact = request.policies.numbering is NumberingPolicy.COMPACT
    issue = head.highest_issue if request.kinds.get("issues") != "skip" else 0
    merge_request = head.highest_merge_request if request.kinds.get("merge_requests") != "skip" else 0
    return ProjectReference(
        named=str(request.project),
        project=head.project,
        repo=require_target(request, head.project, config.owner, config.naming),
        numbers=Numbers(
            policy=request.policies.numbering,
            highest_issue=issue,
            highest_merge_request=merge_request,
            issue_iids=_iids(export, "issues", "issue", issue) if compact else (),
            merge_request_iids=(
                _iids(export, "merge_requests", "merge_request", merge_request) if compact else ()
            ),
        ),
        surveyed_at=now.isoformat(timespec="seconds"),
    )


def _is_of(export: Exported, project: int | str) -> bool:
    known = export.head.project
    return str(project).lower() in {str(known.id), known.full_path.lower()}


def _iids(export: Exported, kind: str, key: str, highest: int) -> tuple[int, ...]:
    """The iids of the records of a kind, for ranks; what is newer than the survey belongs to a later run."""
    for file in export.files():
        if file.path == f"{RECORDS}/{kind}.ndjson":
            path = export.checked(file)
            try:
                iids = [int(read_json(line)[key]["iid"]) for line in read_lines(path)]
                return tuple(sorted(iid for iid in iids if iid <= highest))
            except (KeyError, TypeError, ValueError) as error:
                raise ConfigurationError(
                    f"{file.path} holds a line that is no record", field="from_export", hint=REMEDY
                ) from error
    return ()
