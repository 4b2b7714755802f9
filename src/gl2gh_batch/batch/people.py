"""The report on the people of a batch: `report/users.csv`, to be filled in and given back as `users`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from gl2gh_batch.agents import read_resolved
from gl2gh_batch.batch.reports import REPORT
from gl2gh_batch.batch.shards import Shard
from gl2gh_batch.domain.errors import WorkDirectoryError
from gl2gh_batch.domain.people import PersonStatus
from gl2gh_batch.kit.workdir import ProjectFolder, write_atomic
from gl2gh_batch.output.users_csv import UserRow, merged, read_users_csv, row_of, users_csv

NAME: Final = "users.csv"
SHARDS: Final = "users.shard-*-of-*.csv"
_MOST_LOGINS: Final = 50
# Spreadsheets take a file without this mark for one in the language of the system.
_MARK: Final = "\ufeff"


def write_users_report(
    root: Path, folders: Iterable[ProjectFolder], shard: Shard | None = None
) -> dict[str, Any]:
    """Write who is named in the projects, and who of them has a login; the entry `users` of the result.

    Nothing for a batch that names nobody. One `shard` writes a file of its own name.
    """
    rows = merged(row_of(person) for folder in folders for person in _resolved(folder))
    name = NAME if shard is None else f"users.shard-{shard.index}-of-{shard.count}.csv"
    return _write(root, rows, name)


def merge_users_reports(root: Path) -> dict[str, Any]:
    """Join the shards' reports found anywhere below `root`; nothing when there are none.

    Raises `WorkDirectoryError` for one that is damaged.
    """
    rows: list[UserRow] = []
    newest = {path.name: path for path in sorted(root.rglob(SHARDS))}
    for path in newest.values():
        try:
            rows += read_users_csv(path.read_bytes().decode("utf-8-sig"))
        except (OSError, ValueError) as error:
            raise WorkDirectoryError(
                f"{path.name} is damaged: {error}", hint="Download the artifact of that shard again."
            ) from error
    return _write(root, merged(rows), NAME)


def _write(root: Path, rows: Sequence[UserRow], name: str) -> dict[str, Any]:
    if not rows:
        return {}
    path = root / REPORT / name
    write_atomic(path, (_MARK + users_csv(rows)).encode())
    wrong = [row.note for row in rows if row.status is PersonStatus.LOGIN_NOT_FOUND]
    return {
        "users": {
            "people": len(rows),
            "mapped": sum(row.status is PersonStatus.MAPPED for row in rows),
            "unresolved": sum(row.is_open for row in rows),
            "logins_not_found": wrong[:_MOST_LOGINS],
            "file": str(path.relative_to(root)),
        }
    }


def _resolved(folder: ProjectFolder) -> Iterable[Any]:
    try:
        return list(read_resolved(folder.desired))
    except WorkDirectoryError:  # reported by the project's own agents
        return ()
