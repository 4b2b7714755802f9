"""A GitLab project export as a seed: the archive, the same unpacked, or a bare `project.json`.

The old form (import/export version 0.1.x) has one `project.json` with everything in it; the present one has
`tree/project.json` with the project's own attributes and `tree/project/<relation>.ndjson` with one record a
line (docs: user/project/settings/import_export, development/import_export). Beside them lie `project.bundle`,
`project.wiki.bundle`, `uploads/<secret>/<file>`, `lfs-objects.json` and `lfs-objects/<oid>`.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Final

from gl2gh_batch.sandbox.seeds.errors import SeedError
from gl2gh_batch.sandbox.seeds.export_records import Relations, shape_project
from gl2gh_batch.sandbox.seeds.history import make_from_bundle, run_git
from gl2gh_batch.sandbox.seeds.records import Project, Seed, Upload
from gl2gh_batch.sandbox.seeds.synthesis import synthesize

_WANTED: Final = re.compile(
    r"VERSION|GITLAB_VERSION|project\.json|tree/project\.json|tree/project/[^/]+\.ndjson"
    r"|project(?:\.wiki|\.design)?\.bundle|snippets/[^/]+\.bundle"
    r"|uploads/.+|lfs-objects\.json|lfs-objects/[^/]+"
)
_SECRET: Final = re.compile(r"[0-9a-f]{32}")
_NAMESPACE: Final = "imported"


def is_unpacked(folder: Path) -> bool:
    """Whether the folder is an unpacked export."""
    return (folder / "project.json").is_file() or (folder / "tree/project.json").is_file()


def load(path: Path, *, git_root: Path) -> Seed:
    """Read an export; repositories, uploads and LFS objects are made inside `git_root`.

    An export does not say where its project was: it becomes `imported/<name of the file>`.
    """
    name = re.sub(r"(?:_export)?(?:\.tar|\.tgz|\.gz|\.json)*$", "", path.name) or "project"
    is_bare = path.suffix == ".json"
    if is_bare:
        folder, relations = path.parent, _whole(path)
    else:
        folder = path if path.is_dir() else _unpack(path, git_root / "export")
        is_present = (folder / "tree/project.json").is_file()
        relations = _present(folder) if is_present else _whole(folder / "project.json")
    project, users, groups = shape_project(relations, full_path=f"{_NAMESPACE}/{name}", namespace=_NAMESPACE)
    seed = Seed(project=project, folder=git_root, users=users, groups=groups)
    if is_bare:
        synthesize(project, git_root / "repository.git", {user.username: user for user in users})
        return seed
    _git(folder, project, git_root)
    _files(folder, project)
    return seed


def _unpack(path: Path, target: Path) -> Path:
    """Copy the files that we know of an archive into `target`, member by member, without links or devices."""
    target.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(path, "r|*") as archive:
            for member in archive:
                name = PurePosixPath(member.name)
                if name.is_absolute() or ".." in name.parts:
                    raise SeedError(f"{path}: the archive has a member outside itself: {member.name!r}")
                if not member.isfile() or not _WANTED.fullmatch(str(name)):
                    continue
                source = archive.extractfile(member)
                assert source is not None
                place = target / name
                place.parent.mkdir(parents=True, exist_ok=True)
                with place.open("wb") as copy:
                    shutil.copyfileobj(source, copy)
    except tarfile.TarError as error:
        raise SeedError(f"{path}: no project export archive ({error})") from error
    if not is_unpacked(target):
        raise SeedError(f"{path}: an archive without project.json and without tree/project.json")
    return target


def _whole(path: Path) -> Relations:
    """The old form: one JSON file."""
    whole = _json(path)
    if not isinstance(whole, dict) or "issues" not in whole:
        raise SeedError(f"{path}: not the project.json of an export (an object with a list of issues)")

    def rows(relation: str) -> Iterator[dict[str, Any]]:
        found = whole.get(relation)
        yield from [found] if isinstance(found, dict) else found or ()

    return Relations(attributes=whole, rows=rows)


def _present(folder: Path) -> Relations:
    """The present form: a file for each relation, one record a line."""

    def rows(relation: str) -> Iterator[dict[str, Any]]:
        path = folder / "tree/project" / f"{relation}.ndjson"
        if not path.is_file():
            return
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    row = json.loads(line)
                except ValueError as error:
                    raise SeedError(f"{path}:{number}: {error}") from error
                if row is not None:
                    yield row

    return Relations(attributes=_json(folder / "tree/project.json"), rows=rows)


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SeedError(f"{path}: {error}") from error


def _git(folder: Path, project: Project, git_root: Path) -> None:
    """Make the repositories from the bundles; an export without one is of an empty repository."""
    for bundle, target in (("project.bundle", "repository.git"), ("project.wiki.bundle", "wiki.git")):
        if (folder / bundle).is_file():
            try:
                make_from_bundle(git_root / target, folder / bundle, project.default_branch)
            except subprocess.CalledProcessError as error:
                raise SeedError(
                    f"{folder / bundle}: {error.stderr.decode(errors='replace').strip()}"
                ) from error
    repository = git_root / "repository.git"
    if not repository.exists():
        project.default_branch = None
        return
    project.default_branch = run_git(repository, "symbolic-ref", "--short", "HEAD").decode().strip()
    objects = "\n".join(each.sha or "" for each in project.merge_requests.values()).encode()
    known = run_git(repository, "cat-file", "--batch-check=%(objecttype)", stdin=objects + b"\n").splitlines()
    refs = set(run_git(repository, "for-each-ref", "--format=%(refname)").decode().splitlines())
    for each, kind in zip(project.merge_requests.values(), known, strict=False):
        ref = f"refs/merge-requests/{each.iid}/head"
        if kind == b"commit" and each.sha and ref not in refs:
            run_git(repository, "update-ref", ref, each.sha)


def _files(folder: Path, project: Project) -> None:
    """Find the uploads and LFS objects."""
    for secret in sorted((folder / "uploads").glob("*")):
        if secret.is_symlink() or not _SECRET.fullmatch(secret.name):
            continue
        for path in sorted(secret.iterdir()):
            if path.is_file() and not path.is_symlink():
                project.uploads.append(
                    Upload(secret=secret.name, filename=path.name, path=path, created_at=project.created_at)
                )
    for path in sorted((folder / "lfs-objects").glob("*")):
        if path.is_file() and not path.is_symlink() and re.fullmatch(r"[0-9a-f]{64}", path.name):
            project.lfs_objects[path.name] = path
