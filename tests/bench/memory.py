"""How much memory a process and everything it started took at most, while something ran."""

import os
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

EVERY_S = 0.5


class MemoryWatch:
    """Looks twice a second; a context.

    ``peak_mib`` is the process's own high-water mark, which the kernel keeps, plus the most that its descendants took
    at once. What those share is counted once (PSS).
    """

    def __init__(self) -> None:
        self._descendants_kib = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    @property
    def peak_mib(self) -> float:
        """The most so far."""
        return (_field(os.getpid(), "status", "VmHWM") + self._descendants_kib) / 1024

    def _watch(self) -> None:
        while not self._over.wait(EVERY_S):
            now = sum(_field(pid, "smaps_rollup", "Pss") for pid in _descendants(os.getpid()))
            self._descendants_kib = max(self._descendants_kib, now)


def _descendants(pid: int) -> list[int]:
    parents: dict[int, int] = {}
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            with suppress(OSError):
                parents[int(path.name)] = int((path / "stat").read_text().rsplit(")", 1)[1].split()[1])
    found, line = [], [pid]
    while line:
        above = line.pop()
        children = [child for child, parent in parents.items() if parent == above]
        found += children
        line += children
    return found


def _field(pid: int, file: str, name: str) -> int:
    """KiB of one line of a process's account; 0 when it is gone."""
    with suppress(OSError):
        for line in (Path("/proc") / str(pid) / file).read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1])
    return 0
