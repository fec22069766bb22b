"""Graphics processors and their driver: whether those that are configured can work, and keep cool."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from appliance.health.model import Check, Evidence, Finding, Severity

WARM_C, HOT_C = 85, 95
LITTLE_FREE = 0.05
DRIVER_REMEDY = (
    "See what the driver says: nvidia-smi; journalctl -k -g NVRM. After a change of the driver restart the machine."
)


@dataclass(frozen=True, slots=True)
class Card:
    """One graphics processor, as its driver tells; None where it does not say."""

    index: int
    name: str
    driver: str
    memory_mib: int
    used_mib: int
    temperature_c: int | None
    uncorrected_errors: int | None


@dataclass(frozen=True, slots=True)
class Graphics:
    """What this machine has.

    Args:
        wanted: the configuration asks for one.
        present: the bus has a card of NVIDIA's.
        problem: what ``nvidia-smi`` said instead of an answer; empty when it answered.
    """

    wanted: bool
    present: bool
    cards: Sequence[Card]
    problem: str = ""


def gpu(state: Callable[[], Graphics]) -> Check:
    """Whether the graphics processors do what the configuration counts on."""
    return Check("gpu", "GPU and driver", lambda: _look(state()))


def _look(now: Graphics) -> Finding:
    evidence: dict[str, Evidence] = {f"gpu{card.index}": _told(card) for card in now.cards}
    if now.problem:
        evidence["driver_said"] = now.problem
    if not now.cards:
        return _without(now, evidence)
    broken = [card for card in now.cards if card.uncorrected_errors]
    if broken:
        summary = f"{broken[0].name} had {broken[0].uncorrected_errors} errors in its memory that it could not correct."
        return Finding(
            Severity.CRITICAL, summary, evidence, "Restart the machine; if they come back, replace the card."
        )
    hottest = max(now.cards, key=lambda card: card.temperature_c or 0)
    if (hottest.temperature_c or 0) >= WARM_C:
        severity = Severity.CRITICAL if (hottest.temperature_c or 0) >= HOT_C else Severity.WARNING
        summary = f"{hottest.name} has {hottest.temperature_c} °C."
        return Finding(
            severity, summary, evidence, "Look after its fans and the air in the room; it slows down by itself."
        )
    full = [card for card in now.cards if card.used_mib > card.memory_mib * (1 - LITTLE_FREE)]
    if full:
        remedy = "Use a smaller model (hangjegyzet models list), or see who else uses the card: nvidia-smi"
        return Finding(Severity.WARNING, f"{full[0].name} has almost no memory left.", evidence, remedy)
    return Finding(Severity.OK, ", ".join(f"{card.name} (driver {card.driver})" for card in now.cards) + ".", evidence)


def _without(now: Graphics, evidence: dict[str, Evidence]) -> Finding:
    if now.wanted:
        return Finding(
            Severity.CRITICAL,
            "The configuration asks for a graphics processor, and the driver shows none.",
            evidence,
            f"{DRIVER_REMEDY} Or work without one: hangjegyzet config set speech.device auto",
        )
    if now.present:
        summary = "There is a graphics processor, and its driver does not work; the processor does all the work."
        return Finding(Severity.WARNING, summary, evidence, DRIVER_REMEDY)
    return Finding(Severity.OK, "There is none; the processor does all the work.", evidence)


def _told(card: Card) -> str:
    warm = "" if card.temperature_c is None else f", {card.temperature_c} °C"
    return f"{card.name}, driver {card.driver}, {card.used_mib} of {card.memory_mib} MiB{warm}"
