"""What backups note about themselves between runs: for health, and to go on where they stopped. Nothing rests on it."""

from datetime import datetime
from pathlib import Path

import msgspec

from appliance.backups.depot import Copied, write_whole

STATE = "state.json"


class State(msgspec.Struct, frozen=True):
    """How far things are.

    ``reached`` tells until when each further place has everything; ``failed`` why the last try of one did not succeed.
    """

    followed_at: datetime | None = None
    taken_at: datetime | None = None
    copied_bytes: int = 0
    blobs_s: float = 0.0
    database_s: float = 0.0
    reached: dict[str, datetime] = msgspec.field(default_factory=dict)
    failed: dict[str, str] = msgspec.field(default_factory=dict)

    def taken(self, at: datetime, copied: Copied, *, blobs_s: float, database_s: float) -> "State":
        """A backup was taken, which is a pass over the recordings too."""
        return msgspec.structs.replace(
            self, taken_at=at, followed_at=at, copied_bytes=copied.bytes, blobs_s=blobs_s, database_s=database_s
        )

    def followed(self, at: datetime) -> "State":
        """A pass found and copied what was new."""
        return msgspec.structs.replace(self, followed_at=at)

    def sent(self, target: str, at: datetime) -> "State":
        """A further place has everything until ``at``."""
        failed = {name: why for name, why in self.failed.items() if name != target}
        return msgspec.structs.replace(self, reached={**self.reached, target: at}, failed=failed)

    def missed(self, target: str, why: str) -> "State":
        """A further place could not be brought up to date."""
        return msgspec.structs.replace(self, failed={**self.failed, target: why})


def read_state(folder: Path) -> State:
    """The notes; none where there are none that can be read."""
    try:
        return msgspec.json.decode((folder / STATE).read_bytes(), type=State)
    except (OSError, msgspec.DecodeError):
        return State()


def write_state(folder: Path, state: State) -> None:
    """Keep them."""
    write_whole(folder / STATE, msgspec.json.encode(state))
