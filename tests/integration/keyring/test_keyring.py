"""The keyring on a real database: made, opened, kept apart, destroyed."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from sqlalchemy import event

from appliance.adapters.root_key import MemoryKeyProvider
from appliance.kernel.clock import FixedClock
from appliance.kernel.ids import MeetingId, TenantId, new_uuid
from appliance.keyring import documents
from appliance.keyring.errors import KeyDamaged, KeyDestroyed, KeyExists, KeyMissing
from appliance.keyring.model import Dek
from appliance.keyring.service import KeyRing
from tests.factories.database import TestDatabase


@dataclass
class Holder:
    """A tenant with one meeting."""

    tenant_id: TenantId
    meeting_id: MeetingId
    dek: Dek


@pytest.fixture
def new_holder(db: TestDatabase, keyring: KeyRing, found_tenant: Callable[[str], TenantId]) -> Callable[[str], Holder]:
    """Founds a tenant and gives a meeting of it a key."""

    def new(name: str) -> Holder:
        tenant_id, meeting_id = found_tenant(name), MeetingId(new_uuid())
        with db.web.transaction(tenant_id) as tx:
            return Holder(tenant_id, meeting_id, keyring.create_meeting_key(tx, tenant_id, meeting_id))

    return new


def test_a_meetings_key_comes_back_in_every_process(
    db: TestDatabase, new_holder: Callable[[str], Holder], keyring: KeyRing
) -> None:
    """What the web sealed, a worker opens."""
    holder = new_holder("Alfa")
    sealed = documents.seal(holder.dek, b"titok", purpose="transcript")
    with db.worker.reading(holder.tenant_id) as tx:
        dek = keyring.meeting_key(tx, holder.meeting_id)
    assert documents.unseal(dek, sealed, purpose="transcript") == b"titok"


def test_meetings_have_keys_of_their_own(db: TestDatabase, keyring: KeyRing, tenant: TenantId) -> None:
    """One lost key opens one meeting."""
    with db.web.transaction(tenant) as tx:
        keys = {keyring.create_meeting_key(tx, tenant, MeetingId(new_uuid())).key for _ in range(20)}
    assert len(keys) == 20


def test_the_database_holds_no_key_in_the_open(
    db: TestDatabase, keyring: KeyRing, new_holder: Callable[[str], Holder]
) -> None:
    """Neither a meeting's nor a tenant's key can be read from the tables."""
    holder = new_holder("Alfa")
    with db.connect(db.superuser_url) as superuser:
        stored = superuser.execute(
            "SELECT wrapped FROM meeting_key UNION ALL SELECT wrapped FROM tenant_key"
        ).fetchall()
    kek = next(iter(keyring._keks.values())).key
    assert len(stored) == 2
    assert not [row for (row,) in stored if holder.dek.key in row or kek in row]  # type: ignore[operator]  # bytea


def test_keys_of_another_tenant_do_not_exist(
    db: TestDatabase, keyring: KeyRing, new_holder: Callable[[str], Holder]
) -> None:
    """Asking for them, destroying them and taking their name all fail as if there were none."""
    ours, theirs = new_holder("Alfa"), new_holder("Béta")
    with db.web.transaction(ours.tenant_id) as tx:
        with pytest.raises(KeyMissing):
            keyring.meeting_key(tx, theirs.meeting_id)
        with pytest.raises(KeyMissing):
            keyring.destroy_meeting_key(tx, theirs.meeting_id)
        assert keyring.meeting_keys(tx, [ours.meeting_id, theirs.meeting_id]).keys() == {ours.meeting_id}
        with pytest.raises(KeyMissing):
            KeyRing(keyring._provider, keyring._clock).tenant_search_key(tx, theirs.tenant_id)
    with db.web.reading(theirs.tenant_id) as tx:
        assert keyring.meeting_key(tx, theirs.meeting_id) == theirs.dek


def test_a_destroyed_key_is_gone_for_good(
    db: TestDatabase, keyring: KeyRing, new_holder: Callable[[str], Holder], clock: FixedClock
) -> None:
    """Destroying is deletion: the row stays as the proof, the key does not, and no new one takes its place."""
    holder = new_holder("Alfa")
    with db.web.transaction(holder.tenant_id) as tx:
        keyring.destroy_meeting_key(tx, holder.meeting_id)
        keyring.destroy_meeting_key(tx, holder.meeting_id)
    with db.web.reading(holder.tenant_id) as tx, pytest.raises(KeyDestroyed):
        keyring.meeting_key(tx, holder.meeting_id)
    with db.web.reading(holder.tenant_id) as tx:
        assert keyring.meeting_keys(tx, [holder.meeting_id]) == {}
    with db.web.transaction(holder.tenant_id) as tx, pytest.raises(KeyExists):
        keyring.create_meeting_key(tx, holder.tenant_id, holder.meeting_id)
    with db.connect(db.superuser_url) as superuser:
        row = superuser.execute("SELECT wrapped, destroyed_at FROM meeting_key").fetchone()
    assert row == (None, clock.now())


def test_a_key_whose_destruction_rolled_back_is_still_there(
    db: TestDatabase, keyring: KeyRing, new_holder: Callable[[str], Holder]
) -> None:
    """Deletion happens with the commit of its use case, or not at all."""
    holder = new_holder("Alfa")
    with db.web.transaction(holder.tenant_id) as tx:
        keyring.destroy_meeting_key(tx, holder.meeting_id)
        tx.rollback()
    with db.web.reading(holder.tenant_id) as tx:
        assert keyring.meeting_key(tx, holder.meeting_id) == holder.dek


def test_another_root_key_opens_nothing(
    db: TestDatabase, clock: FixedClock, new_holder: Callable[[str], Holder]
) -> None:
    """A stolen database without the machine's root key is noise."""
    holder = new_holder("Alfa")
    stranger = KeyRing(MemoryKeyProvider(), clock)
    with db.web.reading(holder.tenant_id) as tx, pytest.raises(KeyDamaged):
        stranger.meeting_key(tx, holder.meeting_id)


def test_a_wrapped_key_moved_to_another_meeting_does_not_open(
    db: TestDatabase, keyring: KeyRing, tenant: TenantId
) -> None:
    """Whoever can write the table can't give one meeting the key of another."""
    first, second = MeetingId(new_uuid()), MeetingId(new_uuid())
    with db.web.transaction(tenant) as tx:
        keyring.create_meeting_key(tx, tenant, first)
        keyring.create_meeting_key(tx, tenant, second)
    with db.connect(db.owner_url) as owner:
        owner.execute(
            "UPDATE meeting_key SET wrapped = (SELECT wrapped FROM meeting_key WHERE meeting_id = %s)"
            " WHERE meeting_id = %s",
            [first, second],
        )
    with db.web.reading(tenant) as tx, pytest.raises(KeyDamaged):
        keyring.meeting_key(tx, second)


def test_many_keys_come_with_one_question(db: TestDatabase, keyring: KeyRing, tenant: TenantId) -> None:
    """A page of fifty meetings asks the database once."""
    ids = [MeetingId(new_uuid()) for _ in range(50)]
    with db.web.transaction(tenant) as tx:
        made = {meeting_id: keyring.create_meeting_key(tx, tenant, meeting_id) for meeting_id in ids}
    asked: list[str] = []
    event.listen(db.web.engine, "before_cursor_execute", lambda *arguments: asked.append(arguments[2]))
    with db.web.reading(tenant) as tx:
        assert keyring.meeting_keys(tx, ids) == made
        assert keyring.meeting_keys(tx, []) == {}
    assert len([statement for statement in asked if "meeting_key" in statement]) == 1


def test_a_tenant_gets_one_key(db: TestDatabase, keyring: KeyRing, tenant: TenantId) -> None:
    """A second one would lock out what is under the first."""
    with db.owner.transaction(tenant) as tx, pytest.raises(KeyExists):
        keyring.create_tenant_key(tx, tenant)


def test_a_meeting_of_a_tenant_without_key_gets_none(db: TestDatabase, keyring: KeyRing) -> None:
    """There is nothing to wrap it under, so nothing is stored."""
    nobody = TenantId(new_uuid())
    with db.web.transaction(nobody) as tx, pytest.raises(KeyMissing):
        keyring.create_meeting_key(tx, nobody, MeetingId(new_uuid()))


def test_search_keys_are_stable_and_apart(
    db: TestDatabase, keyring: KeyRing, found_tenant: Callable[[str], TenantId]
) -> None:
    """The same word gives the same lexeme to one tenant in every process, and another one to another tenant."""
    first, second = found_tenant("Alfa"), found_tenant("Béta")
    with db.worker.reading(first) as tx:
        ours = keyring.tenant_search_key(tx, first)
        assert KeyRing(keyring._provider, keyring._clock).tenant_search_key(tx, first) == ours
    with db.worker.reading(second) as tx:
        assert keyring.tenant_search_key(tx, second) != ours
    assert len(ours) == 32
