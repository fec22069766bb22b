"""Where Whisper runs, on machines that are made up."""

import pytest

from appliance.adapters.whisper.device import MIB, Device, Machine, choose_device, no_room_after_all
from appliance.transcripts.errors import DeviceMissing, NotEnoughMemory

WEIGHTS = 3_000 * MIB
TYPES = frozenset({"float16", "int8_float16", "int8"})


def machine(
    *,
    gpu_mib: int | None = None,
    ram_mib: int = 16_000,
    types: frozenset[str] = TYPES,
    has_cublas: bool = True,
) -> Machine:
    return Machine(
        cuda_devices=int(gpu_mib is not None),
        cuda_free_bytes=(gpu_mib or 0) * MIB,
        cuda_types=types if gpu_mib is not None else frozenset(),
        memory_free_bytes=ram_mib * MIB,
        cores=8,
        has_cublas=has_cublas and gpu_mib is not None,
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


PASCAL = frozenset({"float32", "int8", "int8_float32"})


@pytest.mark.parametrize(
    ("built", "asked", "reason"),
    [
        ({}, "auto", "no GPU with a working driver"),
        ({"gpu_mib": 24_000, "has_cublas": False}, "auto", "the library libcublas.so.12 is not found"),
        ({"gpu_mib": 24_000, "types": PASCAL}, "auto", "does not compute in float16 or int8_float16"),
        ({"gpu_mib": 24_000, "types": PASCAL}, "float16", "does not compute in float16"),
    ],
)
def test_a_gpu_that_was_asked_for_and_cannot_be_used_is_a_refusal(built, asked, reason):
    """A setting that cannot be met is said, not overridden, and never called a want of memory."""
    with pytest.raises(DeviceMissing, match=reason):
        choose_device(WEIGHTS, machine=machine(**built), device="cuda", compute_type=asked)


@pytest.mark.parametrize("built", [{"has_cublas": False}, {"types": PASCAL}])
def test_a_gpu_that_cannot_be_used_leaves_it_to_the_cpu(built):
    """When nobody asked for it: before the first clip fails, and not after."""
    device = choose_device(WEIGHTS, machine=machine(gpu_mib=24_000, **built))
    assert (device.kind, device.compute_type) == ("cpu", "int8")


def test_an_old_gpu_computes_in_what_it_can_when_that_is_asked():
    """float32 on a GPU without half precision."""
    device = choose_device(WEIGHTS, machine=machine(gpu_mib=24_000, types=PASCAL), compute_type="float32")
    assert (device.kind, device.compute_type) == ("cuda", "float32")


def test_memory_that_somebody_took_meanwhile_is_a_refusal_too():
    """The words of CTranslate2 for a full GPU, and no others."""
    device = Device("cuda", "float16", 2)
    full = no_room_after_all(RuntimeError("CUDA failed with error out of memory"), WEIGHTS, device)
    assert full is not None
    assert "GPU" in str(full)
    assert no_room_after_all(RuntimeError("unsupported model binary version"), WEIGHTS, device) is None


def test_this_machine_can_be_asked():
    """Whatever it has: counts, sizes and types are there, and a GPU is only offered with all that it needs."""
    here = Machine.here()
    assert here.cores > 0
    assert here.memory_free_bytes > 0
    assert bool(here.cuda_types) == bool(here.cuda_devices)
    assert here.cuda_devices or not here.has_cublas


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
