"""A small file of measurements: one an hour for five weeks, then the oldest goes."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

import msgspec

from appliance.vitals.model import Measurement

EVERY: Final = timedelta(minutes=59)
KEPT: Final = 24 * 35


class Ring:
    """The measurements in ``file``; whoever reads it may do so at any moment."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self) -> Sequence[Measurement]:
        """All of them, oldest first; none where nobody measured yet, or where the file was damaged.

        A trend is no record: what cannot be read is measured again, and nobody has to repair it.
        """
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=tuple[Measurement, ...])
        except (OSError, msgspec.MsgspecError):
            return ()

    def add(self, measurement: Measurement) -> Sequence[Measurement]:
        """All of them with this one, unless the last is less than an hour old; a clock set back starts anew."""
        known = self.read()
        if known and measurement.at < known[-1].at:
            known = ()
        if known and measurement.at - known[-1].at < EVERY:
            return known
        kept = (*known, measurement)[-KEPT:]
        publish(self._file, kept, mode=0o600)
        return kept


def publish(file: Path, value: object, *, mode: int) -> None:
    """Put a value where readers find the old one or the new one, and never half of it."""
    partial = file.with_name(f".{file.name}.partial")
    partial.write_bytes(msgspec.json.encode(value))
    partial.chmod(mode)
    partial.replace(file)
