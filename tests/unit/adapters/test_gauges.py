"""What the machine's tools print, and what is made of it."""

from pathlib import Path

from appliance.adapters.gauges import MachineGauges, read_gpus, read_interfaces
from appliance.kernel.units import MIB
from appliance.settings import Settings

TWO_CARDS = "NVIDIA H200, 143771, 1024, 37, 41\nNVIDIA T4, 15360, 3, [N/A], [N/A]\n"


def test_a_card_s_figures_are_read_and_a_missing_one_is_missing() -> None:
    """A card without a fan or a meter says so; that is no zero."""
    large, small = read_gpus(TWO_CARDS)
    assert (large.name, large.total_bytes, large.used_bytes) == ("NVIDIA H200", 143771 * MIB, 1024 * MIB)
    assert (large.busy_share, large.temperature_c) == (0.37, 41)
    assert (small.busy_share, small.temperature_c) == (None, None)


def test_what_is_no_card_is_none() -> None:
    """A driver that complains instead of listing."""
    assert list(read_gpus("No devices were found\n")) == []


def test_addresses_come_with_their_interface_ipv4_first() -> None:
    """The loopback is nobody's way in."""
    listing = [
        {"ifname": "lo", "addr_info": [{"family": "inet", "local": "127.0.0.1", "prefixlen": 8}]},
        {
            "ifname": "eth0",
            "addr_info": [
                {"family": "inet6", "local": "2001:db8::7", "prefixlen": 64},
                {"family": "inet", "local": "192.0.2.7", "prefixlen": 24},
            ],
        },
        {"ifname": "eth1"},
    ]
    assert list(read_interfaces(listing)) == ["eth0 192.0.2.7/24", "eth0 2001:db8::7/64"]


def test_folders_of_one_file_system_count_once(tmp_path: Path) -> None:
    """The same free space is not shown twice, and a folder that is not there not at all."""
    (tmp_path / "a").mkdir()
    gauges = MachineGauges(Settings(data_dir=tmp_path), (tmp_path, tmp_path / "a", tmp_path / "missing"))
    (volume,) = gauges.volumes()
    assert volume.path == str(tmp_path)
    assert 0 < volume.free_bytes <= volume.total_bytes


def test_a_machine_without_a_certificate_has_an_address(tmp_path: Path) -> None:
    """The first minute of an installation shows something too."""
    place = MachineGauges(Settings(data_dir=tmp_path), ()).place()
    assert place.address.startswith("https://")
    assert place.fingerprint == ""
