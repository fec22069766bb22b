"""Reads of the identity room: plain SQL that returns frozen views."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text

from appliance.database.engine import Database, Tx
from appliance.database.reads import Question
from appliance.identity.model import CodePurpose, SessionView, SignedIn, Theme, UserView
from appliance.identity.permissions import Role, permissions_of
from appliance.identity.tokens import csrf_token, token_hash
from appliance.kernel.actor import Actor, ActorKind
from appliance.kernel.ids import SessionId, TenantId, UserId

TOUCH_S = 60.0
"""How stale "last seen" may be: one write a minute and session instead of one per request."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What sign-in compares with."""

    user_id: UserId
    tenant_id: TenantId
    password_hash: str | None = field(repr=False)
    disabled: bool


@dataclass(frozen=True, slots=True)
class FoundCode:
    """A one-time code that is still good."""

    id: UUID
    tenant_id: TenantId
    user_id: UserId | None
    purpose: CodePurpose


def credentials(tx: Tx, key: str) -> Credentials | None:
    """The account behind an address, whichever tenant it belongs to."""
    row = tx.execute(text("SELECT * FROM identity_credentials(:key)"), {"key": key}).one_or_none()
    if row is None:
        return None
    return Credentials(UserId(row.user_id), TenantId(row.tenant_id), row.password_hash, row.disabled)


def one_time_code(tx: Tx, code_hash: bytes, *, at: datetime) -> FoundCode | None:
    """An unexpired code, whichever tenant it belongs to."""
    row = tx.execute(text("SELECT * FROM identity_code(:hash, :at)"), {"hash": code_hash, "at": at}).one_or_none()
    if row is None:
        return None
    user_id = UserId(row.user_id) if row.user_id else None
    return FoundCode(row.code_id, TenantId(row.tenant_id), user_id, CodePurpose(row.purpose))


_RESUME: Final = """
    SELECT session_id, created_at, last_seen_at, expires_at, origin, user_agent,
           user_id, tenant_id, email, name, role, locale, theme, has_password, user_created_at
    FROM identity_resume(%(hash)s, %(at)s, %(idle_s)s, %(touch_s)s)
"""


def signed_in(database: Database, token: str, *, at: datetime, idle_s: float) -> SignedIn | None:
    """Who has this session, unless it has ended; notes that it was used."""
    values = {"hash": token_hash(token), "at": at, "idle_s": float(idle_s), "touch_s": TOUCH_S}
    found = database.call(Question(_RESUME, values))
    return _signed_in(found[0], token) if found else None


def _signed_in(row: Sequence[Any], token: str) -> SignedIn:
    session = SessionView(*row[:6])
    user_id, tenant_id, email, name, role, locale, theme, has_password, created_at = row[6:]
    user = UserView(
        id=user_id,
        tenant_id=tenant_id,
        email=email,
        name=name,
        role=Role(role),
        locale=locale,
        theme=Theme(theme),
        has_password=has_password,
        disabled_at=None,
        created_at=created_at,
        last_seen_at=session.last_seen_at,
    )
    return SignedIn(actor_of(user, session), user, session, csrf_token(token))


def actor_of(user: UserView, session: SessionView) -> Actor:
    """The person as use cases and the audit trail see them."""
    return Actor(
        kind=ActorKind.USER,
        tenant_id=user.tenant_id,
        name=user.email,
        user_id=user.id,
        session_id=session.id,
        origin=session.origin,
        permissions=frozenset(permissions_of(user.role)),
    )


_USERS = """
    SELECT u.id, u.tenant_id, u.email, u.name, u.role, u.locale, u.theme, u.password_hash IS NOT NULL AS has_password,
           u.disabled_at, u.created_at,
           (SELECT max(s.last_seen_at) FROM user_session s WHERE s.user_id = u.id) AS last_seen_at
    FROM user_account u
"""


def users(tx: Tx) -> tuple[UserView, ...]:
    """Everybody of the tenant, oldest account first; doors sort by name in their language."""
    return tuple(_user(row) for row in tx.execute(text(_USERS + " ORDER BY u.created_at, u.id")))


def user(tx: Tx, user_id: UserId) -> UserView | None:
    """One person of the tenant."""
    row = tx.execute(text(_USERS + " WHERE u.id = :id"), {"id": user_id}).one_or_none()
    return None if row is None else _user(row)


def user_by_email(tx: Tx, key: str) -> UserView | None:
    """One person of the tenant, by the comparable form of their address."""
    row = tx.execute(text(_USERS + " WHERE u.email_key = :key"), {"key": key}).one_or_none()
    return None if row is None else _user(row)


def _user(row: Row[Any]) -> UserView:
    return UserView(
        id=UserId(row.id),
        tenant_id=TenantId(row.tenant_id),
        email=row.email,
        name=row.name,
        role=Role(row.role),
        locale=row.locale,
        theme=Theme(row.theme),
        has_password=row.has_password,
        disabled_at=row.disabled_at,
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
    )


def names(tx: Tx, ids: Iterable[UserId]) -> dict[UserId, str]:
    """Display names of several people in one question; whoever is gone is left out."""
    wanted = list(set(ids))
    if not wanted:
        return {}
    rows = tx.execute(text("SELECT id, name FROM user_account WHERE id = ANY(:ids)"), {"ids": wanted})
    return {UserId(row.id): row.name for row in rows}


def sessions(tx: Tx, user_id: UserId, *, at: datetime, idle_after: datetime) -> Sequence[SessionView]:
    """A person's sessions that have not ended, the latest used first."""
    rows = tx.execute(
        text(
            """
            SELECT id, created_at, last_seen_at, expires_at, origin, user_agent FROM user_session
            WHERE user_id = :user AND expires_at > :at AND last_seen_at > :idle_after ORDER BY last_seen_at DESC, id
            """
        ),
        {"user": user_id, "at": at, "idle_after": idle_after},
    )
    return [
        SessionView(SessionId(r.id), r.created_at, r.last_seen_at, r.expires_at, r.origin, r.user_agent) for r in rows
    ]


def administrator_exists(tx: Tx) -> bool:
    """Whether somebody of the tenant is, or was made, an administrator with a password."""
    return bool(
        tx.execute(
            text("SELECT EXISTS (SELECT FROM user_account WHERE role = 'administrator' AND password_hash IS NOT NULL)")
        ).scalar_one()
    )


def other_administrators(tx: Tx, user_id: UserId) -> int:
    """How many others of the tenant can sign in and administer. Their rows stay locked: two can't retire each other."""
    rows = tx.execute(
        text(
            """
            SELECT id FROM user_account
            WHERE role = 'administrator' AND disabled_at IS NULL AND password_hash IS NOT NULL ORDER BY id FOR UPDATE
            """
        )
    )
    return sum(row.id != user_id for row in rows)


def device_is_known(tx: Tx, user_id: UserId, device_token: str, *, at: datetime) -> bool:
    """Whether this browser has signed this person in before."""
    return bool(
        tx.execute(
            text(
                "SELECT EXISTS (SELECT FROM known_device"
                " WHERE user_id = :user AND token_hash = :hash AND expires_at > :at)"
            ),
            {"user": user_id, "hash": token_hash(device_token), "at": at},
        ).scalar_one()
    )
