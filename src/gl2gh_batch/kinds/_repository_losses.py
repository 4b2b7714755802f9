"""What of a repository's face and rules does not arrive as it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from gl2gh_batch.domain.audience import named, visibility_on_github
from gl2gh_batch.domain.plan import Loss
from gl2gh_batch.domain.request import Visibility
from gl2gh_batch.kinds._badges import KIND_COUNTED, badge_losses
from gl2gh_batch.kinds._kind import Setting
from gl2gh_batch.kinds._repository_values import RepositoryRecord

KIND: Final = "repository"


def losses_of(
    record: RepositoryRecord,
    setting: Setting,
    *,
    refused: Mapping[str, str],
    description: str,
    topics: Sequence[str],
) -> tuple[Loss, ...]:
    """All of them: refused refs (name → reason), what was changed in texts, and what has no place."""
    return (
        *_texts(record, refused, description, topics),
        *_without_api(record, setting),
        *_shown(record, setting),
        *_switched_off(setting),
        *_badges(record, setting),
    )


def _shown(record: RepositoryRecord, setting: Setting) -> Iterator[Loss]:
    """What members alone saw of a project that others see, too, and that everybody reads from now on."""
    target = visibility_on_github(setting.policies, record.visibility, setting.hidden)
    if record.visibility == "private" or target is Visibility.PRIVATE:
        return
    for part in setting.hidden:
        if part != "snippets" or target is not Visibility.PUBLIC:  # those are left out
            yield Loss(
                kind=KIND,
                item=f"{KIND}/members-only/{part}",
                what=f"that {named([part])} are for members of the project only",
                reason="everybody who may read the repository reads them",
            )


def _switched_off(setting: Setting) -> Iterator[Loss]:
    if not setting.inventory.repository_enabled:
        yield Loss(
            kind=KIND,
            item=f"{KIND}/switched-off",
            what="what the repository holds: its branches and tags, and its merge requests",
            reason="it is switched off on GitLab, which shows nothing of it",
        )


def _badges(record: RepositoryRecord, setting: Setting) -> Iterator[Loss]:
    if record.badges is not None:
        yield from badge_losses(record.badges, setting.book)
        return
    counted = setting.inventory.not_carried
    if KIND_COUNTED in counted:
        count = counted[KIND_COUNTED]
        yield Loss(
            kind=KIND,
            item=f"{KIND}/badges",
            what=f"{'an unknown number of' if count is None else count} badges",
            reason="GitHub has no badges, and GitLab did not tell which they are",
        )


def _texts(
    record: RepositoryRecord, refused: Mapping[str, str], description: str, topics: Sequence[str]
) -> Iterator[Loss]:
    for ref, reason in refused.items():
        yield Loss(kind=KIND, item=f"repository/{ref}", what=f"the ref {ref}", reason=reason)
    if description != record.description:
        yield Loss(
            kind=KIND,
            item="repository/description",
            what=f"the description as it was written: {record.description}",
            reason="GitHub takes one line of 350 characters",
        )
    kept = {topic.casefold() for topic in topics}
    for topic in record.topics:
        if topic.casefold() not in kept:
            yield Loss(
                kind=KIND,
                item=f"repository/topics/{topic}",
                what=f"the topic {topic!r} as it was written",
                reason="GitHub takes 20 topics of lower-case letters, digits and hyphens",
            )


def _without_api(record: RepositoryRecord, setting: Setting) -> Iterator[Loss]:
    """What a project says of itself and GitHub has no place for, or a place that no request reaches."""
    origin = setting.book.repository(record.forked_from) if record.forked_from else None
    known = f"; the other one is {origin}" if origin else ""
    rules = "GitHub has it as a rule for branches, which this version does not set"
    for is_lost, item, what, reason in (
        (
            record.forked_from,
            "forked-from",
            f"that it is a fork of {record.forked_from}",
            f"GitHub knows only forks that were made there{known}",
        ),
        (
            record.avatar_url,
            "avatar",
            "its picture",
            "GitHub has no API for a repository's picture; its settings take a social preview by hand",
        ),
        (
            record.merge_method == "ff",
            "merge-method",
            "that merge requests are merged by fast-forward",
            "GitHub's nearest is rebase, which writes the commits anew; it is switched on",
        ),
        (
            record.merge_method == "rebase_merge",
            "merge-method",
            "that a merge request has to be up to date with its target",
            rules,
        ),
        (
            record.squash_option == "default_on",
            "squash-option",
            "that commits are squashed unless somebody chooses otherwise",
            "GitHub remembers what each person chose last",
        ),
        (
            record.merge_commit_template,
            "merge-commit-template",
            f"the template of merge commits: {record.merge_commit_template}",
            "GitHub chooses among fixed texts",
        ),
        (
            record.squash_commit_template,
            "squash-commit-template",
            f"the template of squash commits: {record.squash_commit_template}",
            "GitHub chooses among fixed texts",
        ),
        (record.waits_for_pipeline, "waits-for-pipeline", "that merging waits for the pipeline", rules),
        (record.waits_for_threads, "waits-for-threads", "that merging waits for open threads", rules),
        (
            record.forking_forbidden,
            "forking",
            "that nobody may fork it",
            "on GitHub the owner's settings decide over forks of private repositories",
        ),
    ):
        if is_lost:
            yield Loss(kind=KIND, item=f"repository/{item}", what=what, reason=reason)
