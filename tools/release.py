"""What a release needs of the repository: its version checked, action.yml with the image's digest, its notes.

Only the standard library: it runs before anything is installed.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
VERSION: Final = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)", re.ASCII)
IMAGE: Final = re.compile(r"ghcr\.io/[A-Za-z0-9][A-Za-z0-9._/-]*@sha256:[0-9a-f]{64}", re.ASCII)
BUILT: Final = "\n  image: Dockerfile\n"


def notes_of(changelog: str, version: str) -> str:
    """What CHANGELOG.md says of a version; raises ValueError where it says nothing."""
    found = re.search(
        rf"^## \[{re.escape(version)}\][^\n]*\n(.*?)(?=^## |^\[|\Z)", changelog, re.MULTILINE | re.DOTALL
    )
    notes = found[1].strip() if found else ""
    if not notes:
        raise ValueError(f"CHANGELOG.md has no section [{version}] with a word in it")
    return f"{notes}\n"


def check(root: Path, version: str) -> str:
    """The notes of a version that the repository is ready for; raises ValueError where it is not."""
    if not VERSION.fullmatch(version):
        raise ValueError(f"{version!r} is no version such as 1.2.3")
    named = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    if named != version:
        raise ValueError(f"pyproject.toml says {named}, and not {version}")
    return notes_of((root / "CHANGELOG.md").read_text(), version)


def with_image(action: str, image: str) -> str:
    """The released action.yml: it pulls the image by digest; raises ValueError for anything else."""
    if not IMAGE.fullmatch(image.lower()):
        raise ValueError(f"{image!r} is no image of ghcr.io with its digest")
    if action.count(BUILT) != 1:
        raise ValueError("action.yml does not build the Dockerfile in one place")
    return action.replace(BUILT, f"\n  image: docker://{image.lower()}\n")


def main() -> int:
    """Check a version, or write action.yml and the notes of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=("check", "write"))
    parser.add_argument("--version", required=True)
    parser.add_argument("--image", default="")
    parser.add_argument("--notes", type=Path, default=Path("notes.md"))
    arguments = parser.parse_args()
    try:
        notes = check(ROOT, arguments.version)
        if arguments.command == "write":
            path = ROOT / "action.yml"
            path.write_text(with_image(path.read_text(), arguments.image))
            arguments.notes.write_text(notes)
    except ValueError as error:
        print(f"::error::{error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
