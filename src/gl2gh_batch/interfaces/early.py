"""Signals before the program is there: the imports take seconds on a busy machine.

In a container we are process 1, which no signal ends that is not listened to.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType
from typing import Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# What tells a signal until somebody else does; nothing while nobody listens.
_telling: list[Callable[[], None]] = []
_heard: list[int] = []


def listen() -> None:
    """From now on a signal ends the program; what there is to tell is known a moment later, by `tell_by`."""
    for number in _SIGNALS:
        signal.signal(number, _end_at_once)


def tell_by(tell: Callable[[], None]) -> None:
    """End the program now, when a signal came meanwhile, and at the next one; `tell` says so beforehand."""
    _telling.append(tell)
    for number in _heard:
        _end_at_once(number, None)


def is_over() -> None:
    """From now on a signal is an interrupt, which whoever runs tells. Without `listen` it is so anyway."""
    if not _telling:
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in _SIGNALS[1:]:
        signal.signal(number, _interrupt)
    _telling.clear()


def _end_at_once(number: int, _frame: FrameType | None) -> None:
    if not _telling:
        _heard.append(number)
        return
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    _telling[0]()
    os.write(2, b"gl2gh-batch: stopped before it began; nothing was done\n")
    os._exit(128 + number)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt(number)
