"""The language model of this process: the pack in use, loaded once, when it is first needed."""

import threading

from appliance.adapters.language_fake import FakeLanguageModel
from appliance.adapters.llama import LlamaLanguageModel
from appliance.language.ports import LanguageModel
from appliance.models.location import models_folder
from appliance.models.model import PackKind
from appliance.models.service import ModelRegistry
from appliance.settings import Settings


def open_language_model(settings: Settings) -> LanguageModel:
    """Load the model that the settings and the registry name.

    Raises:
        NoActivePack, PackIncomplete: no language model is installed.
        NotEnoughMemory, DeviceMissing, ModelUnreadable: it cannot be loaded here and now.
    """
    if settings.minutes.engine == "fake":
        return FakeLanguageModel(context_tokens=settings.minutes.context_tokens)
    pack = ModelRegistry(models_folder(settings)).active(PackKind.LANGUAGE)
    return LlamaLanguageModel(pack.file(".gguf"), name=pack.name, settings=settings.minutes)


class ResidentLanguageModel:
    """Loads the model at the first question and keeps it; a failure to load is tried again at the next one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._model: LanguageModel | None = None

    def get(self) -> LanguageModel:
        """The model; raises what ``open_language_model`` does."""
        with self._lock:
            if self._model is None:
                self._model = open_language_model(self._settings)
            return self._model
