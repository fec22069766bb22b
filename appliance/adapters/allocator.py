"""glibc's allocator, told to give back what is freed: a speech worker lives for months and hears meetings of hours."""

import ctypes
from typing import Final

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8

MAPPED_BYTES: Final = 1 << 20
"""From here on an allocation is a mapping of its own, which ends with it. By itself glibc raises this limit to 32 MB as
tensors come and go, lays them between small things, and can then give little back."""
KEPT_BYTES: Final = 4 << 20
ARENAS: Final = 2
"""Engines work in many threads, and each arena keeps its own free memory. They allocate seldom enough to share two."""


def give_memory_back() -> bool:
    """Set this up for the whole process; false with another C library, which is left alone."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = ((_M_MMAP_THRESHOLD, MAPPED_BYTES), (_M_TRIM_THRESHOLD, KEPT_BYTES), (_M_ARENA_MAX, ARENAS))
    return all(mallopt(parameter, value) for parameter, value in settings)
