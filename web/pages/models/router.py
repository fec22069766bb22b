"""GET /models: the packs on this machine, what each is fit for, and which are in use."""

from dataclasses import dataclass
from typing import Final

from litestar import Response, get

from appliance.identity.permissions import Permission
from appliance.models.model import ANY_LANGUAGE, Fitness, LanguageNote, Pack, PackKind
from web.access import allow
from web.request import PortalRequest
from web.texts import Texts

_LOOK: Final = {
    Fitness.FIT: ("good", "circle-check"),
    Fitness.WEAK: ("warn", "triangle-alert"),
    Fitness.UNFIT: ("bad", "circle-x"),
    Fitness.UNKNOWN: ("none", "circle-question-mark"),
}


@dataclass(frozen=True, slots=True)
class FitnessLine:
    """How far a pack may be trusted with one language."""

    language: str
    word: str
    tone: str
    symbol: str


@dataclass(frozen=True, slots=True)
class PackLine:
    """One pack."""

    name: str
    title: str
    licence: str
    size_bytes: int | None
    memory_bytes: int | None
    languages: tuple[FitnessLine, ...]
    installed: bool
    active: bool


@get("/models", sync_to_thread=True, **allow(Permission.MODEL_READ))
def models_page(request: PortalRequest) -> Response[str]:
    """Everything installed by kind, then what the catalogue knows and is not here."""
    texts = Texts(request.context.locale)
    registry = request.services.models
    packs = [
        *((found.pack, True, found.in_use) for found in registry.list()),
        *((pack, False, False) for pack in registry.missing()),
    ]
    kinds = _kinds(texts)
    groups = [
        (title, [_line(pack, texts, installed=here, active=used) for pack, here, used in packs if pack.kind is kind])
        for kind, title in kinds.items()
    ]
    return request.renderer.page(request, "pages/models/list.html", groups=[group for group in groups if group[1]])


def _kinds(texts: Texts) -> dict[PackKind, str]:
    _ = texts.say
    return {
        PackKind.SPEECH: _("Speech to text"),
        PackKind.SPEAKERS: _("Who speaks when"),
        PackKind.LANGUAGE: _("Writing minutes"),
        PackKind.EMBEDDING: _("Search by meaning"),
    }


def _line(pack: Pack, texts: Texts, *, installed: bool, active: bool) -> PackLine:
    return PackLine(
        name=pack.name,
        title=pack.title,
        licence=pack.licence,
        size_bytes=pack.size_bytes or None,
        memory_bytes=pack.memory_bytes or None,
        languages=tuple(
            _fitness(code, note, texts, alone=len(pack.languages) == 1) for code, note in pack.languages.items()
        ),
        installed=installed,
        active=active,
    )


def _fitness(code: str, note: LanguageNote, texts: Texts, *, alone: bool) -> FitnessLine:
    tone, symbol = _LOOK[note.fitness]
    language = texts.every_language(alone=alone) if code == ANY_LANGUAGE else texts.language(code)
    return FitnessLine(language, texts.fitness(note.fitness), tone, symbol)


ROUTE_HANDLERS = (models_page,)
