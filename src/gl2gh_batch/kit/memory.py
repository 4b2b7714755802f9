"""Memory that is given back: what a large answer took once must not stay ours."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress
from typing import Final

# mallopt(3): the parameter's number in glibc's malloc.h, and the size from which memory is mapped by itself.
M_MMAP_THRESHOLD: Final = -3
THRESHOLD_BYTES: Final = 65_536


def keep_heap_steady() -> None:
    """Fix glibc's threshold for mapped memory; elsewhere do nothing.

    Left alone it grows with the largest block ever freed, and the heaps of threads that read pages then
    keep what they took: verify's memory grows with the project.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL("libc.so.6").mallopt(M_MMAP_THRESHOLD, THRESHOLD_BYTES)
