"""What the documents say, held against what there is."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from gl2gh_batch.domain.errors import FailureReason
from gl2gh_batch.domain.inventory import NOT_CARRIED
from gl2gh_batch.domain.modes import AGENTS_OF, AgentName, MigrationMode
from gl2gh_batch.sandbox.faults import EFFECTS
from gl2gh_batch.sandbox.limits import CLASSES, PROFILES
from gl2gh_batch.source.checks import NEEDED
from gl2gh_batch.target.checks import NEEDED_SCOPES

FOLDERS = ("src/", "tests/", "tools/", "docs/", "examples/", "requirements/", ".github/", ".ci/")
QUOTED = re.compile(r"`([\w./*-]+)`")
TABLE_ROW = re.compile(r"^\| (.+) \|$", re.MULTILINE)


def documents(root: Path) -> list[Path]:
    """Every document for people."""
    return [*root.glob("*.md"), *root.glob("docs/*.md")]


def test_readme_tables_are_action_yml(
    tool: Callable[[str], ModuleType], project_root: Path, action: dict[str, Any]
) -> None:
    """The tables of inputs and outputs are those of action.yml, and a changed input would show."""
    readme = (project_root / "README.md").read_text()
    written = tool("readme").written
    assert written(readme, action) == readme
    for name, tables in tool("readme").DOCUMENTS.items():
        page = (project_root / name).read_text()
        assert written(page, action, tables) == page
    changed = {**action, "inputs": {**action["inputs"], "new_one": {"description": "New. Example: `1`"}}}
    assert "| `new_one` | New. |  | `1` |" in written(readme, changed)


def test_documents_name_paths_that_exist(project_root: Path) -> None:
    """Every path of this repository that a document names in backticks is there."""
    missing = [
        f"{document.name}: {path}"
        for document in documents(project_root)
        for path in QUOTED.findall(document.read_text())
        if path.startswith(FOLDERS) and not list(project_root.glob(path.rstrip("/")))
    ]
    assert missing == []


@pytest.mark.parametrize(
    "name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "docs/architecture.md"]
)
def test_documents_are_there(project_root: Path, name: str) -> None:
    """What a newcomer looks for is there and says something."""
    assert len((project_root / name).read_text().splitlines()) > 10


def test_links_between_documents_lead_somewhere(project_root: Path) -> None:
    """Every relative link of a document leads to a file."""
    for document in documents(project_root):
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_troubleshooting_explains_every_failure_reason(project_root: Path) -> None:
    """Each reason has a row with what it looks like and what to do, in the order of the code."""
    text = (project_root / "docs/troubleshooting.md").read_text()
    table = text.partition("| `failure_reason` |")[2].partition("\n\n")[0]
    rows = [row.split(" | ") for row in TABLE_ROW.findall(table)][1:]
    assert [row[0].strip("`") for row in rows if row[0].startswith("`")] == list(FailureReason)
    assert all(len(row) == 3 and all(row) for row in rows if row[0].startswith("`"))


def test_what_is_not_carried_is_listed(project_root: Path) -> None:
    """The page names each kind that is a loss as a whole, and none that arrives."""
    text = (project_root / "docs/what-is-migrated.md").read_text()
    table = text.partition("## It does not arrive yet")[2].partition("\n\nNot looked at")[0]
    rows = [tuple(row.split(" | ")) for row in TABLE_ROW.findall(table)]
    assert dict(row for row in rows if row[0].startswith("`")) == {
        f"`{kind}`": words for kind, words in NOT_CARRIED.items()
    }


def test_permissions_are_those_that_doctor_asks_for(project_root: Path) -> None:
    """The page names every scope that `doctor` wants, and has a row for each mode on both sides."""
    text = (project_root / "docs/permissions.md").read_text()
    gitlab, github = text.partition("## GitHub's credential")[::2]
    assert all(f"`{name}`" in gitlab for _, name in NEEDED)
    assert all(f"`{name}`" in github for name in NEEDED_SCOPES)
    assert all(f"`{mode}`" in side for mode in MigrationMode for side in (gitlab, github))


def test_every_page_is_in_the_menu(project_root: Path) -> None:
    """The site's menu names every page of docs/ once, and nothing else."""
    named = re.findall(r": ([\w-]+\.md)$", (project_root / "mkdocs.yml").read_text(), re.MULTILINE)
    assert sorted(named) == sorted(page.name for page in project_root.glob("docs/*.md"))


def test_readme_shows_the_modes_as_they_are(project_root: Path) -> None:
    """The table of modes says of each mode which agents it runs."""
    text = (project_root / "README.md").read_text()
    table = text.partition("| mode |")[2].partition("\n\n")[0]
    seen = {}
    for row in TABLE_ROW.findall(table):
        name, *cells = [cell.strip() for cell in row.split("|")]
        if name.startswith("`"):
            mode = MigrationMode(name.split("`")[1])
            agents = zip(AgentName, cells[: len(AgentName)], strict=True)
            seen[mode] = tuple(agent for agent, cell in agents if cell == "●")
    assert seen == AGENTS_OF


def test_first_screen_holds_the_two_commands(project_root: Path) -> None:
    """`make demo` and `make test` stand in the first thirty lines of the README."""
    first = (project_root / "README.md").read_text().splitlines()[:30]
    for command in ("make demo", "make test"):
        assert any(line.startswith(command) for line in first)


def test_sandbox_page_names_all_that_there_is(project_root: Path) -> None:
    """The page about the sandbox names every profile, limit class and effect of a fault."""
    text = (project_root / "docs/sandbox.md").read_text()
    for profile in PROFILES:
        assert f"| `{profile}` |" in text
    for name in CLASSES:
        assert f"| `{name}` |" in text
    for effect in EFFECTS:
        assert f'"{effect}": ' in text


def test_every_fault_has_its_test(project_root: Path) -> None:
    """Each row of the page about faults names tests, and every test that it names is there."""
    text = (project_root / "docs/faults.md").read_text()
    rows = [row for row in TABLE_ROW.findall(text) if not row.startswith(("fault |", "---"))]
    assert len(rows) > 40
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row.rpartition(" | ")[2])
        assert named, row
        for path, name in named:
            assert f"def {name}(" in (project_root / path).read_text(), f"{path}::{name}"
