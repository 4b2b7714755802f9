"""Whether another run went on from a copy of this ledger: what would be sent next is there already then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gl2gh_batch.domain.errors import WorkDirectoryError
from gl2gh_batch.domain.plan import Call, Step
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.engines._engine import Workbench, is_due
from gl2gh_batch.engines._lookups import Lookups
from gl2gh_batch.rewrite.markers import find_marker

# The newest may be by people, who write in what was finished and opened: ours stand behind theirs.
NEWEST: Final = 30
# What the path of the requests ends in that make them, and where all of a repository are listed.
COMMENTS: Final = {"/comments": "issues/comments", "/reviews": "pulls/comments"}


class OtherRuns:
    """Looks for the writes of runs that this ledger knows nothing of.

    Whose they are does not matter: the other run may have had another token.
    """

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._lookups = Lookups(bench)
        self._doubts = False
        self._looked: set[str] = set()

    async def look_at_newest_issue(self) -> None:
        """Raise `WorkDirectoryError` for an issue of ours that the ledger does not know."""
        for issue in await self._newest("issues", {"state": "all", "per_page": 1}):
            step_id = find_marker(str(issue.get("body") or ""))
            if step_id is not None and self._bench.ledger.receipt(step_id) is None:
                raise _is_older(self._bench.repo, step_id, issue)

    async def look_closer(self) -> None:
        """Raise `WorkDirectoryError` when another run has sent what would be sent next, or later things.

        Runs send the steps in one order, so it is enough to look for the first of each kind; but one that
        was refused something has gone on with others. Imported comments come with their issue and are passed
        over. From now on `look_before` looks, too.
        """
        self._doubts = True
        places, nearest = self._ahead()
        for call in nearest:
            await self._look(call)
        for place in sorted(places):
            found = await self._newest(place, {"per_page": NEWEST})
            marked = {find_marker(str(one.get("body") or "")): one for one in found}
            for identity in self._unknown({one for one in marked if one}):
                raise _is_older(self._bench.repo, identity, marked[identity])

    async def look_before(self, call: Call) -> None:
        """Raise `WorkDirectoryError` when the call was sent already by another run.

        It looks where `look_closer` could not yet, and for each draft of a release: nothing else shows those.
        """
        if not self._doubts or not _is_looked_for(call):
            return
        is_draft = not _is_marked(call) and call.body.get("draft") is True
        if is_draft or (_is_marked(call) and call.kind not in self._looked):
            await self._look(call)

    async def _look(self, call: Call) -> None:
        assert call.lookup is not None
        if _is_marked(call):
            self._looked.add(call.kind)
        found = await self._lookups.find(call.lookup, whoever=True)
        if found is not None:
            raise _is_older(self._bench.repo, call.id, found)

    async def _newest(self, place: str, query: Mapping[str, Any]) -> list[dict[str, Any]]:
        answer = await self._bench.github.find(
            f"/repos/{self._bench.repo}/{place}", {"sort": "created", "direction": "desc", **query}
        )
        return [] if answer is None else answer.objects()

    def _ahead(self) -> tuple[set[str], list[Call]]:
        """Where the plan's steps make comments of their own; and of each kind the first that is not begun."""
        places: set[str] = set()
        nearest: dict[str, Call] = {}
        for step in self._creating():
            places |= {place for end, place in COMMENTS.items() if step.path.endswith(end)}
            if step.kind in nearest or not _is_looked_for(step) or not is_due(step, self._bench.ledger):
                continue
            if self._bench.ledger.receipt(step.id) is None:
                nearest[step.kind] = step
        # Where an earlier step gets the number, it is known when that is done.
        return places, [one for one in nearest.values() if one.lookup and "{" not in one.lookup.path]

    def _unknown(self, identities: set[str]) -> list[str]:
        """Those identities that steps of the plan make of which none has begun.

        What hangs on a refused step is not to be made by it: what took its place has it.
        """
        lacking: set[str] = set()
        known: set[str] = set()
        for step in self._creating() if identities else ():
            begun = self._bench.ledger.receipt(step.id) is not None
            for one in identities & set(_identities(step)):
                (known if begun or not is_due(step, self._bench.ledger) else lacking).add(one)
        return sorted(lacking - known)

    def _creating(self) -> Iterator[Call]:
        for step in self._bench.steps():
            if isinstance(step, Call) and step.method == "POST":
                yield step


def is_archived(repo: RepoRef, step: Step) -> WorkDirectoryError:
    """The error for a target that takes no writes any more, though the ledger has some to send."""
    return WorkDirectoryError(
        f"{repo} is archived, though the ledger knows nothing of {step.id}: another run finished it",
        hint="Nothing is left to do then: `gl2gh-batch verify` says so from the work directory of that run,"
        " or here after `gl2gh-batch recover`. If a person archived it, unarchive it and run again.",
    )


def _is_older(repo: RepoRef, step_id: str, found: Mapping[str, Any]) -> WorkDirectoryError:
    url = found.get("html_url")
    return WorkDirectoryError(
        f"the ledger is older than {repo}, which has {step_id} already{f': {url}' if url else ''}",
        hint="Another run went on from a copy of this work directory or from its handover. If it finished,"
        " nothing is left to do. Otherwise apply from the work directory or handover of the last run; or run"
        " `gl2gh-batch recover`, which makes the ledger again from what is on GitHub.",
    )


def _is_marked(call: Call) -> bool:
    return call.lookup is not None and call.lookup.contains


def _is_looked_for(call: Call) -> bool:
    """Whether only a run of ours makes such a thing: GitHub has labels of its own, and no releases."""
    if call.lookup is None or call.method != "POST" or call.repeatable:
        return False
    return call.lookup.contains or call.path.endswith("/releases")


def _identities(call: Call) -> Iterator[str]:
    """What the markers say of the things that the call makes."""
    texts = (
        *((call.lookup.value,) if call.lookup is not None and call.lookup.contains else ()),
        *(call.entries.markers if call.entries is not None else ()),
    )
    yield from filter(None, map(find_marker, texts))
