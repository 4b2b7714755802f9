"""Numbers are a pure function of two counts, known before anything is read in full.

GitLab counts issues and merge requests apart, GitHub counts both in one sequence.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

PLACEHOLDERS: Final = "placeholders"


class NumberingPolicy(StrEnum):
    """Which numbers stay as they were."""

    ISSUES_EXACT = "issues-exact"
    MERGE_REQUESTS_EXACT = "merge-requests-exact"
    COMPACT = "compact"
    ANY = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """The numbers of one project's items.

    `highest_issue` and `highest_merge_request` are the highest iids at the survey. `compact` needs
    the iids themselves, in ascending order. Where none is `promised`, what this says of an item is only its
    place in the order of all: its number is known when GitHub gave it.
    """

    policy: NumberingPolicy = NumberingPolicy.ISSUES_EXACT
    highest_issue: int = 0
    highest_merge_request: int = 0
    issue_iids: tuple[int, ...] = ()
    merge_request_iids: tuple[int, ...] = ()

    @property
    def promised(self) -> bool:
        """True when every item gets the number that is told here."""
        return self.policy is not NumberingPolicy.ANY

    def issue(self, iid: int) -> int | None:
        """The number of the issue with that iid; None when the survey did not know it."""
        if not 1 <= iid <= self.highest_issue:
            return None
        match self.policy:
            case NumberingPolicy.ISSUES_EXACT | NumberingPolicy.ANY:
                return iid
            case NumberingPolicy.MERGE_REQUESTS_EXACT:
                return self.highest_merge_request + iid
            case NumberingPolicy.COMPACT:
                return _rank(self.issue_iids, iid)

    def merge_request(self, iid: int) -> int | None:
        """The number of the merge request with that iid; None when the survey did not know it."""
        if not 1 <= iid <= self.highest_merge_request:
            return None
        match self.policy:
            case NumberingPolicy.ISSUES_EXACT | NumberingPolicy.ANY:
                return self.highest_issue + iid
            case NumberingPolicy.MERGE_REQUESTS_EXACT:
                return iid
            case NumberingPolicy.COMPACT:
                rank = _rank(self.merge_request_iids, iid)
                return None if rank is None else len(self.issue_iids) + rank

    @property
    def of_issues(self) -> range:
        """The numbers that issues take, gaps included."""
        match self.policy:
            case NumberingPolicy.ISSUES_EXACT | NumberingPolicy.ANY:
                return range(1, self.highest_issue + 1)
            case NumberingPolicy.MERGE_REQUESTS_EXACT:
                first = self.highest_merge_request + 1
                return range(first, first + self.highest_issue)
            case NumberingPolicy.COMPACT:
                return range(1, len(self.issue_iids) + 1)

    @property
    def of_merge_requests(self) -> range:
        """The numbers that merge requests take, gaps included; never one of the issues'."""
        match self.policy:
            case NumberingPolicy.ISSUES_EXACT | NumberingPolicy.ANY:
                first = self.highest_issue + 1
                return range(first, first + self.highest_merge_request)
            case NumberingPolicy.MERGE_REQUESTS_EXACT:
                return range(1, self.highest_merge_request + 1)
            case NumberingPolicy.COMPACT:
                first = len(self.issue_iids) + 1
                return range(first, first + len(self.merge_request_iids))

    def leads_astray(self, number: int) -> bool:
        """True when `#number`, as GitLab's history has it, is another item on GitHub, or none any more.

        GitLab means the issue with that iid, where there is one.
        """
        meant = 1 <= number <= self.highest_issue
        is_taken = number in self.of_issues or number in self.of_merge_requests
        if not self.promised:
            return meant or is_taken
        there = self.issue(number)
        return there != number and (is_taken or there is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberRange:
    """Items whose iids and numbers both go up by one: `first` gets `number`, and so on, `count` of them.

    `sort` is `issues`, `merge_requests`, or `placeholders`, which have no iid: their `first` is the number.
    """

    sort: str
    first: int
    number: int
    count: int = 1

    @property
    def stays(self) -> bool:
        """True when each of them keeps its number."""
        return self.sort != PLACEHOLDERS and self.first == self.number

    def is_followed_by(self, sort: str, iid: int, number: int) -> bool:
        """True when that item is the next one of this range."""
        return (sort, iid, number) == (self.sort, self.first + self.count, self.number + self.count)

    def longer(self) -> NumberRange:
        """The range with the next item."""
        return replace(self, count=self.count + 1)


def _rank(iids: tuple[int, ...], iid: int) -> int | None:
    place = bisect_left(iids, iid)
    return place + 1 if place < len(iids) and iids[place] == iid else None
