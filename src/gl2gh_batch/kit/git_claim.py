"""One ref of a remote as a lock: made, changed and removed only from the state that was seen.

By git and not by the REST API: `POST /git/refs` wants a commit that is there already and answers 409 in an
empty repository (GitHub docs, "Git database"), while a push brings its own; and a push draws on no budget of
requests. A project's first push makes the ref along with everything else. `--force-with-lease=<ref>:<old>`
makes the server compare and swap; an empty old means "not there".
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Final

from gl2gh_batch.domain.errors import GitError
from gl2gh_batch.kit.git_listing import listed
from gl2gh_batch.kit.git_process import GitAuth, GitProcess, Redactor, config_text, failure
from gl2gh_batch.kit.git_refs import parse_push, parse_refs

CLAIM_REF: Final = "refs/gl2gh-batch/claim"
_SOMEBODY: Final = ("-c", "user.name=gl2gh-batch", "-c", "user.email=gl2gh-batch@invalid")
_TIMEOUT_S: Final = 60.0
# Somebody was at the ref in that moment; by now it may be as it was, because they are done.
_RACED: Final = re.compile(
    r"stale info|already exists|cannot lock|failed to (?:lock|update)|incorrect old value|fetch first"
)


class GitClaim:
    """The ref `CLAIM_REF` of the repository at `url`; `work` is the folder for git's own files."""

    def __init__(self, work: Path, url: str, redact: Redactor = str) -> None:
        self._url = url
        self._here = work.resolve() / "claim.git"
        self._process = GitProcess(work.resolve(), redact, timeout_s=_TIMEOUT_S)

    async def note(self, text: str, mirror: Path | None = None) -> str:
        """A commit that holds this text and no file, in `mirror` where one is given; its id."""
        if mirror is None:
            await self._prepare()
        tree = (await self._run("mktree", mirror=mirror)).decode().strip()
        made = await self._run(*_SOMEBODY, "commit-tree", tree, "-m", text, mirror=mirror)
        return made.decode().strip()

    async def swap(self, auth: GitAuth, old: str, new: str) -> bool:
        """Set the ref from `old` to `new`, either of them empty for "not there"; False when it is not `old`.

        Raises the error of git when the remote cannot be reached or refuses the token.
        """
        await self._prepare()  # the claim that goes may have been made in another repository
        with tempfile.NamedTemporaryFile("w", dir=self._process.home, suffix=".config") as file:
            file.write(config_text("target", self._url, [f"{new}:{CLAIM_REF}"]))
            file.flush()
            done = await self._process.run(
                "push",
                "--porcelain",
                "--no-verify",
                f"--force-with-lease={CLAIM_REF}:{old}",
                "--",
                "target",
                mirror=self._here,
                url=self._url,
                auth=auth,
                config_file=Path(file.name),
            )
        if not done.code:
            return True
        if refused := parse_push(done.output, done.errors).refused:
            held = await self.seen(auth)
            if held == old and old != new and not all(_RACED.search(one.reason) for one in refused):
                raise failure("push", done)  # refused for a cause of its own, such as a ruleset
            return held == new
        error = failure("push", done)
        if not isinstance(error, GitError):
            raise error
        try:
            held = await self.seen(auth)
        except GitError:
            raise error from None
        if held == new:
            return True  # the answer was lost, and not the push
        raise error

    async def seen(self, auth: GitAuth) -> str:
        """What the ref holds; empty when it is not there."""
        return parse_refs(await listed(self._process, self._url, auth, CLAIM_REF)).get(CLAIM_REF, "")

    async def read(self, auth: GitAuth) -> tuple[str, str]:
        """The commit that the ref holds and its text; both empty when it is not there."""
        sha = await self.seen(auth)
        if not sha:
            return "", ""
        await self._prepare()
        done = await self._process.read(
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--depth=1",
            "--",
            self._url,
            CLAIM_REF,
            mirror=self._here,
            url=self._url,
            auth=auth,
        )
        if done.code:
            return await self.read(auth) if await self.seen(auth) != sha else (sha, "")
        found = await self._process.run("cat-file", "commit", sha, mirror=self._here)
        return sha, found.output.partition(b"\n\n")[2].decode("utf-8", "replace").strip()

    async def _prepare(self) -> None:
        if not (self._here / "HEAD").is_file():
            self._here.parent.mkdir(parents=True, exist_ok=True)
            await self._run("init", "--bare", "--quiet", "--template=")

    async def _run(self, *arguments: str, mirror: Path | None = None) -> bytes:
        done = await self._process.run(*arguments, mirror=mirror.resolve() if mirror else self._here)
        if done.code:
            raise failure(arguments[0], done)
        return done.output
