"""Signing in and out, and one-time codes: every way in which a stranger becomes somebody."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import text

from appliance.audit.model import AuditName, Outcome
from appliance.audit.service import AuditTrail
from appliance.database.engine import Database, Tx
from appliance.identity import queries
from appliance.identity.errors import (
    AdministratorExists,
    SessionNotFound,
    UserNotFound,
    WrongCode,
    WrongCredentials,
)
from appliance.identity.limits import AttemptsLimited, Bucket, RateLimits, code_buckets, sign_in_buckets
from appliance.identity.model import (
    Client,
    CodePurpose,
    NewSession,
    OneTimeCode,
    SessionView,
    SignedIn,
    Theme,
    UserView,
    checked_email,
    checked_name,
    checked_password,
    email_key,
    password_bytes,
)
from appliance.identity.passwords import Passwords
from appliance.identity.permissions import Permission, Role, require
from appliance.identity.rows import (
    add_code,
    add_device,
    add_session,
    add_user,
    end_sessions,
    set_password_hash,
    use_code,
)
from appliance.identity.tokens import code_hash, csrf_token, new_code, new_token
from appliance.kernel.actor import Actor, ActorKind
from appliance.kernel.clock import Clock
from appliance.kernel.ids import SessionId, TenantId, UserId
from appliance.tenants.queries import first_tenant

FIRST_CODE_LIFETIME: Final = timedelta(hours=24)
_NOBODY: Final = UserId(UUID(int=0))


class IdentityService:
    """Sessions, passwords and one-time codes.

    Args:
        session_idle_s: a session ends after this many seconds without a request.
        session_absolute_s: a session ends after this many seconds in any case.
    """

    def __init__(
        self,
        database: Database,
        audit: AuditTrail,
        clock: Clock,
        *,
        session_idle_s: float,
        session_absolute_s: float,
        passwords: Passwords | None = None,
    ) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock
        self._idle_s = session_idle_s
        self._absolute = timedelta(seconds=session_absolute_s)
        self._passwords = passwords or Passwords()
        self._limits = RateLimits(database, clock)

    # Sessions

    def resume(self, token: str) -> SignedIn | None:
        """Who sends a request with this session token; None when the session has ended or never was."""
        return queries.signed_in(self._database, token, at=self._clock.now(), idle_s=self._idle_s)

    def sign_in(self, *, email: str, password: str, client: Client, replaces: SignedIn | None = None) -> NewSession:
        """Open a session for somebody who knows the password.

        Args:
            replaces: the session that the browser had until now; it ends, so that a planted one is worth nothing.

        Raises:
            WrongCredentials: address or password is wrong, or the account is disabled; all take the same time.
            TooManyAttempts: the limits of ``limits.py``.
        """
        tenant_id, found, device_is_known = self._credentials(email, client)
        buckets = sign_in_buckets(email, client, device_is_known=device_is_known)
        self._admit(buckets, client, tenant_id=tenant_id, about=found.user_id if found else None)
        secret = password_bytes(password)
        stored = found.password_hash if found and not found.disabled else None
        if not self._passwords.verify(stored, secret) or found is None or stored is None:
            self._record_refusal(tenant_id, found, client)
            raise WrongCredentials
        self._limits.forgive(buckets)
        new_hash = self._passwords.hash(secret) if self._passwords.is_outdated(stored) else None
        with self._database.transaction(found.tenant_id) as tx:
            if new_hash is not None:
                set_password_hash(tx, found.user_id, new_hash, at=None)
            if replaces is not None:
                end_sessions(tx, replaces.user.id, only=replaces.session.id)
            return self._open_session(tx, found.user_id, client, remember_device=not device_is_known)

    def sign_out(self, actor: Actor) -> None:
        """End the session that the request came with."""
        if actor.session_id is not None:
            self.end_session(actor, actor.session_id)

    def own_sessions(self, actor: Actor) -> tuple[SessionView, ...]:
        """One's own sessions, the latest used first."""
        require(actor, Permission.ACCOUNT_OWN)
        now = self._clock.now()
        with self._database.reading(actor.tenant_id) as tx:
            idle_after = now - timedelta(seconds=self._idle_s)
            return tuple(queries.sessions(tx, _own_id(actor), at=now, idle_after=idle_after))

    def end_session(self, actor: Actor, session_id: SessionId) -> None:
        """End one of one's own sessions.

        Raises:
            SessionNotFound: it is somebody else's, or has ended.
        """
        require(actor, Permission.ACCOUNT_OWN)
        with self._database.transaction(actor.tenant_id) as tx:
            if not end_sessions(tx, _own_id(actor), only=session_id):
                raise SessionNotFound
            self._audit.record(tx, AuditName.SESSION_CLOSED, actor=actor, subject_type="session", subject_id=session_id)

    def end_other_sessions(self, actor: Actor) -> int:
        """End all of one's own sessions but this one; tells how many there were."""
        require(actor, Permission.ACCOUNT_OWN)
        with self._database.transaction(actor.tenant_id) as tx:
            ended = end_sessions(tx, _own_id(actor), but=actor.session_id)
            self._audit.record(
                tx,
                AuditName.SESSION_CLOSED,
                actor=actor,
                subject_type="user",
                subject_id=actor.user_id,
                detail={"sessions": ended},
            )
            return ended

    def sweep(self) -> int:
        """Remove what has expired: sessions, devices, codes, idle buckets; tells how many rows."""
        with self._database.transaction(None) as tx:
            values = {"at": self._clock.now(), "idle": float(self._idle_s)}
            return int(tx.execute(text("SELECT identity_sweep(:at, :idle)"), values).scalar_one())

    # One-time codes

    def awaits_first_administrator(self, tenant_id: TenantId) -> bool:
        """Whether nobody can administer the tenant yet."""
        with self._database.reading(tenant_id) as tx:
            return not queries.administrator_exists(tx)

    def issue_first_code(self, actor: Actor) -> OneTimeCode:
        """A code that makes its bearer the first administrator; an earlier one stops working.

        Raises:
            AdministratorExists: there is one.
        """
        require(actor, Permission.USER_MANAGE)
        with self._database.transaction(actor.tenant_id) as tx:
            if queries.administrator_exists(tx):
                raise AdministratorExists
            code = new_code()
            now = self._clock.now()
            issued = OneTimeCode(code, CodePurpose.FIRST_ADMINISTRATOR, now + FIRST_CODE_LIFETIME)
            add_code(tx, issued, user_id=None, at=now)
            self._audit.record(
                tx, AuditName.CODE_ISSUED, actor=actor, subject_type="tenant", subject_id=actor.tenant_id
            )
            return issued

    def become_first_administrator(
        self, *, code: str, email: str, name: str, password: str, client: Client
    ) -> NewSession:
        """Make the first administrator and sign them in.

        Raises:
            WrongCode: the code is not good for this.
            InvalidEmail, InvalidName, WeakPassword: the code stays good.
            AdministratorExists: somebody was faster.
        """
        found = self._find_code(code, CodePurpose.FIRST_ADMINISTRATOR, client)
        address, display_name = checked_email(email), checked_name(name)
        stored = self._passwords.hash(checked_password(password, email=address, name=display_name))
        now = self._clock.now()
        with self._database.transaction(found.tenant_id) as tx:
            if not use_code(tx, found.id):
                raise WrongCode
            if queries.administrator_exists(tx):
                raise AdministratorExists
            user_id = add_user(tx, email=address, name=display_name, role=Role.ADMINISTRATOR, at=now)
            set_password_hash(tx, user_id, stored, at=now)
            session = self._open_session(tx, user_id, client, remember_device=True)
            self._audit.record(
                tx,
                AuditName.USER_CREATED,
                actor=session.signed_in.actor,
                subject_type="user",
                subject_id=user_id,
                detail={"role": Role.ADMINISTRATOR.value, "first": True},
            )
            return session

    def set_password_with_code(self, *, code: str, password: str, client: Client) -> NewSession:
        """Set one's password with a code from an administrator, and sign in; all earlier sessions end.

        Raises:
            WrongCode: the code is not good for this.
            WeakPassword: the code stays good.
        """
        found = self._find_code(code, CodePurpose.SET_PASSWORD, client)
        if found.user_id is None:
            raise WrongCode
        person = self._user(found.tenant_id, found.user_id)
        stored = self._passwords.hash(checked_password(password, email=person.email, name=person.name))
        with self._database.transaction(found.tenant_id) as tx:
            if person.disabled_at is not None or not use_code(tx, found.id):
                raise WrongCode
            set_password_hash(tx, person.id, stored, at=self._clock.now())
            end_sessions(tx, person.id)
            session = self._open_session(tx, person.id, client, remember_device=True)
            self._audit.record(
                tx,
                AuditName.PASSWORD_SET,
                actor=session.signed_in.actor,
                subject_type="user",
                subject_id=person.id,
                detail={"with_code": True},
            )
            return session

    # One's own account

    def change_password(self, actor: Actor, *, current: str, new: str, client: Client) -> None:
        """Change one's own password; one's other sessions end.

        Raises:
            WrongCredentials: the current password is wrong.
            WeakPassword: the new one is.
        """
        require(actor, Permission.ACCOUNT_OWN)
        person = self._user(actor.tenant_id, _own_id(actor))
        _, stored, device_is_known = self._credentials(person.email, client)
        buckets = sign_in_buckets(person.email, client, device_is_known=device_is_known)
        self._admit(buckets, client, tenant_id=actor.tenant_id, about=person.id)
        if not self._passwords.verify(stored.password_hash if stored else None, password_bytes(current)):
            raise WrongCredentials
        self._limits.forgive(buckets)
        new_hash = self._passwords.hash(checked_password(new, email=person.email, name=person.name))
        with self._database.transaction(actor.tenant_id) as tx:
            set_password_hash(tx, person.id, new_hash, at=self._clock.now())
            end_sessions(tx, person.id, but=actor.session_id)
            self._audit.record(tx, AuditName.PASSWORD_SET, actor=actor, subject_type="user", subject_id=person.id)

    def set_preferences(self, actor: Actor, *, locale: str | None, theme: Theme) -> None:
        """How the portal speaks to one, and looks; None leaves the language to the browser."""
        require(actor, Permission.ACCOUNT_OWN)
        with self._database.transaction(actor.tenant_id) as tx:
            tx.execute(
                text("UPDATE user_account SET locale = :locale, theme = :theme WHERE id = :id"),
                {"locale": locale, "theme": theme.value, "id": _own_id(actor)},
            )
            self._audit.record(
                tx,
                AuditName.PREFERENCES_SET,
                actor=actor,
                subject_type="user",
                subject_id=actor.user_id,
                detail={"locale": locale, "theme": theme.value},
            )

    # Inside

    def _credentials(self, email: str, client: Client) -> tuple[TenantId, queries.Credentials | None, bool]:
        """The account behind an address, and whether this browser has signed it in before.

        For an address that nobody has, the same questions are asked, and the first tenant's trail takes the attempt.
        """
        with self._database.reading(None) as tx:
            found = queries.credentials(tx, email_key(email))
            home = first_tenant(tx)
        tenant_id, user_id = (found.tenant_id, found.user_id) if found else (home, _NOBODY)
        with self._database.reading(tenant_id) as tx:
            known = queries.device_is_known(tx, user_id, client.device_token or "", at=self._clock.now())
        return tenant_id, found, known

    def _admit(
        self,
        buckets: Sequence[Bucket],
        client: Client,
        *,
        tenant_id: TenantId | None = None,
        about: UserId | None = None,
    ) -> None:
        """Count an attempt; the trail is told when the limits begin to refuse, and not again for every refusal.

        Args:
            tenant_id: whose trail; the first tenant's where it is not known whom the attempt is about.

        Raises:
            TooManyAttempts: a limit is used up.
        """
        try:
            self._limits.admit(buckets)
        except AttemptsLimited as limited:
            self._record_limit(limited.empty, client, tenant_id=tenant_id, about=about)
            raise limited.told from None

    def _record_limit(
        self, empty: Sequence[Bucket], client: Client, *, tenant_id: TenantId | None, about: UserId | None
    ) -> None:
        if tenant_id is None:
            with self._database.reading(None) as tx:
                tenant_id = first_tenant(tx)
        with self._database.transaction(tenant_id) as tx:
            for rule in self._limits.worth_noting(tx, empty):
                self._audit.record(
                    tx,
                    AuditName.ATTEMPTS_LIMITED,
                    actor=_stranger(tenant_id, client),
                    subject_type="user",
                    subject_id=about,
                    outcome=Outcome.REFUSED,
                    detail={"limit": rule.name},
                )

    def _record_refusal(self, tenant_id: TenantId, found: queries.Credentials | None, client: Client) -> None:
        """One transaction in either case: how long the answer takes tells nothing about the address."""
        with self._database.transaction(tenant_id) as tx:
            self._audit.record(
                tx,
                AuditName.SESSION_REFUSED,
                actor=_stranger(tenant_id, client),
                subject_type="user",
                subject_id=found.user_id if found else None,
                outcome=Outcome.REFUSED,
                detail={"known_address": found is not None},
            )

    def _find_code(self, code: str, purpose: CodePurpose, client: Client) -> queries.FoundCode:
        buckets = code_buckets(client)
        self._admit(buckets, client)
        with self._database.reading(None) as tx:
            found = queries.one_time_code(tx, code_hash(code), at=self._clock.now())
        if found is None or found.purpose is not purpose:
            raise WrongCode
        self._limits.forgive(buckets)
        return found

    def _user(self, tenant_id: TenantId, user_id: UserId) -> UserView:
        with self._database.reading(tenant_id) as tx:
            if (person := queries.user(tx, user_id)) is None:
                raise UserNotFound(user=str(user_id))
            return person

    def _open_session(self, tx: Tx, user_id: UserId, client: Client, *, remember_device: bool) -> NewSession:
        now = self._clock.now()
        token = new_token()
        device_token = new_token() if remember_device or client.device_token is None else client.device_token
        session = add_session(tx, user_id, token, client=client, at=now, expires_at=now + self._absolute)
        if remember_device:
            add_device(tx, user_id, device_token, at=now)
        person = queries.user(tx, user_id)
        if person is None:
            raise UserNotFound(user=str(user_id))
        signed_in = SignedIn(queries.actor_of(person, session), person, session, csrf_token(token))
        self._audit.record(
            tx, AuditName.SESSION_OPENED, actor=signed_in.actor, subject_type="session", subject_id=session.id
        )
        return NewSession(signed_in, token, device_token)


def _own_id(actor: Actor) -> UserId:
    if actor.user_id is None:
        raise UserNotFound(user=actor.name)
    return actor.user_id


def _stranger(tenant_id: TenantId, client: Client) -> Actor:
    return Actor(kind=ActorKind.ANONYMOUS, tenant_id=tenant_id, name="anonymous", origin=client.address)
