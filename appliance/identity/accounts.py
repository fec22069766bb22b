"""Other people's accounts: what administrators do, in the portal and on the machine's shell."""

from datetime import timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from appliance.audit.model import AuditName
from appliance.audit.service import AuditTrail
from appliance.database.engine import Database, Tx
from appliance.identity import queries
from appliance.identity.errors import EmailTaken, LastAdministrator, UserNotFound
from appliance.identity.model import CodePurpose, OneTimeCode, UserView, checked_email, checked_name, email_key
from appliance.identity.permissions import Permission, Role, require
from appliance.identity.rows import (
    add_code,
    add_user,
    end_sessions,
    forget_codes,
    forget_devices,
    set_password_hash,
)
from appliance.identity.tokens import new_code
from appliance.kernel.actor import Actor
from appliance.kernel.clock import Clock
from appliance.kernel.ids import UserId

PASSWORD_CODE_LIFETIME: Final = timedelta(hours=72)


class AccountService:
    """Creating, changing, resetting and disabling accounts. Nobody ever learns another person's password."""

    def __init__(self, database: Database, audit: AuditTrail, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    def list(self, actor: Actor) -> tuple[UserView, ...]:
        """Everybody of the tenant, oldest account first."""
        require(actor, Permission.USER_READ)
        with self._database.reading(actor.tenant_id) as tx:
            return queries.users(tx)

    def show(self, actor: Actor, user_id: UserId) -> UserView:
        """One person.

        Raises:
            UserNotFound: not in this tenant.
        """
        require(actor, Permission.USER_READ)
        with self._database.reading(actor.tenant_id) as tx:
            return _existing(tx, user_id)

    def find(self, actor: Actor, email: str) -> UserView:
        """One person by address.

        Raises:
            UserNotFound: nobody of this tenant has it.
        """
        require(actor, Permission.USER_READ)
        with self._database.reading(actor.tenant_id) as tx:
            if (person := queries.user_by_email(tx, email_key(email))) is None:
                raise UserNotFound(user=email)
            return person

    def create(self, actor: Actor, *, email: str, name: str, role: Role) -> tuple[UserView, OneTimeCode]:
        """A new account and the code with which its owner chooses a password.

        Raises:
            InvalidEmail, InvalidName: as they say.
            EmailTaken: somebody has it, in whichever tenant.
        """
        require(actor, Permission.USER_MANAGE)
        address, display_name = checked_email(email), checked_name(name)
        now = self._clock.now()
        with self._database.transaction(actor.tenant_id) as tx:
            try:
                user_id = add_user(tx, email=address, name=display_name, role=role, at=now)
            except IntegrityError as taken:
                raise EmailTaken(email=address) from taken
            code = self._issue_code(tx, user_id)
            self._audit.record(
                tx,
                AuditName.USER_CREATED,
                actor=actor,
                subject_type="user",
                subject_id=user_id,
                detail={"role": role.value},
            )
            return _existing(tx, user_id), code

    def change(self, actor: Actor, user_id: UserId, *, name: str | None = None, role: Role | None = None) -> UserView:
        """Change name or role; a role counts from the person's next request on.

        Raises:
            LastAdministrator: nobody else could administer.
        """
        require(actor, Permission.USER_MANAGE)
        with self._database.transaction(actor.tenant_id) as tx:
            before = _existing(tx, user_id)
            if role is not None and role is not Role.ADMINISTRATOR:
                _keep_an_administrator(tx, before)
            values = {
                "name": before.name if name is None else checked_name(name),
                "role": (role or before.role).value,
                "id": user_id,
            }
            tx.execute(text("UPDATE user_account SET name = :name, role = :role WHERE id = :id"), values)
            after = _existing(tx, user_id)
            self._audit.record(
                tx,
                AuditName.USER_CHANGED,
                actor=actor,
                subject_type="user",
                subject_id=user_id,
                detail={"role_before": before.role.value, "role_after": after.role.value},
            )
            return after

    def reset_password(self, actor: Actor, user_id: UserId) -> OneTimeCode:
        """A code for a new password; the old one, all sessions and known browsers stop working now."""
        require(actor, Permission.USER_MANAGE)
        with self._database.transaction(actor.tenant_id) as tx:
            _existing(tx, user_id)
            set_password_hash(tx, user_id, None, at=None)
            end_sessions(tx, user_id)
            forget_devices(tx, user_id)
            code = self._issue_code(tx, user_id)
            self._audit.record(tx, AuditName.CODE_ISSUED, actor=actor, subject_type="user", subject_id=user_id)
            return code

    def disable(self, actor: Actor, user_id: UserId) -> UserView:
        """Keep a person out from now on; their meetings stay.

        Raises:
            LastAdministrator: nobody else could administer.
        """
        require(actor, Permission.USER_MANAGE)
        with self._database.transaction(actor.tenant_id) as tx:
            person = _existing(tx, user_id)
            _keep_an_administrator(tx, person)
            tx.execute(
                text("UPDATE user_account SET disabled_at = coalesce(disabled_at, :at) WHERE id = :id"),
                {"at": self._clock.now(), "id": user_id},
            )
            end_sessions(tx, user_id)
            forget_codes(tx, user_id)
            self._audit.record(tx, AuditName.USER_DISABLED, actor=actor, subject_type="user", subject_id=user_id)
            return _existing(tx, user_id)

    def enable(self, actor: Actor, user_id: UserId) -> UserView:
        """Let a disabled person in again, with the password they had."""
        require(actor, Permission.USER_MANAGE)
        with self._database.transaction(actor.tenant_id) as tx:
            _existing(tx, user_id)
            tx.execute(text("UPDATE user_account SET disabled_at = NULL WHERE id = :id"), {"id": user_id})
            self._audit.record(tx, AuditName.USER_ENABLED, actor=actor, subject_type="user", subject_id=user_id)
            return _existing(tx, user_id)

    def _issue_code(self, tx: Tx, user_id: UserId) -> OneTimeCode:
        now = self._clock.now()
        issued = OneTimeCode(new_code(), CodePurpose.SET_PASSWORD, now + PASSWORD_CODE_LIFETIME)
        add_code(tx, issued, user_id=user_id, at=now)
        return issued


def _existing(tx: Tx, user_id: UserId) -> UserView:
    if (person := queries.user(tx, user_id)) is None:
        raise UserNotFound(user=str(user_id))
    return person


def _keep_an_administrator(tx: Tx, person: UserView) -> None:
    if person.role is Role.ADMINISTRATOR and queries.other_administrators(tx, person.id) == 0:
        raise LastAdministrator(email=person.email)
