"""What Whisper's pieces become, and where it runs."""

from types import SimpleNamespace

import pytest

from appliance.adapters.whisper.device import MIB, Machine, choose_device
from appliance.adapters.whisper.engine import _words
from appliance.transcripts.errors import DeviceMissing, NotEnoughMemory


def piece(word: str, start: float, probability: float = 0.9) -> SimpleNamespace:
    return SimpleNamespace(word=word, start=start, end=start + 0.3, probability=probability)


def test_pieces_without_a_space_belong_together():
    """Numbers and contractions are one word, as sure as their least sure piece."""
    found = _words(
        [piece(" 12", 5.0), piece(",000", 5.3, 0.4), piece(" euros", 5.6), piece(" o", 6.0), piece("'clock.", 6.3)],
        4.0,
        spaced=True,
    )
    assert [word.text for word in found] == ["12,000", "euros", "o'clock."]
    assert (found[0].start_s, found[0].end_s, found[0].probability) == (1.0, 1.6, 0.4)


def test_languages_without_spaces_keep_their_pieces():
    """Chinese is not glued into one word of a minute."""
    assert len(_words([piece("我", 0), piece("们", 1)], 0.0, spaced=False)) == 2


def test_empty_pieces_are_no_words():
    """Nothing is no word."""
    assert _words([piece(" ", 0), piece("", 1)], 0.0, spaced=True) == []


WEIGHTS = 3_000 * MIB
TYPES = frozenset({"float16", "int8_float16", "int8"})


def machine(*, gpu_mib: int | None = None, ram_mib: int = 16_000) -> Machine:
    return Machine(
        cuda_devices=int(gpu_mib is not None),
        cuda_free_bytes=(gpu_mib or 0) * MIB,
        cuda_types=TYPES if gpu_mib is not None else frozenset(),
        memory_free_bytes=ram_mib * MIB,
        cores=8,
    )


@pytest.mark.parametrize(
    ("gpu_mib", "expected"),
    [
        (None, ("cpu", "int8")),
        (24_000, ("cuda", "float16")),
        (4_300, ("cuda", "int8_float16")),
        (1_000, ("cpu", "int8")),
    ],
)
def test_the_best_place_that_fits_is_taken(gpu_mib, expected):
    """A roomy GPU computes in float16, a small one in int8_float16, none or a full one leaves it to the CPU."""
    device = choose_device(WEIGHTS, machine=machine(gpu_mib=gpu_mib))
    assert (device.kind, device.compute_type) == expected


def test_a_gpu_that_was_asked_for_and_is_not_there_is_a_refusal():
    """A setting that cannot be met is said, not overridden."""
    with pytest.raises(DeviceMissing):
        choose_device(WEIGHTS, machine=machine(), device="cuda")


@pytest.mark.parametrize("options", [{"gpu_mib": 1_000, "device": "cuda"}, {"ram_mib": 1_000}])
def test_short_memory_is_a_clear_refusal(options):
    """Before loading, with what is needed and what is free; not as a killed process."""
    device = options.pop("device", "auto")
    with pytest.raises(NotEnoughMemory, match=r"needs about .* GiB"):
        choose_device(WEIGHTS, machine=machine(**options), device=device)


def test_a_precision_that_was_asked_for_is_kept():
    """Settings win over the automatic choice as far as the hardware can."""
    assert (
        choose_device(WEIGHTS, machine=machine(gpu_mib=24_000), compute_type="int8_float16").compute_type
        == "int8_float16"
    )
    assert choose_device(WEIGHTS, machine=machine(), compute_type="float32").compute_type == "float32"
    assert choose_device(WEIGHTS, machine=machine(gpu_mib=24_000), device="cpu", threads=3).threads == 3
