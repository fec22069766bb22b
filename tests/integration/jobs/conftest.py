"""A workshop per test: jobs on a database of their own."""

from collections.abc import Callable
from typing import Any

import pytest

from appliance.audit.service import AuditTrail
from appliance.jobs.model import Saga
from appliance.kernel.ids import TenantId
from appliance.keyring.service import KeyRing
from tests.factories.database import TestDatabase
from tests.factories.jobs import Workshop, saga_map


@pytest.fixture
def workshop(
    db: TestDatabase, tenant: TenantId, keyring: KeyRing, audit: AuditTrail
) -> Callable[[Saga[Any]], Workshop]:
    """Makes the workshop for a saga."""
    return lambda saga: Workshop(db, tenant, keyring, audit, saga_map(saga))
