"""Damage to pull requests, their reviews and review comments; what the issue side says is changed there."""

from __future__ import annotations

from typing import Final

from gl2gh_batch.sandbox.github.damage_work import DamageError, Document, Work, login_of, match, set_fields
from gl2gh_batch.sandbox.github.issues import delete_issue
from gl2gh_batch.sandbox.github.pull_state import Pull, Review, ReviewComment
from gl2gh_batch.sandbox.github.reviews import remove_review
from gl2gh_batch.sandbox.github.state import Issue, Repository, State

PULL_FIELDS: Final = frozenset(
    {
        "head",
        "base",
        "draft",
        "merged",
        "merged_at",
        "merged_by",
        "merge_commit_sha",
        "requested_reviewers",
        "reviews",
        "review_comments",
    }
)
REVIEW_FIELDS: Final = frozenset({"body", "state", "user", "commit_id", "submitted_at"})
COMMENT_FIELDS: Final = frozenset(
    {
        "body",
        "user",
        "path",
        "commit_id",
        "original_commit_id",
        "created_at",
        "updated_at",
        "diff_hunk",
        "subject_type",
        "side",
        "line",
        "original_line",
        "position",
        "original_position",
        "start_side",
        "start_line",
        "original_start_line",
        "in_reply_to_id",
        "pull_request_review_id",
        "is_resolved",
    }
)
# Of a side of a pull request: the branch's name and commit; the rest follows from them.
SIDE_FIELDS: Final = ("ref", "sha")


class PullWork(Work):
    """Pull requests; with one that is removed goes its issue side."""

    def __init__(self, state: State, repository: Repository, place: str) -> None:
        super().__init__(state, repository)
        self._place = place

    def remove(self, identity: int) -> None:
        delete_issue(self.repository, self.repository.issues[self._find(identity).number])

    def _find(self, identity: int) -> Pull:
        return next(each for each in self.repository.pulls.values() if each.id == identity)

    def add(self, after: Document) -> None:
        """One that nobody opened: its title and its two sides are needed."""
        now = self.state.clock.stamp()
        number = after.get("number", self.repository.last_number + 1)
        self.repository.last_number = max(number, self.repository.last_number)
        self.repository.issues[number] = Issue(
            id=self.state.next_id(),
            number=number,
            title=after["title"],
            body=after.get("body"),
            state=after.get("state", "open"),
            user=login_of(after.get("user")) or "ghost",
            created_at=now,
            updated_at=now,
        )
        head, base = after["head"], after["base"]
        pull = Pull(
            id=self.state.next_id(),
            number=number,
            head_ref=head["ref"],
            head_sha=head["sha"],
            base_ref=base["ref"],
            base_sha=base["sha"],
            fork_sha=base["sha"],
        )
        self.repository.pulls[number] = pull
        self._fill(pull, {}, after)

    def change(self, before: Document, after: Document) -> None:
        self._fill(self._find(before["id"]), before, after)

    def _fill(self, pull: Pull, before: Document, after: Document) -> None:
        place = f"{self._place}/pulls/#{pull.number}"
        for side in ("head", "base"):
            self._refuse_derived(before.get(side, {}), after[side], f"{place}/{side}")
        pull.head_ref, pull.head_sha = after["head"]["ref"], after["head"]["sha"]
        pull.base_ref, pull.base_sha = after["base"]["ref"], after["base"]["sha"]
        set_fields(pull, after, ("draft", "merged_at"))
        if after.get("merged") != before.get("merged"):
            pull.merged_at = self.state.clock.stamp() if after.get("merged") else None
        if "merged_by" in after:
            pull.merged_by = login_of(after["merged_by"])
        pull.merge_sha = after.get("merge_commit_sha", pull.merge_sha)
        if "requested_reviewers" in after:
            pull.requested_reviewers = [str(login_of(each)) for each in after["requested_reviewers"]]
        match(before, after, "reviews", place, REVIEW_FIELDS, _ReviewWork(self.state, self.repository, pull))
        work = _CommentWork(self.state, self.repository, pull)
        match(before, after, "review_comments", place, COMMENT_FIELDS, work)

    def _refuse_derived(self, before: Document, after: Document, place: str) -> None:
        for key in before:
            if key not in SIDE_FIELDS and before[key] != after.get(key):
                raise DamageError(f"{place}/{key} is derived and cannot be changed")


class _ReviewWork(Work):
    def __init__(self, state: State, repository: Repository, pull: Pull) -> None:
        super().__init__(state, repository)
        self._pull = pull

    def remove(self, identity: int) -> None:
        remove_review(self._pull, identity)

    def add(self, after: Document) -> None:
        review = _new_review(self.state, self._pull, after)
        _fill_review(review, after)

    def change(self, before: Document, after: Document) -> None:
        _fill_review(self._pull.reviews[before["id"]], after)


def _new_review(state: State, pull: Pull, after: Document) -> Review:
    review = Review(
        id=state.next_id(),
        user=login_of(after.get("user")) or "ghost",
        body="",
        state="COMMENTED",
        commit_id=pull.head_sha,
        submitted_at=state.clock.stamp(),
    )
    pull.reviews[review.id] = review
    return review


def _fill_review(review: Review, after: Document) -> None:
    set_fields(review, after, sorted(REVIEW_FIELDS - {"user"}))
    review.user = login_of(after.get("user")) or review.user


class _CommentWork(Work):
    def __init__(self, state: State, repository: Repository, pull: Pull) -> None:
        super().__init__(state, repository)
        self._pull = pull

    def remove(self, identity: int) -> None:
        # A review that was removed took its comments along.
        self._pull.review_comments.pop(identity, None)

    def add(self, after: Document) -> None:
        now = self.state.clock.stamp()
        review = after.get("pull_request_review_id") or _new_review(self.state, self._pull, after).id
        comment = ReviewComment(
            id=self.state.next_id(),
            review=review,
            user="ghost",
            body="",
            path="",
            commit_id=self._pull.head_sha,
            original_commit_id=self._pull.head_sha,
            created_at=now,
            updated_at=now,
        )
        self._pull.review_comments[comment.id] = comment
        self._fill(comment, after)

    def change(self, before: Document, after: Document) -> None:
        self._fill(self._pull.review_comments[before["id"]], after)

    def _fill(self, comment: ReviewComment, after: Document) -> None:
        renamed = {"user", "in_reply_to_id", "pull_request_review_id"}
        set_fields(comment, after, sorted(COMMENT_FIELDS - renamed))
        comment.user = login_of(after.get("user")) or comment.user
        comment.in_reply_to = after.get("in_reply_to_id")
        comment.review = after.get("pull_request_review_id") or comment.review
