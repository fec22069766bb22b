"""Which device and precision Whisper runs on: what is there, and what fits."""

import os
from dataclasses import dataclass
from pathlib import Path

import ctranslate2

from appliance.transcripts.errors import DeviceMissing, NotEnoughMemory

MIB = 1 << 20
CUDA_CONTEXT_BYTES = 500 * MIB
WORKING_SHARE = 0.6
"""Activations and beams on top of the weights, as a share of them; measured from base to large."""
CPU_HEADROOM_BYTES = 450 * MIB


@dataclass(frozen=True, slots=True)
class Device:
    """Where to compute, in which precision, with how many CPU threads."""

    kind: str
    compute_type: str
    threads: int


@dataclass(frozen=True, slots=True)
class Machine:
    """What the choice depends on; asked from the machine by ``here``."""

    cuda_devices: int
    cuda_free_bytes: int
    cuda_types: frozenset[str]
    memory_free_bytes: int
    cores: int

    @classmethod
    def here(cls) -> "Machine":
        """This machine, now."""
        devices = ctranslate2.get_cuda_device_count()
        return cls(
            cuda_devices=devices,
            cuda_free_bytes=_cuda_free_bytes() if devices else 0,
            cuda_types=frozenset(ctranslate2.get_supported_compute_types("cuda")) if devices else frozenset(),
            memory_free_bytes=_memory_free_bytes(),
            cores=len(os.sched_getaffinity(0)),
        )


def choose_device(
    weights_bytes: int, *, machine: Machine, device: str = "auto", compute_type: str = "auto", threads: int = 0
) -> Device:
    """The best place for a model whose half-precision weights take ``weights_bytes``.

    CUDA with float16 where that fits, with int8_float16 where only that fits, else the CPU with int8.

    Raises:
        DeviceMissing: CUDA was asked for and is not there.
        NotEnoughMemory: the asked or only possible place has too little free memory.
    """
    cores = threads or machine.cores
    if device == "cuda" and not machine.cuda_devices:
        raise DeviceMissing(device="CUDA")
    if device != "cpu" and machine.cuda_devices:
        fitting = _cuda_type(weights_bytes, machine, compute_type)
        if fitting:
            return Device("cuda", fitting, cores)
        if device == "cuda":
            needed = _cuda_bytes(weights_bytes, "int8_float16" if compute_type == "auto" else compute_type)
            raise NotEnoughMemory(where="GPU", needed=_gib(needed), free=_gib(machine.cuda_free_bytes))
    chosen = "int8" if compute_type in ("auto", "float16", "int8_float16") else compute_type
    needed = weights_bytes * (2 if chosen == "float32" else 1) + CPU_HEADROOM_BYTES
    if needed > machine.memory_free_bytes:
        raise NotEnoughMemory(where="machine", needed=_gib(needed), free=_gib(machine.memory_free_bytes))
    return Device("cpu", chosen, cores)


def weights_bytes(path: Path) -> int:
    """Size of a converted model's weights."""
    return (path / "model.bin").stat().st_size


def _cuda_type(size: int, machine: Machine, asked: str) -> str | None:
    wanted = ("float16", "int8_float16") if asked == "auto" else (asked,)
    for compute_type in wanted:
        if compute_type in machine.cuda_types and _cuda_bytes(size, compute_type) <= machine.cuda_free_bytes:
            return compute_type
    return None


def _cuda_bytes(size: int, compute_type: str) -> int:
    share = {"float32": 2.0, "int8_float16": 0.55, "int8": 0.55}.get(compute_type, 1.0)
    return round(size * (share + WORKING_SHARE)) + CUDA_CONTEXT_BYTES


def _cuda_free_bytes() -> int:
    """Free memory of the first GPU, by the driver that CTranslate2 has loaded; 0 when it does not say."""
    import ctypes

    try:
        runtime = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0
    context, device = ctypes.c_void_p(), ctypes.c_int()
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    if runtime.cuInit(0) or runtime.cuDeviceGet(ctypes.byref(device), 0):
        return 0
    if runtime.cuDevicePrimaryCtxRetain(ctypes.byref(context), device) or runtime.cuCtxSetCurrent(context):
        return 0
    failed = runtime.cuMemGetInfo_v2(ctypes.byref(free), ctypes.byref(total))
    runtime.cuDevicePrimaryCtxRelease_v2(device)
    return 0 if failed else free.value


def _memory_free_bytes() -> int:
    with Path("/proc/meminfo").open() as lines:
        for line in lines:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return 0


def _gib(size: int) -> str:
    return f"{size / (1 << 30):.1f} GiB"
