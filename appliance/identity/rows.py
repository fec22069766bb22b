"""Writes of the identity room that several use cases share; each inside the caller's transaction."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import text

from appliance.database.engine import Tx
from appliance.identity.model import Client, OneTimeCode, SessionView, Theme, email_key
from appliance.identity.permissions import Role
from appliance.identity.tables import CodeRow, DeviceRow, SessionRow, UserRow
from appliance.identity.tokens import code_hash, token_hash
from appliance.kernel.ids import SessionId, UserId, new_uuid

DEVICE_LIFETIME: Final = timedelta(days=180)
DEVICES_PER_USER: Final = 20
_USER_AGENT_CHARACTERS: Final = 200


def add_user(tx: Tx, *, email: str, name: str, role: Role, at: datetime) -> UserId:
    """A new account without a password."""
    user_id = UserId(new_uuid())
    tx.add(
        UserRow(
            id=user_id,
            tenant_id=_tenant(tx),
            email=email,
            email_key=email_key(email),
            name=name,
            role=role.value,
            theme=Theme.AUTO.value,
            created_at=at,
        )
    )
    tx.flush()
    return user_id


def set_password_hash(tx: Tx, user_id: UserId, stored: str | None, *, at: datetime | None) -> None:
    """Store a hash; ``at`` is when the person chose the password, None when only the hash's parameters changed."""
    tx.execute(
        text(
            "UPDATE user_account SET password_hash = :stored, password_changed_at = coalesce(:at, password_changed_at)"
            " WHERE id = :id"
        ),
        {"stored": stored, "at": at, "id": user_id},
    )


def add_session(
    tx: Tx, user_id: UserId, token: str, *, client: Client, at: datetime, expires_at: datetime
) -> SessionView:
    """A new session under ``token``."""
    row = SessionRow(
        id=new_uuid(),
        tenant_id=_tenant(tx),
        user_id=user_id,
        token_hash=token_hash(token),
        created_at=at,
        last_seen_at=at,
        expires_at=expires_at,
        origin=client.address,
        user_agent=client.user_agent[:_USER_AGENT_CHARACTERS],
    )
    tx.add(row)
    tx.flush()
    return SessionView(SessionId(row.id), at, at, expires_at, row.origin, row.user_agent)


def end_sessions(tx: Tx, user_id: UserId, *, only: SessionId | None = None, but: SessionId | None = None) -> int:
    """End a person's sessions: all, ``only`` one, or all ``but`` one; tells how many."""
    ended = tx.execute(
        text(
            "DELETE FROM user_session WHERE user_id = :user AND (CAST(:only AS uuid) IS NULL OR id = :only)"
            " AND (CAST(:but AS uuid) IS NULL OR id <> :but) RETURNING id"
        ),
        {"user": user_id, "only": only, "but": but},
    )
    return len(ended.all())


def add_device(tx: Tx, user_id: UserId, device_token: str, *, at: datetime) -> None:
    """Remember a browser; the oldest of a person's many are forgotten."""
    tx.add(
        DeviceRow(
            id=new_uuid(),
            tenant_id=_tenant(tx),
            user_id=user_id,
            token_hash=token_hash(device_token),
            expires_at=at + DEVICE_LIFETIME,
        )
    )
    tx.flush()
    tx.execute(
        text(
            "DELETE FROM known_device WHERE id IN (SELECT id FROM known_device WHERE user_id = :user"
            " ORDER BY expires_at DESC, id DESC OFFSET :kept)"
        ),
        {"user": user_id, "kept": DEVICES_PER_USER},
    )


def forget_devices(tx: Tx, user_id: UserId) -> None:
    """Treat all of a person's browsers as strangers again."""
    tx.execute(text("DELETE FROM known_device WHERE user_id = :user"), {"user": user_id})


def add_code(tx: Tx, issued: OneTimeCode, *, user_id: UserId | None, at: datetime) -> None:
    """Store a code's hash; an earlier code for the same thing stops working."""
    tx.execute(
        text("DELETE FROM one_time_code WHERE purpose = :purpose AND user_id IS NOT DISTINCT FROM CAST(:user AS uuid)"),
        {"purpose": issued.purpose.value, "user": user_id},
    )
    tx.add(
        CodeRow(
            id=new_uuid(),
            tenant_id=_tenant(tx),
            user_id=user_id,
            purpose=issued.purpose.value,
            code_hash=code_hash(issued.code),
            created_at=at,
            expires_at=issued.expires_at,
        )
    )
    tx.flush()


def use_code(tx: Tx, code_id: UUID) -> bool:
    """Use a code up; False when somebody else was faster."""
    used = tx.execute(text("DELETE FROM one_time_code WHERE id = :id RETURNING id"), {"id": code_id})
    return used.one_or_none() is not None


def forget_codes(tx: Tx, user_id: UserId) -> None:
    """Make a person's unused codes worthless."""
    tx.execute(text("DELETE FROM one_time_code WHERE user_id = :user"), {"user": user_id})


def _tenant(tx: Tx) -> UUID:
    if tx.tenant_id is None:
        raise ValueError("identity rows are written inside a tenant's transaction")
    return tx.tenant_id
