"""Stands for a fresh `python -m gl2gh_batch`: hands all over to a fork that has the imports (`warm.py`).

Streams, folder, environment and arguments go there; signals are passed on; it ends as the fork ends, and when
it is killed, the fork is. Only the smallest parts of the standard library: it is started hundreds of times.
"""

import os
import signal
import socket
import sys
from array import array

PASSED_ON = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGUSR1, signal.SIGCONT)


def _request() -> bytes:
    environment = b"\0".join(name + b"=" + value for name, value in os.environb.items())
    argv = b"\0".join(os.fsencode(one) for one in sys.argv[2:])
    parts = (os.fsencode(os.getcwd()), environment, argv)  # noqa: PTH109 - pathlib is an import too
    return b"".join(len(one).to_bytes(8, "big") + one for one in parts)


def main() -> None:
    """Run, and end by the same code or signal."""
    with socket.socket(socket.AF_UNIX) as server:
        # Blocked until somebody is there to get them.
        signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
        server.connect(sys.argv[1])
        request = _request()
        streams = array("i", [0, 1, 2])
        size = len(request).to_bytes(8, "big")
        server.sendmsg([size], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
        server.sendall(request)
        child = int(server.recv(20))
        for one in PASSED_ON:
            signal.signal(one, lambda number, _: os.kill(child, number))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
        status = int(server.recv(20))
    if os.WIFSIGNALED(status):
        signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.waitstatus_to_exitcode(status))


main()
