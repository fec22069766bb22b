"""Invitations of members, and what a keeper tells of a cluster."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.nodes.errors import ClusterUnknown, InvitationDamaged
from appliance.nodes.membership import Invitation, members_of, new_code, open_invitation, read_state, seal_invitation

INVITATION = Invitation("b", {"cluster.name": "b"}, {"member.key": b"\x00key"})
MEMBERS = ("a", "b", "c")


def test_an_invitation_opens_with_its_code_however_it_is_typed() -> None:
    """Groups, blanks and capitals do not matter."""
    code = new_code()
    sealed = seal_invitation(INVITATION, code)
    assert open_invitation(sealed, f" {code.upper().replace('-', ' ')} ") == INVITATION


def test_an_invitation_holds_no_key_in_the_open() -> None:
    """Whoever finds the stick has nothing without the code; its representation shows no file either."""
    assert b"key" not in seal_invitation(INVITATION, new_code())
    assert "x00key" not in repr(INVITATION)


@given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_changed_invitation_is_refused(at: int, bit: int) -> None:
    """Every bit counts."""
    code = "abcd-" * 7 + "abcd"
    sealed = bytearray(seal_invitation(INVITATION, code))
    sealed[at % len(sealed)] ^= 1 << bit
    with pytest.raises(InvitationDamaged):
        open_invitation(bytes(sealed), code)


@given(st.binary(max_size=300))
def test_whatever_is_on_the_stick_it_is_refused_in_words(junk: bytes) -> None:
    """A wrong file ends in a refusal and in nothing else."""
    with pytest.raises(InvitationDamaged):
        open_invitation(junk, "code")


def test_another_code_opens_nothing() -> None:
    """File and code belong together."""
    with pytest.raises(InvitationDamaged):
        open_invitation(seal_invitation(INVITATION, new_code()), new_code())


def test_a_keepers_answer_tells_who_leads_and_who_is_missing() -> None:
    """As Patroni writes it: a lag that is unknown is no number."""
    answer = (
        b'{"members": [{"name": "a", "role": "leader", "state": "running", "api_url": "x", "timeline": 2},'
        b' {"name": "b", "role": "sync_standby", "state": "streaming", "lag": 0},'
        b' {"name": "x", "role": "replica", "state": "start failed", "lag": "unknown"}]}'
    )
    state = read_state(answer, members=MEMBERS)
    assert (state.leaders, state.synchronous, state.missing) == (("a",), ("b",), ("c",))
    assert [member.lag_bytes for member in state.members] == [None, 0, None]


@given(st.binary(max_size=200))
def test_any_other_answer_is_unknown_and_never_well(junk: bytes) -> None:
    """What cannot be read says nothing about the cluster."""
    with contextlib.suppress(ClusterUnknown):
        assert read_state(junk, members=MEMBERS).leaders == ()


def test_members_are_names_with_addresses() -> None:
    """As the setting has them."""
    assert members_of(("a=10.0.0.1", "b=fd00::2")) == {"a": "10.0.0.1", "b": "fd00::2"}
