"""What travels by git: the refs, the LFS objects and the wiki of one project."""

from __future__ import annotations

from collections.abc import Mapping

from gl2gh_batch.domain.ledger import StepState
from gl2gh_batch.domain.plan import GitPush, LfsPush, WikiPush
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.engines._engine import Workbench
from gl2gh_batch.engines._lookups import LOOK_AFTER_S
from gl2gh_batch.engines._writer import OneWriter
from gl2gh_batch.kit.claim import Proposal
from gl2gh_batch.kit.git import RefsRefusedError
from gl2gh_batch.kit.git_claim import CLAIM_REF
from gl2gh_batch.kit.git_refs import PushedRef, PushedState, PushReport
from gl2gh_batch.kit.git_wiki import first_page_hint


class Pushes:
    """Performs the pushing steps of one project; each can be repeated without harm."""

    def __init__(self, bench: Workbench, writer: OneWriter) -> None:
        self._bench = bench
        self._writer = writer

    async def refs(self, push: GitPush, digest: str, *, is_begun: bool) -> None:
        """Send the refs, and with the first ones of a project the claim on the target."""
        bench = self._bench
        bench.ledger.intent(push.id, digest, self._now())
        # The git of a run that was killed may still be pushing the same refs, and then refuses ours.
        pauses = list(LOOK_AFTER_S[1:]) if is_begun else []
        while True:
            try:
                report = await self._send_refs(push)
            except RefsRefusedError:
                if not pauses:
                    raise
                await bench.clock.sleep(pauses.pop(0))
            else:
                bench.ledger.done(push.id, {"refs": len(report.refs)}, self._now())
                return

    async def _send_refs(self, push: GitPush) -> PushReport:
        claim = self._bench.claim
        if claim is not None and self._writer.joins(push):
            proposal = await claim.propose(self._bench.folder.path / push.mirror)
            report: PushReport | None = None
            try:
                report = await self._send(push, proposal)
            except RefsRefusedError:
                held = await self._held()
                if _holds(held, {**push.refs, **proposal.refs}):
                    # Ours: git sends a push again whose answer was lost, and is then told that it is there.
                    report = PushReport(refs=tuple(_created(name) for name in push.refs))
                elif CLAIM_REF not in held:
                    raise
            if report is not None:
                claim.won(proposal)
                await self._writer.look_at_newest()
                return report
            # Somebody is at work there, or was and died: the ordinary way says which, and who.
            await self._writer.take(push.id)
        if claim is not None:
            claim.check()
        return await self._send(push)

    async def _send(self, push: GitPush, proposal: Proposal | None = None) -> PushReport:
        bench = self._bench
        return await bench.git.push(
            bench.folder.path / push.mirror,
            bench.git_url if push.repo == bench.repo else self._beside(push.repo),
            {**push.refs, **self._spared(push)},
            await bench.git_auth(),
            expect=push.expect,
            remove=push.remove,
            found=proposal.refs if proposal else None,
        )

    def _spared(self, push: GitPush) -> dict[str, str]:
        """The refs that go along because what would have kept their commits was refused."""
        ledger = self._bench.ledger
        return {
            name: sha
            for name, (sha, step) in push.spare.items()
            if (receipt := ledger.receipt(step)) is not None and receipt.state is StepState.REFUSED
        }

    def _beside(self, repo: RepoRef) -> str:
        """Another repository of the same GitHub."""
        return f"{self._bench.git_url.removesuffix(f'{self._bench.repo}.git')}{repo}.git"

    async def _held(self) -> Mapping[str, str]:
        bench = self._bench
        return (await bench.git.ls_remote(bench.git_url, await bench.git_auth())).refs

    async def lfs(self, push: LfsPush, digest: str) -> None:
        """Objects are known by their content: sending them again, or some of them before, does no harm."""
        bench = self._bench
        self._writer.check(push)
        bench.ledger.intent(push.id, digest, self._now())
        mirror = bench.folder.path / push.mirror
        sent = await bench.git.lfs.push(bench.git_url, mirror, push.objects, await bench.git_auth())
        bench.ledger.done(push.id, {"objects": len(push.objects), "sent": sent}, self._now())

    async def wiki(self, push: WikiPush, digest: str) -> None:
        """Send the history of the wiki into GitHub's own."""
        bench = self._bench
        bench.ledger.intent(push.id, digest, self._now())
        root = bench.git_url.removesuffix(".git")
        await bench.git.wiki.push(
            bench.folder.path / push.mirror,
            f"{root}.wiki.git",
            push.commit,
            await bench.git_auth(),
            hint=first_page_hint(root),
        )
        bench.ledger.done(push.id, {"commit": push.commit}, self._now())

    def _now(self) -> str:
        return self._bench.clock.now().isoformat()


def _holds(held: Mapping[str, str], refs: Mapping[str, str]) -> bool:
    return all(held.get(name) == sha for name, sha in refs.items())


def _created(name: str) -> PushedRef:
    return PushedRef(name=name, state=PushedState.CREATED)
