"""Threads for blocking work that hold up nobody at the end."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from gl2gh_batch.kit.daemon_threads import DaemonThreads

STUCK = """
import threading
from gl2gh_batch.kit.daemon_threads import DaemonThreads
begun = threading.Event()
threads = DaemonThreads(2, name="test")
threads.submit(lambda: (begun.set(), threading.Event().wait()))
begun.wait()
threads.shutdown(cancel_futures=True)
print("done")
"""


def test_results_and_errors_come_back() -> None:
    """Whatever a piece of work returns or raises is its future's."""
    threads = DaemonThreads(2, name="test")
    assert [one.result(10) for one in [threads.submit(pow, number, 2) for number in range(20)]] == [
        number**2 for number in range(20)
    ]
    with pytest.raises(ZeroDivisionError):
        threads.submit(lambda: 1 // 0).result(10)
    assert threads.submit(int, "7").result(10) == 7
    threads.shutdown()


def test_no_more_run_at_once_than_allowed_and_idle_ones_are_used_again() -> None:
    """Three places: three are inside at the same time, and twelve pieces need no fourth thread."""
    threads = DaemonThreads(3, name="few")
    names: set[str] = set()
    meeting = threading.Barrier(3, timeout=10)

    def work() -> None:
        names.add(threading.current_thread().name)
        meeting.wait()

    for one in [threads.submit(work) for _ in range(12)]:
        one.result(10)
    assert names == {"few_1", "few_2", "few_3"}
    before = threading.active_count()
    assert threads.submit(lambda: 1).result(10) == 1
    assert threading.active_count() == before
    threads.shutdown()


def test_what_waits_is_cancelled_and_nothing_is_taken_any_more() -> None:
    """Letting go ends what did not begin, and lets end what did."""
    threads = DaemonThreads(1, name="one")
    go, begun = threading.Event(), threading.Event()

    def first() -> str:
        begun.set()
        go.wait(10)
        return "ended"

    running, waiting = threads.submit(first), threads.submit(int)
    assert begun.wait(10)
    threads.shutdown(cancel_futures=True)
    assert waiting.cancelled()
    go.set()
    assert running.result(10) == "ended"
    with pytest.raises(RuntimeError):
        threads.submit(int)


def test_a_process_ends_although_a_thread_is_stuck() -> None:
    """Nobody waits for a thread that never comes back."""
    ended = subprocess.run(
        [sys.executable, "-c", STUCK], capture_output=True, text=True, timeout=60, check=True
    )
    assert ended.stdout == "done\n"
