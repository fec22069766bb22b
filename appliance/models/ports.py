"""What the registry needs from the engines."""

from pathlib import Path
from typing import Protocol


class Derivation(Protocol):
    """Makes a file that an engine needs out of a file that upstream publishes."""

    def derive(self, checkpoint: Path, target: Path) -> None:
        """Write ``target``; its name says which graph is filled.

        Raises:
            Corrupt: the checkpoint is damaged, or not one that the graph was made for.
        """
        ...
