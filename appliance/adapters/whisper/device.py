"""Which device and precision Whisper runs on: what is there, and what fits."""

import ctypes
import importlib.util
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import ctranslate2
import structlog

from appliance.adapters.free_memory import free_memory_bytes
from appliance.transcripts.errors import DeviceMissing, NotEnoughMemory

MIB = 1 << 20
CUDA_CONTEXT_BYTES = 500 * MIB
WORKING_SHARE = 0.6
"""Activations and beams on top of the weights, as a share of them; measured from base to large."""
CPU_HEADROOM_BYTES = 450 * MIB
ON_CUDA = ("float16", "int8_float16")
"""What ``auto`` takes on a GPU, best first."""
CUBLAS = "libcublas.so.12"
"""What CTranslate2 4 is built for. It brings the CUDA runtime itself and needs no cuDNN."""

log = structlog.get_logger()


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
    has_cublas: bool = True

    @classmethod
    def here(cls) -> "Machine":
        """This machine, now."""
        devices = ctranslate2.get_cuda_device_count()
        return cls(
            cuda_devices=devices,
            cuda_free_bytes=_cuda_free_bytes() if devices else 0,
            cuda_types=frozenset(ctranslate2.get_supported_compute_types("cuda")) if devices else frozenset(),
            memory_free_bytes=free_memory_bytes(),
            cores=len(os.sched_getaffinity(0)),
            has_cublas=bool(devices) and _load_cublas(),
        )


def choose_device(
    weights_bytes: int, *, machine: Machine, device: str = "auto", compute_type: str = "auto", threads: int = 0
) -> Device:
    """The best place for a model whose half-precision weights take ``weights_bytes``.

    CUDA with float16 where that fits, with int8_float16 where only that fits, else the CPU with int8.

    Raises:
        DeviceMissing: CUDA was asked for and cannot be used, for the reason that the error gives.
        NotEnoughMemory: the asked or only possible place has too little free memory.
    """
    cores = threads or machine.cores
    if device != "cpu":
        wanted = ON_CUDA if compute_type == "auto" else (compute_type,)
        problem = _cuda_problem(machine, wanted)
        if problem is None:
            possible = [name for name in wanted if name in machine.cuda_types]
            for name in possible:
                if _cuda_bytes(weights_bytes, name) <= machine.cuda_free_bytes:
                    return Device("cuda", name, cores)
            if device == "cuda":
                needed = min(_cuda_bytes(weights_bytes, name) for name in possible)
                raise NotEnoughMemory(where="GPU", needed=_gib(needed), free=_gib(machine.cuda_free_bytes))
        elif device == "cuda":
            raise DeviceMissing(device="CUDA", reason=problem)
        elif machine.cuda_devices:
            log.warning("gpu_unused", reason=problem)
    chosen = "int8" if compute_type in ("auto", "float16", "int8_float16") else compute_type
    needed = weights_bytes * (2 if chosen == "float32" else 1) + CPU_HEADROOM_BYTES
    if needed > machine.memory_free_bytes:
        raise NotEnoughMemory(where="machine", needed=_gib(needed), free=_gib(machine.memory_free_bytes))
    return Device("cpu", chosen, cores)


def no_room_after_all(error: RuntimeError, weights_bytes: int, device: Device) -> NotEnoughMemory | None:
    """The refusal for a load that failed because somebody else took the memory first; None for other failures."""
    if "out of memory" not in str(error):
        return None
    needed = _cuda_bytes(weights_bytes, device.compute_type)
    return NotEnoughMemory(where="GPU", needed=_gib(needed), free=_gib(_cuda_free_bytes()))


def weights_bytes(path: Path) -> int:
    """Size of a converted model's weights."""
    return (path / "model.bin").stat().st_size


def _cuda_problem(machine: Machine, wanted: Sequence[str]) -> str | None:
    """Why the GPU cannot be used, if there is a reason."""
    if not machine.cuda_devices:
        return "no GPU with a working driver is found"
    if not machine.has_cublas:
        return f"the library {CUBLAS} is not found"
    if not machine.cuda_types.intersection(wanted):
        return f"the GPU does not compute in {' or '.join(wanted)}"
    return None


def _cuda_bytes(size: int, compute_type: str) -> int:
    share = {"float32": 2.0, "int8_float16": 0.55, "int8": 0.55}.get(compute_type, 1.0)
    return round(size * (share + WORKING_SHARE)) + CUDA_CONTEXT_BYTES


def _load_cublas() -> bool:
    """Load the library that CTranslate2 opens at its first multiplication, and then dies without.

    Where the loader does not find it, it may lie in NVIDIA's wheel; once loaded, it is found by its name.
    """
    try:
        ctypes.CDLL(CUBLAS, mode=ctypes.RTLD_GLOBAL)
    except OSError:
        return any(map(_load_from, _wheel_folders()))
    return True


def _wheel_folders() -> list[Path]:
    try:
        found = importlib.util.find_spec("nvidia.cublas")
    except ModuleNotFoundError:
        return []
    return [Path(place) / "lib" for place in (found.submodule_search_locations if found else None) or ()]


def _load_from(folder: Path) -> bool:
    try:
        for name in (CUBLAS.replace("cublas", "cublasLt"), CUBLAS):
            ctypes.CDLL(str(folder / name), mode=ctypes.RTLD_GLOBAL)
    except OSError:
        return False
    return True


def _cuda_free_bytes() -> int:
    """Free memory of the first visible GPU, by its driver; 0 when it does not say.

    The thread's own context is left as it was: releasing one that is current breaks what comes after.
    """
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0
    context, device = ctypes.c_void_p(), ctypes.c_int()
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    if driver.cuInit(0) or driver.cuDeviceGet(ctypes.byref(device), 0):
        return 0
    if driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), device):
        return 0
    try:
        if driver.cuCtxPushCurrent_v2(context):
            return 0
        failed = driver.cuMemGetInfo_v2(ctypes.byref(free), ctypes.byref(total))
        driver.cuCtxPopCurrent_v2(ctypes.byref(context))
        return 0 if failed else free.value
    finally:
        driver.cuDevicePrimaryCtxRelease_v2(device)


def _gib(size: int) -> str:
    return f"{size / (1 << 30):.1f} GiB"
