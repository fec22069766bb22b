"""Tokens, names, and which queues a machine is up to: made-up machines."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.jobs.model import Queue
from appliance.kernel.units import GIB
from appliance.nodes.errors import InvalidNodeName, InvalidToken
from appliance.nodes.model import Token, checked_name, database_role, queues_for

AUTHORITY = "ab" * 32


def test_a_token_comes_back_from_its_text() -> None:
    """What is printed on one machine is what the other one reads, blanks around it or not."""
    token = Token.new(AUTHORITY)
    assert Token.parse(f"  {token}\n") == token


def test_a_token_shows_its_secret_to_no_log() -> None:
    """Its representation, which tracebacks print, leaves the secret out."""
    token = Token.new(AUTHORITY)
    assert token.secret not in repr(token)


@given(st.text(max_size=200))
def test_what_is_no_token_is_refused(text: str) -> None:
    """Whatever is pasted, it is a token or it is refused in words."""
    with contextlib.suppress(InvalidToken):
        assert str(Token.parse(text)) == text.strip()


@pytest.mark.parametrize("cut", [1, 30, 64])
def test_half_a_token_is_refused(cut: int) -> None:
    """A line that was broken on the way is noticed here, before anybody is asked."""
    with pytest.raises(InvalidToken):
        Token.parse(str(Token.new(AUTHORITY))[:-cut])


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "1a", "a_b", "a" * 32, "a;drop", "é"])
def test_a_name_is_plain(name: str) -> None:
    """A name becomes a role of the database and a certificate's owner."""
    with pytest.raises(InvalidNodeName):
        checked_name(name)


def test_two_names_are_two_roles() -> None:
    """No two machines share a role, and none becomes one of the appliance's own."""
    assert database_role("gpu-1") == "hangjegyzet_node_gpu_1"
    assert database_role("owner") != "hangjegyzet_owner"


@pytest.mark.parametrize(
    ("memory", "cards", "expected"),
    [
        (64 * GIB, (24 * GIB,), ("speech", "language")),
        (64 * GIB, (8 * GIB, 8 * GIB), ("speech", "language")),
        (64 * GIB, (8 * GIB,), ("speech",)),
        (64 * GIB, (2 * GIB,), ()),
        (8 * GIB, (), ("speech", "language")),
        (4 * GIB, (), ("speech",)),
        (2 * GIB, (), ()),
    ],
)
def test_a_machine_gets_the_queues_whose_models_fit(
    memory: int, cards: tuple[int, ...], expected: tuple[str, ...]
) -> None:
    """A card decides where there is one; else the memory."""
    assert queues_for(memory_bytes=memory, cards=cards) == tuple(Queue(name) for name in expected)
