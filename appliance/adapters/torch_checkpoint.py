"""Tensors out of a torch checkpoint without torch, and without running anything that the file says.

A checkpoint is a zip archive with one pickle, which names tensors, and one raw file per storage (torch's serialization
format 3; little-endian). A pickle is a program, so this reader gives it a world in which nothing can happen: the two
constructors that build tensors are ours, ``OrderedDict`` is a plain table, and every other name becomes an inert
placeholder that keeps nothing. Before that, the program may consist of those few opcodes alone that torch writes:
others can drive Python's own unpickler into faults of its own.
"""

import io
import pickle
import pickletools
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np

from appliance.kernel.errors import Corrupt

_DTYPES: dict[str, str] = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "BoolStorage": "?",
}
_MAX_PICKLE_BYTES = 64 << 20
_MAX_MEMO = 1_000_000
_OPCODES = frozenset({
    "APPEND", "APPENDS", "BINFLOAT", "BINGET", "BININT", "BININT1", "BININT2", "BINPERSID", "BINPUT", "BINUNICODE",
    "BUILD", "EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE", "GLOBAL", "LONG1", "LONG_BINGET", "LONG_BINPUT", "MARK",
    "NEWFALSE", "NEWOBJ", "NEWTRUE", "NONE", "PROTO", "REDUCE", "SETITEM", "SETITEMS", "STOP", "TUPLE", "TUPLE1",
    "TUPLE2", "TUPLE3",
})  # fmt: skip
"""What pickle protocol 2 needs for dictionaries, lists, tuples, numbers, texts, globals and persistent ids."""
_DAMAGE = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    NotImplementedError,  # zipfile: a compression method that torch never uses
    AttributeError,
    EOFError,
    IndexError,
    KeyError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)
"""What a damaged or hostile archive or pickle makes the standard library raise."""


class CheckpointUnreadable(Corrupt):
    code = "models.checkpoint_unreadable"
    message = "The checkpoint {name} cannot be read: {reason}"
    hint = "Copy the file again from a source that you trust."


def read_tensors(path: Path, *, root: str = "") -> dict[str, np.ndarray[Any, Any]]:
    """The named tensors of a checkpoint.

    Args:
        root: key of the dictionary that holds them, where the checkpoint wraps it in another.

    Raises:
        CheckpointUnreadable: it is no torch checkpoint, is damaged, or asks for more than tensors.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            content = _unpickle(archive)
    except _DAMAGE as error:
        raise CheckpointUnreadable(name=path.name, reason=str(error) or type(error).__name__) from error
    tensors = content.get(root) if root and isinstance(content, Mapping) else content
    if not isinstance(tensors, Mapping):
        raise CheckpointUnreadable(name=path.name, reason=f"it has no dictionary {root or 'of tensors'}")
    return {str(name): tensor for name, tensor in tensors.items() if isinstance(tensor, np.ndarray)}


def _unpickle(archive: zipfile.ZipFile) -> Any:
    index = next((name for name in archive.namelist() if name.endswith("/data.pkl")), None)
    if index is None:
        raise ValueError("it is no torch checkpoint")
    if archive.getinfo(index).file_size > _MAX_PICKLE_BYTES:
        raise ValueError("its index is absurdly large")
    program = archive.read(index)
    _require_plain(program)
    return _TensorUnpickler(io.BytesIO(program), archive, index.removesuffix("data.pkl")).load()


def _require_plain(program: bytes) -> None:
    """Refuse a pickle that uses more than torch does, or a memo so large that it could only be meant to exhaust us."""
    for opcode, argument, _ in pickletools.genops(program):
        if opcode.name not in _OPCODES:
            raise pickle.UnpicklingError(f"it uses the opcode {opcode.name}")
        if opcode.name in {"BINPUT", "LONG_BINPUT"} and not 0 <= int(argument or 0) < _MAX_MEMO:
            raise pickle.UnpicklingError("it numbers absurdly many objects")


class _TensorUnpickler(pickle.Unpickler):
    def __init__(self, stream: Any, archive: zipfile.ZipFile, prefix: str) -> None:
        super().__init__(stream)
        self._archive = archive
        self._prefix = prefix

    def find_class(self, module: str, name: str) -> Any:
        known: dict[tuple[str, str], Callable[..., Any]] = {
            ("collections", "OrderedDict"): _Table,
            ("torch._utils", "_rebuild_tensor_v2"): _tensor,
        }
        if module == "torch" and name in _DTYPES:
            return np.dtype(_DTYPES[name])
        return known.get((module, name), _Inert)

    def persistent_load(self, pid: Any) -> Any:
        kind, dtype, key = pid[0], pid[1], pid[2]
        if kind != "storage" or not isinstance(dtype, np.dtype) or not str(key).isdigit():
            raise pickle.UnpicklingError("it refers to something that is no tensor storage")
        return np.frombuffer(self._archive.read(f"{self._prefix}data/{key}"), dtype)


class _Inert:
    """Stands for every object that is no tensor: takes whatever it is given and keeps none of it."""

    def __new__(cls, *_: object, **__: object) -> Self:
        return super().__new__(cls)

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __setstate__(self, _: object) -> None:
        pass


class _Table(dict[Any, Any]):
    """An ordered dictionary that drops the attributes which torch hangs on it."""

    def __setstate__(self, _: object) -> None:
        pass


def _tensor(
    storage: np.ndarray[Any, Any], offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object
) -> np.ndarray[Any, Any]:
    """A tensor from its storage; refuses a view that would reach outside of it."""
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    if min((offset, *shape, *strides), default=0) < 0 or (0 not in shape and last >= len(storage)):
        raise ValueError("a tensor reaches outside of its storage")
    steps = tuple(stride * storage.itemsize for stride in strides)
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, steps).copy()
