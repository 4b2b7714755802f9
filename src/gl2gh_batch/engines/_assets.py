"""Files of releases: sent once, looked for by name and size when an answer is not clear.

A broken upload leaves an asset in state `starter` that holds the name: it is deleted, and the file sent
again (docs: upload-a-release-asset).
"""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Final

from gl2gh_batch.domain.errors import (
    EarlierStepMissingError,
    TargetError,
    UnclearAnswerError,
    WorkDirectoryError,
)
from gl2gh_batch.domain.ledger import StepState
from gl2gh_batch.domain.plan import Upload
from gl2gh_batch.engines._engine import Workbench
from gl2gh_batch.engines._lookups import LOOK_AFTER_S
from gl2gh_batch.kit.verdict import Verdict
from gl2gh_batch.target.models import ReleaseAsset, decode
from gl2gh_batch.target.refusals import refusal_of

UPLOADED: Final = "uploaded"
TRIES: Final = 4
PAUSES_S: Final = (1.0, 3.0, 8.0)
CHUNK_BYTES: Final = 1 << 20


class AssetUploads:
    """Performs the uploads of one project."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._removed = False

    async def perform(self, step: Upload, digest: str, *, begun: bool, recovered: bool) -> bool:
        """Send the file unless it is there; True when it was sent.

        It may be there when an earlier run has `begun` it, or has left a ledger that was `recovered`.
        """
        release = self._release_of(step)
        if begun or recovered:
            self._bench.ledger.intent(step.id, digest, self._now())
            if await (self._arrived(step, release) if begun else self._is_there(step, release)):
                return False
        path = self._bench.folder.path / step.file
        await asyncio.to_thread(_require_whole, path, step)
        for attempt in range(TRIES):
            self._bench.ledger.intent(step.id, digest, self._now())
            try:
                answer = await self._bench.github.upload(
                    f"/repos/{step.repo}/releases/{release}/assets", path, name=step.name, label=step.label
                )
            except UnclearAnswerError:
                answer = None
            if answer is not None and answer.verdict is Verdict.DONE:
                self._accept(step, decode(answer.json(), ReleaseAsset))
                return True
            is_taken = answer is not None and answer.verdict is Verdict.INVALID
            if answer is not None and answer.verdict is not Verdict.UNCLEAR and not is_taken:
                raise refusal_of(answer)
            if await self._arrived(step, release):
                return True
            if answer is not None and is_taken and not self._removed:
                raise refusal_of(answer)
            if self._removed and attempt < len(PAUSES_S):
                await self._bench.clock.sleep(PAUSES_S[attempt])
        raise UnclearAnswerError(
            f"{step.name} could not be uploaded: {TRIES} tries broke off",
            hint="GitHub may be in trouble. Run again later: it goes on from here.",
        )

    async def _arrived(self, step: Upload, release: int) -> bool:
        """The same, looked at again for a while: what GitHub has taken may show late."""
        for seconds in LOOK_AFTER_S:
            if seconds:
                await self._bench.clock.sleep(seconds)
            if await self._is_there(step, release):
                return True
            if self._removed:  # what a broken upload left is what had to show
                return False
        return False

    async def _is_there(self, step: Upload, release: int) -> bool:
        """Whether the file arrived whole; what a broken upload left of it is deleted."""
        self._removed = False
        async for asset in self._bench.github.release_assets(step.repo, release):
            if asset.name != step.name:
                continue
            if asset.state == UPLOADED and asset.size == step.size and _agrees(asset, step):
                self._accept(step, asset)
                return True
            answer = await self._bench.github.write(
                "DELETE", f"/repos/{step.repo}/releases/assets/{asset.id}"
            )
            if answer.verdict not in {Verdict.DONE, Verdict.MISSING}:
                raise refusal_of(answer)
            self._removed = True
        return False

    def _accept(self, step: Upload, asset: ReleaseAsset) -> None:
        if asset.name != step.name:
            raise TargetError(
                f"GitHub keeps {step.name} under the name {asset.name}",
                hint="Links to it would lead nowhere. Please report the name.",
            )
        self._bench.ledger.done(step.id, {"id": asset.id}, self._now())

    def _release_of(self, step: Upload) -> int:
        receipt = self._bench.ledger.receipt(step.release)
        if receipt is None or receipt.state is not StepState.DONE or "id" not in receipt.fields:
            raise EarlierStepMissingError(
                f"it belongs to {step.release}, which was not made", hint="Make the plan again."
            )
        return int(receipt.fields["id"])

    def _now(self) -> str:
        return self._bench.clock.now().isoformat()


def _agrees(asset: ReleaseAsset, step: Upload) -> bool:
    return asset.digest is None or asset.digest == f"sha256:{step.sha256}"


def _require_whole(path: Path, step: Upload) -> None:
    """Raise `WorkDirectoryError` unless the file is the one that was planned."""
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
    except OSError as error:
        raise WorkDirectoryError(
            f"{step.file} cannot be read: {error.strerror}", hint="Run again with resume_from=export."
        ) from error
    if (digest.hexdigest(), size) != (step.sha256, step.size):
        raise WorkDirectoryError(
            f"{step.file} is not what was exported: its digest differs",
            hint="Run again with resume_from=export.",
        )
