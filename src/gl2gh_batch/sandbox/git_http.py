"""Real git over smart HTTP: `git http-backend` as a CGI program behind aiohttp.

The server must be made with `auto_decompress=False`: git gzips its request bodies, and aiohttp would unpack
them while the headers still describe the packed ones (`man git-http-backend`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from aiohttp import web
from multidict import CIMultiDict

CHUNK_BYTES: Final = 64 * 1024
SERVICES: Final = ("git-upload-pack", "git-receive-pack")
PROTOCOL_VERSION_HEADER: Final = "Git-Protocol"
HOLD_ANSWER: Final = web.RequestKey("hold_answer", bool)

# What every git of the sandbox runs with: nothing of the machine's or the user's own configuration.
ISOLATION: Final[Mapping[str, str]] = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "HOME": tempfile.gettempdir(),
    "LC_ALL": "C.UTF-8",
}


def git_environment(
    config: Sequence[tuple[str, str]] = (), extra: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The whole environment of a git child: isolated, with `config` as its command-scope configuration."""
    pairs = [("safe.directory", "*"), *config]
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        **ISOLATION,
        "GIT_CONFIG_COUNT": str(len(pairs)),
    }
    for index, (key, value) in enumerate(pairs):
        environment[f"GIT_CONFIG_KEY_{index}"] = key
        environment[f"GIT_CONFIG_VALUE_{index}"] = value
    return {**environment, **(extra or {})}


def is_write(request: web.Request, path_info: str) -> bool:
    """Whether this exchange belongs to a push (its ref advertisement included)."""
    return path_info == "/git-receive-pack" or request.query.get("service") == "git-receive-pack"


async def serve_git(
    request: web.Request,
    *,
    root: Path,
    repository: str,
    path_info: str,
    user: str,
    hidden_refs: Sequence[str] = (),
    hooks: Path | None = None,
    environment: Mapping[str, str] | None = None,
    push_bytes: int | None = None,
) -> web.StreamResponse:
    """Answer one request of a git client about the bare repository `root/repository`.

    `path_info` is what follows the repository in the address, such as `/info/refs` or `/git-upload-pack`; the
    caller has checked who may read and write. Pushes to `hidden_refs` (prefixes) are refused by git itself
    ("deny updating a hidden ref"), while fetches see them, as with GitHub's `refs/pull`; so is a pack of more
    than `push_bytes`. `hooks` is a folder of server-side hooks, which see `environment`. Bodies stream both
    ways, unless the request carries `HOLD_ANSWER`: then the answer is complete before its first byte is sent,
    and may still be replaced.
    """
    config = [
        ("http.receivepack", "true"),
        ("receive.autogc", "false"),
        ("core.hooksPath", str(hooks or os.devnull)),
    ]
    config += [("receive.hideRefs", prefix) for prefix in hidden_refs]
    # As on both platforms, a client may ask for any commit that the server has, and for a partial clone.
    config += [("uploadpack.allowAnySHA1InWant", "true"), ("uploadpack.allowFilter", "true")]
    if push_bytes is not None:
        config.append(("receive.maxInputSize", str(push_bytes)))
    process = await asyncio.create_subprocess_exec(
        "git",
        "http-backend",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=git_environment(
            config, {**_cgi_variables(request, root, repository, path_info, user), **(environment or {})}
        ),
        start_new_session=True,
    )
    feeding = asyncio.create_task(_feed(request, process))
    try:
        return await _relay(request, process)
    finally:
        feeding.cancel()
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):
            await feeding
        if process.returncode is None:
            # A client that hung up leaves a child that waits for the rest of its body.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        await _finish(process)


def _cgi_variables(
    request: web.Request, root: Path, repository: str, path_info: str, user: str
) -> dict[str, str]:
    """The variables of RFC 3875 that `git http-backend` reads."""
    variables = {
        "GIT_PROJECT_ROOT": str(root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{repository}{path_info}",
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": request.query_string,
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "REMOTE_USER": user,
        "REMOTE_ADDR": request.remote or "127.0.0.1",
        "SERVER_PROTOCOL": "HTTP/1.1",
    }
    if (length := request.headers.get("Content-Length")) is not None:
        variables["CONTENT_LENGTH"] = length
    if (encoding := request.headers.get("Content-Encoding")) is not None:
        variables["HTTP_CONTENT_ENCODING"] = encoding
    if (protocol := request.headers.get(PROTOCOL_VERSION_HEADER)) is not None:
        variables["GIT_PROTOCOL"] = protocol
    return variables


async def _feed(request: web.Request, process: asyncio.subprocess.Process) -> None:
    """Pass the request's body to the child as it comes, and close its input."""
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        async for chunk in request.content.iter_chunked(CHUNK_BYTES):
            process.stdin.write(chunk)
            await process.stdin.drain()
        process.stdin.close()
        await process.stdin.wait_closed()


async def _finish(process: asyncio.subprocess.Process) -> None:
    """Wait for the child with both pipes at their ends: only then its transport is closed."""
    if process.stdin is not None:
        process.stdin.close()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            await process.stdin.wait_closed()
    if process.stdout is not None:
        await process.stdout.read()
    await process.wait()


async def _relay(request: web.Request, process: asyncio.subprocess.Process) -> web.StreamResponse:
    """Turn the child's CGI answer into an HTTP answer, streaming its body."""
    assert process.stdout is not None
    status, headers = 200, []
    while line := (await process.stdout.readline()).rstrip(b"\r\n"):
        name, _, value = line.decode("latin-1").partition(":")
        if name.lower() == "status":
            status = int(value.split()[0])
        else:
            headers.append((name.strip(), value.strip()))
    if not headers and status == 200:
        return web.Response(status=500, text="git http-backend gave no answer\n")
    if request.get(HOLD_ANSWER):
        return web.Response(status=status, headers=CIMultiDict(headers), body=await process.stdout.read())
    response = web.StreamResponse(status=status, headers=CIMultiDict(headers))
    await response.prepare(request)
    while chunk := await process.stdout.read(CHUNK_BYTES):
        await response.write(chunk)
    # The client must not hear the end before the child has ended: what follows may stop the server.
    await process.wait()
    await response.write_eof()
    return response
