"""Settings of jobs that would lose leases by themselves."""

import pytest
from pydantic import ValidationError

from appliance.settings import JobSettings


def test_a_lease_outlives_lost_heartbeats() -> None:
    """Settings under which one late heartbeat loses a step are refused, and the reason names both."""
    assert JobSettings(lease_s=3, heartbeat_s=1).lease_s == 3
    with pytest.raises(ValidationError, match=r"jobs\.lease_s must be at least 3 times jobs\.heartbeat_s"):
        JobSettings(lease_s=3, heartbeat_s=2)
