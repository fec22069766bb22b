"""The migration of the identity room, with people in it."""

from datetime import UTC, datetime

import psycopg
import pytest

from appliance.kernel.ids import new_uuid
from appliance.migrations import runner
from tests.factories.database import TestDatabase

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ARGON = "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g"
USER = (
    "INSERT INTO user_account (id, tenant_id, email, email_key, name, role, password_hash, theme, created_at)"
    " VALUES (%(id)s, %(tenant)s, %(email)s, %(email)s, 'Anna', %(role)s, %(hash)s, 'auto', %(at)s)"
)


def a_tenant(connection: psycopg.Connection[tuple[object, ...]]) -> object:
    tenant = new_uuid()
    connection.execute("INSERT INTO tenant (id, name, created_at) VALUES (%s, 'Kékfa', %s)", (tenant, NOW))
    return tenant


def a_user(tenant_id: object, **changes: object) -> dict[str, object]:
    values = {"id": new_uuid(), "tenant": tenant_id, "email": "anna@example.org", "role": "member", "hash": ARGON}
    return {**values, "at": NOW, **changes}


def test_going_down_takes_people_away_and_leaves_the_tenant(empty_db: TestDatabase) -> None:
    """And up again makes the same empty tables."""
    runner.upgrade(empty_db.owner_url, "0004")
    with empty_db.connect(empty_db.owner_url) as connection:
        connection.execute(USER.encode(), a_user(a_tenant(connection)))
    runner.downgrade(empty_db.owner_url, "0003")
    with empty_db.connect(empty_db.owner_url) as connection:
        assert connection.execute(b"SELECT count(*) FROM tenant").fetchone() == (1,)
        assert connection.execute(b"SELECT to_regclass('user_account'), to_regproc('identity_resume')").fetchone() == (
            None,
            None,
        )
    runner.upgrade(empty_db.owner_url, "0004")
    with empty_db.connect(empty_db.owner_url) as connection:
        assert connection.execute(b"SELECT count(*) FROM user_account").fetchone() == (0,)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"role": "king"}, psycopg.errors.CheckViolation),
        ({"hash": "md5:abc"}, psycopg.errors.CheckViolation),
        ({"tenant": new_uuid()}, psycopg.errors.ForeignKeyViolation),
    ],
)
def test_the_database_itself_refuses_what_no_person_is(
    empty_db: TestDatabase, changes: dict[str, object], refusal: type[psycopg.Error]
) -> None:
    """Whatever a program gets wrong: unknown roles, other hashes than Argon2id, people of no organisation."""
    runner.upgrade(empty_db.owner_url, "0004")
    with empty_db.connect(empty_db.owner_url) as connection:
        tenant = a_tenant(connection)
        with pytest.raises(refusal):
            connection.execute(USER.encode(), a_user(tenant, **changes))


def test_an_address_belongs_to_one_account_over_all_tenants(empty_db: TestDatabase) -> None:
    """Sign-in knows the address alone."""
    runner.upgrade(empty_db.owner_url, "0004")
    with empty_db.connect(empty_db.owner_url) as connection:
        tenant = a_tenant(connection)
        connection.execute(USER.encode(), a_user(tenant))
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute(USER.encode(), a_user(tenant))


def test_what_belongs_to_a_person_goes_with_them(empty_db: TestDatabase) -> None:
    """Sessions end with the account."""
    runner.upgrade(empty_db.owner_url, "0004")
    with empty_db.connect(empty_db.owner_url) as connection:
        user = a_user(a_tenant(connection))
        connection.execute(USER.encode(), user)
        connection.execute(
            b"INSERT INTO user_session (id, tenant_id, user_id, token_hash, created_at, last_seen_at, expires_at,"
            b" origin, user_agent) VALUES (%s, %s, %s, %s, %s, %s, %s, '', '')",
            (new_uuid(), user["tenant"], user["id"], b"x" * 32, NOW, NOW, NOW),
        )
        connection.execute(b"DELETE FROM user_account")
        assert connection.execute(b"SELECT count(*) FROM user_session").fetchone() == (0,)
