"""A process that receives an upload until it is killed: ``python -m tests.fakes.sender FOLDER SIZE``.

After each flush it writes down what it would tell the client, as the database does.
"""

import random
import sys
from pathlib import Path
from uuid import UUID

from appliance.adapters.blobs import LocalBlobs
from appliance.kernel.ids import MeetingId
from appliance.keyring.model import Dek
from appliance.keyring.stream import CHUNK_BYTES
from appliance.meetings.intake import Intake

NAME = "0190a1b2"
DEK = Dek(MeetingId(UUID(int=7)), bytes(range(32)))


def content(size: int) -> bytes:
    """The file that is sent, the same in every life."""
    return random.Random(size).randbytes(size)


def told(folder: Path) -> int:
    """What the client was told last."""
    note = folder / "told"
    return int(note.read_text()) if note.exists() else 0


def main(folder: Path, size: int) -> None:
    """Go on from where the file stands."""
    data = content(size)
    with LocalBlobs(folder).incoming(NAME) as blob:
        intake = Intake(blob, DEK, size_bytes=size)
        offset = intake.open(trusted_bytes=told(folder))
        while offset < size:
            end = min(size, offset + 3 * CHUNK_BYTES)
            for start in range(offset, end, 10_000):
                intake.write(data[start : min(start + 10_000, end)])
            offset = intake.flush()
            draft = folder / "told.new"
            draft.write_text(str(offset))
            draft.replace(folder / "told")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
