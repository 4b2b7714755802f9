"""Who of the people has no login on GitHub yet, in one paragraph of Markdown; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gl2gh_batch.output.escape import code


def people_words(users: Mapping[str, Any] | None) -> str:
    """Who has no login, and what to do about it; empty when there is nothing to do."""
    if not users or not (users.get("unresolved") or users.get("logins_not_found")):
        return ""
    people, mapped, unresolved = (int(users.get(key) or 0) for key in ("people", "mapped", "unresolved"))
    # Bots, deleted accounts, and those of whom the map says that they have none.
    others = people - mapped - unresolved
    rest = f"; the other {others:,} {'needs' if others == 1 else 'need'} none" if others > 0 else ""
    said = (
        f"**People**: {people:,} are named, {mapped:,} of them with a login on GitHub, {unresolved:,} without"
        f"{rest}. Fill in {code(users.get('file', ''))} of the work directory and give it back as `users`.\n"
    )
    wrong = users.get("logins_not_found") or ()
    if wrong:
        said += f"\nThese logins of the map do not exist: {', '.join(code(one) for one in wrong)}.\n"
    return said
