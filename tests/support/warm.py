"""The program as a process of its own, without the second that its imports take.

`program()` stands where a test would write `python -m gl2gh_batch`: one that made the imports is forked.
Folder, environment, streams, arguments, signals and the end are those of a fresh process; what is decided
before the first line of Python (`PYTHON…` variables) is not.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from array import array
from functools import cache
from pathlib import Path

CLIENT = Path(__file__).with_name("warm_client.py")
STREAMS = 3
# For tests that look into the process itself.
COLD = (sys.executable, "-m", "gl2gh_batch")


@cache
def program() -> tuple[str, ...]:
    """What starts the program; the process to fork is started once, and ends with this one."""
    folder = tempfile.mkdtemp(prefix="warm-")
    address = f"{folder}/socket"
    server = subprocess.Popen(
        [sys.executable, __file__, address],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
    )
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"

    def end() -> None:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.close()
        server.stdout.close()
        server.wait()
        Path(address).unlink(missing_ok=True)
        Path(folder).rmdir()

    atexit.register(end)
    return (sys.executable, "-I", "-S", str(CLIENT), address)


def _import_all() -> None:
    """Whatever a run imports, sooner or later."""
    import github  # noqa: F401
    import gitlab  # noqa: F401
    import rich.live
    import rich.progress  # noqa: F401

    import gl2gh_batch.batch.orchestrator
    import gl2gh_batch.interfaces.action
    import gl2gh_batch.interfaces.cli
    import gl2gh_batch.sandbox.server  # noqa: F401


def _received(connection: socket.socket, count: int) -> bytes:
    parts = []
    while count:
        part = connection.recv(min(count, 1 << 16))
        if not part:
            raise EOFError
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _request(connection: socket.socket) -> tuple[list[int], bytes]:
    streams = array("i")
    size, ancillary, *_ = connection.recvmsg(8, socket.CMSG_SPACE(STREAMS * streams.itemsize))
    for _, _, data in ancillary:
        streams.frombytes(data)
    return list(streams), _received(connection, int.from_bytes(size, "big"))


def _become(streams: list[int], request: bytes) -> None:
    """Take on the streams, the folder, the environment and the arguments of the one that asked."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    parts = []
    while request:
        size = int.from_bytes(request[:8], "big")
        parts.append(request[8 : 8 + size])
        request = request[8 + size :]
    folder, environment, argv = parts
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environb.clear()
    for pair in environment.split(b"\0"):
        name, _, value = pair.partition(b"=")
        os.environb[name] = value
    time.tzset()
    sys.argv = ["gl2gh_batch", *(os.fsdecode(one) for one in argv.split(b"\0") if argv)]


class _Forks:
    """Serves one client after the other; answers each with its fork's number, and at last how that ended."""

    def __init__(self, address: str) -> None:
        self._selector = selectors.DefaultSelector()
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(address)
        self._listening.listen(64)
        self._woken, waking = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(waking, False)
        self._waking = waking
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waking, warn_on_full_buffer=False)
        # Signals to the group of a terminal are for those that ask.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._clients: dict[int, socket.socket] = {}

    def serve(self) -> bool:
        """True in a fork, which goes on as the program; False when there is nobody left to serve."""
        for one in (self._listening, self._woken, 0):
            self._selector.register(one, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._listening:
                    if self._forked():
                        return True
                elif key.fileobj == self._woken:
                    os.read(self._woken, 1024)
                    self._bury()
                elif key.fileobj == 0:
                    return False
                elif key.data in self._clients:  # killed: nothing else is ever sent
                    self._selector.unregister(key.fileobj)
                    self._clients.pop(key.data).close()
                    os.kill(key.data, signal.SIGKILL)

    def _forked(self) -> bool:
        connection, _ = self._listening.accept()
        try:
            streams, request = _request(connection)
        except (EOFError, OSError):
            connection.close()
            return False
        child = os.fork()
        if child == 0:
            self._selector.close()
            for one in (connection, self._listening, *self._clients.values()):
                one.close()
            os.close(self._woken)
            _become(streams, request)
            os.close(self._waking)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            return True
        for stream in streams:
            os.close(stream)
        self._clients[child] = connection
        self._selector.register(connection, selectors.EVENT_READ, child)
        connection.sendall(b"%20d" % child)
        return False

    def _bury(self) -> None:
        while True:
            try:
                child, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not child:
                return
            connection = self._clients.pop(child, None)
            if connection is not None:
                self._selector.unregister(connection)
                with contextlib.suppress(OSError):  # it was killed a moment ago
                    connection.sendall(b"%20d" % status)
                connection.close()


def main() -> None:
    """Be forked from until the one that started this is gone."""
    _import_all()
    gc.collect()
    gc.freeze()
    forks = _Forks(sys.argv[1])
    print("ready", flush=True)
    if forks.serve():
        runpy.run_module("gl2gh_batch", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
