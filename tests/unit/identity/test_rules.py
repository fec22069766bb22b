"""Addresses, names, passwords, codes: rules that need no database."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.identity.errors import InvalidEmail, InvalidName, NotAllowed, NotSignedIn, WeakPassword
from appliance.identity.limits import network_of
from appliance.identity.model import checked_email, checked_name, checked_password, email_key, password_bytes
from appliance.identity.passwords import Passwords
from appliance.identity.permissions import ROLE_PERMISSIONS, Permission, Role, permissions_of, require
from appliance.identity.tokens import code_hash, csrf_token, new_code, new_token
from appliance.kernel.actor import Actor, ActorKind
from appliance.kernel.ids import TenantId, new_uuid

QUICK = Passwords(time_cost=1, memory_kib=64)


def _actor(kind: ActorKind, *permissions: Permission) -> Actor:
    return Actor(kind=kind, tenant_id=TenantId(new_uuid()), name="somebody", permissions=frozenset(permissions))


def test_every_role_has_its_permissions() -> None:
    """A role that was forgotten in the table would lock its people out."""
    assert set(ROLE_PERMISSIONS) == set(Role)
    assert all(Permission.ACCOUNT_OWN in permissions_of(role) for role in Role)


def test_every_permission_but_the_shell_s_own_belongs_to_some_role() -> None:
    """A permission that nobody has is a route that nobody can call. Reading all meetings and letting machines in are
    no role's, on purpose: both take the machine's own shell.
    """
    given_to_somebody = frozenset().union(*(permissions_of(role) for role in Role))
    assert set(Permission) - given_to_somebody == {Permission.MEETING_READ_ALL, Permission.NODE_MANAGE}


def test_an_auditor_sees_no_meeting() -> None:
    """Who checks the trail does not need what was said."""
    assert not {p for p in permissions_of(Role.AUDITOR) if p.value.startswith(("meeting:", "job:"))}


def test_a_stranger_is_asked_to_sign_in() -> None:
    """Somebody who has not signed in can do something about it; so the error differs."""
    with pytest.raises(NotSignedIn):
        require(_actor(ActorKind.ANONYMOUS), Permission.MEETING_READ)


def test_a_person_without_the_permission_is_refused() -> None:
    """The error names the permission, so that an administrator knows what is missing."""
    with pytest.raises(NotAllowed, match="user:manage"):
        require(_actor(ActorKind.USER, Permission.MEETING_READ), Permission.USER_MANAGE)


def test_a_person_with_the_permission_goes_on() -> None:
    """Nothing is raised and nothing returned."""
    require(_actor(ActorKind.USER, Permission.USER_MANAGE), Permission.USER_MANAGE)


@pytest.mark.parametrize("email", ["anna@example.org", "kovács.béla@példa.hu", " x@y ", "a+b@c.de"])
def test_addresses_that_people_have_are_taken(email: str) -> None:
    """Also with accents, and with blanks around that were pasted along."""
    assert checked_email(email) == email.strip()


@pytest.mark.parametrize("email", ["", "anna", "@x", "a@", "a b@c", "a@b@c", "a@b\n", "<a@b>", "x" * 250 + "@y.hu"])
def test_what_is_no_address_is_refused(email: str) -> None:
    """Nothing that could break a header or a page gets in as an address."""
    if email == "a@b\n":
        assert checked_email(email) == "a@b"
        return
    with pytest.raises(InvalidEmail):
        checked_email(email)


def test_two_spellings_of_an_address_are_one_account() -> None:
    """Case and composition of accents don't make a second account."""
    assert email_key("Kova\u0301cs@Example.ORG ") == email_key("kov\u00e1cs@example.org")


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "a\x00b", "x" * 121])
def test_names_that_would_break_a_line_are_refused(name: str) -> None:
    """A name is one line that a person can read."""
    with pytest.raises(InvalidName):
        checked_name(name)


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("short", "at least 12"),
        ("x" * 300, "at most 256"),
        ("aaaaaaaaaaaaaaaa", "too few different"),
        ("kovacs.anna2026", "your name"),
        ("Password1234567", "common password"),
        ("abcdefghijklmnop", "row of keys"),
    ],
)
def test_a_guessable_password_is_refused_with_the_reason(password: str, reason: str) -> None:
    """The text says what is wrong with it, not a list of rules."""
    with pytest.raises(WeakPassword, match=reason):
        checked_password(password, email="anna@example.org", name="Anna Kovacs")


@pytest.mark.parametrize("password", ["correct horse battery staple", "Tavaszi szél vizet áraszt", "jX9#kQ2!mZ7p"])
def test_a_long_or_random_password_is_taken(password: str) -> None:
    """No kind of character is demanded."""
    assert checked_password(password, email="anna@example.org", name="Anna Kovács") == password.encode()


def test_a_password_is_the_same_from_every_keyboard() -> None:
    """Composed and decomposed accents give the same bytes."""
    assert password_bytes("szél e\u0301s hó") == password_bytes("szél \u00e9s hó")


def test_a_hash_verifies_its_password_alone() -> None:
    """And two hashes of one password differ by their salt."""
    stored = QUICK.hash(b"correct horse")
    assert QUICK.verify(stored, b"correct horse")
    assert not QUICK.verify(stored, b"battery staple")
    assert not QUICK.verify(None, b"correct horse")
    assert QUICK.hash(b"correct horse") != stored


def test_nobody_has_the_password_of_nobody() -> None:
    """The hash that unknown addresses are compared with opens no account, even for who knows its password."""
    assert not QUICK.verify(None, b"nobody has this password")


def test_a_hash_with_older_parameters_is_noticed() -> None:
    """So that it can be made anew at the next sign-in."""
    assert Passwords(time_cost=2, memory_kib=64).is_outdated(QUICK.hash(b"x"))
    assert not QUICK.is_outdated(QUICK.hash(b"x"))


def test_hashes_are_argon2id() -> None:
    """The variant that RFC 9106 recommends; the database refuses any other."""
    assert QUICK.hash(b"x").startswith("$argon2id$v=19$")


@given(st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=20, max_size=20), st.text(" -", max_size=5))
def test_a_code_is_recognised_however_it_is_typed(code: str, gap: str) -> None:
    """Lower case, with or without dashes, with O for 0 and l or i for 1."""
    typed = gap.join(code.lower().replace("0", "o").replace("1", "l"))
    assert code_hash(typed) == code_hash(code)
    assert code_hash(code.replace("1", "I")) == code_hash(code)


def test_a_new_code_has_four_groups_of_five() -> None:
    """Short enough to read out over the telephone."""
    assert [len(group) for group in new_code().split("-")] == [5, 5, 5, 5]


def test_codes_and_tokens_do_not_repeat() -> None:
    """They are random."""
    assert len({new_code() for _ in range(1000)} | {new_token() for _ in range(1000)}) == 2000


def test_the_csrf_token_belongs_to_one_session() -> None:
    """It cannot be turned back into the session's token, and no other session has it."""
    first, second = new_token(), new_token()
    assert csrf_token(first) == csrf_token(first)
    assert csrf_token(first) != csrf_token(second)
    assert first not in csrf_token(first)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("local", "local"),
    ],
)
def test_an_ipv6_host_cannot_hide_among_its_own_addresses(address: str, network: str) -> None:
    """Limits count its /64; an IPv4 address counts the same however it is written."""
    assert network_of(address) == network
