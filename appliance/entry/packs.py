"""The registry of model packs as an operator's command needs it; where the appliance was set up, its trail is told."""

from collections.abc import Iterator
from contextlib import contextmanager

from appliance.entry.operators import operator_name
from appliance.models.location import models_folder
from appliance.models.service import ModelRegistry
from appliance.settings import Settings


def open_registry(settings: Settings) -> ModelRegistry:
    """The machine's packs, to look at and to choose from."""
    return ModelRegistry(models_folder(settings), actor=operator_name())


def open_installing_registry(settings: Settings) -> ModelRegistry:
    """The machine's packs, to install more of them: can make the files that an engine needs and nobody ships."""
    # Costs 50 MiB and a third of a second, which listing packs should not.
    from appliance.adapters.onnx_graphs import OnnxGraphs

    return ModelRegistry(models_folder(settings), derivation=OnnxGraphs(), actor=operator_name())


@contextmanager
def audited(settings: Settings) -> Iterator[bool]:
    """Let the block change the packs, and put what it did into the audit trail, also where it fails half-way.

    Yields whether there is a trail: an engine works from packs alone, on a machine that was never set up. What is done
    there stays in the folder's history, and goes into the trail of an appliance that is set up over it.

    Raises:
        DatabaseUnavailable: there is a database, and it does not answer. Nothing may be changed behind its back.
    """
    # Costs most of a second, which listing packs should not.
    from appliance.entry.provision import pack_trail

    with pack_trail(settings) as trail:
        if trail is None:
            yield False
            return
        try:
            yield True
        finally:
            trail.hand_over()
