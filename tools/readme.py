"""Write the documents' tables from action.yml, the workflows that others call, and the model of sizes.

`--check` compares.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parent.parent
# document → its tables
DOCUMENTS: Final[dict[str, tuple[str, ...]]] = {
    "README.md": ("inputs", "outputs", "sizes"),
    "docs/inputs.md": ("inputs", "outputs", "workflow-plan", "workflow-migrate"),
    "docs/large-batches.md": ("sizes",),
}
sys.path.insert(0, str(ROOT))
from bench.sizes import sizes_table  # noqa: E402 - the benchmarks are a folder of the repository, and not installed

EXAMPLE: Final = re.compile(r"\s*Example: (.+?)\.?$")


def cell(text: object) -> str:
    """A text as one cell of a Markdown table."""
    return " ".join(str(text).split()).replace("|", "\\|")


def inputs_table(action: dict[str, Any]) -> str:
    """The table of inputs: name, meaning, default, example."""
    rows = ["| input | what it says | default | example |", "| --- | --- | --- | --- |"]
    for name, about in action["inputs"].items():
        described = about["description"]
        example = EXAMPLE.search(described)
        default = f"`{cell(about['default'])}`" if about.get("default") else ""
        shown = cell(example[1]) if example else ""
        rows.append(f"| `{name}` | {cell(EXAMPLE.sub('', described))} | {default} | {shown} |")
    return "\n".join(rows)


def outputs_table(action: dict[str, Any]) -> str:
    """The table of outputs: name, meaning."""
    rows = ["| output | what it says |", "| --- | --- |"]
    rows += [f"| `{name}` | {cell(about['description'])} |" for name, about in action["outputs"].items()]
    return "\n".join(rows)


def workflow_table(name: str) -> str:
    """The table of what a workflow that others call takes and gives back."""
    workflow = yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text())
    call = workflow[True]["workflow_call"]  # YAML 1.1 takes `on` for a truth value
    rows = ["| | name | what it says | default |", "| --- | --- | --- | --- |"]
    for sort in ("inputs", "secrets", "outputs"):
        for key, about in call[sort].items():
            given = about.get("default", "")
            default = f"`{str(given).lower() if isinstance(given, bool) else given}`" if given != "" else ""
            shown = "required" if about.get("required") else default
            rows.append(f"| {sort[:-1]} | `{key}` | {cell(about['description'])} | {shown} |")
    return "\n".join(rows)


def written(text: str, action: dict[str, Any], tables: tuple[str, ...] = DOCUMENTS["README.md"]) -> str:
    """A document with its tables as they should be; raises ValueError where a marker is missing."""
    for name, origin, table in (
        ("inputs", "action.yml", inputs_table(action)),
        ("outputs", "action.yml", outputs_table(action)),
        ("sizes", "bench/sizes.py", sizes_table()),
        ("workflow-plan", ".github/workflows/plan.yml", workflow_table("plan")),
        ("workflow-migrate", ".github/workflows/migrate.yml", workflow_table("migrate")),
    ):
        if name not in tables:
            continue
        begin, end = f"<!-- {name}: written by tools/readme.py from {origin} -->", f"<!-- end of {name} -->"
        before, found_begin, rest = text.partition(begin)
        _, found_end, after = rest.partition(end)
        if not found_begin or not found_end:
            raise ValueError(f"the document lacks the markers {begin} … {end}")
        text = f"{before}{begin}\n{table}\n{end}{after}"
    return text


def main() -> int:
    """Write the tables, or check them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; 1 if a table is stale")
    check: bool = parser.parse_args().check
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    stale = False
    for name, tables in DOCUMENTS.items():
        path = ROOT / name
        now = path.read_text()
        new = written(now, action, tables)
        if not check:
            path.write_text(new)
        elif now != new:
            print(f"the tables of {name} differ from what they are made of: run make format")
            stale = True
    return int(stale)


if __name__ == "__main__":
    sys.exit(main())
