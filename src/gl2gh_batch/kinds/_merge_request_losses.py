"""What merge requests lose on their way, said once for a project."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gl2gh_batch.domain.plan import Loss
from gl2gh_batch.domain.request import MergeRequestPolicy, Policies

KIND: Final = "merge_requests"


def kind_losses(policies: Policies) -> Iterator[Loss]:
    """What every merge request of a project loses under these policies."""

    def loss(item: str, what: str, reason: str) -> Loss:
        return Loss(kind=KIND, item=f"{KIND}/{item}", what=what, reason=reason)

    yield loss(
        "authors",
        "who opened merge requests and who wrote about them, as their author on GitHub",
        "GitHub takes the owner of the token for the author; a line above each text names the real one",
    )
    if policies.merge_requests is not MergeRequestPolicy.ALL_AS_ISSUE:
        yield loss(
            "dates",
            "when pull requests were opened and closed and when was written about them, as dates on GitHub",
            "GitHub sets the dates of pull requests itself; the real ones are in the text",
        )
    yield loss(
        "merges",
        "that merged merge requests are merged, as GitHub's own mark",
        "to merge them again would add commits: they are closed, and say who merged them, when and as what",
    )
    yield loss(
        "reviews",
        "approvals and resolved threads, as GitHub's own reviews and marks",
        "only the reviewers themselves could give them; the text tells them",
    )
    yield loss(
        "suggestions",
        "suggestions, as ones to apply, that were applied already or are for other lines than their thread",
        "GitHub replaces the lines of the comment; they are code, below words that say which lines",
    )
    yield loss(
        "reactions",
        "reactions to merge requests and their notes, but for the count of thumbs",
        "GitLab wants a request for each merge request and each note: they are not read",
    )
    yield loss(
        "pipelines",
        "the pipelines of merge requests, and changes of labels and milestones with their dates",
        "GitLab keeps them apart, for several requests for each merge request: they are not read",
    )
