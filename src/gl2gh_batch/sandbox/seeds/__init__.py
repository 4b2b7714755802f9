"""Seeds: projects for the sandbox's GitLab, read from files of three forms.

- a folder of HTTP recordings (`seeds.recordings`),
- a GitLab project export: an archive of the old form (one `project.json`) or the present one (`tree/`), the
same
  unpacked, or a bare `project.json` (`seeds.export`),
- a YAML description (`seeds.description`); the samples of the demo are of this form.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Final

from gl2gh_batch.sandbox.seeds import description, export, recordings
from gl2gh_batch.sandbox.seeds.errors import SeedError
from gl2gh_batch.sandbox.seeds.history import make_bare
from gl2gh_batch.sandbox.seeds.records import Seed

__all__ = ["SAMPLES", "SeedError", "load", "make_bare", "parse_spec"]


def _samples() -> tuple[str, ...]:
    folder = resources.files("gl2gh_batch.sandbox") / "samples"
    return tuple(sorted(str(entry) for entry in folder.iterdir() if entry.name.endswith((".yml", ".yaml"))))


# The demo's own projects, in the order of their file names.
SAMPLES: Final = _samples()


def load(spec: str | Path, *, git_root: Path) -> Seed:
    """Read the seed at a path, whatever its form; its repositories and files are made inside `git_root`.

    Nothing is ever written outside `git_root`. Raises `SeedError` for what is no seed.
    """
    path = Path(spec)
    if not path.exists():
        raise SeedError(f"{path}: there is no such file or folder")
    if path.is_dir():
        if recordings.is_recording(path):
            return recordings.load(path, git_root=git_root)
        if export.is_unpacked(path):
            return export.load(path, git_root=git_root)
        raise SeedError(
            f"{path}: neither recordings (GET_… files) nor an unpacked export (project.json or tree/)"
        )
    if path.suffix in (".yml", ".yaml"):
        return description.load(path, git_root=git_root)
    return export.load(path, git_root=git_root)


def parse_spec(spec: str) -> tuple[Path, int | None, str | None]:
    """Read `PATH[=ID:group/path]` into the path, the id and the full path (either may be left out).

    A path that exists as it is written wins, so that a `=` in a file's name does no harm.
    """
    if Path(spec).exists() or "=" not in spec:
        return Path(spec), None, None
    path, _, rest = spec.rpartition("=")
    number, colon, full_path = rest.partition(":")
    if not colon and not number.isdecimal():
        number, full_path = "", rest
    if number and not number.isdecimal():
        raise SeedError(f"{spec}: expected PATH=ID:group/path, and {number!r} is not an id")
    return Path(path), int(number) if number else None, full_path.strip("/") or None
