"""Changes to the state that no client asked for: what `PATCH control/state` made of the document.

The document before and the one after are compared, and each difference is carried out on the state (and on
the git data). What a client could not tell from the real thing can be changed; a difference in anything
derived, such as an address or a count, is refused with its place.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Final

from gl2gh_batch.sandbox.github.damage_pulls import PULL_FIELDS, PullWork
from gl2gh_batch.sandbox.github.damage_work import (
    DamageError,
    Document,
    Work,
    login_of,
    match,
    refuse_others,
    set_fields,
)
from gl2gh_batch.sandbox.github.document import state_document
from gl2gh_batch.sandbox.github.git import BareGit, GitError
from gl2gh_batch.sandbox.github.issues import delete_issue
from gl2gh_batch.sandbox.github.labels import add_label, label_named, remove_label
from gl2gh_batch.sandbox.github.milestones import remove_milestone
from gl2gh_batch.sandbox.github.published import Asset, Release
from gl2gh_batch.sandbox.github.releases import asset_path
from gl2gh_batch.sandbox.github.render import SETTINGS
from gl2gh_batch.sandbox.github.repositories import (
    apply_fields,
    create_repository,
    git_of,
    remove_repository,
    wiki_of,
)
from gl2gh_batch.sandbox.github.state import Comment, Issue, Milestone, Repository, State, Token

# What may differ, by sort of thing; all else is derived.
REPOSITORY_FIELDS: Final = frozenset(
    {
        "private",
        "archived",
        "default_branch",
        "description",
        "homepage",
        "topics",
        "collaborators",
        "actions",
        "created_at",
        "pushed_at",
        "last_number",
        "refs",
        "wiki",
        "labels",
        "milestones",
        "issues",
        "pulls",
        "lfs_objects",
        "releases",
        *SETTINGS,
    }
)
LABEL_FIELDS: Final = frozenset({"name", "color", "description", "default"})
MILESTONE_FIELDS: Final = frozenset(
    {"title", "state", "description", "due_on", "closed_at", "created_at", "updated_at", "creator"}
)
ISSUE_FIELDS: Final = frozenset(
    {
        "title",
        "body",
        "state",
        "state_reason",
        "user",
        "labels",
        "assignee",
        "assignees",
        "milestone",
        "locked",
        "active_lock_reason",
        "created_at",
        "updated_at",
        "closed_at",
        "closed_by",
        "comments",
        "type",
        "parent",
        "blocked_by",
    }
)
RELEASE_FIELDS: Final = frozenset(
    {
        "tag_name",
        "target_commitish",
        "name",
        "body",
        "draft",
        "prerelease",
        "make_latest",
        "created_at",
        "published_at",
        "assets",
    }
)
ASSET_FIELDS: Final = frozenset({"name", "label", "content_type", "state", "content"})
COMMENT_FIELDS: Final = frozenset({"body", "user", "created_at", "updated_at"})


async def change_state(state: State, patched: Document) -> None:
    """Make the state as the patched document says."""
    before = await state_document(state)
    refuse_others(before, patched, frozenset(before), "")
    for full_name in before["repositories"]:
        if full_name not in patched["repositories"]:
            _remove(state, full_name)
    for full_name, after in patched["repositories"].items():
        known = before["repositories"].get(full_name, {})
        if known != after:
            await _change_repository(state, full_name, known, after)
    _change_accounts(state, patched)
    state.tokens.clear()
    for secret, fields in patched["tokens"].items():
        scopes = tuple(fields.get("scopes", ()))
        state.add_token(Token(secret=secret, **{**fields, "scopes": scopes}))
    state.settings.update(patched["settings"])
    state.changed()


def _remove(state: State, full_name: str) -> None:
    repository = state.repository(full_name)
    if repository is not None:
        remove_repository(state, repository)


def _change_accounts(state: State, patched: Document) -> None:
    wanted = {login.casefold() for kind in ("users", "organizations") for login in patched[kind]}
    for key in list(state.accounts):
        if key not in wanted:
            del state.accounts[key]
    for kind in ("users", "organizations"):
        for login, fields in patched[kind].items():
            account = state.account(login) or state.add_account(
                login, is_organization=kind == "organizations"
            )
            account.name, account.email = fields.get("name"), fields.get("email")
            account.members = dict(fields.get("members", {}))


async def _change_repository(state: State, full_name: str, before: Document, after: Document) -> None:
    place = f"/repositories/{full_name.replace('/', '~1')}"
    owner, _, name = full_name.partition("/")
    repository = state.repository(full_name)
    if repository is None:
        repository = await create_repository(state, owner, name, after)
        for label in list(repository.labels.values()):
            remove_label(repository, label)
    else:
        refuse_others(before, after, REPOSITORY_FIELDS, place)
    apply_fields(repository, after)
    repository.topics = list(after.get("topics", ()))
    repository.collaborators = {key.casefold(): role for key, role in after.get("collaborators", {}).items()}
    repository.actions = dict(after.get("actions", repository.actions))
    repository.created_at = after.get("created_at", repository.created_at)
    repository.pushed_at = after.get("pushed_at")
    match(before, after, "labels", place, LABEL_FIELDS, _LabelWork(state, repository))
    match(before, after, "milestones", place, MILESTONE_FIELDS, _MilestoneWork(state, repository))
    match(before, after, "issues", place, ISSUE_FIELDS, _IssueWork(state, repository, place))
    match(before, after, "pulls", place, PULL_FIELDS, PullWork(state, repository, place))
    match(before, after, "releases", place, RELEASE_FIELDS, _ReleaseWork(state, repository, place))
    highest = max(repository.issues, default=0)
    repository.last_number = max(after.get("last_number", repository.last_number), highest)
    for oid in repository.lfs_objects.keys() - after.get("lfs_objects", {}).keys():
        repository.lfs_objects.pop(oid).unlink(missing_ok=True)
    git = git_of(state, repository)
    await _change_refs(git, after.get("refs", {}), place)
    if after.get("default_branch", repository.default_branch) != repository.default_branch:
        repository.default_branch = after["default_branch"]
        await git.set_head(repository.default_branch)
    wiki = wiki_of(state, repository)
    if after.get("wiki") is not None:
        if not wiki.exists:
            await wiki.create("master")
        await _change_refs(wiki, after["wiki"].get("refs", {}), f"{place}/wiki")
        pages = after["wiki"].get("pages", {})
        if pages and after.get("has_wiki") == before.get("has_wiki"):
            repository.settings["has_wiki"] = True  # nobody writes a page where the wiki is off
        for name, text in pages.items():
            await wiki.save_page(name, text)


async def _change_refs(git: BareGit, wanted: Mapping[str, str], place: str) -> None:
    present = await git.refs()
    for ref in present.keys() - wanted.keys():
        await git.delete_ref(ref)
    for ref, sha in wanted.items():
        if present.get(ref) != sha:
            try:
                await git.update_ref(ref, sha)
            except GitError as error:
                raise DamageError(f"{place}/refs/{ref.replace('/', '~1')}: {error}") from error


class _LabelWork(Work):
    def remove(self, identity: int) -> None:
        remove_label(self.repository, self.repository.labels[identity])

    def add(self, after: Document) -> None:
        add_label(self.state, self.repository, after["name"], after)

    def change(self, before: Document, after: Document) -> None:
        set_fields(self.repository.labels[before["id"]], after, sorted(LABEL_FIELDS))


class _MilestoneWork(Work):
    _fields: Final = ("title", "state", "description", "due_on", "closed_at", "created_at", "updated_at")

    def remove(self, identity: int) -> None:
        remove_milestone(self.repository, self._find(identity))

    def _find(self, identity: int) -> Milestone:
        return next(each for each in self.repository.milestones.values() if each.id == identity)

    def add(self, after: Document) -> None:
        now = self.state.clock.stamp()
        number = after.get("number", self.repository.last_milestone + 1)
        self.repository.last_milestone = max(number, self.repository.last_milestone)
        milestone = Milestone(
            id=self.state.next_id(),
            number=number,
            title=after["title"],
            creator=login_of(after.get("creator")) or "ghost",
            created_at=now,
            updated_at=now,
        )
        set_fields(milestone, after, self._fields)
        self.repository.milestones[number] = milestone

    def change(self, before: Document, after: Document) -> None:
        milestone = self._find(before["id"])
        set_fields(milestone, after, self._fields)
        milestone.creator = login_of(after["creator"]) or milestone.creator


class _IssueWork(Work):
    _fields: Final = (
        "title",
        "body",
        "state",
        "state_reason",
        "locked",
        "active_lock_reason",
        "created_at",
        "updated_at",
        "closed_at",
        "type",
    )

    def __init__(self, state: State, repository: Repository, place: str) -> None:
        super().__init__(state, repository)
        self._place = place

    def _find(self, identity: int) -> Issue:
        return next(each for each in self.repository.issues.values() if each.id == identity)

    def remove(self, identity: int) -> None:
        delete_issue(self.repository, self._find(identity))

    def add(self, after: Document) -> None:
        now = self.state.clock.stamp()
        number = after.get("number", self.repository.last_number + 1)
        self.repository.last_number = max(number, self.repository.last_number)
        issue = Issue(
            id=self.state.next_id(),
            number=number,
            title=after["title"],
            user=login_of(after.get("user")) or "ghost",
            created_at=now,
            updated_at=now,
        )
        self.repository.issues[number] = issue
        self.repository.deleted_numbers.discard(number)
        self._fill(issue, {}, after)

    def change(self, before: Document, after: Document) -> None:
        self._fill(self._find(before["id"]), before, after)

    def _fill(self, issue: Issue, before: Document, after: Document) -> None:
        set_fields(issue, after, self._fields)
        if "user" in after:
            issue.user = login_of(after["user"]) or "ghost"
        if "closed_by" in after:
            issue.closed_by = login_of(after["closed_by"])
        if after.get("assignees") != before.get("assignees"):
            issue.assignees = [str(login_of(each)) for each in after.get("assignees", ())]
        elif after.get("assignee") != before.get("assignee"):
            login = login_of(after["assignee"])
            issue.assignees = [] if login is None else [login]
        if after.get("labels") != before.get("labels"):
            names = [each["name"] if isinstance(each, Mapping) else each for each in after.get("labels", ())]
            issue.labels = [label_named(self.state, self.repository, name).id for name in names]
        if after.get("milestone") != before.get("milestone"):
            milestone = after.get("milestone")
            issue.milestone = milestone["number"] if isinstance(milestone, Mapping) else milestone
        ids = {number: each.id for number, each in self.repository.issues.items()}
        if after.get("parent") != before.get("parent"):
            issue.parent = ids.get(after.get("parent") or 0)
        if after.get("blocked_by") != before.get("blocked_by"):
            issue.blocked_by = [ids[number] for number in after.get("blocked_by", ())]
        self.state.has_relations = self.state.has_relations or bool(issue.parent or issue.blocked_by)
        place = f"{self._place}/issues/#{issue.number}"
        match(
            before, after, "comments", place, COMMENT_FIELDS, _CommentWork(self.state, self.repository, issue)
        )


class _CommentWork(Work):
    _fields: Final = ("body", "created_at", "updated_at")

    def __init__(self, state: State, repository: Repository, issue: Issue) -> None:
        super().__init__(state, repository)
        self._issue = issue

    def remove(self, identity: int) -> None:
        del self._issue.comments[identity]

    def add(self, after: Document) -> None:
        now = self.state.clock.stamp()
        user = login_of(after.get("user")) or "ghost"
        comment = Comment(
            id=self.state.next_id(), body=after["body"], user=user, created_at=now, updated_at=now
        )
        set_fields(comment, after, self._fields)
        self._issue.comments[comment.id] = comment

    def change(self, before: Document, after: Document) -> None:
        comment = self._issue.comments[before["id"]]
        set_fields(comment, after, self._fields)
        comment.user = login_of(after["user"]) or comment.user


class _ReleaseWork(Work):
    _fields: Final = tuple(sorted(RELEASE_FIELDS - {"assets"}))

    def __init__(self, state: State, repository: Repository, place: str) -> None:
        super().__init__(state, repository)
        self._place = place

    def remove(self, identity: int) -> None:
        del self.repository.releases[identity]

    def add(self, after: Document) -> None:
        release = Release(
            id=self.state.next_id(),
            tag_name=after["tag_name"],
            target_commitish=self.repository.default_branch,
            author=login_of(after.get("author")) or "ghost",
            created_at=self.state.clock.stamp(),
        )
        self.repository.releases[release.id] = release
        self._fill(release, {}, after)

    def change(self, before: Document, after: Document) -> None:
        self._fill(self.repository.releases[before["id"]], before, after)

    def _fill(self, release: Release, before: Document, after: Document) -> None:
        set_fields(release, after, self._fields)
        place = f"{self._place}/releases/#{release.id}"
        work = _AssetWork(self.state, self.repository, release)
        match(before, after, "assets", place, ASSET_FIELDS, work)


class _AssetWork(Work):
    _fields: Final = ("name", "label", "content_type", "state")

    def __init__(self, state: State, repository: Repository, release: Release) -> None:
        super().__init__(state, repository)
        self._release = release

    def remove(self, identity: int) -> None:
        del self._release.assets[identity]

    def add(self, after: Document) -> None:
        identity = self.state.next_id()
        asset = Asset(
            id=identity,
            name=after["name"],
            uploader=login_of(after.get("uploader")) or "ghost",
            created_at=self.state.clock.stamp(),
            path=asset_path(self.state, self.repository, identity),
        )
        self._release.assets[identity] = asset
        self._fill(asset, {"content": None}, {"content": "", **after})

    def change(self, before: Document, after: Document) -> None:
        self._fill(self._release.assets[before["id"]], before, after)

    def _fill(self, asset: Asset, before: Document, after: Document) -> None:
        set_fields(asset, after, self._fields)
        if after.get("content") is not None and after["content"] != before.get("content"):
            asset.fill(base64.b64decode(after["content"]))
