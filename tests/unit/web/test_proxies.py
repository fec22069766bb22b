"""Which address counts, whatever a header claims."""

from ipaddress import ip_network

import pytest
from pydantic import ValidationError

from appliance.settings import WebSettings
from web.security.proxies import MOST_HOPS, client_address

TRUSTED = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


@pytest.mark.parametrize("peer", ["203.0.113.9", "10.0.0.1", "::1", "local"])
def test_without_trusted_proxies_the_header_is_not_looked_at(peer: str) -> None:
    """As an appliance comes: who connects is who asks."""
    assert client_address(peer, ["198.51.100.1"], trusted=[]) == peer


def test_a_stranger_who_writes_the_header_gains_nothing() -> None:
    """Somebody who reaches the portal around the proxy is who they are."""
    assert client_address("203.0.113.9", ["10.0.0.1", "198.51.100.1"], trusted=TRUSTED) == "203.0.113.9"


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        (["198.51.100.1"], "198.51.100.1"),
        (["6.6.6.6, 198.51.100.1"], "198.51.100.1"),
        (["6.6.6.6", "198.51.100.1"], "198.51.100.1"),
        (["6.6.6.6, 198.51.100.1, 10.0.0.7"], "198.51.100.1"),
        (["10.0.0.9, 6.6.6.6, 198.51.100.1 , 10.0.0.7"], "198.51.100.1"),
        (["10.0.0.9, 10.0.0.7"], "10.0.0.9"),
        (["2001:db8::7"], "2001:db8::7"),
        (["[2001:db8::7]:4711"], "2001:db8::7"),
        (["198.51.100.1:4711"], "198.51.100.1"),
        (["::ffff:198.51.100.1"], "198.51.100.1"),
        (["2001:db8::7, fd00::1"], "2001:db8::7"),
    ],
)
def test_behind_a_proxy_the_nearest_address_that_is_none_counts(forwarded: list[str], expected: str) -> None:
    """What the client itself wrote stands left of what the proxy added, and is never reached."""
    assert client_address("10.0.0.1", forwarded, trusted=TRUSTED) == expected


@pytest.mark.parametrize("garbage", ["", "unknown", "_hidden", "198.51.100.1.5", "<script>", "' OR 1=1 --", "[", "%"])
def test_what_is_no_address_is_never_taken_for_one(garbage: str) -> None:
    """The proxy's own address counts then, and nothing that somebody typed."""
    assert client_address("10.0.0.1", [garbage], trusted=TRUSTED) == "10.0.0.1"
    assert client_address("10.0.0.1", [f"6.6.6.6, {garbage}"], trusted=TRUSTED) == "10.0.0.1"


def test_a_proxy_in_ipv6s_clothes_is_known() -> None:
    """A listener for both families sees IPv4 peers as mapped addresses."""
    assert client_address("::ffff:10.0.0.1", ["198.51.100.1"], trusted=TRUSTED) == "198.51.100.1"


def test_an_endless_chain_is_not_read_to_its_end() -> None:
    """A header of megabytes costs no more than a short one."""
    chain = ["198.51.100.1", *["10.0.0.2"] * (MOST_HOPS + 5)]
    assert client_address("10.0.0.1", [", ".join(chain)], trusted=TRUSTED) == "10.0.0.2"


@pytest.mark.parametrize("network", ["0.0.0.0/0", "::/0", "10.0.0.1/8", "proxy.example.org"])
def test_a_setting_that_would_believe_everybody_is_refused(network: str) -> None:
    """So is one that names a host with the width of a network, and a name."""
    with pytest.raises(ValidationError):
        WebSettings.model_validate({"trusted_proxies": [network]})


def test_networks_and_single_addresses_can_be_trusted() -> None:
    """As they are written in the file."""
    settings = WebSettings.model_validate({"trusted_proxies": ["10.0.0.0/8", "2001:db8::1"]})
    assert settings.trusted_proxies == ("10.0.0.0/8", "2001:db8::1")
