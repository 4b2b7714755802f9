"""What verify sees of merge requests, and how that differs from what was wanted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Final

from gl2gh_batch.domain.errors import NotFoundError
from gl2gh_batch.domain.ledger import StepState
from gl2gh_batch.domain.plan import entry_step, part_step
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.domain.result import Difference, DifferenceSort
from gl2gh_batch.kinds._issue_values import CommentDesired, IssueDesired
from gl2gh_batch.kinds._kind import Receipts, compare
from gl2gh_batch.kinds._merge_request_steps import (
    INSTEAD,
    pull_step,
    review_body,
    review_step,
    reviewers_step,
)
from gl2gh_batch.kinds._merge_request_values import MergeRequestDesired, PullDesired, Review, ReviewComment
from gl2gh_batch.rewrite.markers import find_marker
from gl2gh_batch.rewrite.names import label_key
from gl2gh_batch.target.models import IssueComment, Pull
from gl2gh_batch.target.models import Review as SeenReview
from gl2gh_batch.target.models import ReviewComment as SeenComment
from gl2gh_batch.target.spool import CommentSpool
from gl2gh_batch.target.witness import Witness

KIND: Final = "merge_requests"


async def seen_pulls(witness: Witness, repo: RepoRef) -> AsyncIterator[MergeRequestDesired]:
    """Every pull request with its comments, its reviews and their lines, and the commit that GitHub keeps."""
    refs = await witness.refs(repo)
    try:
        spool = await witness.spool_comments(repo)
        lines = await witness.spool_review_comments(repo)
    except NotFoundError:
        return  # issues or pull requests are turned off: there is none to see
    with ExitStack() as stack:
        comments, review = stack.enter_context(spool), stack.enter_context(lines)
        has_asked, reviews = False, None
        async for pull in witness.pulls(repo):
            if not has_asked:
                has_asked, reviews = True, await witness.spool_reviews(repo)
                if reviews is not None:
                    stack.enter_context(reviews)
            given = (
                await witness.reviews(repo, pull.number)
                if reviews is None
                else reviews.comments_of(pull.number)
            )
            seen = _seen(pull, refs.get(f"refs/pull/{pull.number}/head", ""), comments, review)
            yield MergeRequestDesired(
                source="",
                number=pull.number,
                issue=no_issue(pull.number),
                pull=replace(seen, reviews=tuple(_seen_review(one) for one in given)),
            )


def _seen_review(one: SeenReview) -> Review:
    return Review(source="", body=one.body or "", state=one.state)


def _seen(
    pull: Pull, head_sha: str, comments: CommentSpool[IssueComment], review: CommentSpool[SeenComment]
) -> PullDesired:
    return PullDesired(
        title=pull.title,
        body=pull.body or "",
        state=pull.state,
        draft=bool(pull.draft),
        head=pull.head.ref,
        head_sha=head_sha,
        base=pull.base.ref,
        labels=tuple(label.name for label in pull.labels),
        milestone=pull.milestone.title if pull.milestone else None,
        assignees=tuple(user.login for user in pull.assignees or ()),
        reviewers=tuple(user.login for user in pull.requested_reviewers or ()),
        locked=pull.locked,
        comments=tuple(
            CommentDesired(source="", body=one.body or "", created_at="", dated=False)
            for one in comments.comments_of(pull.number)
        ),
        review=tuple(_seen_line(one) for one in review.comments_of(pull.number)),
        merged=pull.merged_at is not None,
    )


def _seen_line(one: SeenComment) -> ReviewComment:
    return ReviewComment(
        source="",
        body=one.body or "",
        path=one.path,
        line=one.line or 0,
        side=one.side or "RIGHT",
        start_line=one.start_line,
        start_side=one.start_side,
    )


def no_issue(number: int) -> IssueDesired:
    """What stands in for the issue where a pull request was seen."""
    return IssueDesired(source="", number=number, title="", body="", state="", created_at="")


def as_made(desired: MergeRequestDesired, receipts: Receipts) -> MergeRequestDesired:
    """What GitHub took: an issue where it refused the pull request, comments where it refused lines."""
    made = _as_made(desired, receipts)
    if not made.issue.numbered_by:
        return made
    step = made.source if made.pull is not None or desired.pull is None else f"{INSTEAD}{made.source}"
    receipt = receipts(step)
    given = None if receipt is None else receipt.fields.get("number")
    number = given if isinstance(given, int) else -made.number
    return replace(made, number=number, issue=replace(made.issue, number=number))


def _as_made(desired: MergeRequestDesired, receipts: Receipts) -> MergeRequestDesired:
    pull = desired.pull
    if pull is None:
        return desired
    made = receipts(pull_step(desired))
    if made is not None and made.state is StepState.REFUSED:
        return replace(desired, pull=None)
    if pull.draft and made is not None and made.fields.get("draft") is False:
        pull = replace(pull, draft=False)
    steps = _review_steps(review_step(desired), len(pull.review), receipts)
    asked = receipts(reviewers_step(desired)) if pull.reviewers else None
    if asked is not None and asked.state is StepState.REFUSED:
        pull = replace(pull, reviewers=())
    moved = [
        place
        for place in range(len(pull.review))
        if (receipt := receipts(entry_step(review_step(desired), place))) is not None
        and receipt.state is StepState.DONE
    ]
    if moved:
        lines = [one for place, one in enumerate(pull.review) if place not in moved]
        talk = [_as_comment(pull.review[place]) for place in moved]
        pull = replace(pull, review=tuple(lines), comments=(*pull.comments, *talk))
    reviews = tuple(Review(source=step, body=review_body(step)) for step in steps)
    return replace(desired, pull=replace(pull, reviews=reviews))


def _review_steps(step: str, lines: int, receipts: Receipts) -> Iterator[str]:
    """The steps that made a review: one, or where GitHub refused it those of its halves, and of theirs."""

    def taken(start: int, stop: int) -> Iterator[str]:
        if stop - start == 1:
            return  # a comment of its own
        middle = (start + stop) // 2
        for half in ((start, middle), (middle, stop)):
            receipt = receipts(part_step(step, *half))
            if receipt is None or receipt.state is StepState.REFUSED:
                yield from taken(*half)
            else:
                yield part_step(step, *half)

    middle = lines // 2
    parts = (entry_step(step, 0), part_step(step, 0, middle), part_step(step, middle, lines))
    if lines and any(receipts(one) is not None for one in parts):
        yield from taken(0, lines)
    elif lines:
        yield step


def _as_comment(line: ReviewComment) -> CommentDesired:
    body = f"{line.place}\n\n{line.body}" if line.place else line.body
    return CommentDesired(source=line.source, body=body, created_at="", dated=False)


def pull_differences(number: int, desired: PullDesired, seen: PullDesired) -> Iterator[Difference]:
    """How a pull request differs, to the single comment."""
    item = f"{KIND}/{number}"
    ignore = frozenset({"comments", "review", "reviews", "milestone_id"})
    yield from compare(KIND, item, _comparable(desired), _comparable(seen), ignore=ignore)
    yield from _matched(f"{item}/comments", desired.comments, seen.comments)
    yield from _matched(f"{item}/review", desired.review, seen.review)
    yield from _matched(f"{item}/reviews", desired.reviews, seen.reviews)


def _comparable(pull: PullDesired) -> PullDesired:
    """The pull request in one spelling: names do not tell cases apart on GitHub."""
    return replace(
        pull,
        labels=tuple(sorted({label_key(label) for label in pull.labels})),
        assignees=tuple(sorted(login.lower() for login in pull.assignees)),
        reviewers=tuple(sorted(login.lower() for login in pull.reviewers)),
    )


def _matched(
    item: str,
    desired: tuple[CommentDesired, ...] | tuple[ReviewComment, ...] | tuple[Review, ...],
    seen: tuple[CommentDesired, ...] | tuple[ReviewComment, ...] | tuple[Review, ...],
) -> Iterator[Difference]:
    """The differences of comments that are told by their markers, which say where they come from."""
    found: dict[str, list[CommentDesired | ReviewComment | Review]] = {}
    for one in seen:
        found.setdefault(find_marker(one.body) or "", []).append(one)
    for wanted in desired:
        same = found.get(wanted.source)
        if not same:
            yield Difference(kind=KIND, item=f"{item}/{wanted.source}", sort=DifferenceSort.MISSING)
            continue
        ignore = frozenset({"source", "created_at", "dated", "place"})
        yield from compare(KIND, f"{item}/{wanted.source}", wanted, same.pop(0), ignore=ignore)
    for marker, left in found.items():
        for _ in left:
            yield Difference(
                kind=KIND, item=f"{item}/{marker or 'without-a-marker'}", sort=DifferenceSort.UNEXPECTED
            )
