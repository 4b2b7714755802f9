"""The reports of shards become one."""

from __future__ import annotations

from pathlib import Path

import pytest

from gl2gh_batch.batch.people import merge_users_reports
from gl2gh_batch.domain.errors import WorkDirectoryError
from gl2gh_batch.domain.people import AccountKind, PersonStatus
from gl2gh_batch.output.users_csv import UserRow, read_users_csv, users_csv


def test_shards_add_up_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    """Each person once with the counts of all shards; without shards nothing is written or claimed."""
    assert merge_users_reports(tmp_path) == {}
    assert list(tmp_path.iterdir()) == []
    row = UserRow(username="ann", account=AccountKind.PERSON, author=2)
    other = UserRow(
        username="bob", account=AccountKind.PERSON, status=PersonStatus.LOGIN_NOT_FOUND, note="bobb", author=1
    )
    for shard, rows in ((1, [row]), (2, [row, other])):
        folder = tmp_path / f"shard-{shard}" / "report"
        folder.mkdir(parents=True)
        (folder / f"users.shard-{shard}-of-2.csv").write_text("\ufeff" + users_csv(rows))
    said = merge_users_reports(tmp_path)["users"]
    assert (said["people"], said["unresolved"], said["logins_not_found"]) == (2, 2, ["bobb"])
    found = read_users_csv((tmp_path / "report/users.csv").read_text("utf-8-sig"))
    assert [(one.username, one.author, one.projects) for one in found] == [("bob", 1, 1), ("ann", 4, 2)]
    (tmp_path / "shard-1/report/users.shard-1-of-2.csv").write_text("torn")
    with pytest.raises(WorkDirectoryError, match=r"users\.shard-1-of-2\.csv"):
        merge_users_reports(tmp_path)
