"""Sealed documents: back under the same key, purpose and meeting, and under no other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.kernel.ids import MeetingId, new_uuid
from appliance.keyring.documents import OVERHEAD_BYTES, seal, unseal
from appliance.keyring.errors import SealBroken
from appliance.keyring.model import Dek

DEK = Dek(MeetingId(new_uuid()), bytes(range(32)))


@given(st.binary(max_size=5000), st.text(max_size=30))
def test_what_was_sealed_comes_back(plain: bytes, purpose: str) -> None:
    """Any bytes, under any purpose."""
    sealed = seal(DEK, plain, purpose=purpose)
    assert len(sealed) == len(plain) + OVERHEAD_BYTES
    assert unseal(DEK, sealed, purpose=purpose) == plain


@given(st.binary(min_size=1, max_size=200), st.data())
def test_a_touched_piece_does_not_open(plain: bytes, data: st.DataObject) -> None:
    """A changed byte anywhere, or a cut at any place, is found."""
    sealed = bytearray(seal(DEK, plain, purpose="transcript"))
    position = data.draw(st.integers(0, len(sealed) - 1))
    with pytest.raises(SealBroken):
        unseal(DEK, bytes(sealed[:position]), purpose="transcript")
    sealed[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SealBroken):
        unseal(DEK, bytes(sealed), purpose="transcript")


@pytest.mark.parametrize(
    ("dek", "purpose"),
    [
        (Dek(DEK.meeting_id, bytes(32)), "transcript"),
        (Dek(MeetingId(new_uuid()), DEK.key), "transcript"),
        (DEK, "minutes"),
    ],
    ids=["another key", "another meeting", "another purpose"],
)
def test_a_piece_opens_only_where_it_belongs(dek: Dek, purpose: str) -> None:
    """Minutes can't be put in place of a transcript, nor one meeting's in place of another's."""
    with pytest.raises(SealBroken):
        unseal(dek, seal(DEK, b"x", purpose="transcript"), purpose=purpose)


def test_the_same_words_look_different_each_time() -> None:
    """Nobody can tell from the stored bytes that two documents are equal."""
    assert seal(DEK, b"x" * 100, purpose="p") != seal(DEK, b"x" * 100, purpose="p")
