"""A main box per test."""

from pathlib import Path

import pytest

from appliance.audit.service import AuditTrail
from appliance.kernel.clock import SystemClock
from appliance.kernel.ids import TenantId
from appliance.keyring.service import KeyRing
from tests.factories.database import TestDatabase
from tests.factories.nodes import Machine, MainBox


@pytest.fixture
def main_box(db: TestDatabase, tenant: TenantId, keyring: KeyRing, tmp_path: Path) -> MainBox:
    """By the real clock: TLS asks nobody else's."""
    clock = SystemClock()
    folder = tmp_path / "main"
    folder.mkdir()
    return MainBox(db, tenant, keyring, AuditTrail(clock), clock, folder)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine that would like to work."""
    folder = tmp_path / "machine"
    folder.mkdir()
    return Machine(folder)
