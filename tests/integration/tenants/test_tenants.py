"""Organisations: founded once, named, and found before anybody has signed in."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy.exc import ProgrammingError

from appliance.database.errors import NotInitialised
from appliance.kernel.clock import FixedClock
from appliance.kernel.ids import TenantId, new_uuid
from appliance.tenants import queries
from appliance.tenants.errors import NoTenant, TenantMissing, TenantNameBlank, TenantNameTaken
from appliance.tenants.service import TenantService
from tests.factories.database import TestDatabase


def test_a_tenant_is_founded_with_a_tidy_name(db: TestDatabase, clock: FixedClock) -> None:
    """Stray spaces are not part of a name."""
    with db.owner.transaction(None) as tx:
        tenant_id = TenantService(clock).found(tx, "  Kékfa \t Egyesület ")
    with db.web.reading(tenant_id) as tx:
        found = queries.show_tenant(tx, tenant_id)
    assert (found.name, found.created_at) == ("Kékfa Egyesület", clock.now())


@pytest.mark.parametrize("name", ["Kékfa Egyesület", "KÉKFA  EGYESÜLET"])
def test_a_name_is_taken_once(db: TestDatabase, tenant: TenantId, clock: FixedClock, name: str) -> None:
    """Also in other case and spacing."""
    with db.owner.transaction(None) as tx, pytest.raises(TenantNameTaken):
        TenantService(clock).found(tx, name)


@pytest.mark.parametrize("name", ["", "   ", "\t\n"])
def test_a_tenant_needs_a_name(db: TestDatabase, clock: FixedClock, name: str) -> None:
    """Nothing is no name."""
    with db.owner.transaction(None) as tx, pytest.raises(TenantNameBlank):
        TenantService(clock).found(tx, name)


def test_the_first_tenant_is_known_to_somebody_without_one(
    db: TestDatabase, found_tenant: Callable[[str], TenantId], clock: FixedClock
) -> None:
    """The oldest one takes what happens before anybody has signed in."""
    first = found_tenant("Alfa")
    clock.advance(timedelta(days=1))
    found_tenant("Béta")
    with db.web.reading(None) as tx:
        assert queries.first_tenant(tx) == first


def test_an_appliance_without_a_tenant_says_what_to_do(db: TestDatabase) -> None:
    """Set-up was not finished."""
    with db.web.reading(None) as tx, pytest.raises(NoTenant) as refusal:
        queries.first_tenant(tx)
    assert refusal.value.remedy == NotInitialised().remedy


def test_another_tenant_does_not_exist_for_the_web(db: TestDatabase, found_tenant: Callable[[str], TenantId]) -> None:
    """Neither shown nor listed; workers see all."""
    ours, theirs = found_tenant("Alfa"), found_tenant("Béta")
    with db.web.reading(ours) as tx:
        assert [tenant.id for tenant in queries.list_tenants(tx)] == [ours]
        for hidden in (theirs, TenantId(new_uuid())):
            with pytest.raises(TenantMissing):
                queries.show_tenant(tx, hidden)
    with db.worker.reading(None) as tx:
        assert {tenant.id for tenant in queries.list_tenants(tx)} == {ours, theirs}


@pytest.mark.parametrize("role", ["web", "worker"])
def test_the_appliance_itself_founds_nobody(db: TestDatabase, clock: FixedClock, role: str) -> None:
    """Founding is an operator's act: the running processes lack the right."""
    database = db.web if role == "web" else db.worker
    with pytest.raises(ProgrammingError, match="permission denied"), database.transaction(None) as tx:
        TenantService(clock).found(tx, "Gamma")
