"""The models that this release knows: their published hashes and their fitness, as manifests beside this module.

A file without a hash means that upstream's could not be confirmed when the release was made: the pack's own manifest,
or the import itself, then decides, and the installed pack says so (``Provenance``).
"""

from functools import cache
from importlib.resources import files

from appliance.models.archives import PackSource
from appliance.models.errors import NotInCatalogue
from appliance.models.manifest import read_manifest
from appliance.models.model import Pack


@cache
def catalogue() -> dict[str, Pack]:
    """Every known pack by name."""
    folder = files("appliance.models") / "catalogue"
    packs = (
        read_manifest(entry.read_bytes(), source=entry.name)
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".toml")
    )
    return {pack.name: pack for pack in packs}


def known_pack(name: str) -> Pack:
    """The catalogue's entry.

    Raises:
        NotInCatalogue: there is none by this name.
    """
    try:
        return catalogue()[name]
    except KeyError:
        raise NotInCatalogue(name=name, choices=", ".join(catalogue())) from None


def recognise(source: PackSource) -> Pack | None:
    """The one known pack whose files are all in ``source`` with their published sizes; ``None`` when in doubt."""
    there = source.sizes()
    matches = [
        pack
        for pack in catalogue().values()
        if all(file.size_bytes is not None and there.get(file.path) == file.size_bytes for file in pack.shipped)
    ]
    return matches[0] if len(matches) == 1 else None
