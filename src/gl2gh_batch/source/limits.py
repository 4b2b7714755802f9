"""GitLab's limits, as data.

Figures: GitLab docs, user/gitlab_com (2,000 requests a minute for a user) and
administration/settings/import_export_rate_limits (6 exports a minute). On self-managed instances the request
limits are off unless an administrator turns them on (administration/settings/user_and_ip_rate_limits).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gl2gh_batch.domain.limits import Limit, LimitClass, Limits

GITLAB_COM: Final[Limits] = {
    LimitClass.GITLAB_REQUESTS: Limit(limit=2000, window_s=60.0),
    LimitClass.GITLAB_EXPORTS: Limit(limit=6, window_s=60.0),
}
SELF_MANAGED: Final[Limits] = {LimitClass.GITLAB_EXPORTS: Limit(limit=6, window_s=60.0)}

ALL_PROFILES: Final[Mapping[str, Limits]] = {"gitlab.com": GITLAB_COM, "self-managed": SELF_MANAGED}


def profile_for(gitlab_url: str) -> str:
    """The name of the profile for an instance."""
    host = gitlab_url.split("://", maxsplit=1)[-1].split("/", maxsplit=1)[0].split(":", maxsplit=1)[0].lower()
    return "gitlab.com" if host == "gitlab.com" else "self-managed"
