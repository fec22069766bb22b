"""A GGUF file's header tells what the file is, and a damaged one is refused."""

import contextlib
import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.models.errors import GgufInvalid
from appliance.models.gguf import read_gguf


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def pair(key: str, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def header(*pairs: bytes, version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, 2, len(pairs)) + b"".join(pairs)


SMALL = header(
    pair("general.architecture", 8, text("qwen2")),
    pair("general.name", 8, text("Small Instruct")),
    pair("general.license", 8, text("apache-2.0")),
    pair("general.languages", 9, struct.pack("<IQ", 8, 2) + text("en") + text("hu")),
    pair("tokenizer.ggml.scores", 9, struct.pack("<IQ", 6, 3) + struct.pack("<3f", 0, 1, 2)),
    pair("tokenizer.chat_template", 8, text("{{ messages }}")),
    pair("qwen2.context_length", 4, struct.pack("<I", 32768)),
)


def test_the_header_tells_what_the_model_is():
    """Name, licence, languages and context length come out of the metadata."""
    info = read_gguf(io.BytesIO(SMALL + b"tensors"), source="small.gguf")
    assert (info.architecture, info.name, info.licence) == ("qwen2", "Small Instruct", "apache-2.0")
    assert (info.languages, info.context_tokens, info.has_chat_template) == (("en", "hu"), 32768, True)


@given(st.integers(0, len(SMALL) - 1))
def test_a_cut_off_header_is_refused(length):
    """Wherever the copy broke off, the file is refused and nothing else happens."""
    with pytest.raises(GgufInvalid):
        read_gguf(io.BytesIO(SMALL[:length]), source="small.gguf")


@given(st.integers(0, len(SMALL) - 1), st.integers(1, 255))
def test_a_damaged_header_is_refused_or_read(position, change):
    """A changed byte gives a clean refusal or some answer, never a crash or a huge allocation."""
    data = bytearray(SMALL)
    data[position] ^= change
    with contextlib.suppress(GgufInvalid):
        assert read_gguf(io.BytesIO(bytes(data)), source="small.gguf").licence is not None


@pytest.mark.parametrize("version", [0, 1, 4])
def test_an_unknown_version_is_refused(version):
    """A layout that we have not read the specification of is not guessed at."""
    with pytest.raises(GgufInvalid, match="version"):
        read_gguf(io.BytesIO(header(version=version)), source="small.gguf")
