"""Keys: wrapped, derived, and never shown."""

import pickle
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.kernel.ids import MeetingId, TenantId, new_uuid
from appliance.keyring import documents
from appliance.keyring.errors import SealBroken
from appliance.keyring.model import Dek, Kek, meeting_key_context, tenant_key_context
from appliance.keyring.wrapping import CannotUnwrap, derive_key, unwrap_key, wrap_key

KEYS = st.binary(min_size=32, max_size=32)
SECRET = b"\xabgeheim\xcd" + bytes(24)


@given(KEYS, KEYS, st.binary(max_size=60))
def test_a_wrapped_key_comes_back(outer: bytes, inner: bytes, context: bytes) -> None:
    """Under the same outer key and context."""
    assert unwrap_key(outer, wrap_key(outer, inner, context=context), context=context) == inner


@given(KEYS, KEYS, KEYS, st.binary(max_size=20), st.binary(max_size=20))
def test_a_wrapped_key_opens_in_its_place_alone(
    outer: bytes, other: bytes, inner: bytes, context: bytes, another: bytes
) -> None:
    """Not under another key, and not for another tenant or meeting."""
    wrapped = wrap_key(outer, inner, context=context)
    if other != outer:
        with pytest.raises(CannotUnwrap):
            unwrap_key(other, wrapped, context=context)
    if another != context:
        with pytest.raises(CannotUnwrap):
            unwrap_key(outer, wrapped, context=another)


@given(st.integers(0, 60), st.integers(1, 255))
def test_a_changed_wrapped_key_does_not_open(position: int, flip: int) -> None:
    """One changed bit, and there is no key."""
    wrapped = bytearray(wrap_key(bytes(32), SECRET, context=b"x"))
    wrapped[position] ^= flip
    with pytest.raises(CannotUnwrap):
        unwrap_key(bytes(32), bytes(wrapped), context=b"x")
    with pytest.raises(CannotUnwrap):
        unwrap_key(bytes(32), bytes(wrapped[:position]), context=b"x")


def test_contexts_name_one_thing_each() -> None:
    """No tenant's, version's or meeting's context is another's."""
    one, two = TenantId(new_uuid()), TenantId(new_uuid())
    contexts = [
        tenant_key_context(one, 1),
        tenant_key_context(one, 2),
        tenant_key_context(two, 1),
        meeting_key_context(one, MeetingId(two)),
        meeting_key_context(two, MeetingId(one)),
        meeting_key_context(one, MeetingId(one)),
    ]
    assert len(set(contexts)) == len(contexts)


def test_derived_keys_are_apart() -> None:
    """Neither the given key nor that of another purpose or salt follows from one."""
    derived = {
        derive_key(SECRET, info=b"a"),
        derive_key(SECRET, info=b"b"),
        derive_key(SECRET, info=b"a", salt=b"s"),
        SECRET,
    }
    assert len(derived) == 4


@pytest.mark.parametrize("key", [Dek(MeetingId(new_uuid()), SECRET), Kek(TenantId(new_uuid()), 1, SECRET)])
def test_a_key_never_shows_itself(key: Dek | Kek) -> None:
    """Not in a repr, a format, or a pickle."""
    for text in (repr(key), str(key), f"{key}"):
        assert "geheim" not in text
    with pytest.raises(TypeError):
        pickle.dumps(key)


def test_a_key_is_not_in_a_traceback() -> None:
    """An error that travels to a log with its frames' repr takes no key along."""
    dek = Dek(MeetingId(new_uuid()), SECRET)
    with pytest.raises(SealBroken) as refusal:
        documents.unseal(dek, b"nothing of ours", purpose="transcript")
    told = traceback.TracebackException.from_exception(refusal.value, capture_locals=True)
    assert "geheim" not in "".join(told.format())


def test_a_key_of_the_wrong_size_is_a_programming_error() -> None:
    """AES-256 or nothing."""
    with pytest.raises(ValueError, match="32"):
        Dek(MeetingId(new_uuid()), bytes(16))
