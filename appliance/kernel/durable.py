"""What must still be there after a power cut."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Make new, moved and removed names durable: ``fsync`` of a file does not cover its folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
