"""The refs of a remote as git lists them, and never an empty list that is not git's.

What does not begin as an answer of the smart protocol does, git takes for one of a plain file server, and a
page without a line break for a repository without a ref. Only an answer of git's own settles on a version of
the protocol (git docs: technical/api-trace2, technical/protocol-v2).
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from gl2gh_batch.domain.errors import GitError
from gl2gh_batch.kit.git_process import PAUSES_S, GitAuth, GitProcess, drawn, failure, is_of_the_moment

_SETTLED: Final = b'"negotiated-version"'


async def listed(process: GitProcess, url: str, auth: GitAuth | None, *names: str) -> bytes:
    """What `git ls-remote --symref` prints; raises the error that fits, tried again where that may help."""
    pauses = iter(PAUSES_S)
    while True:
        with tempfile.TemporaryDirectory(dir=process.home, prefix="list-") as name:
            trace = Path(name).resolve() / "trace"
            done = await process.run(
                "ls-remote",
                "--symref",
                "--",
                url,
                *names,
                url=url,
                auth=auth,
                more={"GIT_TRACE2_EVENT": str(trace)},
            )
            is_gits = bool(done.output) or _SETTLED in (trace.read_bytes() if trace.exists() else b"")
        if not done.code and is_gits:
            return done.output
        pause_s = next(pauses, None)
        if pause_s is None or (done.code and not is_of_the_moment(done)):
            break
        await process.sleep(drawn(pause_s))
    if done.code:
        raise failure("ls-remote", done)
    raise GitError(
        "git ls-remote failed: what came in the place of the refs is no answer of git's",
        hint="A proxy or a maintenance page may stand in between. Running again is safe.",
    )
