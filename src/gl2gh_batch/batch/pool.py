"""What several batches of one process share: a governor for each credential, and the file behind them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gl2gh_batch.domain.events import Event
from gl2gh_batch.domain.limits import LimitClass, Limits
from gl2gh_batch.domain.ports import Clock, Emit
from gl2gh_batch.kit.governor import RequestGovernor
from gl2gh_batch.kit.governor_share import GovernorShare
from gl2gh_batch.kit.rate_file import RateLimitFile
from gl2gh_batch.kit.shared_windows import credential_key

# The platform's side, the address, and the credential.
Place = tuple[str, str, str]
Make = Callable[[str, Emit, RateLimitFile | None], RequestGovernor]


def governor_maker(
    place: Place,
    limits: Limits,
    *,
    clock: Clock,
    when_told: Limits | None,
    told_raises: bool,
    imports_are_content: bool,
) -> Make:
    """What makes the governor of a place, given its name, its listener and the file that it may share."""
    told_class = LimitClass.PRIMARY if place[0] == "github" else LimitClass.GITLAB_REQUESTS

    def make(credential: str, emit: Emit, file: RateLimitFile | None) -> RequestGovernor:
        windows = None
        if file is not None:
            key = credential_key(*place)
            windows = file.windows(
                key,
                limits=limits,
                told_class=told_class,
                told_raises=told_raises,
                imports_are_content=imports_are_content,
            )
        return RequestGovernor(
            credential=credential,
            limits=limits,
            clock=clock,
            emit=emit,
            limits_when_told=when_told,
            told_class=told_class,
            told_raises=told_raises,
            imports_are_content=imports_are_content,
            windows=windows,
        )

    return make


class GovernorPool:
    """Outlives the batches: hand it to the `SharedResources` of each, and close it when all have ended.

    Each gets a share of every governor that it asks for, which can be stopped without the others; what a
    governor tells is told to all who share.
    """

    def __init__(self, rate_limit_file: str | Path | None = None) -> None:
        self._path = rate_limit_file
        self._file: RateLimitFile | None = None
        self._whole: dict[Place, RequestGovernor] = {}
        self._listeners: list[Emit] = []

    def subscribe(self, listener: Emit) -> Callable[[], None]:
        """Hear what the governors tell; call what is returned to hear no more, as often as you like."""
        self._listeners.append(listener)

        def leave() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return leave

    def share(self, place: Place, make: Make) -> RequestGovernor:
        """A share of the governor of that place; `make` is asked for the whole of it the first time."""
        if place not in self._whole:
            number = sum(1 for one in self._whole if one[0] == place[0]) + 1
            self._whole[place] = make(f"{place[0]}-{number}", self._emit, self._shared_file())
        return GovernorShare(self._whole[place])

    def governors(self) -> dict[Place, RequestGovernor]:
        """Everyone who grants requests, with its place."""
        return dict(self._whole)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._whole.clear()

    def _shared_file(self) -> RateLimitFile | None:
        if self._file is None and self._path is not None:
            self._file = RateLimitFile(self._path, emit=self._emit)
        return self._file

    def _emit(self, event: Event) -> None:
        for listener in list(self._listeners):
            listener(event)
