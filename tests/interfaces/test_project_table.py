"""The inventory goes into a spreadsheet and comes back as a batch."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lab import Lab, project
from shell import Shell

from gl2gh_batch.domain.errors import ConfigurationError
from gl2gh_batch.interfaces.batch_file import read_batch_file
from gl2gh_batch.interfaces.wiring import wire
from gl2gh_batch.output.inventory_csv import COLUMNS, inventory_csv


async def test_what_was_discovered_is_migrated_wave_by_wave(open_lab: Any, shell: Shell) -> None:
    """DISCOVER_ONLY writes the table; the edited table is the batch of the next run."""
    lab: Lab = await open_lab(project(), project("acme/lib", 18), project("acme/old", 19))
    ids = "--project-ids=17,18,19"
    ended = await shell.run(lab, ids, "--mode=DISCOVER_ONLY")
    assert ended.code == 0, ended
    table = shell.folder / "gl2gh-work/report/inventory.csv"
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(COLUMNS)
    assert [(one["id"], one["path"], one["issues"], one["migrate"]) for one in rows] == [
        ("17", "acme/app", "3", "yes"), ("18", "acme/lib", "3", "yes"), ("19", "acme/old", "3", "yes"),
    ]  # fmt: skip
    for one in rows:
        assert int(one["predicted_requests"]) > 10
        assert float(one["predicted_hours"]) >= 0
        assert one["repository_mb"]
    rows[0]["target"] = "acme/application"
    rows[1] |= {"id": "", "priority": "5"}
    rows[2]["migrate"] = "no"
    with (shell.folder / "wave-1.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    ended = await shell.run(lab, "--config=wave-1.csv", "--mode=FULL")
    assert ended.code == 0, ended
    assert sorted(await lab.repositories()) == ["acme/application", "acme/lib"]


def test_a_batch_file_may_name_a_table(tmp_path: Path) -> None:
    """A table that a batch file names is read beside it, with the file's defaults for each project."""
    (tmp_path / "wave.csv").write_text("\ufeffOwner,ID,Priority\n,17,3\n\n,18,\n", encoding="utf-8")
    (tmp_path / "batch.yml").write_text("projects: wave.csv\ndefaults: {visibility: internal}\n")
    found = read_batch_file(tmp_path / "batch.yml")
    assert [(one["project_id"], one.get("priority", 0), one["visibility"]) for one in found.projects] == [
        (17, 3, "internal"),
        (18, 0, "internal"),
    ]
    assert found.projects[0]["origin"] == "wave.csv, line 2"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("17\n", "neither a column `id` nor a column `path`"),
        ("id|path\n17|a/b\n", "neither a column `id` nor a column `path`"),
        ("\0\0", "is empty"),
        ("id,targt\n17,a/b\n", "Did you mean 'target'"),
        ("id,id\n17,18\n", "there twice"),
        ("id,migrate\n17,maybe\n", "neither yes nor no"),
        ("id\n1.7\n", "not a whole number"),
        ("id,priority\n17,high\n", "not a whole number"),
        ("path\napp\n", "not the full path"),
        ("path,migrate\n,yes\n", "either `id` or `path`"),
        ('id\n"17\n', "no line of a table"),
        ("id\n\udcff", "UTF-8"),
    ],
)
def test_a_wrong_table_is_told(tmp_path: Path, text: str, words: str) -> None:
    """Each mistake names its line and what to write instead."""
    path = tmp_path / "wave.csv"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigurationError) as caught:
        read_batch_file(path)
    assert words in f"{caught.value.message} {caught.value.hint}"
    assert "wave.csv" in str(caught.value)


EDITS = {
    "semicolons": lambda text: text.replace(",", ";"),
    "tabs": lambda text: text.replace(",", "\t"),
    "sep line": lambda text: "sep=;\r\n" + text.replace(",", ";"),
    "byte order mark": lambda text: f"\ufeff{text}",
    "Windows lines": lambda text: text.replace("\n", "\r\n"),
    "old Macintosh lines": lambda text: text.replace("\n", "\r"),
    "every cell quoted": lambda text: "\n".join(
        ",".join(f'"{cell}"' for cell in line.split(",")) for line in text.splitlines()
    ),
    "empty rows": lambda text: text.replace("\n", "\n,,,,,\n\n"),
    "rows of blanks": lambda text: text.replace("\n", "\n  , ,\t\n"),
    "columns moved": lambda text: "\n".join(
        ",".join(reversed(line.split(","))) for line in text.splitlines()
    ),
    "columns added": lambda text: "\n".join(
        f"{line},Wave {number}" for number, line in enumerate(text.splitlines())
    ),
    "names in capitals": lambda text: text.replace("migrate,id,path", "Migrate , ID,Path"),
    "no last line break": lambda text: text.rstrip("\n"),
    "cut at the end of rows": lambda text: re.sub(r",+$", "", text, flags=re.MULTILINE),
    "a footer of empty columns": lambda text: text + ",,,,,,,,,,,,,,,,,,,,,,,,,\n",
    "yes in other words": lambda text: text.replace("\nyes,", "\nTRUE,"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_what_spreadsheets_do_to_a_table(tmp_path: Path, edit: Callable[[str], str]) -> None:
    """However a spreadsheet saves the inventory, it is the same batch."""
    rows = [
        {"migrate": "yes", "id": 17, "path": "acme/app", "target": "acme/app-2", "priority": 3},
        {"migrate": "yes", "id": 18, "path": "acme/lib", "issues": 4, "wiki": True},
        {"migrate": "no", "id": 19, "path": "acme/old"},
    ]
    path = tmp_path / "inventory.csv"
    path.write_bytes(edit(inventory_csv(rows)).encode())
    found = [
        (one["project_id"], one.get("target"), one.get("priority")) for one in read_batch_file(path).projects
    ]
    assert found == [(17, "acme/app-2", 3), (18, None, None)]


def test_no_cell_is_a_formula() -> None:
    """What GitLab calls a project is no formula to a spreadsheet, and comes back as it was."""
    text = inventory_csv([{"path": "=cmd|' /C calc'!A0", "default_branch": "@SUM(1)", "findings": "-1"}])
    [_, row] = list(csv.reader(text.splitlines()))
    assert not any(cell[:1] in tuple("=+-@\t\r") for cell in row)


async def test_a_column_that_was_sorted_alone_is_found(open_lab: Any, shell: Shell) -> None:
    """An id beside another project's path fails, with the line; the others of the table are migrated."""
    lab: Lab = await open_lab(project(), project("acme/lib", 18), project("acme/old", 19))
    (shell.folder / "wave.csv").write_text(
        "id,path,target\n18,acme/app,acme/a\n17,acme/lib,acme/b\n19,Acme/Old,acme/c\n"
    )
    ended = await shell.run(lab, "--config=wave.csv", "--mode=FULL")
    assert ended.code == 1, ended
    said = ended.out + ended.err
    assert "wave.csv, line 2: path: id 18 is acme/lib on GitLab, and stands beside acme/app" in said
    assert list(await lab.repositories()) == ["acme/c"]


@pytest.mark.parametrize("row", ["17,{},", ",{},", "{},,", "17,acme/app,{}"])
def test_a_pasted_address_is_not_repeated(tmp_path: Path, row: str) -> None:
    """A token in the address of a project or repository is in no message, whatever column it stands in."""
    address = "https://oauth2:a/b,glpat-secret@host/acme/app"
    table = tmp_path / "wave.csv"
    table.write_text("id,path,target\n" + row.format(f'"{address}"') + "\n")
    with pytest.raises(ConfigurationError) as refused:
        wire(
            {
                "config": str(table),
                "gitlab_token": "glpat-right",
                "github_token": "ghp_right",
                "target_owner": "acme",
            }
        )
    assert "secret" not in str(refused.value)
    assert "wave.csv" in str(refused.value)
