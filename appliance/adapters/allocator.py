"""glibc's allocator, told to give back what is freed: a speech worker lives for months and hears meetings of hours.

Tensors come and go in many sizes from many threads. By itself glibc keeps an arena of free memory per thread and lays
tensors between small things that stay, so that a process grows for hours. Two measures keep it flat at no cost that
could be measured; mapping each large tensor by itself (``M_MMAP_THRESHOLD``) gives back more and costs a third of the
processor in page faults (docs/speech.md has the figures).
"""

import ctypes
import time
from typing import Final

_M_ARENA_MAX: Final = -8
ARENAS: Final = 2
"""Engines allocate seldom enough for all their threads to share two."""
TRIM_EVERY_S: Final = 15.0


def share_arenas() -> bool:
    """Set this up for the whole process; false with another C library, which is left alone."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(_M_ARENA_MAX, ARENAS))


class FreedMemory:
    """What the process has freed and still holds; given back to the machine now and then."""

    def __init__(self, *, every_s: float = TRIM_EVERY_S) -> None:
        self._trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        self._every_s = every_s
        self._given_at = time.monotonic()

    def give_back(self) -> None:
        """To be called between two pieces of work; does something only when that was long ago."""
        if self._trim is not None and time.monotonic() - self._given_at >= self._every_s:
            self._trim(0)
            self._given_at = time.monotonic()
