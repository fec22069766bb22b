"""A checkpoint gives its tensors, and nothing in it is ever executed."""

import contextlib
import io
import pickle
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.adapters.torch_checkpoint import CheckpointUnreadable, read_tensors

# Opcodes of pickle protocol 2, written by hand: a checkpoint without torch.
MATRIX = np.arange(12, dtype="<f4").reshape(3, 4)


def name(text: str) -> bytes:
    data = text.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def numbers(values: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(number(value) for value in values) + b"t"


def tensor(
    key: str, shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0, kind: str = "FloatStorage"
) -> bytes:
    storage = (
        b"(" + name("storage") + b"ctorch\n" + kind.encode() + b"\n" + name(key) + name("cpu") + number(12) + b"tQ"
    )
    arguments = (
        storage + number(offset) + numbers(shape) + numbers(strides) + b"\x89" + b"ccollections\nOrderedDict\n)R"
    )
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + arguments + b"tR"


def checkpoint(*items: bytes, storages: dict[str, bytes] | None = None, index: bytes | None = None) -> bytes:
    """A checkpoint whose dictionary holds the alternating names and values."""
    body = index or b"\x80\x02}(" + b"".join(items) + b"u."
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("archive/data.pkl", body)
        for key, data in (storages or {"0": MATRIX.tobytes()}).items():
            archive.writestr(f"archive/data/{key}", data)
    return target.getvalue()


@pytest.fixture
def read(tmp_path):
    def read_bytes(data: bytes, root: str = ""):
        path = tmp_path / "model.bin"
        path.write_bytes(data)
        return read_tensors(path, root=root)

    return read_bytes


def test_a_tensor_comes_out_as_it_went_in(read):
    """Values, shape and type of a plain tensor are kept."""
    weight = read(checkpoint(name("w"), tensor("0", (3, 4), (4, 1))))["w"]
    assert np.array_equal(weight, MATRIX)
    assert weight.dtype == np.float32


def test_a_transposed_view_with_an_offset_comes_out_right(read):
    """A tensor may be a view of its storage: strides and offset count."""
    weight = read(checkpoint(name("w"), tensor("0", (4, 2), (1, 4), offset=4)))["w"]
    assert np.array_equal(weight, MATRIX[1:].T)


def test_tensors_below_a_root_are_found(read):
    """A training checkpoint wraps its tensors; the rest of it is not looked at."""
    inner = b"}(" + name("w") + tensor("0", (12,), (1,)) + b"u"
    found = read(checkpoint(name("epoch"), number(7), name("state_dict"), inner), root="state_dict")
    assert list(found) == ["w"]


def test_foreign_classes_become_placeholders(read):
    """Objects of the training library are dropped without importing anything."""
    stranger = b"cpyannote.audio.core.task\nSpecifications\n)\x81}b"
    assert list(read(checkpoint(name("specification"), stranger, name("w"), tensor("0", (12,), (1,))))) == ["w"]


ATTACKS = {
    "reduce": lambda path: b"cos\nsystem\n(" + name(f"touch {path}") + b"tR",
    "inst": lambda path: b"(" + name(f"touch {path}") + b"ios\nsystem\n",
    "eval": lambda path: b"cbuiltins\neval\n(" + name(f"open('{path}', 'w')") + b"tR",
    "stack global": lambda path: name("os") + name("system") + b"\x93(" + name(f"touch {path}") + b"tR",
    "newobj": lambda path: b"csubprocess\nPopen\n(" + name(f"touch {path}") + b"t\x81",
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_code_in_a_checkpoint_does_nothing(read, tmp_path, attack):
    """What would run a command under torch.load leaves no trace here."""
    trace = tmp_path / "trace"
    with contextlib.suppress(CheckpointUnreadable):
        read(checkpoint(name("w"), attack(trace)))
    assert not trace.exists()


def test_the_attack_above_would_work_elsewhere(tmp_path):
    """The pickle that does nothing here does run under Python's own loader: the test before this one can fail."""
    trace = tmp_path / "trace"
    pickle.loads(b"\x80\x02" + ATTACKS["reduce"](trace) + b".")
    assert trace.exists()


@pytest.mark.parametrize(
    ("shape", "strides", "offset"),
    [
        ((3, 5), (4, 1), 0),
        ((13,), (1,), 0),
        ((12,), (1,), 1),
        ((2,), (-1,), 5),
        ((-2,), (1,), 0),
        ((2,), (1,), -1),
        ((2,), (2**40,), 0),
    ],
)
def test_a_view_outside_of_its_storage_is_refused(read, shape, strides, offset):
    """No tensor reads memory that is not its own."""
    with pytest.raises((CheckpointUnreadable, struct.error)):
        read(checkpoint(name("w"), tensor("0", shape, strides, offset)))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK",
        b"no zip at all",
        checkpoint(index=b"."),
        checkpoint(index=b"\x80\x02]."),
        checkpoint(index=b"\x80\x02(l."),
    ],
)
def test_what_is_no_checkpoint_is_refused(read, data):
    """Other files give a clear refusal."""
    with pytest.raises(CheckpointUnreadable):
        read(data)


@pytest.mark.parametrize(
    "item",
    [
        b"\x96" + struct.pack("<Q", 8) + b"12345678",  # BYTEARRAY8, whose failure modes crash CPython's own unpickler
        b"r" + struct.pack("<I", 2**31),  # a memo of 16 GiB
        b"ios\nsystem\n",
        b"\x82\x01",
    ],
    ids=["bytearray", "memo", "inst", "extension"],
)
def test_opcodes_that_torch_never_writes_are_refused(read, item):
    """The index may use what a table of tensors needs and nothing else."""
    with pytest.raises(CheckpointUnreadable):
        read(checkpoint(name("w"), tensor("0", (12,), (1,)), name("x"), item))


def test_a_missing_storage_or_root_is_refused(read):
    """A reference to a storage that is not in the archive, or a root that is not there, is damage."""
    with pytest.raises(CheckpointUnreadable):
        read(checkpoint(name("w"), tensor("7", (12,), (1,))))
    with pytest.raises(CheckpointUnreadable, match="state_dict"):
        read(checkpoint(name("w"), tensor("0", (12,), (1,))), root="state_dict")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=400)
@given(st.data())
def test_damage_anywhere_is_refused_or_harmless(read, data):
    """Any changed byte of the index gives tensors or our refusal: no crash, no other error."""
    whole = b"\x80\x02}(" + name("w") + tensor("0", (3, 4), (4, 1)) + name("x") + tensor("0", (12,), (1,)) + b"u."
    index = bytearray(whole)
    index[data.draw(st.integers(0, len(index) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(CheckpointUnreadable):
        assert all(isinstance(weight, np.ndarray) for weight in read(checkpoint(index=bytes(index))).values())
