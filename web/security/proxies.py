"""Whose address a request came from, when trusted proxies stand between."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from itertools import islice
from typing import Final

_Address = IPv4Address | IPv6Address
_Networks = Sequence[IPv4Network | IPv6Network]

MOST_HOPS: Final = 20
"""A longer chain is nobody's proxies; reading it would be work for nothing."""


def client_address(peer: str, forwarded: Sequence[str], *, trusted: _Networks) -> str:
    """The address nearest to us that is no trusted proxy's.

    Read from the right, because each proxy adds its own client at the end and what stands left of that is hearsay.

    Args:
        peer: of the connection.
        forwarded: the values of ``X-Forwarded-For``, in the order of the headers.
        trusted: networks of proxies that write that header truthfully; without any it is not looked at.
    """
    if not trusted or (near := _parsed(peer)) is None:
        return peer
    claims = [claim for value in forwarded for claim in value.split(",")]
    for claim in islice(reversed(claims), MOST_HOPS):
        if not _is_in(near, trusted) or (far := _parsed(claim)) is None:
            break
        near = far
    return str(near)


def _is_in(address: _Address, networks: _Networks) -> bool:
    return any(address in network for network in networks)


def _parsed(text: str) -> _Address | None:
    """An address as proxies write it, with or without a port; an IPv4 address in IPv6's clothes is the IPv4 one."""
    plain = text.strip()
    if plain.startswith("["):
        plain = plain[1:].partition("]")[0]
    elif plain.count(":") == 1:
        plain = plain.partition(":")[0]
    try:
        address = ip_address(plain)
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
