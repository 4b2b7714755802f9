"""Exports that somebody else made or changed, with every digest right."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, Final

from gl2gh_batch.kit.exported import HEAD, SCHEMA, VERSION, ExportHead, sealed
from gl2gh_batch.kit.workdir import facts_of, read_document, write_document

VALUES: Final[tuple[Any, ...]] = (
    None,
    True,
    -1,
    10**30,
    1.5,
    "",
    "x",
    "../../../../../../etc/passwd",
    "/etc/passwd",
    "/dev/zero",
    "--upload-pack=touch owned",
    "ext::sh -c touch% owned",
    "refs/heads/../../x",
    "HEAD",
    "a\nb",
    "\x00",
    "0" * 40,
    "0" * 64,
    "é" * 70_000,
    [],
    {},
    [[]],
    {"$ref": "issues/1", "field": "id"},
)


def forge(folder: Path, path: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Change each line of a file of an export (or its head), and make all digests right again."""
    if path != HEAD:
        file = folder / path
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        for row in rows:
            change(row)
        file.unlink()  # it may be a second name of one in a work directory
        file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        _list_again(folder, path)
    head = read_document(folder / HEAD, SCHEMA, VERSION, ExportHead, remedy="")
    assert head is not None
    head = replace(head, files=facts_of(folder / "files.ndjson"))
    if path == HEAD:
        raw = json.loads((folder / HEAD).read_text())
        change(raw)
        (folder / HEAD).write_text(json.dumps(raw))
        head = read_document(folder / HEAD, SCHEMA, VERSION, ExportHead, remedy="")
        assert head is not None
    write_document(folder / HEAD, SCHEMA, VERSION, sealed(head))


def _list_again(folder: Path, path: str) -> None:
    lines = [json.loads(line) for line in (folder / "files.ndjson").read_text().splitlines()]
    content = (folder / path).read_bytes()
    for one in lines:
        if one["path"] == path:
            one |= {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (folder / "files.ndjson").unlink()
    (folder / "files.ndjson").write_text("".join(f"{json.dumps(one)}\n" for one in lines))


def mutate(value: Any, rng: Random) -> str:
    """Put another value somewhere into plain data; where."""
    place, at = "", value
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        if not keys:
            return place
        key = rng.choice(keys)
        place = f"{place}/{key}"
        if isinstance(at[key], dict | list) and at[key] and rng.random() < 0.85:
            at = at[key]
            continue
        at[key] = rng.choice(VALUES)
        return f"{place} = {str(at[key])[:40]!r}"
