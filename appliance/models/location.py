"""Where the starter packs of a source checkout are kept, so that a second one on the same machine needs no download."""

import os
from pathlib import Path


def starter_path() -> Path:
    """The per-user models folder that ``make setup`` fills and that the demo and the tests use.

    ``HANGJEGYZET_CACHE`` wins; otherwise it is ``hangjegyzet/models`` in the user's cache folder. An installed
    appliance does not look here: its packs are in ``Settings.models_path``.
    """
    chosen = os.environ.get("HANGJEGYZET_CACHE")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "hangjegyzet" / "models"
