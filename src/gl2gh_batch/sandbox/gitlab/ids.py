"""Numbers for records, as a GitLab's database gives them."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

# Ids that the world gives itself begin here, clear of those that recordings and exports bring along.
FIRST_OWN_ID: Final = 300_000_000


class Ids:
    """Gives every record of a kind an id of its own, the wanted one where it is free."""

    def __init__(self) -> None:
        self._taken: dict[str, set[int]] = defaultdict(set)
        self._next: dict[str, int] = defaultdict(lambda: FIRST_OWN_ID)

    def take(self, kind: str, wanted: int = 0) -> int:
        """An id that no other record of the kind has."""
        if wanted > 0 and wanted not in self._taken[kind]:
            self._taken[kind].add(wanted)
            return wanted
        return self.block(kind, 1)

    def block(self, kind: str, count: int) -> int:
        """The first of `count` ids in a row."""
        while self._next[kind] in self._taken[kind]:
            self._next[kind] += 1
        first = self._next[kind]
        self._next[kind] += count
        return first
