"""The registry of model packs as an operator's command needs it: no database, no secrets."""

import getpass

from appliance.models.location import models_folder
from appliance.models.service import ModelRegistry
from appliance.settings import Settings


def open_registry(settings: Settings) -> ModelRegistry:
    """The machine's packs, to look at and to choose from."""
    return ModelRegistry(models_folder(settings), actor=getpass.getuser())


def open_installing_registry(settings: Settings) -> ModelRegistry:
    """The machine's packs, to install more of them: can make the files that an engine needs and nobody ships."""
    # Costs 50 MiB and a third of a second, which listing packs should not.
    from appliance.adapters.onnx_graphs import OnnxGraphs

    return ModelRegistry(models_folder(settings), derivation=OnnxGraphs(), actor=getpass.getuser())
