"""Memory that engines free goes back to the machine."""

import subprocess
import sys

import pytest

from appliance.adapters.allocator import share_arenas

# Tensors between small things that stay, made in many threads as a decoder makes them; then all tensors are freed.
WORK = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import numpy as np
from appliance.adapters.allocator import FreedMemory, share_arenas

def resident_mib():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / (1 << 20)

chosen = sys.argv[1] == "yes"
if chosen:
    assert share_arenas()
for size in range(1, 30):  # what glibc learns its limit from
    np.ones(size << 20, dtype=np.uint8)
before = resident_mib()

def work(number):
    large, small = [], []
    for _ in range(10):
        large.append(np.ones(5 << 20, dtype=np.uint8))
        small.append(bytes(100_000))
    return small

with ThreadPoolExecutor(4) as threads:
    kept = list(threads.map(work, range(4)))
    if chosen:
        FreedMemory(every_s=0).give_back()
    print(resident_mib() - before)
"""


def left_behind_mib(chosen: str) -> float:
    command = [sys.executable, "-c", WORK, chosen]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc is asked")
def test_freed_tensors_leave_the_process() -> None:
    """Of 200 MiB next to nothing stays, where glibc by itself keeps most."""
    kept = left_behind_mib("yes")
    assert kept < 20
    assert kept < left_behind_mib("no") / 3


def test_it_can_be_said_twice() -> None:
    """Every engine that is loaded may say it."""
    assert share_arenas() == share_arenas()
