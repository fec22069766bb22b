"""Whether nothing can leave this machine: asked of the firewall, and tried."""

import errno
import json
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from appliance.health.model import Check, Evidence, Finding, Severity

PROBES = (
    ("tcp", "192.0.2.1", 443),
    ("tcp", "198.51.100.1", 80),
    ("udp", "203.0.113.1", 53),
    ("tcp", "2001:db8::1", 443),
)
"""Addresses that exist nowhere (RFC 5737, RFC 3849): a packet to them disturbs nobody, and its leaving is a leak."""
PATIENCE_S = 1.0
TABLE = "hangjegyzet"


@dataclass(frozen=True, slots=True)
class Firewall:
    """The output chain of our table, as the kernel has it now."""

    drops: bool
    refused_packets: int


def egress(
    firewall: Callable[[], Firewall | None] | None = None,
    attempt: Callable[[str, str, int], str] | None = None,
    probes: Sequence[tuple[str, str, int]] = PROBES,
) -> Check:
    """Whether the firewall drops what goes out, and a packet that is sent out does not get anywhere."""
    return Check("egress", "Nothing leaves", lambda: _look(firewall or _firewall, attempt or _attempt, probes))


def _look(
    firewall: Callable[[], Firewall | None],
    attempt: Callable[[str, str, int], str],
    probes: Sequence[tuple[str, str, int]],
) -> Finding:
    rules = firewall()
    tried = {f"{kind} {address} {port}": attempt(kind, address, port) for kind, address, port in probes}
    evidence: dict[str, Evidence] = {"output_policy": "drop" if rules and rules.drops else "open", **tried}
    if rules is not None:
        evidence["refused_packets"] = rules.refused_packets
    remedy = "Load the rules: hangjegyzet apply. Until then take the machine off the network."
    if leaks := [target for target, outcome in tried.items() if outcome == "sent"]:
        return Finding(Severity.CRITICAL, f"Packets left for {', '.join(leaks)}.", evidence, remedy)
    if rules is None or not rules.drops:
        return Finding(Severity.CRITICAL, "The firewall does not drop what goes out.", evidence, remedy)
    return Finding(Severity.OK, f"The firewall drops what goes out; {len(tried)} attempts got nowhere.", evidence)


def _attempt(kind: str, address: str, port: int) -> str:
    """Try to send something out; the answer is why it did not go, ``no answer``, or ``sent``."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as probe:
        probe.settimeout(PATIENCE_S)
        try:
            probe.connect((address, port))
            probe.send(b"\0")
        except TimeoutError:
            return "no answer"
        except OSError as error:
            return errno.errorcode.get(error.errno or 0, "refused")
    return "sent"


def _firewall() -> Firewall | None:
    """What the kernel's tables say; None when ours is not there."""
    command = ["nft", "--json", "list", "table", "inet", TABLE]
    listed = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    if listed.returncode != 0:
        return None
    return read_firewall(json.loads(listed.stdout))


def read_firewall(listing: Mapping[str, Any]) -> Firewall:
    """What matters in ``nft --json list table``."""
    entries = listing["nftables"]
    chains = [entry["chain"] for entry in entries if "chain" in entry]
    counters = [entry["counter"] for entry in entries if "counter" in entry]
    return Firewall(
        drops=any(chain.get("hook") == "output" and chain.get("policy") == "drop" for chain in chains),
        refused_packets=sum(counter["packets"] for counter in counters if counter["name"] == "refused_out"),
    )
