"""What commit messages lose: GitHub reads their numbers by its own sequence, and nobody changes them."""

from __future__ import annotations

from collections import Counter
from typing import Final

from gl2gh_batch.agents._desk import Desk
from gl2gh_batch.domain.plan import Loss

_SHOWN: Final = 5
ITEM: Final = "commit messages"


async def message_losses(desk: Desk) -> list[Loss]:
    """A loss for the references that lead astray, one for those that GitHub takes no notice of."""
    if not desk.folder.mirror.exists():
        return []
    named = await desk.git.named_numbers(desk.folder.mirror, desk.reference.project.full_path)
    numbers = desk.reference.numbers
    astray = Counter(
        {number: times for number, times in named.issues.items() if numbers.leads_astray(number)}
    )
    losses: list[Loss] = []
    if astray or named.left_out:
        policy = f"numbering: {numbers.policy}"
        losses.append(
            Loss(
                kind="repository",
                item=ITEM,
                what=f"{_told(astray, '#', named.left_out)} in commit messages: GitHub takes each for"
                " whatever has that number there",
                reason=f"the history is not rewritten; these numbers are others' now or nobody's ({policy})",
            )
        )
    if named.merge_requests:
        losses.append(
            Loss(
                kind="repository",
                item=ITEM,
                what=f"{_told(named.merge_requests, '!')} in commit messages: on GitHub they are plain text",
                reason="the history is not rewritten, and GitHub knows no numbers with an exclamation mark",
            )
        )
    return losses


def _told(counts: Counter[int], sign: str, more: int = 0) -> str:
    """`7 references (#3 in 4 commits, #5, #8)`: the most frequent first."""
    ranked = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    shown = [f"{sign}{number}" + (f" in {times} commits" if times > 1 else "") for number, times in ranked]
    total = counts.total() + more
    rest = ", …" if len(shown) > _SHOWN or more else ""
    noun = "reference" if total == 1 else "references"
    return f"{total:,} {noun} ({', '.join(shown[:_SHOWN])}{rest})"
