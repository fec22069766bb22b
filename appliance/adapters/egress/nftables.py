"""The firewall, read from the kernel and never from its file alone."""

import hashlib
import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from appliance.adapters.egress.sandboxes import run_apart
from appliance.egress.errors import FirewallStuck
from appliance.egress.model import Rules

RULES_FILE = Path("/etc/nftables.conf")
TABLE = "hangjegyzet"
_HARMLESS = (
    re.compile(r'oif (lo|"lo"|1) accept'),
    re.compile(r"ct state (0x2,0x4|established,related) accept"),
    re.compile(r"icmpv6 type \{ (nd-neighbor-solicit, nd-neighbor-advert|135, 136|135-136) \} accept"),
    re.compile(r"counter (packets \d+ bytes \d+|name \"?refused_out\"?)( drop)?"),
)
"""What an output chain may let through and still be silent: answers, the machine itself, its neighbours' addresses."""


class Nftables:
    """The tables that the kernel goes by.

    Args:
        rules_file: what they were loaded from, to compare with.
    """

    def __init__(self, rules_file: Path = RULES_FILE) -> None:
        self._rules_file = rules_file

    def rules(self) -> Rules | None:
        """As they are now; None when our table is not loaded, or nobody may read it."""
        listed = _nft("--json", "list", "table", "inet", TABLE)
        if listed is None:
            return None
        chain = _nft("--stateless", "list", "chain", "inet", TABLE, "output") or ""
        text = _nft("--stateless", "list", "ruleset") or ""
        drops, refused = read_table(json.loads(listed))
        return Rules(
            drops=drops,
            openings=openings(chain),
            as_declared=self._as_declared(),
            refused=refused,
            sha256=hashlib.sha256(text.encode()).hexdigest(),
            text=text,
        )

    def load(self) -> None:
        """Bring the rules back from their file.

        Raises:
            FirewallStuck: they could not be loaded.
        """
        if _nft("--file", str(self._rules_file)) is None:
            raise FirewallStuck(file=self._rules_file)

    def _as_declared(self) -> bool | None:
        """Whether our table in force is what the file gives in a network of its own; None where none can be made."""
        if not self._rules_file.exists():
            return None
        script = f'nft --file "$0" && nft --stateless list table inet {TABLE}'
        try:
            fresh = run_apart(["/bin/sh", "-c", script, str(self._rules_file)], ["PrivateNetwork=yes"])
        except (OSError, subprocess.SubprocessError):
            return None
        return fresh == _nft("--stateless", "list", "table", "inet", TABLE)


def read_table(listing: Mapping[str, Any]) -> tuple[bool, int]:
    """From ``nft --json list table``: whether output is dropped, and how many packets were refused."""
    entries = listing["nftables"]
    chains = [entry["chain"] for entry in entries if "chain" in entry]
    counters = [entry["counter"] for entry in entries if "counter" in entry]
    drops = any(chain.get("hook") == "output" and chain.get("policy") == "drop" for chain in chains)
    return drops, sum(counter["packets"] for counter in counters if counter["name"] == "refused_out")


def openings(chain: str) -> tuple[str, ...]:
    """Rules of a listed output chain that are none of the harmless ones."""
    lines = (line.strip() for line in chain.splitlines())
    rules = (line for line in lines if line and not line.startswith(("table ", "chain ", "type ", "}", "#")))
    return tuple(rule for rule in rules if not any(pattern.fullmatch(rule) for pattern in _HARMLESS))


def _nft(*arguments: str) -> str | None:
    """What ``nft`` prints; None when it failed. Started by systemd: the caller needs no right to the firewall."""
    try:
        return run_apart(["/usr/sbin/nft", *arguments], ())
    except (OSError, subprocess.SubprocessError):
        return None
