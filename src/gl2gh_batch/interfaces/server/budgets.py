"""What each credential may still send, for the page and for Prometheus."""

from __future__ import annotations

from typing import Any

from gl2gh_batch.batch.pool import GovernorPool


def budgets_view(pool: GovernorPool) -> list[dict[str, Any]]:
    """One entry for each credential that a batch has used; what it is stays unsaid."""
    found = []
    for (side, url, _), governor in pool.governors().items():
        snapshot = governor.snapshot()
        found.append(
            {
                "credential": snapshot.credential,
                "platform": side,
                "url": url,
                "requests": snapshot.requests,
                "waiting": snapshot.waiting,
                "in_flight": snapshot.in_flight,
                "closed_s": round(snapshot.closed_for_s, 1),
                "budgets": [
                    {
                        "limit_class": str(name),
                        "used": one.used,
                        "limit": one.limit,
                        "resets_s": None if one.resets_in_s is None else round(one.resets_in_s, 1),
                    }
                    for name, one in sorted(governor.use().items())
                ],
            }
        )
    return found
