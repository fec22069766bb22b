"""The server's settings: modest, silent about content, and quoted."""

import pytest

from appliance.adapters.postgres.cluster import machine_memory, server_settings
from appliance.adapters.postgres.provisioning import roles_sql
from appliance.kernel.units import GIB, MIB


@pytest.mark.parametrize(
    ("memory", "shared"), [(GIB, "32MB"), (8 * GIB, "128MB"), (24 * GIB, "384MB"), (512 * GIB, "512MB")]
)
def test_the_database_leaves_memory_to_speech(memory: int, shared: str) -> None:
    """A small share of the machine, and never more than half a gigabyte."""
    assert server_settings(memory_bytes=memory, durable=True)["shared_buffers"] == shared


def test_a_real_server_waits_for_the_disk() -> None:
    """Only tests may lose data to a power cut."""
    assert "fsync" not in server_settings(memory_bytes=GIB, durable=True)
    assert server_settings(memory_bytes=GIB, durable=False)["fsync"] == "off"


def test_the_log_takes_no_content() -> None:
    """Neither statements nor the values that error details quote."""
    settings = server_settings(memory_bytes=GIB, durable=True)
    assert settings["log_min_error_statement"] == "panic"
    assert settings["log_error_verbosity"] == "terse"
    assert settings["log_statement"] == "none"


def test_the_memory_of_this_machine_is_known() -> None:
    """It counts the control group's limit as well, and is never nothing."""
    assert 256 * MIB <= machine_memory() < 1024 * 1024 * GIB


def test_roles_are_made_without_powers() -> None:
    """Each of the three, in words that PostgreSQL checks."""
    assert roles_sql().count("NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS") == 3
