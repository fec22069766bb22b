"""The keyring: root key over tenants' keys, a tenant's key over its meetings', a meeting's key over its content."""

import os
import threading
from collections.abc import Iterable

from sqlalchemy import text

from appliance.database.engine import Database, Tx
from appliance.kernel.clock import Clock
from appliance.kernel.ids import MeetingId, TenantId
from appliance.keyring import queries
from appliance.keyring.errors import KeyDamaged, KeyDestroyed, KeyExists, KeyMissing
from appliance.keyring.model import KEY_BYTES, Dek, Kek, meeting_key_context, tenant_key_context
from appliance.keyring.ports import KeyProvider
from appliance.keyring.queries import WrappedMeetingKey
from appliance.keyring.wrapping import CannotUnwrap, derive_key, unwrap_key, wrap_key


class KeyRing:
    """Makes, opens and destroys keys inside the caller's transaction; the caller's use case writes the audit event.

    Tenants' keys stay unwrapped in this process's memory. Meetings' keys are fetched each time, so that a destroyed one
    is gone everywhere in the moment of the commit.
    """

    def __init__(self, provider: KeyProvider, clock: Clock) -> None:
        self._provider = provider
        self._clock = clock
        self._keks: dict[tuple[TenantId, int], Kek] = {}
        self._lock = threading.Lock()

    def create_tenant_key(self, tx: Tx, tenant_id: TenantId) -> None:
        """Give a new tenant its key.

        Raises:
            KeyExists: it has one.
        """
        wrapped = self._provider.wrap(os.urandom(KEY_BYTES), context=tenant_key_context(tenant_id, 1))
        created = tx.execute(
            text(
                "INSERT INTO tenant_key (tenant_id, version, provider, wrapped, created_at)"
                " VALUES (:tenant_id, 1, :provider, :wrapped, :at) ON CONFLICT DO NOTHING RETURNING version"
            ),
            {"tenant_id": tenant_id, "provider": self._provider.name, "wrapped": wrapped, "at": self._clock.now()},
        ).one_or_none()
        if created is None:
            raise KeyExists(subject=f"tenant {tenant_id}")

    def create_meeting_key(self, tx: Tx, tenant_id: TenantId, meeting_id: MeetingId) -> Dek:
        """Give a new meeting its key.

        Raises:
            KeyExists: it has one, or had one that was destroyed.
            KeyMissing: the tenant has none.
            KeyDamaged: the tenant's key does not open under this machine's root key.
        """
        kek = self._kek(tx, tenant_id)
        dek = Dek(meeting_id, os.urandom(KEY_BYTES))
        wrapped = wrap_key(kek.key, dek.key, context=meeting_key_context(tenant_id, meeting_id))
        created = tx.execute(
            text(
                "INSERT INTO meeting_key (meeting_id, tenant_id, tenant_key_version, wrapped, created_at)"
                " VALUES (:meeting_id, :tenant_id, :version, :wrapped, :at) ON CONFLICT DO NOTHING RETURNING meeting_id"
            ),
            {
                "meeting_id": meeting_id,
                "tenant_id": tenant_id,
                "version": kek.version,
                "wrapped": wrapped,
                "at": self._clock.now(),
            },
        ).one_or_none()
        if created is None:
            raise KeyExists(subject=f"meeting {meeting_id}")
        return dek

    def meeting_key(self, tx: Tx, meeting_id: MeetingId) -> Dek:
        """The key that opens a meeting's content.

        Raises:
            KeyMissing: no such meeting for this tenant.
            KeyDestroyed: it was deleted.
            KeyDamaged: it does not open.
        """
        found = queries.meeting_keys(tx, [meeting_id])
        if not found:
            raise KeyMissing(subject=f"meeting {meeting_id}")
        if found[0].wrapped is None:
            raise KeyDestroyed(meeting_id=meeting_id)
        return self._open(tx, found[0], found[0].wrapped)

    def meeting_keys(self, tx: Tx, ids: Iterable[MeetingId]) -> dict[MeetingId, Dek]:
        """The keys of many meetings with one question, for lists; missing and destroyed ones are left out.

        Raises:
            KeyDamaged: one of them does not open.
        """
        wanted = list(ids)
        if not wanted:
            return {}
        found = queries.meeting_keys(tx, wanted)
        return {key.meeting_id: self._open(tx, key, key.wrapped) for key in found if key.wrapped is not None}

    def opened(self, database: Database, stored: Iterable[WrappedMeetingKey]) -> dict[MeetingId, Dek]:
        """The keys that a hot read brought along with its rows; destroyed ones are left out.

        The database is asked only for a tenant's key that this process has not seen yet. Meetings' keys are kept no
        longer than the caller keeps them: whoever asks after a key was destroyed finds it gone.

        Raises:
            KeyDamaged: one of them does not open.
        """
        keys = {}
        for key in stored:
            if key.wrapped is not None:
                kek = self._keks.get((key.tenant_id, key.tenant_key_version)) or self._fetch_kek(database, key)
                keys[key.meeting_id] = _unwrapped(kek, key, key.wrapped)
        return keys

    def destroy_meeting_key(self, tx: Tx, meeting_id: MeetingId) -> None:
        """Make a meeting's content unreadable for ever, backups of the blobs included; a second time changes nothing.

        Raises:
            KeyMissing: no such meeting for this tenant.
        """
        touched = tx.execute(
            text(
                "UPDATE meeting_key SET wrapped = NULL, destroyed_at = coalesce(destroyed_at, :at)"
                " WHERE meeting_id = :meeting_id RETURNING meeting_id"
            ),
            {"meeting_id": meeting_id, "at": self._clock.now()},
        ).one_or_none()
        if touched is None:
            raise KeyMissing(subject=f"meeting {meeting_id}")

    def tenant_search_key(self, tx: Tx, tenant_id: TenantId) -> bytes:
        """The key under which a tenant's lexemes are hashed; it opens no content."""
        return derive_key(self._kek(tx, tenant_id).key, info=b"hangjegyzet/search/v1/" + tenant_id.bytes)

    def _open(self, tx: Tx, stored: WrappedMeetingKey, wrapped: bytes) -> Dek:
        return _unwrapped(self._kek(tx, stored.tenant_id, stored.tenant_key_version), stored, wrapped)

    def _fetch_kek(self, database: Database, stored: WrappedMeetingKey) -> Kek:
        with database.reading(stored.tenant_id) as tx:
            return self._kek(tx, stored.tenant_id, stored.tenant_key_version)

    def _kek(self, tx: Tx, tenant_id: TenantId, version: int | None = None) -> Kek:
        if version is not None and (known := self._keks.get((tenant_id, version))):
            return known
        stored = queries.tenant_key(tx, tenant_id, version)
        if stored is None:
            raise KeyMissing(subject=f"tenant {tenant_id}")
        if known := self._keks.get((tenant_id, stored.version)):
            return known
        try:
            key = self._provider.unwrap(stored.wrapped, context=tenant_key_context(tenant_id, stored.version))
        except CannotUnwrap:
            raise KeyDamaged(subject=f"tenant {tenant_id}") from None
        kek = Kek(tenant_id, stored.version, key)
        with self._lock:
            self._keks[tenant_id, stored.version] = kek
        return kek


def _unwrapped(kek: Kek, stored: WrappedMeetingKey, wrapped: bytes) -> Dek:
    try:
        key = unwrap_key(kek.key, wrapped, context=meeting_key_context(stored.tenant_id, stored.meeting_id))
    except CannotUnwrap:
        raise KeyDamaged(subject=f"meeting {stored.meeting_id}") from None
    return Dek(stored.meeting_id, key)
