"""A project described in YAML.

```yaml
project: {path: acme/platform/api, id: 17, name: API, description: …, visibility: private|internal|public,
          archived: false, created_at: 2023-01-01T09:00:00Z, topics: [a], creator: anna,
          forked_from: acme/other, avatar: /uploads/-/system/project/avatar/17/a.png,
          settings: {merge_method: ff, squash_option: always, …},     # as GET /projects/:id has them
          features: {issues|merge_requests|wiki|snippets|…: enabled|private|disabled},
          external_issues: {PROJECT-123: title}}      # with any of them the project has an external tracker
users:    {anna: {name: Anna Berg, email: …, public_email: …, state: active|blocked|deactivated, bot: false,
                  admin: false, external: false, id: 5, bio: …}}
members:  {anna: maintainer, ben: developer}      # of the project: guest|reporter|developer|maintainer|owner
groups:   {acme: {name: ACME, description: …, visibility: …, members: {…}, labels: […], milestones: […]}}
labels:     [{title: "type::bug", color: "#d9534f", description: …, priority: 1}]
milestones: [{title: "1.0", iid: 1, description: …, state: active|closed, start_date: 2024-01-01, due_date:
…}] issues:
  - {iid: 3, title: …, description: …, author: anna, created_at: …, updated_at: …, state: opened|closed,
     closed_at: …, closed_by: ben, labels: […], milestone: "1.0", assignees: […], confidential: false,
     due_date: …, weight: 3, type: issue|incident|task|test_case, locked: true, time_estimate: 3600 (seconds),
     time_spent: 60, severity: HIGH, health_status: on_track, awards: {thumbsup: [anna, ben]},
     links: [{type: relates_to|blocks|is_blocked_by, issue: 4, project: other/one}] (one side tells both),
     moved_to_id: 900, duplicate_of: 2, epic: {iid: 5, title: …},
     designs: [{filename: home.png, text: … | base64: …, notes_count: 2}],
     iteration: {iid: 7, title: …, start_date: …, due_date: …},
     related_merge_requests: [1], closed_by_merge_requests: [1],
     notes: [{author: ben, body: …, at: …, edited_at: …, system: false, internal: false,
              thread: any-name (notes of one name are one discussion), awards: {…}}]}
merge_requests:
  - {iid: 1, title: …, (all of an issue's but confidential … severity), state: opened|closed|merged,
     source_branch: fix, target_branch: main, draft: false, reviewers: […], merged_by: …, merged_at: …,
     source_project: other/fork (one that is not there is a deleted fork), branch: kept|deleted,
     head: name-of-a-commit, base: name-of-a-commit, merge_commit: name-of-a-commit, squash: false,
     squash_commit: name-of-a-commit, approved_by: […], approvals_required: 1,
     versions: [{head: name-of-a-commit, base: name-of-a-commit, start: …, at: …}]   # the earlier ones
     notes: [{…, path: src/a.py, old_path: …, line: 3, old_line: 2, first_line: 1, version: 1 (the oldest),
              image: {x: 1, y: 2, width: 10, height: 20}, suggestion: text,
              position: {…} (in the API's own shape; wins over what follows from the others),
              resolved: true, resolved_by: anna}]}
repository:                    # left out: a generated history; {} : an empty repository
  default_branch: main
  commits: [{name: one, message: …, author: anna, date: …, branch: main, parents: [names],
             files: {path: text, gone.txt: null, big.bin: {lfs: text}}}]
  branches: {release/1.0: name-of-a-commit}
  tags: {v1.0: name-of-a-commit, v1.1: {commit: …, message: annotated, tagger: anna, date: …}}
  refs: {refs/keep-around/x: name-of-a-commit}
  generated: {commits: 40, seed: 3, branches: 2, tags: 2}    # after the described ones, on the default branch
wiki:     {Home.md: text, guides/Setup.md: text}
releases: [{tag: v1.0, name: …, description: …, author: anna, created_at: …, released_at: …, milestones: […],
            links: [{name: …, url: …, type: other|runbook|image|package, direct_asset_path: /a.zip}]}]
snippets: [{title: …, author: anna, description: …, visibility: private, created_at: …, files: {a.sh: text},
            updated_at: …, versions: [{files: {a.sh: text}, message: …, author: anna, at: …}]}]  # old
packages: [{name: app, version: 1.0, files: {app.zip: text}}]
uploads:  [{secret: 32 hex digits, filename: shot.png, text: … | base64: …}]
settings: {hooks: […], protected_branches: […], variables: […], …}   # in the API's own shape
volume:   {seed: 7, issues: 1000, notes_per_issue: 5, merge_requests: 50,    # see `seeds.volume`
           varied_merge_requests: 500, deleted_branches: 40}                 # see `seeds.varied`
```

An `iid` that is left out is the next one; a gap in the numbers is made by giving a higher one. A commit
without `parents` follows the last one of its branch, and a new branch starts at the default branch's last. A
merge request whose `head` is no described commit and whose source branch is not there gets a commit of its
own. Times that are left out follow from what surrounds the record, so that the same file is always the same
project.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from gl2gh_batch.sandbox.seeds import volume
from gl2gh_batch.sandbox.seeds.description_git import write_repository, write_wiki
from gl2gh_batch.sandbox.seeds.description_items import read_issues, read_merge_requests
from gl2gh_batch.sandbox.seeds.errors import SeedError
from gl2gh_batch.sandbox.seeds.reader import Reader
from gl2gh_batch.sandbox.seeds.records import (
    ACCESS_LEVELS,
    EPOCH,
    Group,
    Label,
    Member,
    Milestone,
    Project,
    Release,
    Seed,
    Snippet,
    SnippetVersion,
    Upload,
    User,
)
from gl2gh_batch.sandbox.seeds.shapes import later

_VISIBILITIES: Final = ("private", "internal", "public")


def load(path: Path, *, git_root: Path) -> Seed:
    """Read a description; its repositories and uploads are made in `git_root`. Raises `SeedError`."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise SeedError(f"{path}: {error}") from error
    with Reader(content, path.name) as top:
        users = _users(top)
        project = _project(top)
        seed = Seed(project=project, folder=git_root, users=list(users.values()), groups=_groups(top))
        project.members = _members(top)
        project.labels = _labels(top)
        project.milestones = _milestones(top, project.created_at)
        read_issues(top, project)
        read_merge_requests(top, project)
        project.releases = [_release(each, project) for each in top.children("releases")]
        project.snippets = [_snippet(each, project) for each in top.children("snippets")]
        project.uploads = [_upload(each, project, git_root) for each in top.children("uploads")]
        project.packages = dict(_packages(top, git_root))
        project.settings = {name: list(rows or ()) for name, rows in top.pairs("settings")}
        volume.grow(top, project, sorted(users))
        write_repository(top, project, users, git_root / "repository.git")
        write_wiki(top, project, users, git_root / "wiki.git")
    return seed


def _users(top: Reader) -> dict[str, User]:
    users: dict[str, User] = {}
    for username, entry in top.entries("users"):
        with entry as user:
            users[username] = User(
                username=username,
                name=user.text("name", username),
                id=user.number("id"),
                email=user.text("email"),
                public_email=user.text("public_email"),
                state=user.choice("state", ("active", "blocked", "deactivated"), "active"),
                is_bot=user.flag("bot"),
                is_admin=user.flag("admin"),
                is_external=user.flag("external"),
                bio=user.text("bio"),
            )
    return users


def _project(top: Reader) -> Project:
    with top.child("project") as face:
        path = face.needed_text("path").strip("/")
        if not re.fullmatch(r"[\w.-]+(?:/[\w.-]+)+", path):
            raise face.refuse("path", f"expected group/name, got {path!r}")
        created = face.moment("created_at", EPOCH)
        return Project(
            id=face.number("id"),
            full_path=path,
            name=face.text("name", path.rsplit("/", 1)[-1]),
            description=face.maybe_text("description"),
            visibility=face.choice("visibility", _VISIBILITIES, "private"),
            archived=face.flag("archived"),
            created_at=created,
            last_activity_at=face.moment("last_activity_at", created),
            topics=face.texts("topics"),
            creator=face.maybe_text("creator"),
            features={name: str(value) for name, value in face.pairs("features")},
            face={
                "forked_from": face.text("forked_from", ""),
                "avatar": face.text("avatar", ""),
                "external_issues": {name: str(title) for name, title in face.pairs("external_issues")},
                **dict(face.pairs("settings")),
            },
        )


def _groups(top: Reader) -> list[Group]:
    groups = []
    for full_path, entry in top.entries("groups"):
        with entry as group:
            created = group.moment("created_at", EPOCH)
            groups.append(
                Group(
                    full_path=full_path,
                    name=group.text("name", full_path.rsplit("/", 1)[-1]),
                    kind=group.choice("kind", ("group", "user"), "group"),
                    description=group.text("description"),
                    visibility=group.choice("visibility", _VISIBILITIES, "private"),
                    created_at=created,
                    members=_members(group),
                    labels=_labels(group),
                    milestones=_milestones(group, created),
                )
            )
    return groups


def _members(owner: Reader) -> list[Member]:
    members = []
    for username, level in owner.pairs("members"):
        if level not in ACCESS_LEVELS:
            raise owner.refuse(
                f"members.{username}", f"expected one of {', '.join(ACCESS_LEVELS)}, got {level!r}"
            )
        members.append(Member(username=username, access_level=ACCESS_LEVELS[level]))
    return members


def _labels(owner: Reader) -> list[Label]:
    labels = []
    for entry in owner.children("labels"):
        with entry as label:
            color = label.text("color", "#428bca")
            if not re.fullmatch(r"#(?:[0-9A-Fa-f]{3}){1,2}", color):
                raise label.refuse("color", f"expected a colour like #428bca, got {color!r}")
            labels.append(
                Label(
                    title=label.needed_text("title"),
                    color=color,
                    description=label.maybe_text("description"),
                    priority=label.maybe_number("priority"),
                )
            )
    return labels


def _milestones(owner: Reader, created: str) -> list[Milestone]:
    milestones: list[Milestone] = []
    for entry in owner.children("milestones"):
        with entry as milestone:
            made = milestone.moment("created_at", later(created, hours=len(milestones) + 1))
            milestones.append(
                Milestone(
                    title=milestone.needed_text("title"),
                    iid=milestone.number("iid") or max((each.iid for each in milestones), default=0) + 1,
                    description=milestone.text("description"),
                    state=milestone.choice("state", ("active", "closed"), "active"),
                    start_date=milestone.day("start_date"),
                    due_date=milestone.day("due_date"),
                    created_at=made,
                    updated_at=milestone.moment("updated_at", made),
                )
            )
    return milestones


def _release(entry: Reader, project: Project) -> Release:
    with entry as release:
        tag = release.needed_text("tag")
        created = release.moment("created_at", project.created_at)
        links: list[dict[str, Any]] = []
        for each in release.children("links"):
            with each as link:
                path = link.text("direct_asset_path")
                if path and not re.fullmatch(r"/(?:[\w.-]+/)*[\w.-]*[0-9A-Za-z]", path):
                    raise link.refuse("direct_asset_path", f"expected /path/to/a/file, got {path!r}")
                links.append(
                    {
                        "id": len(links) + 1,
                        "name": link.needed_text("name"),
                        "url": link.needed_text("url"),
                        "link_type": link.choice("type", ("other", "runbook", "image", "package"), "other"),
                        **({"direct_asset_path": path} if path else {}),
                    }
                )
        return Release(
            tag=tag,
            name=release.text("name", tag),
            description=release.text("description"),
            author=release.text("author", project.creator or "migrator"),
            created_at=created,
            released_at=release.moment("released_at", created),
            milestones=release.texts("milestones"),
            links=links,
            evidences=[
                _evidence(each, project, tag, number)
                for number, each in enumerate(release.children("evidences"), 1)
            ],
        )


def _evidence(entry: Reader, project: Project, tag: str, number: int) -> dict[str, Any]:
    with entry as evidence:
        text = evidence.text("text", json.dumps({"release": {"tag_name": tag}}))
        return {
            "sha": hashlib.sha256(text.encode()).hexdigest()[:40],
            "filepath": f"/{project.full_path}/-/releases/{tag}/evidences/{number}.json",
            "collected_at": evidence.moment("collected_at", project.created_at),
            "text": text,
        }


def _snippet(entry: Reader, project: Project) -> Snippet:
    with entry as snippet:
        created = snippet.moment("created_at", project.created_at)
        return Snippet(
            title=snippet.needed_text("title"),
            author=snippet.text("author", project.creator or "migrator"),
            description=snippet.maybe_text("description"),
            visibility=snippet.choice("visibility", _VISIBILITIES, "private"),
            files={name: str(text) for name, text in snippet.pairs("files")},
            created_at=created,
            updated_at=snippet.moment("updated_at", created),
            versions=[_version(each, created) for each in snippet.children("versions")],
        )


def _version(entry: Reader, created: str) -> SnippetVersion:
    with entry as version:
        return SnippetVersion(
            files={name: str(text) for name, text in version.pairs("files")},
            message=version.text("message", "Update snippet"),
            author=version.text("author", ""),
            at=version.moment("at", created),
        )


def _packages(top: Reader, folder: Path) -> Iterator[tuple[str, Path]]:
    for entry in top.children("packages"):
        with entry as package:
            place = f"{package.needed_text('name')}/{package.needed_text('version')}"
            for filename, text in package.pairs("files"):
                path = folder / "packages" / place / filename
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(str(text).encode())
                yield f"{place}/{filename}", path


def _upload(entry: Reader, project: Project, folder: Path) -> Upload:
    with entry as upload:
        secret, filename = upload.needed_text("secret"), upload.needed_text("filename")
        if not re.fullmatch(r"[0-9a-f]{32}", secret):
            raise upload.refuse("secret", f"expected 32 hexadecimal digits, got {secret!r}")
        if "/" in filename or filename in (".", ".."):
            raise upload.refuse("filename", f"expected the name of a file, got {filename!r}")
        encoded = upload.maybe_text("base64")
        try:
            content = base64.b64decode(encoded) if encoded else upload.text("text").encode()
        except binascii.Error as error:
            raise upload.refuse("base64", str(error)) from None
        path = folder / "uploads" / secret / filename
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return Upload(
            secret=secret,
            filename=filename,
            path=path,
            username=upload.maybe_text("user"),
            created_at=upload.moment("created_at", project.created_at),
        )
