"""Whether the models are there, and are what they claim to be."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from appliance.health.model import Check, Evidence, Finding, Severity


@dataclass(frozen=True, slots=True)
class ModelState:
    """The model packs.

    Args:
        empty_seats: kinds of model that are needed and of which none is in use.
        installed: names.
    """

    empty_seats: Sequence[str]
    installed: Sequence[str]


def models(state: Callable[[], ModelState]) -> Check:
    """Whether each seat that a recording needs is taken."""
    return Check("models", "Models", lambda: _look(state()))


def model_files(damaged: Callable[[], Sequence[str]]) -> Check:
    """Whether every file of every pack has the hash that it was accepted by."""
    return Check("model-files", "Model files", lambda: _look_inside(damaged()), slow=True)


def _look(state: ModelState) -> Finding:
    evidence: dict[str, Evidence] = {"installed": ", ".join(state.installed), "missing": ", ".join(state.empty_seats)}
    if state.empty_seats:
        return Finding(
            Severity.CRITICAL,
            f"No model is in use for: {', '.join(state.empty_seats)}.",
            evidence,
            "Import a pack: hangjegyzet models import PATH",
        )
    return Finding(Severity.OK, f"{len(state.installed)} packs; every kind has one in use.", evidence)


def _look_inside(damaged: Sequence[str]) -> Finding:
    if damaged:
        return Finding(
            Severity.CRITICAL,
            f"{len(damaged)} file(s) of models are not what was accepted.",
            {"damaged": ", ".join(damaged)},
            "Import the pack again: hangjegyzet models import PATH --replace",
        )
    return Finding(Severity.OK, "Every file has the hash that it was accepted by.")
