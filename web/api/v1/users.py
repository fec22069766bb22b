"""Accounts: one's own, and for administrators everybody's."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from litestar import get, patch, post, put
from litestar.params import FromPath, JSONBody

from appliance.identity.model import OneTimeCode, Theme, UserView
from appliance.identity.permissions import Permission, Role
from appliance.kernel.ids import UserId
from web.access import allow
from web.request import PortalRequest
from web.security.client import client_of


class UserOut(msgspec.Struct, frozen=True, kw_only=True):
    """A person with an account."""

    id: UUID
    email: str
    name: str
    role: Role
    locale: str | None
    theme: Theme
    awaits_password: bool
    disabled_at: datetime | None
    created_at: datetime
    last_seen_at: datetime | None


class CodeOut(msgspec.Struct, frozen=True, kw_only=True):
    """A one-time code to hand over; it is shown here and never again."""

    code: str
    expires_at: datetime


class CreatedUserOut(msgspec.Struct, frozen=True, kw_only=True):
    """A new account, and the code with which its owner chooses a password."""

    user: UserOut
    code: CodeOut


class NewUserIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to create."""

    email: str
    name: str
    role: Role = Role.MEMBER


class UserChangeIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change; what is left out stays."""

    name: str | None = None
    role: Role | None = None
    disabled: bool | None = None


class PreferencesIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the portal speaks and looks."""

    locale: Literal["hu", "en"] | None
    theme: Theme


class PasswordChangeIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The password that is, and the one that shall be."""

    current_password: str
    new_password: str

    def __repr__(self) -> str:
        return "PasswordChangeIn(…)"


def user_out(user: UserView) -> UserOut:
    """A person as the API tells it."""
    return UserOut(
        id=user.id,
        email=user.email,
        name=user.name,
        role=user.role,
        locale=user.locale,
        theme=user.theme,
        awaits_password=not user.has_password,
        disabled_at=user.disabled_at,
        created_at=user.created_at,
        last_seen_at=user.last_seen_at,
    )


def code_out(code: OneTimeCode) -> CodeOut:
    """A code as the API tells it."""
    return CodeOut(code=code.code, expires_at=code.expires_at)


@get("/users", sync_to_thread=True, tags=["users"], **allow(Permission.USER_READ))
def list_users(request: PortalRequest) -> list[UserOut]:
    """Everybody of the tenant."""
    return [user_out(user) for user in request.services.accounts.list(request.actor)]


@post("/users", sync_to_thread=True, tags=["users"], **allow(Permission.USER_MANAGE))
def create_user(request: PortalRequest, data: JSONBody[NewUserIn]) -> CreatedUserOut:
    """Create an account; the answer's code is for its owner."""
    user, code = request.services.accounts.create(request.actor, email=data.email, name=data.name, role=data.role)
    return CreatedUserOut(user=user_out(user), code=code_out(code))


@get("/users/{user_id:uuid}", sync_to_thread=True, tags=["users"], **allow(Permission.USER_READ))
def show_user(request: PortalRequest, user_id: FromPath[UUID]) -> UserOut:
    """One person."""
    return user_out(request.services.accounts.show(request.actor, UserId(user_id)))


@patch("/users/{user_id:uuid}", sync_to_thread=True, tags=["users"], **allow(Permission.USER_MANAGE))
def change_user(request: PortalRequest, user_id: FromPath[UUID], data: JSONBody[UserChangeIn]) -> UserOut:
    """Change name, role, or whether the person is let in."""
    accounts, actor, subject = request.services.accounts, request.actor, UserId(user_id)
    user = accounts.change(actor, subject, name=data.name, role=data.role)
    if data.disabled is not None:
        user = accounts.disable(actor, subject) if data.disabled else accounts.enable(actor, subject)
    return user_out(user)


@post("/users/{user_id:uuid}/code", sync_to_thread=True, tags=["users"], **allow(Permission.USER_MANAGE))
def reset_user(request: PortalRequest, user_id: FromPath[UUID]) -> CodeOut:
    """Reset a person's password: the old one and all sessions end, the code is for a new one."""
    return code_out(request.services.accounts.reset_password(request.actor, UserId(user_id)))


@put("/account/password", sync_to_thread=True, status_code=204, tags=["account"], **allow(Permission.ACCOUNT_OWN))
def change_password(request: PortalRequest, data: JSONBody[PasswordChangeIn]) -> None:
    """Change one's own password; one's other sessions end."""
    request.services.identity.change_password(
        request.actor, current=data.current_password, new=data.new_password, client=client_of(request)
    )


@put("/account/preferences", sync_to_thread=True, status_code=204, tags=["account"], **allow(Permission.ACCOUNT_OWN))
def set_preferences(request: PortalRequest, data: JSONBody[PreferencesIn]) -> None:
    """Choose language and look."""
    request.services.identity.set_preferences(request.actor, locale=data.locale, theme=data.theme)


ROUTE_HANDLERS = (list_users, create_user, show_user, change_user, reset_user, change_password, set_preferences)
