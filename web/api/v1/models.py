"""The models of this machine, and how far they can be trusted with a language."""

from typing import Final

import msgspec
from litestar import get

from appliance.identity.permissions import Permission
from appliance.models.model import Fitness, InstalledPack, PackKind
from web.access import allow
from web.request import PortalRequest

_TAGS: Final = ["models"]


class FitnessOut(msgspec.Struct, frozen=True):
    """How far a pack may be trusted with one language, and the measurement behind it."""

    fitness: Fitness
    note: str


class PackOut(msgspec.Struct, frozen=True, kw_only=True):
    """One installed pack."""

    name: str
    kind: PackKind
    title: str
    licence: str
    source: str
    size_bytes: int
    memory_bytes: int
    devices: list[str]
    in_use: bool
    languages: dict[str, FitnessOut]
    """By language; ``*`` speaks for the rest."""


@get("/models", sync_to_thread=True, tags=_TAGS, **allow(Permission.MODEL_READ))
def list_models(request: PortalRequest) -> list[PackOut]:
    """The installed packs; those in use are marked."""
    return [_pack_out(installed) for installed in request.services.models.list()]


def _pack_out(installed: InstalledPack) -> PackOut:
    pack = installed.pack
    return PackOut(
        name=pack.name,
        kind=pack.kind,
        title=pack.title,
        licence=pack.licence,
        source=pack.source,
        size_bytes=pack.size_bytes,
        memory_bytes=pack.memory_bytes,
        devices=list(pack.devices),
        in_use=installed.in_use,
        languages={name: FitnessOut(note.fitness, note.note) for name, note in pack.languages.items()},
    )


ROUTE_HANDLERS = (list_models,)
