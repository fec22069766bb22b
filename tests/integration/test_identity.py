"""Signing in, sessions, one-time codes and accounts on a real PostgreSQL."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import text

from appliance.audit import service as audit_service
from appliance.database.engine import Database
from appliance.identity.errors import (
    AdministratorExists,
    EmailTaken,
    LastAdministrator,
    NotAllowed,
    SessionNotFound,
    TooManyAttempts,
    UserNotFound,
    WeakPassword,
    WrongCode,
    WrongCredentials,
)
from appliance.identity.limits import PER_ACCOUNT, PER_ACCOUNT_AND_ADDRESS, PER_ADDRESS
from appliance.identity.model import Client, Theme
from appliance.identity.passwords import Passwords
from appliance.identity.permissions import Permission, Role
from appliance.kernel.clock import FixedClock
from appliance.kernel.ids import TenantId
from tests.factories.database import TestDatabase
from tests.factories.identity import ABSOLUTE_S, HOME, IDLE_S, PASSWORD, People, people_of

ELSEWHERE = Client(address="198.51.100.7", user_agent="a browser elsewhere")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def people(db: TestDatabase, clock: FixedClock, tenant: TenantId) -> People:
    return people_of(db.web, clock, tenant)


def audit_names(db: TestDatabase, tenant: TenantId) -> list[str]:
    with db.web.reading(tenant) as tx:
        return [row.name for row in tx.execute(text("SELECT name FROM audit_event ORDER BY seq"))]


# --- First administrator ---


def test_the_first_code_makes_an_administrator_who_is_signed_in(people: People) -> None:
    """From the code to a session in one step."""
    session = people.administrator()
    found = people.identity.resume(session.token)
    assert found is not None
    assert found.user.role is Role.ADMINISTRATOR
    assert found.actor.tenant_id == people.tenant
    assert Permission.USER_MANAGE in found.actor.permissions
    assert not people.identity.awaits_first_administrator(people.tenant)


def test_a_code_works_once(people: People) -> None:
    """Whoever finds it in a scroll-back buffer is late."""
    code = people.identity.issue_first_code(people.operator).code
    values = {"name": "Anna", "password": PASSWORD, "client": HOME}
    people.identity.become_first_administrator(code=code, email="anna@example.org", **values)
    with pytest.raises(WrongCode):
        people.identity.become_first_administrator(code=code, email="eve@example.org", **values)


def test_a_code_expires(people: People, clock: FixedClock) -> None:
    """After a day a new one has to be made on the machine."""
    code = people.identity.issue_first_code(people.operator).code
    clock.advance(timedelta(hours=24, seconds=1))
    with pytest.raises(WrongCode):
        people.identity.become_first_administrator(
            code=code, email="anna@example.org", name="Anna", password=PASSWORD, client=HOME
        )


def test_a_new_code_replaces_the_earlier_one(people: People) -> None:
    """There is one way in at a time."""
    first = people.identity.issue_first_code(people.operator).code
    people.identity.issue_first_code(people.operator)
    with pytest.raises(WrongCode):
        people.identity.become_first_administrator(
            code=first, email="anna@example.org", name="Anna", password=PASSWORD, client=HOME
        )


def test_a_weak_password_leaves_the_code_good(people: People) -> None:
    """A typing mistake does not send people back to the machine."""
    code = people.identity.issue_first_code(people.operator).code
    with pytest.raises(WeakPassword):
        people.identity.become_first_administrator(
            code=code, email="anna@example.org", name="Anna", password="short", client=HOME
        )
    people.identity.become_first_administrator(
        code=code, email="anna@example.org", name="Anna", password=PASSWORD, client=HOME
    )


def test_there_is_one_first_administrator(people: People) -> None:
    """Afterwards no such code can be had, not even on the machine."""
    people.administrator()
    with pytest.raises(AdministratorExists):
        people.identity.issue_first_code(people.operator)


def test_two_bearers_of_one_code_race(people: People) -> None:
    """Exactly one of them becomes the administrator."""
    code = people.identity.issue_first_code(people.operator).code

    def claim(number: int) -> bool:
        try:
            people.identity.become_first_administrator(
                code=code, email=f"p{number}@example.org", name="P", password=PASSWORD, client=HOME
            )
        except (WrongCode, AdministratorExists):
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(claim, range(4))) == 1


# --- Signing in ---


def test_the_right_password_opens_a_session(people: People) -> None:
    """However the address is spelled."""
    people.administrator("anna@example.org")
    session = people.identity.sign_in(email=" Anna@Example.org", password=PASSWORD, client=ELSEWHERE)
    found = people.identity.resume(session.token)
    assert found is not None
    assert found.user.email == "anna@example.org"
    assert found.session.origin == ELSEWHERE.address


@pytest.mark.parametrize(("email", "password"), [("anna@example.org", "wrong"), ("nobody@example.org", PASSWORD)])
def test_wrong_address_and_wrong_password_are_one_error(people: People, email: str, password: str) -> None:
    """Nobody can find out who has an account."""
    people.administrator("anna@example.org")
    with pytest.raises(WrongCredentials) as refusal:
        people.identity.sign_in(email=email, password=password, client=ELSEWHERE)
    assert refusal.value.fields == {}


def test_a_refused_attempt_is_in_the_trail_without_what_was_typed(
    people: People, db: TestDatabase, tenant: TenantId
) -> None:
    """People type their password into the field of the address; the trail is kept for years."""
    people.administrator()
    with pytest.raises(WrongCredentials):
        people.identity.sign_in(email="hunter2hunter2", password="x", client=ELSEWHERE)
    assert audit_names(db, tenant)[-1] == "identity:session:refused"
    with db.web.reading(tenant) as tx:
        rows = tx.execute(text("SELECT row_to_json(e)::text FROM audit_event e")).scalars().all()
        assert not any("hunter2" in row for row in rows)
        assert audit_service.verify(tx, tenant).intact


def test_only_hashes_are_stored(people: People, db: TestDatabase) -> None:
    """Whoever reads the database can neither sign in nor go on with a session or a code."""
    session = people.administrator()
    _, code = people.accounts.create(people.operator, email="b@example.org", name="B", role=Role.MEMBER)
    with db.connect(db.superuser_url) as connection:
        dump = "".join(
            str(connection.execute(f"SELECT * FROM {table}".encode()).fetchall())
            for table in ("user_account", "user_session", "known_device", "one_time_code", "audit_event")
        )
    for secret in (PASSWORD, session.token, session.device_token, session.signed_in.csrf_token, code.code):
        assert secret not in dump
    assert "$argon2id$" in dump


def test_secrets_are_not_in_what_is_printed(people: People) -> None:
    """Neither in a log line nor in a traceback."""
    session = people.administrator()
    assert session.token not in repr(session)
    assert session.signed_in.csrf_token not in repr(session)


def test_signing_in_again_ends_the_session_that_was_there(people: People) -> None:
    """A session that somebody planted in the browser is worth nothing afterwards."""
    before = people.administrator()
    after = people.identity.sign_in(email="anna@example.org", password=PASSWORD, client=HOME, replaces=before.signed_in)
    assert people.identity.resume(before.token) is None
    assert people.identity.resume(after.token) is not None


def test_a_hash_with_older_parameters_is_renewed_at_sign_in(
    people: People, db: TestDatabase, clock: FixedClock
) -> None:
    """So that raising the cost reaches everybody who comes."""
    people.administrator()
    stronger = people_of(db.web, clock, people.tenant).identity
    stronger._passwords = Passwords(time_cost=2, memory_kib=64)
    stronger.sign_in(email="anna@example.org", password=PASSWORD, client=HOME)
    with db.web.reading(people.tenant) as tx:
        assert "t=2" in tx.execute(text("SELECT password_hash FROM user_account")).scalar_one()


# --- Sessions ---


def test_a_session_ends_when_it_is_idle(people: People, clock: FixedClock) -> None:
    """A forgotten browser signs itself out."""
    session = people.administrator()
    clock.advance(timedelta(seconds=IDLE_S + 1))
    assert people.identity.resume(session.token) is None


def test_a_used_session_stays_until_its_absolute_end(people: People, clock: FixedClock) -> None:
    """Work goes on as long as one works; but not for ever."""
    session = people.administrator()
    end = clock.now() + timedelta(seconds=ABSOLUTE_S)
    while clock.now() < end - timedelta(minutes=30):
        clock.advance(timedelta(minutes=30))
        if clock.now() < end:
            assert people.identity.resume(session.token) is not None
    clock.advance(timedelta(minutes=30))
    assert people.identity.resume(session.token) is None


def test_signing_out_ends_the_session_on_the_server(people: People) -> None:
    """A copied cookie is worth nothing afterwards."""
    session = people.administrator()
    people.identity.sign_out(session.signed_in.actor)
    assert people.identity.resume(session.token) is None


def test_people_see_and_end_their_own_sessions(people: People) -> None:
    """And nobody else's."""
    anna = people.administrator()
    bela = people.person("bela@example.org")
    second = people.identity.sign_in(email="anna@example.org", password=PASSWORD, client=ELSEWHERE)
    assert {s.id for s in people.identity.own_sessions(anna.signed_in.actor)} == {
        anna.signed_in.session.id,
        second.signed_in.session.id,
    }
    with pytest.raises(SessionNotFound):
        people.identity.end_session(anna.signed_in.actor, bela.signed_in.session.id)
    people.identity.end_session(anna.signed_in.actor, second.signed_in.session.id)
    assert people.identity.resume(second.token) is None
    assert people.identity.resume(bela.token) is not None


def test_ending_the_other_sessions_keeps_this_one(people: People) -> None:
    """After a suspicion, one click."""
    anna = people.administrator()
    second = people.identity.sign_in(email="anna@example.org", password=PASSWORD, client=ELSEWHERE)
    assert people.identity.end_other_sessions(anna.signed_in.actor) == 1
    assert people.identity.resume(anna.token) is not None
    assert people.identity.resume(second.token) is None


def test_changing_the_password_ends_other_sessions_and_the_old_password(people: People) -> None:
    """Whoever knew it is out."""
    anna = people.administrator()
    second = people.identity.sign_in(email="anna@example.org", password=PASSWORD, client=ELSEWHERE)
    new = "entirely different words here"
    with pytest.raises(WrongCredentials):
        people.identity.change_password(anna.signed_in.actor, current="not it", new=new, client=HOME)
    people.identity.change_password(anna.signed_in.actor, current=PASSWORD, new=new, client=HOME)
    assert people.identity.resume(anna.token) is not None
    assert people.identity.resume(second.token) is None
    with pytest.raises(WrongCredentials):
        people.identity.sign_in(email="anna@example.org", password=PASSWORD, client=HOME)
    people.identity.sign_in(email="anna@example.org", password=new, client=HOME)


def test_what_has_expired_is_swept(people: People, clock: FixedClock, db: TestDatabase) -> None:
    """Sessions, devices, codes and buckets leave no rows behind; the scheduler does it, as the worker role."""
    people.administrator()
    people.accounts.create(people.operator, email="b@example.org", name="B", role=Role.MEMBER)
    with pytest.raises(WrongCredentials):
        people.identity.sign_in(email="x@example.org", password="y", client=ELSEWHERE)
    assert people.identity.sweep() == 0
    clock.advance(timedelta(days=200))
    assert people_of(db.worker, clock, people.tenant).identity.sweep() > 0
    with db.connect(db.superuser_url) as connection:
        for table in ("user_session", "known_device", "one_time_code", "rate_bucket"):
            assert connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() == (0,)


def test_preferences_come_with_the_next_request(people: People) -> None:
    """Language and look belong to the person, not to the browser."""
    anna = people.administrator()
    people.identity.set_preferences(anna.signed_in.actor, locale="en", theme=Theme.DARK)
    found = people.identity.resume(anna.token)
    assert found is not None
    assert (found.user.locale, found.user.theme) == ("en", Theme.DARK)


# --- Limits ---


def attempts_until_refused(people: People, email: Callable[[int], str], client: Callable[[int], Client]) -> int:
    for number in range(1000):
        try:
            people.identity.sign_in(email=email(number), password="wrong", client=client(number))
        except TooManyAttempts:
            return number
        except WrongCredentials:
            continue
    raise AssertionError("never refused")


def test_guessing_one_account_from_one_address_is_limited(people: People, clock: FixedClock) -> None:
    """Then the right password does not help either, until time has passed; the error says how long."""
    people.administrator()
    rule = PER_ACCOUNT_AND_ADDRESS
    assert attempts_until_refused(people, lambda _: "anna@example.org", lambda _: ELSEWHERE) == rule.capacity
    with pytest.raises(TooManyAttempts) as refusal:
        people.identity.sign_in(email="anna@example.org", password=PASSWORD, client=ELSEWHERE)
    clock.advance(timedelta(seconds=refusal.value.fields["retry_after_s"]))
    people.identity.sign_in(email="anna@example.org", password=PASSWORD, client=ELSEWHERE)


def test_trying_many_accounts_from_one_address_is_limited(people: People) -> None:
    """A list of addresses with one common password each."""
    count = attempts_until_refused(people, lambda number: f"p{number}@example.org", lambda _: ELSEWHERE)
    assert count == PER_ADDRESS.capacity


def test_guessing_one_account_from_many_addresses_is_limited(people: People) -> None:
    """A botnet shares one bucket per account."""
    people.administrator()
    count = attempts_until_refused(
        people, lambda _: "anna@example.org", lambda number: Client(address=f"198.51.{number // 250}.{number % 250}")
    )
    assert count == PER_ACCOUNT.capacity


def test_strangers_cannot_lock_somebody_out_of_a_browser_that_is_known(people: People) -> None:
    """All of an account's buckets are empty, and its owner signs in as ever."""
    anna = people.administrator()
    attempts_until_refused(
        people, lambda _: "anna@example.org", lambda number: Client(address=f"198.51.{number // 250}.{number % 250}")
    )
    attempts_until_refused(people, lambda number: f"p{number}@example.org", lambda _: HOME)
    known = Client(address=HOME.address, device_token=anna.device_token)
    people.identity.sign_in(email="anna@example.org", password=PASSWORD, client=known)


def test_a_known_browser_is_limited_as_well(people: People) -> None:
    """A stolen device token is no way around the limits; and it counts for its own account alone."""
    anna = people.administrator()
    known = Client(address=ELSEWHERE.address, device_token=anna.device_token)
    assert attempts_until_refused(people, lambda _: "anna@example.org", lambda _: known) == 10
    people.person("bela@example.org", client=Client(address="203.0.113.1"))
    count = attempts_until_refused(people, lambda _: "bela@example.org", lambda _: known)
    assert count == PER_ACCOUNT_AND_ADDRESS.capacity


def test_successful_sign_ins_are_not_counted(people: People) -> None:
    """A script that signs in for every request is slow, not locked out."""
    people.administrator()
    for _ in range(PER_ACCOUNT_AND_ADDRESS.capacity * 2):
        people.identity.sign_in(email="anna@example.org", password=PASSWORD, client=ELSEWHERE)


def test_simultaneous_attempts_share_one_bucket(people: People) -> None:
    """Parallel guessing is no faster: exactly the bucket's tokens get through."""
    people.administrator()

    def attempt(_: int) -> str:
        try:
            people.identity.sign_in(email="anna@example.org", password="wrong", client=ELSEWHERE)
        except TooManyAttempts:
            return "limited"
        except WrongCredentials:
            return "tried"
        return "in"

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(attempt, range(24)))
    assert outcomes.count("tried") == PER_ACCOUNT_AND_ADDRESS.capacity
    assert outcomes.count("in") == 0


def test_guessing_codes_is_limited(people: People) -> None:
    """They have 100 bits; the limit spares the database."""
    for number in range(50):
        try:
            people.identity.set_password_with_code(code=f"{number}", password=PASSWORD, client=ELSEWHERE)
        except TooManyAttempts:
            assert number == 10
            return
        except WrongCode:
            continue
    pytest.fail("never refused")


def limits_noted(db: TestDatabase, tenant: TenantId) -> list[tuple[str, str, str]]:
    question = "SELECT detail::jsonb ->> 'limit', outcome, origin FROM audit_event WHERE name = :name ORDER BY seq"
    with db.web.reading(tenant) as tx:
        return [tuple(row) for row in tx.execute(text(question), {"name": "identity:attempts:limited"})]


def test_the_trail_learns_of_a_flood_once(
    people: People, db: TestDatabase, tenant: TenantId, clock: FixedClock
) -> None:
    """The first refusal of a limit is an event, the hundredth is not; a quarter of an hour later it is one again."""
    people.administrator()

    def flood() -> None:
        for _ in range(PER_ACCOUNT_AND_ADDRESS.capacity + 5):
            with pytest.raises((TooManyAttempts, WrongCredentials)):
                people.identity.sign_in(email="anna@example.org", password="wrong", client=ELSEWHERE)

    flood()
    first = ("account+address", "refused", ELSEWHERE.address)
    assert limits_noted(db, tenant) == [first]
    clock.advance(MINUTE * 5)
    flood()
    assert limits_noted(db, tenant) == [first]
    clock.advance(MINUTE * 16)
    flood()
    assert limits_noted(db, tenant) == [first, first]


def test_each_limit_that_refuses_is_noted_for_itself(people: People, db: TestDatabase, tenant: TenantId) -> None:
    """Many accounts from one address are another attack than one account, and codes are a third."""
    attempts_until_refused(people, lambda number: f"p{number}@example.org", lambda _: ELSEWHERE)
    for number in range(15):
        with pytest.raises((TooManyAttempts, WrongCode)):
            people.identity.set_password_with_code(code=f"{number}", password=PASSWORD, client=ELSEWHERE)
    assert [limit for limit, _, _ in limits_noted(db, tenant)] == ["address", "codes"]


def test_parallel_refusals_are_one_event(people: People, db: TestDatabase, tenant: TenantId) -> None:
    """Whichever of them comes first writes it."""
    people.administrator()
    attempts_until_refused(people, lambda _: "anna@example.org", lambda _: ELSEWHERE)

    def refused(_: int) -> None:
        with pytest.raises(TooManyAttempts):
            people.identity.sign_in(email="anna@example.org", password="wrong", client=ELSEWHERE)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(refused, range(12)))
    assert len(limits_noted(db, tenant)) == 1


# --- Accounts ---


def test_a_new_person_chooses_their_own_password(people: People) -> None:
    """The administrator hands over a code and never learns the password."""
    people.administrator()
    user, code = people.accounts.create(people.operator, email="bela@example.org", name="Béla", role=Role.MEMBER)
    assert not user.has_password
    with pytest.raises(WrongCredentials):
        people.identity.sign_in(email="bela@example.org", password="", client=HOME)
    session = people.identity.set_password_with_code(code=code.code, password=PASSWORD, client=HOME)
    assert session.signed_in.user.has_password
    assert Permission.USER_MANAGE not in session.signed_in.actor.permissions


def test_a_code_for_a_password_makes_no_administrator(people: People) -> None:
    """Each code is good for one thing."""
    people.identity.issue_first_code(people.operator)
    _, code = people.accounts.create(people.operator, email="bela@example.org", name="Béla", role=Role.MEMBER)
    with pytest.raises(WrongCode):
        people.identity.become_first_administrator(
            code=code.code, email="x@example.org", name="X", password=PASSWORD, client=HOME
        )


def test_an_address_is_used_once(people: People) -> None:
    """In whatever spelling."""
    people.administrator("anna@example.org")
    with pytest.raises(EmailTaken):
        people.accounts.create(people.operator, email="ANNA@example.org", name="A", role=Role.MEMBER)


def test_members_manage_nobody(people: People) -> None:
    """Neither see the list nor change it."""
    people.administrator()
    bela = people.person("bela@example.org").signed_in.actor
    with pytest.raises(NotAllowed):
        people.accounts.list(bela)
    with pytest.raises(NotAllowed):
        people.accounts.create(bela, email="c@example.org", name="C", role=Role.ADMINISTRATOR)


def test_a_reset_ends_password_sessions_and_known_browsers(people: People) -> None:
    """What somebody stole is worth nothing from that moment on."""
    people.administrator()
    bela = people.person("bela@example.org")
    code = people.accounts.reset_password(people.operator, bela.signed_in.user.id)
    assert people.identity.resume(bela.token) is None
    with pytest.raises(WrongCredentials):
        people.identity.sign_in(email="bela@example.org", password=PASSWORD, client=HOME)
    people.identity.set_password_with_code(code=code.code, password="a new one altogether", client=HOME)


def test_a_disabled_person_is_out_at_once(people: People) -> None:
    """Sessions end, unused codes too; enabling lets them in with the password they had."""
    people.administrator()
    bela = people.person("bela@example.org")
    bela_id = bela.signed_in.user.id
    people.accounts.disable(people.operator, bela_id)
    assert people.identity.resume(bela.token) is None
    with pytest.raises(WrongCredentials):
        people.identity.sign_in(email="bela@example.org", password=PASSWORD, client=HOME)
    people.accounts.enable(people.operator, bela_id)
    people.identity.sign_in(email="bela@example.org", password=PASSWORD, client=HOME)


def test_a_role_counts_from_the_next_request_on(people: People) -> None:
    """Nobody has to sign in again for it."""
    people.administrator()
    bela = people.person("bela@example.org")
    people.accounts.change(people.operator, bela.signed_in.user.id, role=Role.AUDITOR)
    found = people.identity.resume(bela.token)
    assert found is not None
    assert Permission.AUDIT_READ in found.actor.permissions
    assert Permission.MEETING_READ not in found.actor.permissions


def test_the_last_administrator_stays(people: People) -> None:
    """Neither disabled nor made something else; with a second one both work."""
    anna = people.administrator().signed_in.user
    with pytest.raises(LastAdministrator):
        people.accounts.disable(people.operator, anna.id)
    with pytest.raises(LastAdministrator):
        people.accounts.change(people.operator, anna.id, role=Role.MEMBER)
    people.person("bela@example.org", Role.ADMINISTRATOR)
    assert people.accounts.change(people.operator, anna.id, role=Role.MEMBER).role is Role.MEMBER


def test_two_administrators_cannot_retire_each_other(people: People) -> None:
    """At the same moment, one of them stays."""
    anna = people.administrator().signed_in.user
    bela = people.person("bela@example.org", Role.ADMINISTRATOR).signed_in.user

    def retire(user_id: object) -> bool:
        try:
            people.accounts.disable(people.operator, user_id)  # type: ignore[arg-type]
        except LastAdministrator:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(retire, [anna.id, bela.id])) == 1


def test_every_use_case_leaves_its_event(people: People, db: TestDatabase, tenant: TenantId) -> None:
    """In order, in an intact chain."""
    anna = people.administrator()
    bela = people.person("bela@example.org").signed_in.user
    people.accounts.change(anna.signed_in.actor, bela.id, name="Béla")
    people.accounts.reset_password(anna.signed_in.actor, bela.id)
    people.accounts.disable(anna.signed_in.actor, bela.id)
    people.accounts.enable(anna.signed_in.actor, bela.id)
    people.identity.sign_out(anna.signed_in.actor)
    assert [name.removeprefix("identity:") for name in audit_names(db, tenant)] == [
        "code:issued",
        "session:opened",
        "user:created",
        "user:created",
        "session:opened",
        "password:set",
        "user:changed",
        "code:issued",
        "user:disabled",
        "user:enabled",
        "session:closed",
    ]
    with db.web.reading(tenant) as tx:
        assert audit_service.verify(tx, tenant).intact


# --- Tenants ---


def test_administrators_see_their_own_tenant_alone(
    people: People, db: TestDatabase, clock: FixedClock, found_tenant: Callable[[str], TenantId]
) -> None:
    """The other's accounts do not exist for them; yet both sign in by address alone."""
    other = people_of(db.web, clock, found_tenant("Másik Kft."))
    anna = people.administrator("anna@example.org")
    bela = other.administrator("bela@example.com")
    assert [u.email for u in people.accounts.list(anna.signed_in.actor)] == ["anna@example.org"]
    with pytest.raises(UserNotFound):
        people.accounts.disable(anna.signed_in.actor, bela.signed_in.user.id)
    session = people.identity.sign_in(email="bela@example.com", password=PASSWORD, client=HOME)
    assert session.signed_in.actor.tenant_id == other.tenant


def test_the_web_role_cannot_list_credentials(people: People, db: TestDatabase) -> None:
    """Without a tenant it sees no account; the function answers for one exact address at a time."""
    people.administrator()
    with db.connect(db.web_url) as connection:
        assert connection.execute(b"SELECT count(*) FROM user_account").fetchone() == (0,)
        assert connection.execute(b"SELECT count(*) FROM user_session").fetchone() == (0,)
        assert connection.execute(b"SELECT count(*) FROM identity_credentials('%')").fetchone() == (0,)


def test_workers_never_see_a_password_hash(people: People, db: TestDatabase) -> None:
    """They need names and languages; the column is not theirs, nor is the function."""
    people.administrator()
    with db.connect(db.worker_url) as connection:
        connection.execute(b"SELECT set_config('app.tenant', %s, false)", [str(people.tenant)])
        assert connection.execute(b"SELECT name FROM user_account").fetchone() == ("Kovács Anna",)
        for forbidden in (
            b"SELECT password_hash FROM user_account",
            b"SELECT * FROM identity_credentials('anna@example.org')",
            b"SELECT * FROM user_session",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(forbidden)


def test_looking_a_session_up_leaves_the_connection_as_it_was(
    people: People, db: TestDatabase, clock: FixedClock
) -> None:
    """The look-up commits by itself; what comes next on the same connection is a transaction again."""
    session = people.administrator()
    narrow = Database(db.web_url, pool_size=1)
    theirs = people_of(narrow, clock, people.tenant)
    assert theirs.identity.resume(session.token) is not None

    def change_and_fail() -> None:
        with narrow.transaction(people.tenant) as tx:
            tx.execute(text("UPDATE user_account SET name = 'changed'"))
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        change_and_fail()
    assert theirs.identity.resume(session.token) == people.identity.resume(session.token)
    with narrow.reading(people.tenant) as tx:
        assert tx.execute(text("SELECT name FROM user_account")).scalar_one() == "Kovács Anna"
    narrow.dispose()
