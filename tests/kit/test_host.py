"""The host: which processes live, and a clock that only grows."""

from __future__ import annotations

import os
import subprocess
import sys

from gl2gh_batch.kit.host import ThisHost


def test_a_process_lives_until_it_ended_whether_or_not_it_was_waited_for() -> None:
    """Running, ended and not waited for, gone: alive, dead, dead; another start time is another process."""
    host = ThisHost()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    [_, started] = [child.pid, _started(child.pid)]
    assert host.is_alive(child.pid, started) is True
    assert host.is_alive(child.pid, started - 1) is False
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert host.is_alive(child.pid, started) is False
    child.communicate()
    assert host.is_alive(child.pid, started) is False


def test_this_process_lives_and_two_views_of_a_host_agree() -> None:
    """Clock and place have the same names for every process of a machine, and time goes on."""
    one, two = ThisHost(), ThisHost()
    assert (one.clock_id, one.place) == (two.clock_id, two.place)
    assert one.is_alive(*one.process()) is True
    assert one.seconds() <= two.seconds() <= one.seconds()


def _started(pid: int) -> int:
    script = "import os; from gl2gh_batch.kit import host; print(host._started(int(os.environ['PID'])))"
    told = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, "PID": str(pid)}, capture_output=True, check=True
    )
    return int(told.stdout)
