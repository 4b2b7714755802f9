"""What a project will cost, from the counts of its discovery alone: for slicing waves, not for approval.

A plan knows better. The prices are those of `pricing`; a merge request counts as an import, comments ride
along with what they belong to.
"""

from __future__ import annotations

from gl2gh_batch.domain.inventory import Inventory
from gl2gh_batch.domain.limits import Limits
from gl2gh_batch.domain.plan import Pace, Price
from gl2gh_batch.domain.pricing import Tally

# Making and opening a repository, looking at it before and after, the claim, and the close phase.
FIXED_WRITES = 9
FIXED_READS = 8
PER_PAGE = 100


def forecast(inventory: Inventory, limits: Limits) -> Price:
    """The price of the project as it was found; what GitLab did not count is taken as none."""
    counts = {name: count or 0 for name, count in inventory.counts.items()}
    items = counts.get("issues", 0) + counts.get("merge_requests", 0)
    content = counts.get("labels", 0) + counts.get("milestones", 0) + counts.get("releases", 0)
    tally = Tally(git_operations=0 if inventory.empty_repository else 3, imports=items)
    tally.paces[Pace.IMPORT] += items
    tally.paces[Pace.CONTENT] += content
    tally.paces[Pace.WRITE] += FIXED_WRITES
    # Each list is read back by pages, comments a little more than once for each item.
    tally.read(FIXED_READS + 2 * (items // PER_PAGE + 1) + content // PER_PAGE)
    return tally.price(limits)
