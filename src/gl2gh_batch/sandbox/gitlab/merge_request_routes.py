"""What merge requests alone have: commits, diffs, versions, approvals, issues (docs: api/merge_requests)."""

from __future__ import annotations

import re
from typing import Any, Final

from aiohttp import web

from gl2gh_batch.sandbox.gitlab.answers import not_found
from gl2gh_batch.sandbox.gitlab.call import Call, Routes
from gl2gh_batch.sandbox.gitlab.diffs import diffs_between
from gl2gh_batch.sandbox.gitlab.faces import user_face
from gl2gh_batch.sandbox.gitlab.item_faces import approvals_face, issue_face, merge_request_face
from gl2gh_batch.sandbox.gitlab.repository import Repository
from gl2gh_batch.sandbox.seeds.records import Issue, MergeRequest, Project

# docs: user/project/issues/managing_issues, section default closing pattern.
_CLOSING: Final = re.compile(
    r"\b(?:clos(?:e[sd]?|ing)|fix(?:e[sd]|ing)?|resolv(?:e[sd]?|ing)|implement(?:s|ed|ing)?):?\s+"
    r"(?P<numbers>#\d+(?:(?:,\s*|\s+and\s+)#\d+)*)",
    re.IGNORECASE,
)
_MENTIONED: Final = re.compile(r"(?<![\w/&])#(\d+)\b")
# docs: integration/external-issue-tracker, as `CODE-123`.
_EXTERNAL: Final = re.compile(r"\b[A-Z][A-Z0-9_]*-\d+\b")
_CLOSING_EXTERNAL: Final = re.compile(
    _CLOSING.pattern.replace(r"#\d+", _EXTERNAL.pattern).replace("?P<numbers>", ""), re.IGNORECASE
)


async def merge_request(call: Call) -> web.StreamResponse:
    """`/projects/:id/merge_requests/:merge_request_iid`."""
    project, found = call.merge_request()
    face = merge_request_face(call.world, project, found, is_single=True)
    face["changes_count"] = str(len(_diffs(call, project, found))) if found.sha else None
    if call.flag("include_diverged_commits_count"):
        face["diverged_commits_count"] = 0
    if call.flag("include_rebase_in_progress"):
        face["rebase_in_progress"] = False
    return call.json(face)


async def changes(call: Call) -> web.StreamResponse:
    """`/projects/:id/merge_requests/:merge_request_iid/changes`: the merge request with its diffs."""
    project, found = call.merge_request()
    face = merge_request_face(call.world, project, found, is_single=True)
    rows = _diffs(call, project, found)
    return call.json({**face, "changes_count": str(len(rows)), "changes": rows, "overflow": False})


async def approvals(call: Call) -> web.StreamResponse:
    """`/projects/:id/merge_requests/:merge_request_iid/approvals`."""
    return call.json(approvals_face(call.world, *call.merge_request()))


async def approval_state(call: Call) -> web.StreamResponse:
    """`/projects/:id/merge_requests/:merge_request_iid/approval_state`: one rule, for anybody's approvals."""
    _, found = call.merge_request()
    people = [user_face(call.world, each) for each in found.approved_by]
    rule = {
        "id": found.id,
        "name": "All Members",
        "rule_type": "any_approver",
        "report_type": None,
        "eligible_approvers": [],
        "approvals_required": found.approvals_required,
        "users": [],
        "groups": [],
        "contains_hidden_groups": False,
        "section": None,
        "source_rule": None,
        "overridden": False,
        "code_owner": False,
        "approved_by": people,
        "approved": len(people) >= found.approvals_required,
    }
    has_rule = bool(found.approvals_required or people)
    return call.json({"approval_rules_overwritten": False, "rules": [rule] if has_rule else []})


async def reviewers(call: Call) -> web.StreamResponse:
    """`/projects/:id/merge_requests/:merge_request_iid/reviewers`: asked, or what came of it."""
    _, found = call.merge_request()
    commenters = {note.author for note in found.notes.all() if not note.system}
    rows = []
    for each in found.reviewers:
        state = "reviewed" if each in commenters else "unreviewed"
        state = "approved" if each in found.approved_by else state
        rows.append({"user": user_face(call.world, each), "state": state, "created_at": found.created_at})
    return call.page(rows, lambda row: row)


async def commits(call: Call) -> web.StreamResponse:
    """`/projects/:id/merge_requests/:merge_request_iid/commits`, newest first."""
    project, found = call.merge_request()
    rows = found.commits or _own_commits(call, project, (found.base_sha, found.sha))
    place = f"{call.world.url}/{project.full_path}/-/commit"
    return call.page(rows, lambda each: {**each, "web_url": f"{place}/{each['id']}"})


async def diffs(call: Call) -> web.StreamResponse:
    """`/projects/:id/merge_requests/:merge_request_iid/diffs`."""
    return call.page(_diffs(call, *call.merge_request()), lambda each: each)


async def versions(call: Call) -> web.StreamResponse:
    """`/projects/:id/merge_requests/:merge_request_iid/versions`, newest first: at least the present one."""
    _, found = call.merge_request()
    return call.page(found.versions, lambda each: each)


async def version(call: Call) -> web.StreamResponse:
    """`/projects/:id/merge_requests/:merge_request_iid/versions/:version_id`, with its commits and diffs."""
    project, found = call.merge_request()
    wanted = call.number("version_id")
    for each in found.versions:
        if each["id"] == wanted:
            tips = (each["base_commit_sha"], each["head_commit_sha"])
            rows = _own_commits(call, project, tips) or found.commits
            is_present = tips == (found.base_sha, found.sha)
            differing = diffs_between(call.world.repository(project), *tips)
            if not differing and is_present:
                differing = _diffs(call, project, found)
            return call.json({**each, "commits": rows, "diffs": differing})
    raise not_found()


async def closes_issues(call: Call) -> web.StreamResponse:
    """`/projects/:id/merge_requests/:merge_request_iid/closes_issues`."""
    project, found = call.merge_request()
    closing = " ".join(one[0] for one in _CLOSING_EXTERNAL.finditer(_said(found)))
    return _issues(call, project, closing_numbers(project, found), closing)


async def related_issues(call: Call) -> web.StreamResponse:
    """`/projects/:id/merge_requests/:merge_request_iid/related_issues`: closed or mentioned by it."""
    project, found = call.merge_request()
    numbers = {int(number) for number in _MENTIONED.findall(_said(found))}
    numbers |= closing_numbers(project, found)
    numbers |= {each.iid for each in project.issues.values() if found.iid in each.related_merge_requests}
    return _issues(call, project, numbers, _said(found))


def closing_numbers(project: Project, item: MergeRequest) -> set[int]:
    """The issues that a merge request closes: by its description, or as the records say."""
    numbers = {each.iid for each in project.issues.values() if item.iid in each.closed_by_merge_requests}
    for match in _CLOSING.finditer(item.description or ""):
        numbers |= {int(number) for number in re.findall(r"\d+", match["numbers"])}
    return numbers


def _said(item: MergeRequest) -> str:
    return f"{item.title}\n{item.description or ''}"


def _issues(call: Call, project: Project, numbers: set[int], text: str) -> web.StreamResponse:
    """The project's own issues, and behind them those of an external tracker that the text names.

    docs: api/merge_requests, "Example response when an external issue tracker (for example, Jira) is used".
    """
    known = project.face.get("external_issues") or {}
    names = dict.fromkeys(_EXTERNAL.findall(text)) if known else {}
    external = [{"id": name, "title": known.get(name, f"External Issue {name}")} for name in names]
    rows: list[Issue | dict[str, Any]] = [*_visible(call, project, numbers), *external]
    return call.page(
        rows, lambda each: each if isinstance(each, dict) else issue_face(call.world, project, each)
    )


def _visible(call: Call, project: Project, numbers: set[int]) -> list[Issue]:
    if not call.caller.can_use(project, "issues"):
        return []
    found = [project.issues[iid] for iid in sorted(numbers) if iid in project.issues]
    return [each for each in found if call.caller.can_see_issue(project, each)]


def _diffs(call: Call, project: Project, item: MergeRequest) -> list[dict[str, Any]]:
    """The recorded diffs, or those of the repository."""
    if item.diffs:
        return [
            {"collapsed": False, "too_large": False, "generated_file": False, **each} for each in item.diffs
        ]
    return diffs_between(call.world.repository(project), item.base_sha, item.sha)


def _own_commits(call: Call, project: Project, tips: tuple[str | None, str | None]) -> list[dict[str, Any]]:
    repository = Repository(call.world.repository(project))
    base, head = tips
    if not base or not head or len(repository.commits(base, head)) < len({base, head}):
        return []
    before = {each["id"] for each in repository.log(base)}
    return [each for each in repository.log(head) if each["id"] not in before]


_PLACE: Final = "/projects/{id}/merge_requests/{merge_request_iid}"
ROUTES: Final[Routes] = (
    ("GET", _PLACE, merge_request),
    ("GET", f"{_PLACE}/approvals", approvals),
    ("GET", f"{_PLACE}/approval_state", approval_state),
    ("GET", f"{_PLACE}/reviewers", reviewers),
    ("GET", f"{_PLACE}/commits", commits),
    ("GET", f"{_PLACE}/diffs", diffs),
    ("GET", f"{_PLACE}/changes", changes),
    ("GET", f"{_PLACE}/versions", versions),
    ("GET", f"{_PLACE}/versions/{{version_id}}", version),
    ("GET", f"{_PLACE}/closes_issues", closes_issues),
    ("GET", f"{_PLACE}/related_issues", related_issues),
)
