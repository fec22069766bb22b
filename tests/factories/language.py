"""The real language model over the starter pack."""

from functools import cache

from appliance.adapters.llama import LlamaLanguageModel
from appliance.models.model import PackKind
from appliance.settings import LanguageSettings
from tests.factories.packs import starter_pack


@cache
def llama(context_tokens: int = 2048) -> LlamaLanguageModel:
    """The starter model, loaded once for all tests; a small window is enough for them."""
    pack = starter_pack(PackKind.LANGUAGE)
    settings = LanguageSettings(device="cpu", context_tokens=context_tokens)
    return LlamaLanguageModel(pack.file(".gguf"), name=pack.name, settings=settings)
