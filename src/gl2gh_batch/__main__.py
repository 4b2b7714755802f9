"""`python -m gl2gh_batch` and the console script."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import NoReturn

# In a container we are process 1, which no signal ends that is not listened to.
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _end_at_once(number: int, _frame: FrameType | None) -> NoReturn:
    os.write(2, b"gl2gh-batch: stopped before it began; nothing was done\n")
    os._exit(128 + number)


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt(number)


def main() -> int:
    """Run one command; its exit code. The imports take a second, in which signals are heard, too."""
    for number in _SIGNALS:
        signal.signal(number, _end_at_once)
    from gl2gh_batch.interfaces import cli

    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in _SIGNALS[1:]:
        signal.signal(number, _interrupt)
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())

__all__ = ["main"]
