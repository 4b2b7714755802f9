"""Threads that a process does not wait for when it ends.

Those of `ThreadPoolExecutor` are joined by the interpreter: one that is stuck in a read from a server that
does not answer would hold up a run that was stopped by a signal, for as long as its timeout.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class DaemonThreads(Executor):
    """At most `most` threads, begun when they are needed; what is under way at the end is left behind."""

    def __init__(self, most: int, *, name: str) -> None:
        self._most = most
        self._name = name
        self._lock = threading.Lock()
        self._waiting: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._idle = 0
        self._threads = 0
        self._closed = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run it in a thread, when one is free."""
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                msg = "the threads were let go"
                raise RuntimeError(msg)
            if self._idle:
                self._idle -= 1
            elif self._threads < self._most:
                self._threads += 1
                threading.Thread(target=self._work, name=f"{self._name}_{self._threads}", daemon=True).start()
            self._waiting.put((future, lambda: fn(*args, **kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - Executor's signature
        """Take no more work. Threads end when they are done; `wait` is not for threads like these."""
        del wait
        with self._lock:
            self._closed = True
            while cancel_futures:
                try:
                    one = self._waiting.get_nowait()
                except queue.Empty:
                    break
                if one is not None:
                    one[0].cancel()
            for _ in range(self._threads):
                self._waiting.put(None)

    def _work(self) -> None:
        while (one := self._waiting.get()) is not None:
            future, call = one
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(call())
                except BaseException as error:  # noqa: BLE001 - whoever waits for the result gets it
                    future.set_exception(error)
            del one, future, call
            with self._lock:
                self._idle += 1
