"""Running git: a clean environment, no shell, no prompt, no hook, and an end that is certain."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import random
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from gl2gh_batch.domain.errors import (
    AuthenticationError,
    ConfigurationError,
    GitError,
    Gl2ghError,
    NotFoundError,
)

Redactor = Callable[[str], str]
Sleep = Callable[[float], Awaitable[None]]

DEFAULT_TIMEOUT_S: Final = 6 * 3600.0
GRACE_S: Final = 2.0
# A command that is watched and shows no progress in all this time waits for something that will never come.
STILL_S: Final = 1800.0
# Before a read is tried again; each is drawn between itself and its double.
PAUSES_S: Final = (1.0, 4.0)
_LINE_LIMIT: Final = 1 << 20
_STDERR_KEPT: Final = 4000
# What a child may know of our environment: where programs, certificates and proxies are. Never a token.
_INHERITED: Final = (
    "PATH",
    "TMPDIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
)
_CONFIG: Final[tuple[tuple[str, str], ...]] = (
    ("core.hooksPath", os.devnull),
    ("core.askPass", ""),
    ("core.fsmonitor", "false"),
    # An object is what its id says, whatever a ref of the project's proposes instead.
    ("core.useReplaceRefs", "false"),
    ("credential.helper", ""),
    ("http.followRedirects", "false"),
    # A connection that carries nothing for this long is dead; both platforms send keep-alives.
    ("http.lowSpeedLimit", "1"),
    ("http.lowSpeedTime", "900"),
    ("protocol.version", "2"),
    ("submodule.recurse", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("push.recurseSubmodules", "no"),
    ("push.followTags", "false"),
    ("push.gpgSign", "false"),
    # Old histories hold what today's fsck refuses (zero-padded modes, odd dates); nothing is checked out.
    ("transfer.fsckObjects", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("init.defaultBranch", "main"),
)
# git speaks of HTTP only in words, in English because of LC_ALL=C.
_HTTP_STATUS: Final = re.compile(r"returned error: (\d{3})|HTTP (\d{3})")
_NO_CREDENTIAL: Final = re.compile(
    r"Authentication (?:failed|required)|could not read (?:Username|Password)"  # "required" is git-lfs's
)
_NOT_FOUND: Final = re.compile(r"repository '.*' not found|Repository not found")
# A connection that broke: what curl and git say of it. They say the same after an answer, beside its status.
_BROKEN: Final = re.compile(
    r"RPC failed|early EOF|expected flush|[Ee]mpty reply|hung up"
    r"|Could not resolve host|Connection (?:reset|timed out)|Recv failure|transfer closed"
)
_FOR_GOOD: Final = re.compile(r"remote error: |not our ref")
_NOT_A_FAULT_OF_TIME: Final = re.compile(r"not a git repository|bad object|invalid object|corrupt")


@dataclass(frozen=True, slots=True, kw_only=True)
class GitAuth:
    """A credential for git over HTTPS; GitHub wants the user `x-access-token`, GitLab `oauth2`.

    `refused` is told what git said when the platform does not take the token at all.
    """

    username: str
    token: str
    refused: Callable[[str], None] | None = field(default=None, compare=False)

    @property
    def service(self) -> str:
        """The platform that it is for."""
        return "GitHub" if self.username == "x-access-token" else "GitLab"

    @property
    def header(self) -> str:
        """The header that carries it."""
        return f"Authorization: Basic {self.encoded}"

    @property
    def encoded(self) -> str:
        """The credential as it is sent, a secret itself."""
        return base64.b64encode(f"{self.username}:{self.token}".encode()).decode()

    def refusal(self, said: str) -> AuthenticationError:
        """The error to raise where the platform does not take the token; `refused` is told."""
        error = _denied(self.service, said, at_all=True)
        if self.refused is not None:
            self.refused(error.message)
        return error

    def __repr__(self) -> str:
        return f"GitAuth(username={self.username!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A command that ended; `errors` is free of credentials, `service` is whose credential it used."""

    code: int
    output: bytes
    errors: str
    service: str = ""


class StalledError(GitError):
    """A command that was watched stood still, and was ended."""


class GitProcess:
    """Starts git children below `work`; `redact` cleans what they say before anybody sees it."""

    def __init__(
        self,
        work: Path,
        redact: Redactor = str,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._home = work / "git-home"
        self._redact = redact
        self._timeout_s = timeout_s
        self.sleep = sleep

    @property
    def home(self) -> Path:
        """The folder that git takes for the user's home; nothing in it configures git."""
        self._home.mkdir(parents=True, exist_ok=True)
        return self._home

    async def run(
        self,
        *arguments: str,
        mirror: Path | None = None,
        url: str | None = None,
        auth: GitAuth | None = None,
        config_file: Path | None = None,
        stdin: bytes | None = None,
        more: Mapping[str, str] | None = None,
        progress: Path | None = None,
    ) -> Finished:
        """Run git to its end; raises `GitError` when it takes too long or cannot be started.

        `more` is added to its environment. A command that tells what it does in a file `progress` is ended
        with `StalledError` once it has told nothing for `STILL_S`.
        """
        async with self.started(
            *arguments,
            mirror=mirror,
            url=url,
            auth=auth,
            config_file=config_file,
            stdin=stdin is not None,
            more=more,
        ) as process:
            try:
                async with asyncio.timeout(self._timeout_s):
                    if progress is None:
                        output, errors = await process.communicate(stdin)
                    else:
                        output, errors = await _watched(process, stdin, progress, arguments[0])
            except TimeoutError:
                raise GitError(
                    f"git {arguments[0]} was not done after {self._timeout_s:g} s",
                    hint="Run again: what was fetched or pushed so far is kept.",
                ) from None
        assert process.returncode is not None
        service = "" if auth is None else auth.service
        done = Finished(
            code=process.returncode, output=output, errors=self.clean(errors, auth), service=service
        )
        if done.code and auth is not None and auth.refused is not None and is_refused(done):
            auth.refused(failure(arguments[0], done).message)
        return done

    async def read(
        self,
        *arguments: str,
        url: str,
        mirror: Path | None = None,
        auth: GitAuth | None = None,
    ) -> Finished:
        """`run`, of what only reads from a remote: tried again where the trouble is one of the moment."""
        for pause_s in PAUSES_S:
            done = await self.run(*arguments, mirror=mirror, url=url, auth=auth)
            if not is_of_the_moment(done):
                return done
            await self.sleep(drawn(pause_s))
        return await self.run(*arguments, mirror=mirror, url=url, auth=auth)

    @contextlib.asynccontextmanager
    async def started(
        self,
        *arguments: str,
        mirror: Path | None = None,
        url: str | None = None,
        auth: GitAuth | None = None,
        config_file: Path | None = None,
        stdin: bool = False,
        more: Mapping[str, str] | None = None,
    ) -> AsyncIterator[asyncio.subprocess.Process]:
        """A running child with its output in pipes (its input too, with `stdin`).

        Its whole process group is gone afterwards.
        """
        where = [] if mirror is None else [f"--git-dir={mirror}"]
        try:
            process = await asyncio.create_subprocess_exec(
                "git",
                *where,
                *arguments,
                stdin=asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=self.home,
                env=self.environment(mirror=mirror, url=url, auth=auth, config_file=config_file)
                | dict(more or {}),
                start_new_session=True,
                limit=_LINE_LIMIT,
            )
        except FileNotFoundError:
            raise GitError("git is not installed", hint="Install git 2.32 or newer.") from None
        try:
            yield process
        finally:
            await _end(process)

    async def lines(self, *arguments: str, mirror: Path) -> AsyncIterator[bytes]:
        """What git prints, line by line, however much; raises the error of a failed command at the end."""
        async with self.started(*arguments, mirror=mirror) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            complaining = asyncio.ensure_future(process.stderr.read())
            try:
                async for line in process.stdout:
                    yield line
                errors = await complaining
                code = await process.wait()
            finally:
                complaining.cancel()
                await asyncio.wait([complaining])
        if code:
            raise failure(arguments[0], Finished(code=code, output=b"", errors=self.clean(errors, None)))

    def environment(
        self,
        *,
        mirror: Path | None = None,
        url: str | None = None,
        auth: GitAuth | None = None,
        config_file: Path | None = None,
    ) -> dict[str, str]:
        """The whole environment of a child: nothing of ours but the names that are listed here.

        The credential is bound to the origin of `url`, so that git sends it nowhere else.
        """
        scheme, origin = ("https", "") if url is None else origin_of(url)
        pairs = list(_CONFIG)
        if mirror is not None:
            pairs.append(("safe.directory", str(mirror)))
        if auth is not None and origin:
            pairs.append((f"http.{origin}/.extraHeader", auth.header))
        child = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        child |= {
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home),
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": str(config_file or os.devnull),
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": scheme,
            "GIT_CEILING_DIRECTORIES": str(self.home.parent),
            "GIT_CONFIG_COUNT": str(len(pairs)),
        }
        for index, (key, value) in enumerate(pairs):
            child[f"GIT_CONFIG_KEY_{index}"] = key
            child[f"GIT_CONFIG_VALUE_{index}"] = value
        return child

    def clean(self, errors: bytes, auth: GitAuth | None) -> str:
        """What git said, without credentials, at most its last 4,000 characters."""
        text = errors.decode("utf-8", "backslashreplace")
        if auth is not None:
            for secret in (auth.encoded, auth.token):
                text = text.replace(secret, "***") if secret else text
        return self._redact(text.strip())[-_STDERR_KEPT:]


def origin_of(url: str) -> tuple[str, str]:
    """The scheme and the origin of an address; raises `ConfigurationError` unless it is plain HTTP(S)."""
    parts = urlsplit(url)
    host = parts.netloc
    wrong = parts.scheme not in {"https", "http"} or not parts.hostname or "@" in host
    if wrong or any(ord(sign) < 0x21 or ord(sign) == 0x7F for sign in url):
        raise ConfigurationError(
            "an address for git has to be https://host/path without a name or token in it",
            field="url",
            hint="Check gitlab_url and github_url.",
        )
    return parts.scheme, f"{parts.scheme}://{host}"


def _denied(service: str, said: str, *, at_all: bool) -> AuthenticationError:
    token = f"{service} token".strip()
    return AuthenticationError(
        f"{service} refused the token: {said}" if service and at_all else said,
        hint=f"Check that the {token} is valid and may read and write this repository's content.",
    )


def failure(command: str, done: Finished) -> Gl2ghError:
    """The error that a failed command stands for."""
    said = done.errors.splitlines()
    telling = [line for line in said if line.startswith(("fatal:", "error:", "remote:"))]
    words = next(filter(_NO_CREDENTIAL.search, telling), telling[-1] if telling else "")
    message = f"git {command} failed: {words or (said[-1] if said else f'exit code {done.code}')}"
    status = _status_of(done)
    if status in {401, 403} or _NO_CREDENTIAL.search(done.errors):
        return _denied(done.service, message, at_all=is_refused(done))
    if status == 404 or _NOT_FOUND.search(done.errors):
        return NotFoundError(message, hint="It is missing, or not visible to the token.")
    if _NOT_A_FAULT_OF_TIME.search(done.errors):
        return GitError(message, hint="Delete the project's mirror.git in the work directory and run again.")
    return GitError(message, hint="Running again is safe: what was transferred is kept.")


def drawn(pause_s: float) -> float:
    """A pause of that length up to the double, so that not all come again at once."""
    return pause_s * (1 + random.random())  # noqa: S311 - it spreads, and hides nothing


def is_of_the_moment(done: Finished) -> bool:
    """True for a failure that may be over soon: the server's trouble, or a broken connection."""
    if not done.code or _FOR_GOOD.search(done.errors) or is_refused(done):
        return False
    status = _status_of(done)
    return status in {408, 429} or status >= 500 or (status < 400 and bool(_BROKEN.search(done.errors)))


def is_refused(done: Finished) -> bool:
    """True where the platform does not take the token at all."""
    return bool(_NO_CREDENTIAL.search(done.errors)) or _status_of(done) == 401


def _status_of(done: Finished) -> int:
    found = _HTTP_STATUS.search(done.errors)
    return int(found.group(1) or found.group(2)) if found else 0


async def _watched(
    process: asyncio.subprocess.Process, stdin: bytes | None, progress: Path, command: str
) -> tuple[bytes, bytes]:
    """What it said until its end; what it tells of its progress is emptied at each look, and stays small."""
    communicating = asyncio.ensure_future(process.communicate(stdin))
    try:
        while True:
            done, _ = await asyncio.wait([communicating], timeout=STILL_S)
            if done:
                return communicating.result()
            if not progress.exists() or not progress.stat().st_size:
                raise StalledError(
                    f"git {command} stood still for {STILL_S:g} s and was ended",
                    hint="Running again is safe: what was transferred is kept.",
                )
            os.truncate(progress, 0)
    finally:
        communicating.cancel()
        await asyncio.wait([communicating])


async def _end(process: asyncio.subprocess.Process) -> None:
    """See a child and all its children ended, politely first; also when we are being cancelled."""
    if process.returncode is not None:
        return
    _signal(process, signal.SIGTERM)
    ending = asyncio.ensure_future(_wait_or_kill(process))
    cancelled = False
    while not ending.done():
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            # No git is left behind, however often we are told to stop; the telling is passed on below.
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError


async def _wait_or_kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(GRACE_S):
            await process.communicate()
    _signal(process, signal.SIGKILL)
    await process.communicate()


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def config_text(remote: str, url: str, refspecs: Sequence[str]) -> str:
    """A git configuration that holds a remote with all its push refspecs.

    A file, since an argument list ends at about 2 MB and a project may have more refs than that.
    """
    lines = [f'[remote "{remote}"]', f"\turl = {_quoted(url)}"]
    lines += [f"\tpush = {_quoted(refspec)}" for refspec in refspecs]
    return "\n".join(lines) + "\n"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
