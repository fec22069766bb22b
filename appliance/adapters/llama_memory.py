"""Where a GGUF model can run on this machine, decided by free memory before anything is loaded."""

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import llama_cpp
from llama_cpp import _ggml

from appliance.adapters.free_memory import free_memory_bytes
from appliance.kernel.units import MIB, format_bytes
from appliance.language.errors import DeviceMissing, ModelUnreadable, NotEnoughMemory
from appliance.settings import LanguageSettings

_KV_BYTES_PER_TOKEN: Final = 64 * 1024
"""Upper estimate of key and value cache for one token in 16 bits: 28 KiB for Qwen2.5 1.5 B, 56 KiB for 7 B."""

_WORK_BYTES: Final = 400 * MIB
"""Compute buffers, the vocabulary's logits and the Python process; 330 MiB were measured with batches of 256."""

_GPU_TYPES: Final = (1, 2)
"""GGML_BACKEND_DEVICE_TYPE_GPU and _IGPU of ggml-backend.h."""


@dataclass(frozen=True, slots=True)
class DeviceChoice:
    """Where the model goes: ``gpu_layers`` is 0 on a CPU and -1 (all) on a GPU."""

    device: str
    gpu_layers: int
    free_bytes: int
    needed_bytes: int


def choose_device(path: Path, *, name: str, settings: LanguageSettings) -> DeviceChoice:
    """A GPU with room for the whole model when settings allow it, else the CPU, else a refusal that names the sizes.

    Raises:
        ModelUnreadable: there is no such file.
        DeviceMissing: ``minutes.device`` is ``cuda`` and llama.cpp sees no GPU.
        NotEnoughMemory: the chosen device is too full.
    """
    if not path.is_file():
        raise ModelUnreadable(model=name)
    needed = path.stat().st_size + settings.context_tokens * _KV_BYTES_PER_TOKEN + _WORK_BYTES
    if settings.device != "cpu":
        gpu = _roomiest_gpu()
        if gpu is not None and gpu >= needed:
            return DeviceChoice("cuda", -1, gpu, needed)
        if settings.device == "cuda" and gpu is None:
            raise DeviceMissing(reason=_why_no_gpu())
        if settings.device == "cuda" and gpu is not None:
            raise NotEnoughMemory(model=name, needed=format_bytes(needed), device="the GPU", free=format_bytes(gpu))
    free = free_memory_bytes()
    if free < needed:
        raise NotEnoughMemory(model=name, needed=format_bytes(needed), device="this machine", free=format_bytes(free))
    return DeviceChoice("cpu", 0, free, needed)


def _why_no_gpu() -> str:
    if not llama_cpp.llama_supports_gpu_offload():
        return "this build of llama-cpp-python has no CUDA support"
    return "llama.cpp found no GPU; is the driver loaded"


def _roomiest_gpu() -> int | None:
    """Free bytes of the GPU with the most room, or None without a GPU."""
    if not llama_cpp.llama_supports_gpu_offload():
        return None
    ggml = _ggml.libggml
    ggml.ggml_backend_dev_count.restype = ctypes.c_size_t
    ggml.ggml_backend_dev_get.restype = ctypes.c_void_p
    ggml.ggml_backend_dev_get.argtypes = [ctypes.c_size_t]
    ggml.ggml_backend_dev_type.argtypes = [ctypes.c_void_p]
    ggml.ggml_backend_dev_memory.argtypes = [
        ctypes.c_void_p,
        ctypes.POINTER(ctypes.c_size_t),
        ctypes.POINTER(ctypes.c_size_t),
    ]
    frees: list[int] = []
    for index in range(ggml.ggml_backend_dev_count()):
        device = ggml.ggml_backend_dev_get(index)
        if ggml.ggml_backend_dev_type(device) in _GPU_TYPES:
            free, total = ctypes.c_size_t(), ctypes.c_size_t()
            ggml.ggml_backend_dev_memory(device, ctypes.byref(free), ctypes.byref(total))
            frees.append(free.value)
    return max(frees, default=None)
