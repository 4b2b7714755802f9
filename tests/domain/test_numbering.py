"""Numbers are a pure function of what the survey counted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gl2gh_batch.domain.numbering import NumberingPolicy, Numbers

IIDS = st.sets(st.integers(1, 400), max_size=60).map(lambda iids: tuple(sorted(iids)))


@given(issues=IIDS, merge_requests=IIDS, policy=st.sampled_from(NumberingPolicy))
def test_no_two_items_share_a_number(
    issues: tuple[int, ...], merge_requests: tuple[int, ...], policy: NumberingPolicy
) -> None:
    """Every item has a number from 1, and no other has the same; order is kept within each sort."""
    numbers = Numbers(
        policy=policy,
        highest_issue=max(issues, default=0),
        highest_merge_request=max(merge_requests, default=0),
        issue_iids=issues,
        merge_request_iids=merge_requests,
    )
    of_issues = [numbers.issue(iid) for iid in issues]
    of_merge_requests = [numbers.merge_request(iid) for iid in merge_requests]
    every = [number for number in (*of_issues, *of_merge_requests) if number is not None]
    assert len(every) == len(set(every)) == len(issues) + len(merge_requests)
    assert all(number >= 1 for number in every)
    assert of_issues == sorted(every[: len(issues)])
    if policy is NumberingPolicy.COMPACT:
        assert sorted(every) == list(range(1, len(every) + 1))
    if policy is NumberingPolicy.ISSUES_EXACT:
        assert of_issues == list(issues)
    if policy is NumberingPolicy.MERGE_REQUESTS_EXACT:
        assert of_merge_requests == list(merge_requests)


@given(policy=st.sampled_from(NumberingPolicy), iid=st.integers(-5, 500))
def test_what_the_survey_did_not_know_has_no_number(policy: NumberingPolicy, iid: int) -> None:
    """An iid outside the survey's range, or one that compact numbering does not list, has none."""
    numbers = Numbers(policy=policy, highest_issue=3, highest_merge_request=2, issue_iids=(1, 3))
    known = iid in {1, 3} if policy is NumberingPolicy.COMPACT else 1 <= iid <= 3
    assert (numbers.issue(iid) is not None) is known


def test_any_promises_nothing() -> None:
    """Without promised numbers items have places in one order, of which none is two items'."""
    numbers = Numbers(policy=NumberingPolicy.ANY, highest_issue=3, highest_merge_request=2)
    assert not numbers.promised
    assert all(Numbers(policy=one).promised for one in NumberingPolicy if one is not NumberingPolicy.ANY)
    places = [numbers.issue(iid) for iid in (1, 2, 3)] + [numbers.merge_request(iid) for iid in (1, 2)]
    assert places == [1, 2, 3, 4, 5]


@given(issues=IIDS, merge_requests=IIDS, policy=st.sampled_from(NumberingPolicy), number=st.integers(1, 900))
def test_a_number_in_the_history_leads_astray_or_where_it_led(
    issues: tuple[int, ...], merge_requests: tuple[int, ...], policy: NumberingPolicy, number: int
) -> None:
    """`#n` means issue n: it is right where that has number n, and harmless where nobody has or had it."""
    numbers = Numbers(
        policy=policy,
        highest_issue=max(issues, default=0),
        highest_merge_request=max(merge_requests, default=0),
        issue_iids=issues,
        merge_request_iids=merge_requests,
    )
    holders = {numbers.issue(iid): ("issue", iid) for iid in issues}
    holders |= {numbers.merge_request(iid): ("merge request", iid) for iid in merge_requests}
    is_right = holders.get(number) == ("issue", number) and numbers.promised
    if numbers.leads_astray(number):
        assert not is_right
    else:
        assert is_right or (number not in issues and number not in holders) or number not in holders
    if number in issues and not is_right:
        assert numbers.leads_astray(number)
