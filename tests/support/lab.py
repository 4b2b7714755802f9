"""A sandbox with projects described by a test, and the library on top of it."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from brisk import BriskClock

from gl2gh_batch import BatchOrchestrator, SharedResources
from gl2gh_batch.domain.events import Event
from gl2gh_batch.domain.people import UserMapping
from gl2gh_batch.kit.git_claim import CLAIM_REF
from gl2gh_batch.kit.users import UserDirectory
from gl2gh_batch.sandbox import Sandbox
from gl2gh_batch.sandbox.journal import Entry, Exchange

# Import jobs end at once: how long one takes is not what these tests are about.
QUICK = {"import_job_s": (0.001, 0.003)}
# What a client cannot choose, and what therefore differs from run to run.
GIVEN = frozenset(
    {
        "id",
        "node_id",
        "url",
        "updated_at",
        "created_at",
        "closed_at",
        "pushed_at",
        "published_at",
        "pull_request_review_id",
        "imports",
        "merge_commit_sha",
        "submitted_at",
        "closed_by",
        "creator",
        "user",
    }
)

# GitHub's own trial merge of a pull request, with the time of day in it.
_TEST_MERGE = re.compile(r"refs/pull/[0-9]+/merge")

USERS = [("anna", UserMapping(gitlab_username="anna", github_login="anna"))]
PEOPLE = {"anna": {"name": "Anna Berg"}, "ben": {"name": "Ben Okafor"}}


def project(path: str = "acme/app", id: int = 17, **fields: Any) -> dict[str, Any]:  # noqa: A002 - GitLab's word
    """A description of a small project that has something of every kind; `fields` replace its parts."""
    return {
        "project": {
            "path": path,
            "id": id,
            "name": "App",
            "description": "An app",
            "created_at": datetime(2024, 1, 15, 10, tzinfo=UTC),
            "topics": ["tools"],
            "creator": "anna",
        },
        "users": PEOPLE,
        "members": {"anna": "owner", "ben": "developer"},
        "labels": [
            {"title": "type::bug", "color": "#d9534f", "description": "It is broken"},
            {"title": "later", "color": "#428bca"},
        ],
        "milestones": [
            {"title": "1.0", "description": "The first", "due_date": date(2024, 6, 1)},
            {"title": "0.9", "state": "closed"},
        ],
        "issues": [
            issue(1, labels=["type::bug"], milestone="1.0", notes=[note("Same here."), note("Fixed.")]),
            issue(2, state="closed", milestone="0.9", notes=[note("Done in `main`.")]),
            issue(4, labels=["later", "type::bug"], assignees=["anna"]),
        ],
        "repository": {
            "default_branch": "main",
            "commits": [
                {"name": "one", "message": "Begin", "author": "anna", "files": {"README.md": "# App\n"}},
                {"name": "two", "message": "Go on", "author": "ben", "files": {"src/app.py": "print(1)\n"}},
            ],
            "branches": {"release/1.0": "one"},
            "tags": {"v1.0": "one", "v1.1": {"commit": "two", "message": "The second"}},
        },
        **fields,
    }


def issue(iid: int, **fields: Any) -> dict[str, Any]:
    """A description of one issue."""
    return {"iid": iid, "title": f"Issue {iid}", "author": "anna", "description": f"Text of {iid}", **fields}


def note(body: str, **fields: Any) -> dict[str, Any]:
    """A description of one note."""
    return {"author": "ben", "body": body, **fields}


def is_writing(entry: Entry | Exchange) -> bool:
    """Whether a request to GitHub changes something; git and GraphQL only ask by POST, too."""
    if entry.side != "github":
        return False
    if entry.path.endswith("/graphql"):
        return entry.points > 1 if isinstance(entry, Entry) else b"mutation" in (entry.request_body or b"")
    return not (entry.method in {"GET", "HEAD"} or entry.path.endswith("/git-upload-pack"))


class Lab:
    """A running sandbox; every `run` is a new process as far as the library can tell."""

    def __init__(self, sandbox: Sandbox, folder: Path, session: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self.folder = folder
        self.work = folder / "work"
        self.events: list[Event] = []
        self._session = session

    def config(self, project_id: int | str = 17, **fields: Any) -> dict[str, Any]:
        """The configuration of one project."""
        sandbox = self.sandbox
        return {
            "project_id": project_id,
            "gitlab_url": sandbox.gitlab_url,
            "gitlab_token": sandbox.gitlab_token,
            "github_url": sandbox.github_url,
            "github_api_url": sandbox.github_api_url,
            "github_token": sandbox.github_token,
            "target_owner": sandbox.owner,
            **fields,
        }

    def configs(self, **fields: Any) -> list[dict[str, Any]]:
        """The configurations of all projects of the sandbox."""
        return [self.config(one, **fields) for one in sorted(self.sandbox.gitlab.projects)]

    async def batch(
        self,
        mode: str,
        configs: Sequence[Mapping[str, Any]] | None = None,
        *,
        work: Path | None = None,
        listen: Callable[[Event], None] | None = None,
        started: Callable[[BatchOrchestrator], None] | None = None,
        users: Iterable[tuple[str, Any]] = (),
        shared: Mapping[str, Any] | None = None,
        people: UserDirectory | None = None,
        **arguments: Any,
    ) -> dict[str, Any]:
        """Run a batch; its result. `events` holds what it told, `shared` are keywords of the resources."""
        self.events = []
        async with SharedResources(
            work_dir=work or self.work, clock=BriskClock(), **{"users": people, **(shared or {})}
        ) as resources:
            for key, mapping in users:
                await resources.set_user_mapping(key, mapping)
            resources.subscribe(self.events.append)
            if listen is not None:
                resources.subscribe(listen)
            orchestrator = BatchOrchestrator(resources)
            if started is not None:
                started(orchestrator)
            return await orchestrator.execute_batch_migration(
                self.configs() if configs is None else configs, mode=mode, **arguments
            )

    async def run(
        self, mode: str, config: Mapping[str, Any] | None = None, **arguments: Any
    ) -> dict[str, Any]:
        """Run one project; its own result."""
        result = await self.batch(mode, [config or self.config()], **arguments)
        assert result["total_projects"] == 1
        (only,) = result["results"]
        assert isinstance(only, dict)
        return only

    async def control(self, method: str, path: str, document: Any = None) -> Any:
        """Ask the control interface; what it answers."""
        async with self._session.request(
            method, f"{self.sandbox.control_url}/{path}", json=document
        ) as response:
            text = await response.text()
            assert response.status < 300, text
            return json.loads(text) if response.content_type == "application/json" else text

    async def faults(self, *faults: Mapping[str, Any]) -> None:
        """Switch these faults of GitHub on, and all others off."""
        await self.control("PUT", "faults", [{"side": "github", **one} for one in faults])

    async def damage(self, *operations: Mapping[str, Any]) -> None:
        """Change the target behind everybody's back; paths are below the one repository of the state."""
        (name,) = await self.repositories()
        root = f"/repositories/{name.replace('/', '~1')}"
        await self.control("PATCH", "state", [{**one, "path": root + str(one["path"])} for one in operations])

    async def repositories(self) -> dict[str, Any]:
        """What GitHub holds."""
        found = (await self.control("GET", "state"))["repositories"]
        assert isinstance(found, dict)
        return found

    async def repository(self, name: str = "acme/app") -> dict[str, Any]:
        """One repository as GitHub holds it."""
        found = (await self.repositories())[name]
        assert isinstance(found, dict)
        return found

    async def settled(self, *, dated: bool = True) -> Any:
        """What GitHub holds, without what differs from run to run by GitHub's own choice.

        The ordinary endpoints take no dates: what they made is not `dated`.
        """
        return settled(await self.repositories(), dated=dated)

    def folder_of(self, slug: str = "acme-app-17") -> Path:
        """The folder of one project in the work directory."""
        return self.work / "projects" / slug

    def mark(self) -> int:
        """The present end of the journal."""
        return len(self.sandbox.journal)

    def github(self, since: int = 0) -> list[Entry]:
        """The requests to GitHub since a mark."""
        return [one for one in list(self.sandbox.journal)[since:] if one.side == "github"]

    def writes(self, since: int = 0) -> list[str]:
        """The writing requests to GitHub since a mark."""
        return [f"{one.method} {one.path}" for one in self.github(since) if is_writing(one)]

    def writes_but_claims(self, since: int = 0) -> list[str]:
        """The same without pushes, and without the request that gives a claim back."""
        return [one for one in self.writes(since) if not one.endswith(("git-receive-pack", CLAIM_REF))]


def settled(value: Any, *, dated: bool = True) -> Any:
    """A document without what GitHub chooses; the dates that a client gives are kept as `dates`."""
    if isinstance(value, list):
        return [settled(one, dated=dated) for one in value]
    if not isinstance(value, dict):
        return value
    kept = {
        key: settled(one, dated=dated)
        for key, one in value.items()
        if key not in GIVEN and not key.endswith("_url") and key != "_links" and not _TEST_MERGE.match(key)
    }
    # The dates of releases are GitHub's own.
    if dated and "body" in value and "tag_name" not in value:
        kept["dates"] = (value["created_at"], value.get("closed_at"))
    return copy.deepcopy(kept)


@asynccontextmanager
async def open_lab(
    folder: Path, projects: Sequence[Mapping[str, Any] | Path | str], **arguments: Any
) -> AsyncIterator[Lab]:
    """A sandbox with these projects: descriptions, or paths of seeds."""
    seeds = []
    for number, one in enumerate(projects):
        if isinstance(one, Mapping):
            path = folder / f"project-{number}.yml"
            path.write_text(yaml.safe_dump(dict(one), allow_unicode=True), encoding="utf-8")
            seeds.append(path)
        else:
            seeds.append(Path(one))
    arguments = {"profile": "unlimited", "settings": QUICK, "members": ("anna", "ben"), **arguments}
    async with Sandbox(projects=seeds, **arguments) as sandbox, aiohttp.ClientSession() as session:
        yield Lab(sandbox, folder, session)


def differing(one: Any, other: Any, place: str = "") -> list[str]:
    """The places in which two documents differ, with both values; for assertions that people can read."""
    if isinstance(one, dict) and isinstance(other, dict):
        return [
            line
            for key in sorted({*one, *other})
            for line in differing(one.get(key), other.get(key), f"{place}/{key}")
        ]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [
            line
            for index, (left, right) in enumerate(zip(one, other, strict=True))
            for line in differing(left, right, f"{place}/{index}")
        ]
    return [] if one == other else [f"{place}: {one!r} != {other!r}"]
