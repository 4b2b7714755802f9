"""What the plan says of who will see what GitLab shows to members of the project only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gl2gh_batch.agents._desk import Desk
from gl2gh_batch.domain.audience import hidden_parts, named, visibility_on_github
from gl2gh_batch.domain.inventory import Inventory
from gl2gh_batch.domain.plan import Finding, Severity
from gl2gh_batch.domain.request import ConfidentialPolicy, Visibility

_SKIP: Final = "leave a kind out by kinds: {NAME: skip}"


def audience_findings(desk: Desk, inventory: Inventory) -> Iterator[Finding]:
    """Nothing that members alone saw becomes readable for others without a word."""
    policies, visibility = desk.request.policies, inventory.visibility
    hidden = hidden_parts(inventory.members_only, desk.request.skipped)
    target = visibility_on_github(policies, visibility, hidden)
    follows = policies.visibility is Visibility.SOURCE
    if policies.confidential is ConfidentialPolicy.INCLUDE and follows and target is Visibility.PUBLIC:
        yield Finding(
            code="confidential-in-public",
            severity=Severity.BLOCKING,
            message="confidential issues and internal notes would be in a public repository",
            hint="Write confidential: skip, or visibility: private, for this project.",
            item=str(desk.repo),
        )
    if follows and hidden and visibility == "public":
        yield Finding(
            code="members-only-kept-private",
            severity=Severity.WARNING,
            message=f"{desk.label} is public on GitLab, but for members only are its {named(hidden)}:"
            f" {desk.repo} stays private",
            hint=f"To make all of it public on purpose give visibility: public; or {_SKIP}.",
            item=str(desk.repo),
        )
    # Snippets of members stay out of a public repository.
    shown = [name for name in hidden if name != "snippets" or target is not Visibility.PUBLIC]
    if shown and visibility != "private" and target is not Visibility.PRIVATE:
        yield Finding(
            code="members-only-opened",
            severity=Severity.WARNING,
            message=f"GitLab shows to members only: {named(shown)}; everybody who may see"
            f" {desk.repo} will read them, for it becomes {target.value}",
            hint=f"If that is not meant give visibility: private or source; or {_SKIP}.",
            item=str(desk.repo),
        )
