"""Where model packs are kept."""

import os
from pathlib import Path

from appliance.settings import Settings


def models_folder(settings: Settings) -> Path:
    """The folder of this machine's packs.

    The one that is set; or ``models`` in the data folder, once it has packs; or, where neither is there,
    what ``make setup`` has filled for this user, so that a source checkout works without configuration.
    """
    if settings.models_dir is not None or _has_packs(settings.models_path):
        return settings.models_path
    filled = starter_path()
    return filled if filled.is_dir() else settings.models_path


def starter_path() -> Path:
    """The per-user models folder that ``make setup`` fills, so that a second checkout needs no download.

    ``HANGJEGYZET_CACHE`` wins; otherwise it is ``hangjegyzet/models`` in the user's cache folder.
    """
    chosen = os.environ.get("HANGJEGYZET_CACHE")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "hangjegyzet" / "models"


def _has_packs(folder: Path) -> bool:
    packs = folder / "packs"
    return packs.is_dir() and any(packs.iterdir())
