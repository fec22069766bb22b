"""No model library may ask a hub for anything: called first by every process main."""

import os
import sys

OFFLINE_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
    "PYANNOTE_METRICS_ENABLED": "0",
    "DO_NOT_TRACK": "1",
    "ORT_DISABLE_TELEMETRY": "1",
}
"""What each library reads to stay silent. ``huggingface_hub`` reads its variables once, when it is imported."""


def go_offline() -> None:
    """Switch every model library's network off for this process and its children.

    It wins over the caller's environment: an operator's shell must not be able to open a way out by accident.

    Raises:
        RuntimeError: a hub client was imported before and has read its settings already; a programming error.
    """
    if "huggingface_hub" in sys.modules and os.environ.get("HF_HUB_OFFLINE") != "1":
        raise RuntimeError("go_offline() must run before anything imports huggingface_hub")
    os.environ.update(OFFLINE_ENVIRONMENT)
