"""Rows of the identity room."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field, SQLModel

from appliance.database.types import bytes_column, utc_column


class UserRow(SQLModel, table=True):
    """A person with an account. ``email_key`` is unique over all tenants: sign-in knows only the address."""

    __tablename__ = "user_account"

    id: UUID = Field(primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id", index=True)
    email: str
    email_key: str = Field(unique=True)
    name: str
    role: str
    password_hash: str | None = Field(default=None, repr=False)
    locale: str | None = None
    theme: str
    created_at: datetime = utc_column()
    password_changed_at: datetime | None = utc_column(nullable=True, default=None)
    disabled_at: datetime | None = utc_column(nullable=True, default=None)


class SessionRow(SQLModel, table=True):
    """A signed-in browser; of its token only the SHA-256 is here."""

    __tablename__ = "user_session"

    id: UUID = Field(primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id")
    user_id: UUID = Field(foreign_key="user_account.id", index=True, ondelete="CASCADE")
    token_hash: bytes = bytes_column(unique=True, repr=False)
    created_at: datetime = utc_column()
    last_seen_at: datetime = utc_column()
    expires_at: datetime = utc_column(index=True)
    origin: str
    user_agent: str


class DeviceRow(SQLModel, table=True):
    """A browser that signed this person in before: counted on its own by the limits."""

    __tablename__ = "known_device"

    id: UUID = Field(primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id")
    user_id: UUID = Field(foreign_key="user_account.id", index=True, ondelete="CASCADE")
    token_hash: bytes = bytes_column(unique=True, repr=False)
    expires_at: datetime = utc_column(index=True)


class CodeRow(SQLModel, table=True):
    """A one-time code that was handed out and not used yet."""

    __tablename__ = "one_time_code"

    id: UUID = Field(primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenant.id", index=True)
    user_id: UUID | None = Field(default=None, foreign_key="user_account.id", index=True, ondelete="CASCADE")
    purpose: str
    code_hash: bytes = bytes_column(unique=True, repr=False)
    created_at: datetime = utc_column()
    expires_at: datetime = utc_column(index=True)


class BucketRow(SQLModel, table=True):
    """A token bucket of the limits; its key is a digest, so that no mistyped password is kept as somebody's address."""

    __tablename__ = "rate_bucket"

    key: bytes = bytes_column(primary_key=True)
    tokens: float
    updated_at: datetime = utc_column(index=True)
