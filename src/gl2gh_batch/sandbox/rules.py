"""The one table of everything in which the sandbox is as strict as the platforms: limits, headers, refusals.

Every row is consulted where its rule is kept, and can be loosened, so that a test can prove that some other
test would notice: `Sandbox(loosened=("label_name_chars",))`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final


class Sort(StrEnum):
    """What a row speaks about."""

    LIMIT = "limit"
    HEADER = "header"
    REFUSAL = "refusal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One rule: `most` is its number, if any, `answer` what a client sees, `source` where it is written."""

    name: str
    sort: Sort
    answer: str
    source: str
    most: float | None = None


RATE_PAGE: Final = "github/docs rest/using-the-rest-api/rate-limits-for-the-rest-api"
IMPORT_PAGE: Final = "gist jonmagic/5282384165e0f86ef105"
ASSETS_PAGE: Final = "github/docs about-releases"
OPENAPI: Final = "@octokit/openapi 23.0.2"
LFS_PAGE: Final = "github/docs about-git-large-file-storage, about-storage-and-bandwidth-usage"
MANICMINER: Final = "manicminer/gitlab-migrator, changelog v0.7"
SEEN: Final = "reports in the issue trackers of other migrators"


def _limit(name: str, answer: str, source: str = RATE_PAGE, most: float | None = None) -> Row:
    return Row(name=name, sort=Sort.LIMIT, answer=answer, source=source, most=most)


def _header(name: str, answer: str, source: str = RATE_PAGE, most: float | None = None) -> Row:
    return Row(name=name, sort=Sort.HEADER, answer=answer, source=source, most=most)


def _refusal(name: str, answer: str, source: str, most: float | None = None) -> Row:
    return Row(name=name, sort=Sort.REFUSAL, answer=answer, source=source, most=most)


GITLAB_PAGE: Final = "GitLab docs user/gitlab_com"
GITLAB_REST: Final = "GitLab docs api/rest"
GITLAB_PAGING: Final = "GitLab docs api/rest, section pagination"
GITLAB_ACCESS: Final = "GitLab docs user/permissions"
GITLAB_TOKENS: Final = "GitLab docs user/profile/personal_access_tokens"

# The numbers of the limit classes are data of the profiles (`limits.PROFILES`): files may override them.
TABLE: Final[tuple[Row, ...]] = (
    _limit("primary", "403, x-ratelimit-remaining 0; a fixed window for each account"),
    _limit("points", "403 secondary, retry-after; reads 1, writes 5"),
    _limit("content_minute", "403 secondary, retry-after; what notifies people"),
    _limit("content_hour", "403 secondary, retry-after; what notifies people"),
    _limit("search", "403, x-ratelimit-resource search"),
    _limit("concurrency", "403 secondary, retry-after"),
    _limit("anonymous", "primary requests in an hour for an address without a token", most=60),
    _limit("per_page", "at most 100 on a page", "github/docs using-pagination-in-the-rest-api", 100),
    _limit("gitlab_requests", "429, RateLimit-*, Retry-After", GITLAB_PAGE),
    _limit("gitlab_exports", "429 without Retry-After", "gitlab-org/gitlab#199738"),
    _header("x-ratelimit", "limit, remaining, used, reset and resource on every answer of the API"),
    _header("retry-after", "seconds, on every secondary refusal"),
    _header("ratelimit", "GitLab's RateLimit-Limit, -Observed, -Remaining, -Reset, -Name", GITLAB_PAGE),
    _header("etag", "a weak ETag on every GET; 304 for If-None-Match, which costs no primary request"),
    _header(
        "link", "rel next, last, first, prev on paged lists", "github/docs using-pagination-in-the-rest-api"
    ),
    _header("x-oauth-scopes", "the scopes of a classic token", "github/docs scopes-for-oauth-apps"),
    _header("x-github-request-id", "on every answer", RATE_PAGE),
    _header("date", "the server's clock", RATE_PAGE),
    _header("x-github-media-type", "on every answer of the API", "github/docs media-types"),
    _header("x-github-api-version-selected", "on every answer of the API", "github/docs api-versions"),
    _header("www-authenticate", "git is asked for a name and a token by Basic", SEEN),
    _refusal("sign_in", "401 without a token for what only somebody can do", OPENAPI),
    _refusal("json_object", "400 for a body that is no JSON object", OPENAPI),
    _refusal("bad_credentials", "401 Bad credentials: unknown or expired token", OPENAPI),
    _refusal("invisible", "404 for what the token may not see", OPENAPI),
    _refusal("permission", "403 without the role, scope or permission that a write needs", OPENAPI),
    _refusal("archived", "403 Repository was archived so is read-only.", OPENAPI),
    _refusal("moved", "301 to /repositories/ID after a rename", OPENAPI),
    _refusal("issues_disabled", "410 for writes of issues when they are turned off", OPENAPI),
    _refusal("issue_deleted", "410 for an issue that was deleted; its number stays consumed", OPENAPI),
    _refusal("repository_exists", "422 name already exists on this account", OPENAPI),
    _refusal("repository_name_chars", "422 name is too long", OPENAPI, 100),
    _refusal("description_chars", "422 description is too long", SEEN, 350),
    _refusal("description_control", "422 description control characters are not allowed", SEEN),
    _refusal("default_branch_exists", "422 for a default branch that is not there", OPENAPI),
    _refusal("empty_repository", "409 Git Repository is empty.", OPENAPI),
    _refusal(
        "topics", "422 for more topics than that", "github/docs classifying-your-repository-with-topics", 20
    ),
    _refusal(
        "merge_method_left",
        "422 for a repository that would allow no way to merge",
        "integrations/terraform-provider-github, no_merge_method",
    ),
    _refusal("topic_chars", "422 for a topic that is too long or has other characters", OPENAPI, 50),
    _refusal("label_name_chars", "422 invalid name", "jeffwidman/bitbucket-issue-migration#106", 50),
    _refusal("label_description_chars", "422 description is too long", OPENAPI, 100),
    _refusal("label_description_plane", "422 for characters beyond U+FFFF", "piceaTech/node-gitlab-2-github"),
    _refusal("label_color", "422 for anything but six hexadecimal digits", OPENAPI),
    _refusal("label_exists", "422 already_exists, whatever the case", OPENAPI),
    _refusal("milestone_exists", "422 already_exists", OPENAPI),
    _refusal("title_chars", "422 title is too long", SEEN, 256),
    _refusal("body_chars", "422 body is too long (maximum is 65536 characters)", SEEN, 65_536),
    _refusal("assignees", "422 for more assignees than that", OPENAPI, 10),
    _refusal("assignable", "422 for an assignee who has no access to the repository", OPENAPI),
    _refusal("milestone_known", "422 for a milestone number that is not there", OPENAPI),
    _refusal("sub_issues", "422 for more sub-issues of one issue", "github/docs adding-sub-issues", 100),
    _refusal("sub_issue_owner", "422 for a sub-issue of another owner", OPENAPI),
    _refusal("sub_issue_parent", "422 for a sub-issue that has a parent", OPENAPI),
    _refusal("sub_issue_circle", "422 for a sub-issue above itself", "github/docs adding-sub-issues"),
    _refusal("dependencies", "422 for more", "github/docs creating-issue-dependencies", 50),
    _refusal("dependency_once", "422 for a dependency that is there", OPENAPI),
    _refusal("dependency_circle", "422 for two that block each other", OPENAPI),
    _refusal("state_reason", "a reason is passed over unless the state changes", OPENAPI),
    _refusal("issue_type", "422 for a type that the organisation does not have", OPENAPI),
    _refusal("import_accept", "415 without the preview media type", IMPORT_PAGE),
    _refusal("import_bytes", "413 for a larger request", IMPORT_PAGE, 1_048_576),
    _refusal("import_label", "the whole import fails on a label that is too long or not there", IMPORT_PAGE),
    _refusal("import_milestone", "the whole import fails on an unknown milestone", IMPORT_PAGE),
    _refusal("import_assignee", "the whole import fails on an assignee who cannot be", IMPORT_PAGE),
    _refusal("import_body", "the whole import fails on a body or title that is too long", IMPORT_PAGE),
    _refusal("import_status_lag", "404 for the status of an import that was only just begun", SEEN),
    _refusal("release_exists", "422 already_exists for a published release of the same tag", OPENAPI),
    _refusal("release_tag_form", "422 for a tag name that git would not take", OPENAPI),
    _refusal("release_needs_commit", "422 Repository is empty.", SEEN),
    _refusal("release_latest", "422 for a draft or pre-release that should be the latest", OPENAPI),
    _refusal("release_body_chars", "422 body is too long", "ncipollo/release-action#493", 125_000),
    _refusal("asset_exists", "422 already_exists, what a broken upload left included", OPENAPI),
    _refusal("asset_length", "400 for an upload without a length, or of nothing", SEEN),
    _refusal("asset_type", "400 for an upload without a media type", OPENAPI),
    _refusal("asset_bytes", "422 for a file as large as the setting", ASSETS_PAGE),
    _refusal("assets", "422 for more assets than that in one release", ASSETS_PAGE, 1000),
    _header("asset_digest", "the SHA-256 of an asset in its document", OPENAPI),
    _refusal("comment_blank", "422 for a comment without words", OPENAPI),
    _refusal("pull_title", "422 missing_field title for a pull request without words", OPENAPI),
    _refusal("pull_exists", "422 A pull request already exists for OWNER:BRANCH.", SEEN),
    _refusal("pull_commits", "422 No commits between BASE and HEAD", SEEN),
    _refusal("pull_history", "422 for branches without a common history", SEEN),
    _refusal("pull_base_open", "422 Cannot change the base branch of a closed pull request.", MANICMINER),
    _refusal("pull_reopen", "422 state cannot be changed: merged, or a branch is gone or replaced", SEEN),
    _refusal("pull_commits_listed", "at most 250 commits of a pull request are listed", OPENAPI, 250),
    _refusal("reviewer_author", "422 Review cannot be requested from pull request author.", SEEN),
    _refusal("reviewer_known", "422 Reviews may only be requested from collaborators.", SEEN),
    _refusal(
        "reviewers", "422 for more reviewers than that", "github/docs requesting-a-pull-request-review", 15
    ),
    _refusal("review_own", "422 Can not approve your own pull request", SEEN),
    _refusal("review_body", "422 for COMMENT and REQUEST_CHANGES without a body", OPENAPI),
    _refusal("review_pending", "422 User can only have one pending review per pull request", SEEN),
    _refusal("review_comment_fields", "422 for a reply or a file comment inside a review", OPENAPI),
    _refusal("review_commit", "422 commit_id is not part of the pull request", SEEN),
    _refusal("review_path", "422 Path could not be resolved: it is not in the diff", SEEN),
    _refusal("review_line", "422 Line could not be resolved: it is not in a hunk of the diff", SEEN),
    _refusal("review_start_line", "422 for a first line after the last, or in another hunk", SEEN),
    _refusal("review_reply", "422 for a reply to a reply", OPENAPI),
    _refusal("ref_form", "422 for a ref that is not refs/…/…", OPENAPI),
    _refusal("ref_exists", "422 for a ref that is there already", OPENAPI),
    _refusal("fast_forward", "422 for moving a ref elsewhere without force", OPENAPI),
    _refusal("default_branch_stays", "422 for deleting the default branch", OPENAPI),
    _refusal("hidden_refs", "deny updating a hidden ref: refs/pull", SEEN),
    _refusal("ref_bytes", "a ref name that is longer is declined", "GEI migration-data-limitations", 255),
    _refusal(
        "file_bytes",
        "GH001: a file larger than the setting is declined",
        "github/docs about-large-files-on-github",
    ),
    _refusal(
        "push_bytes", "pack exceeds maximum allowed size: the setting", "GEI migration-data-limitations"
    ),
    _refusal("lfs_unknown", "GH008: a pushed pointer needs its object to be there before", SEEN),
    _refusal(
        "push_protection", "GH013: a pushed file holds a secret", "github/docs working-with-push-protection"
    ),
    _refusal(
        "private_emails",
        "GH007: a pushed commit has an address that is kept private",
        "github/docs blocking-command-line-pushes-that-expose-your-personal-email-address",
    ),
    _refusal("lfs_object_bytes", "422 for an LFS object larger than the setting", LFS_PAGE),
    _refusal("lfs_quota_bytes", "403 once an owner's LFS objects would hold more than the setting", LFS_PAGE),
    _refusal("wiki_first_page", "no wiki repository before the first page was made", SEEN),
    _header("gitlab_link", "rel next, prev, first, last on lists by page", GITLAB_PAGING),
    _header("gitlab_pages", "X-Page, X-Per-Page, X-Next-Page, X-Prev-Page", GITLAB_PAGING),
    _header(
        "gitlab_total", "above that many rows no X-Total, X-Total-Pages, rel last", GITLAB_PAGING, 10_000
    ),
    _header("gitlab_etag", "a weak ETag; 304 for If-None-Match", GITLAB_REST),
    _limit("gitlab_per_page", "at most 100 rows on a page", GITLAB_PAGING, 100),
    _refusal(
        "gitlab_page_number", "400 for a page or a size of it that is no positive number", GITLAB_PAGING
    ),
    _refusal("gitlab_offset", "405 for a larger offset where there is a keyset", GITLAB_PAGING, 50_000),
    _refusal("gitlab_keyset", "405 for a keyset where there is none", GITLAB_PAGING),
    _refusal("gitlab_credentials", "401 for an unknown token, for git as well", GITLAB_REST),
    _refusal("gitlab_revoked", "401 invalid_token for a revoked token", GITLAB_REST),
    _refusal("gitlab_sign_in", "401 without a token for what is never public", GITLAB_REST),
    _refusal("gitlab_blocked", "403 for the token of a blocked user", GITLAB_REST),
    _refusal("gitlab_scope", "403 insufficient_scope; 401 for git", GITLAB_TOKENS),
    _refusal("gitlab_invisible", "404 for projects and groups that the token may not see", GITLAB_ACCESS),
    _refusal("gitlab_level", "403 below the role that something needs", GITLAB_ACCESS),
    _refusal("gitlab_code", "403 for the code of a private project below Reporter", GITLAB_ACCESS),
    _refusal("gitlab_confidential", "404 for confidential issues below Reporter", GITLAB_ACCESS),
    _refusal("gitlab_internal_notes", "internal notes are left out below Reporter", GITLAB_ACCESS),
    _refusal(
        "gitlab_feature_off", "404 or 403 for what is switched off", "GitLab docs user/project/settings"
    ),
    _refusal("gitlab_archived", "403 for a push to an archived project", "GitLab docs user/project/working"),
    _refusal(
        "gitlab_archived_settings",
        "403 for settings of an archived project",
        "gitlabform/gitlabform#578: GitLab 16",
    ),
    _refusal("gitlab_description", "400 for a longer description", "gitlabhq app/models/project.rb", 2000),
    _header("gitlab_challenge", "git is asked for a name and a token by Basic", SEEN),
    _refusal("gitlab_internal_refs", "deny updating a hidden ref: refs/merge-requests", SEEN),
)


class Rules:
    """The table as one sandbox keeps it, some rows perhaps loosened."""

    def __init__(self, loosened: Iterable[str] = ()) -> None:
        self._rows = {row.name: row for row in TABLE}
        self._loosened: set[str] = set()
        for name in loosened:
            self.loosen(name)

    def loosen(self, name: str) -> None:
        """Keep the rule `name` no longer; KeyError when there is none."""
        self._loosened.add(self._rows[name].name)

    def tighten(self, name: str, most: float) -> None:
        """Let the rule `name` pass less than in life, so that what is large there fits into a test."""
        self._rows[name] = replace(self._rows[name], most=most)

    def holds(self, name: str) -> bool:
        """Whether the rule `name` is kept."""
        return self._rows[name].name not in self._loosened

    def most(self, name: str) -> float:
        """The largest number that the rule `name` lets pass; infinity when it is loosened."""
        row = self._rows[name]
        return row.most if row.most is not None and self.holds(name) else math.inf
