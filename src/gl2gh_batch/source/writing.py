"""The only code that changes anything on GitLab: a project's description, and whether it is archived.

Both are of `source_after`, which nothing does unless it was asked for. Each request says a state and can be
repeated (api/projects: edit, archive and unarchive a project).
"""

from __future__ import annotations

from typing import Final

from gl2gh_batch.domain.errors import NotFoundError
from gl2gh_batch.domain.limits import GITLAB_COSTS
from gl2gh_batch.kit.http import HttpClient
from gl2gh_batch.kit.verdict import Verdict
from gl2gh_batch.source.models import Project, decode
from gl2gh_batch.source.refusals import RefusedAnswerError, refusal_of

# gitlabhq app/models/project.rb: validates :description, length
MOST_OF_A_DESCRIPTION: Final = 2000
_HINT: Final = (
    "The GitLab token needs the scope api, and its user the role Maintainer for the note and Owner to"
    " archive. Running again is safe."
)


class SourceWriter:
    """One GitLab instance with one credential; `who` names the project in the governor's events."""

    def __init__(self, http: HttpClient, *, who: str = "") -> None:
        self._http = http
        self._who = who

    async def describe(self, project_id: int, description: str | None) -> Project:
        """Set the description; the project as it is then."""
        return await self._send("PUT", f"/projects/{project_id}", {"description": description})

    async def archive(self, project_id: int) -> Project:
        """Make the project read-only."""
        return await self._send("POST", f"/projects/{project_id}/archive")

    async def unarchive(self, project_id: int) -> Project:
        """Let it be written to again."""
        return await self._send("POST", f"/projects/{project_id}/unarchive")

    async def _send(self, method: str, path: str, body: object = None) -> Project:
        answer = await self._http.send(
            method, path, json=body, costs=GITLAB_COSTS, who=self._who, repeatable=True, follow=False
        )
        if answer.verdict is not Verdict.DONE:
            error = refusal_of(answer)
            if isinstance(error, NotFoundError | RefusedAnswerError):
                error.hint = _HINT
            raise error
        return decode(answer.json(), Project)
