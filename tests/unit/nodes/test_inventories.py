"""The inventories that are shipped, and the playbook that goes round them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from appliance.configuration.model import find

ROOT = Path(__file__).parents[3]
INVENTORIES = sorted((ROOT / "ansible" / "inventory").glob("*.yml"))


def hosts(inventory: Path) -> dict[str, dict[str, Any]]:
    """Variables by machine, those of all included."""
    groups = yaml.safe_load(inventory.read_text("utf-8"))
    shared = groups.pop("all", {}).get("vars", {})
    return {
        name: {**shared, **(own or {})} for group in groups.values() for name, own in group.get("hosts", {}).items()
    }


def test_there_is_one_for_each_kind_of_site() -> None:
    """One box, a box with workers, three boxes."""
    assert [path.stem for path in INVENTORIES] == ["box-and-workers", "one-box", "three-boxes"]
    assert [len(hosts(path)) for path in INVENTORIES] == [3, 1, 3]


@pytest.mark.parametrize("inventory", INVENTORIES, ids=lambda path: path.stem)
def test_every_machine_is_reached_in_a_way_of_its_own(inventory: Path) -> None:
    """Here, or at an address that no other one has."""
    machines = hosts(inventory).values()
    assert all(machine.get("ansible_connection") == "local" or machine["ansible_host"] for machine in machines)
    addresses = [machine["ansible_host"] for machine in machines if "ansible_host" in machine]
    assert len(set(addresses)) == len(addresses)


@pytest.mark.parametrize("inventory", INVENTORIES, ids=lambda path: path.stem)
def test_what_an_inventory_declares_is_a_setting(inventory: Path) -> None:
    """A misspelt key is found here and not on the site."""
    for machine in hosts(inventory).values():
        for key in machine.get("fleet_settings", {}):
            assert find(key).name == key
