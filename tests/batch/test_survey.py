"""Numbers that were given away stay, whatever GitLab gets afterwards."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gl2gh_batch.batch.survey import standing
from gl2gh_batch.domain.numbering import NumberingPolicy, Numbers

IIDS = st.lists(st.integers(min_value=1, max_value=40), unique=True, max_size=10).map(sorted).map(tuple)


def numbers(policy: NumberingPolicy, issues: tuple[int, ...], merge_requests: tuple[int, ...]) -> Numbers:
    """What a survey finds."""
    return Numbers(
        policy=policy,
        highest_issue=max(issues, default=0),
        highest_merge_request=max(merge_requests, default=0),
        issue_iids=issues,
        merge_request_iids=merge_requests,
    )


@given(
    policy=st.sampled_from([one for one in NumberingPolicy if one is not NumberingPolicy.ANY]),
    issues=IIDS,
    merge_requests=IIDS,
    more_issues=st.integers(0, 5),
    more_merge_requests=st.integers(0, 5),
)
def test_no_number_moves_and_none_is_given_twice(
    policy: NumberingPolicy,
    issues: tuple[int, ...],
    merge_requests: tuple[int, ...],
    more_issues: int,
    more_merge_requests: int,
) -> None:
    """After a second survey with newer items, the older ones have their numbers, and no two have the same."""
    known = numbers(policy, issues, merge_requests)
    newer = tuple(range(41, 41 + more_issues)), tuple(range(41, 41 + more_merge_requests))
    stands = standing(known, numbers(policy, issues + newer[0], merge_requests + newer[1]), unfinished=False)
    for iid in issues:
        assert stands.issue(iid) == known.issue(iid)
    for iid in merge_requests:
        assert stands.merge_request(iid) == known.merge_request(iid)
    given_away = [stands.issue(iid) for iid in issues + newer[0]]
    given_away += [stands.merge_request(iid) for iid in merge_requests + newer[1]]
    every = [one for one in given_away if one is not None]
    assert len(every) == len(set(every))


@pytest.mark.parametrize("policy", NumberingPolicy)
def test_an_unfinished_batch_keeps_all_and_one_not_begun_nothing(policy: NumberingPolicy) -> None:
    """While it is unfinished nothing changes; as long as nothing was written everything may."""
    known, surveyed = numbers(policy, (1, 3), (2,)), numbers(policy, (1, 3, 4), (2, 5))
    assert standing(known, surveyed, unfinished=True) == known
    assert standing(known, surveyed, unfinished=False, begun=False) == surveyed
    other = replace(surveyed, policy=next(one for one in NumberingPolicy if one is not policy))
    assert standing(known, other, unfinished=False) == known
    assert standing(known, other, unfinished=False, begun=False) == other
