"""Where signed reports lie until somebody takes them along: root's own folder, newest last, the oldest forgotten."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from appliance.kernel.clock import Clock, SystemClock
from appliance.kernel.durable import sync_folder

REPORTS_DIR = Path("/var/lib/hangjegyzet-reports")
KEPT = 400
"""Of each kind: more than a year of daily ones."""
_STAMP = re.compile(r"\d{8}T\d{12}Z\.json")


class ReportShelf:
    """Reports by kind; a file's name is its time, so that their order is that of their names."""

    def __init__(self, folder: Path = REPORTS_DIR, clock: Clock | None = None) -> None:
        self._folder = folder
        self._clock = clock or SystemClock()

    def put(self, kind: str, envelope: bytes) -> Path:
        """Keep a report, durably."""
        place = self._folder / kind
        place.mkdir(parents=True, exist_ok=True)
        path = place / f"{self._clock.now():%Y%m%dT%H%M%S%f}Z.json"
        partial = path.with_suffix(f".{os.getpid()}")
        with partial.open("wb") as file:
            file.write(envelope)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        for old in self.all(kind)[:-KEPT]:
            old.unlink(missing_ok=True)
        sync_folder(place)
        return path

    def all(self, kind: str) -> Sequence[Path]:
        """Those of a kind, the newest last."""
        place = self._folder / kind
        if not place.is_dir():
            return ()
        return sorted(path for path in place.iterdir() if _STAMP.fullmatch(path.name))

    def newest(self, kind: str) -> Path | None:
        """The last one, if there is one."""
        return next(reversed(self.all(kind)), None)
