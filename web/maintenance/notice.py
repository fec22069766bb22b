"""What the page says: since when, until when, and that it takes longer once that has passed. Pure, but for reading."""

import json
import math
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

MAX_NOTICE_BYTES: Final = 4096
LEAST_RETRY_S: Final = 5
MOST_RETRY_S: Final = 120


@dataclass(frozen=True, slots=True)
class Notice:
    """What people are told; without ``until`` nobody knows."""

    until: datetime | None = None

    def minutes_left(self, now: datetime) -> int | None:
        """Minutes until it should be over, rounded up; None when that is not known or has passed."""
        if self.until is None or now >= self.until:
            return None
        return max(1, math.ceil((self.until - now).total_seconds() / 60))

    def is_late(self, now: datetime) -> bool:
        """Whether it takes longer than was said."""
        return self.until is not None and now >= self.until

    def retry_after_s(self, now: datetime) -> int:
        """When it is worth asking again."""
        left = 0.0 if self.until is None else (self.until - now).total_seconds()
        return int(min(MOST_RETRY_S, max(LEAST_RETRY_S, left / 4)))


def read_notice(path: Path) -> Notice:
    """The notice in a file; one that says nothing where it is missing or damaged: the page comes up regardless."""
    try:
        with path.open("rb") as file:
            said = json.loads(file.read(MAX_NOTICE_BYTES))
        until = said["until"]
        at = datetime.fromisoformat(until) if until else None
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return Notice()
    return Notice(at if at is None or at.tzinfo is not None else None)
