"""A wire between boxes: a bridge in a network namespace of its own, which leads nowhere.

Whoever tries to send something out reaches the gateway, a canary: it counts every packet that was not agreed upon, and
answers none.
"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.appliance.box import Box

PREFIX = "10.77.0"
GATEWAY = f"{PREFIX}.254"
_CANARY = """
table bridge canary {{
    counter agreed {{}}
    counter others {{}}
    chain judge {{
        ether type arp accept
        icmpv6 type {{ 130-136, 143 }} accept
        ip saddr {prefix}.0/24 ip daddr {prefix}.0/24 tcp dport {{ {ports} }} counter name agreed accept
        ip saddr {prefix}.0/24 ip daddr {prefix}.0/24 tcp sport {{ {ports} }} counter name agreed accept
        {more}
        counter name others log prefix "canary " accept
    }}
    chain forward {{ type filter hook forward priority 0; jump judge; }}
    chain input {{ type filter hook input priority 0; jump judge; drop; }}
}}
"""


class Network:
    """One wire with a port for each box.

    Args:
        name: unique on this host, at most eight letters.
        ports: where boxes may call one another.
        more: further rules for what is agreed upon, in nftables' language.
    """

    def __init__(self, name: str, *, ports: Sequence[int], more: str = "") -> None:
        self.name = name
        self._ports, self._more = ports, more

    def __enter__(self) -> Self:
        _run("ip", "netns", "add", self.name)
        _run("ip", "-n", self.name, "link", "add", "br0", "type", "bridge")
        _run("ip", "-n", self.name, "addr", "add", f"{GATEWAY}/24", "dev", "br0")
        for link in ("lo", "br0"):
            _run("ip", "-n", self.name, "link", "set", link, "up")
        rules = _CANARY.format(prefix=PREFIX, ports=", ".join(map(str, self._ports)), more=self._more)
        _run("ip", "netns", "exec", self.name, "nft", "-f", "-", given=rules)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _run("ip", "netns", "delete", self.name)

    def wire(self, box_name: str, address: str) -> str:
        """A new card with its wire for a box that is about to boot; the namespace that holds it."""
        namespace, port = f"{self.name}-{box_name}", self._port(box_name)
        self.unplug(box_name)
        _run("ip", "netns", "add", namespace)
        _run("ip", "-n", namespace, "link", "add", "lan0", "type", "veth", "peer", "name", port, "netns", self.name)
        _run("ip", "-n", namespace, "addr", "add", f"{address}/24", "dev", "lan0")
        for link in ("lo", "lan0"):
            _run("ip", "-n", namespace, "link", "set", link, "up")
        _run("ip", "-n", namespace, "route", "add", "default", "via", GATEWAY)
        _run("ip", "-n", self.name, "link", "set", port, "master", "br0", "up")
        return namespace

    def unplug(self, box_name: str) -> None:
        """Take the card out of a box that is off."""
        for command in (
            ("ip", "netns", "delete", f"{self.name}-{box_name}"),
            ("ip", "-n", self.name, "link", "delete", self._port(box_name)),
        ):
            subprocess.run(command, capture_output=True, check=False)

    def cut(self, box: Box) -> None:
        """Take a box off the wire; it does not notice but by silence."""
        _run("ip", "-n", self.name, "link", "set", self._port(box.name), "nomaster")

    def mend(self, box: Box) -> None:
        """Put it back."""
        _run("ip", "-n", self.name, "link", "set", self._port(box.name), "master", "br0")

    def counted(self) -> Mapping[str, int]:
        """Packets so far: ``agreed`` upon, and ``others``."""
        listed = _run(
            "ip", "netns", "exec", self.name, "nft", "--json", "list", "counters", "table", "bridge", "canary"
        )
        counters = [entry["counter"] for entry in json.loads(listed)["nftables"] if "counter" in entry]
        return {counter["name"]: counter["packets"] for counter in counters}

    def _port(self, box_name: str) -> str:
        return f"p-{box_name}"[-15:]


class WiredBox(Box):
    """A box with one network card, on a wire of the test's."""

    network: Network
    address: str

    @classmethod
    def on(
        cls,
        network: Network,
        name: str,
        folder: Path,
        *,
        number: int,
        base: Path,
        media: Mapping[str, Path] | None = None,
    ) -> Self:
        """A machine that is switched off, with the address ``PREFIX.number``."""
        box = cls.new(name, folder, base=base, media=media)
        box.network, box.address = network, f"{PREFIX}.{number}"
        return box

    def network_options(self) -> Sequence[str]:
        """A card of its own, new with each boot, as a kernel forgets addresses and rules with the power."""
        namespace = self.network.wire(self.name, self.address)
        # A box with a wire may not set these itself: systemd-nspawn shows it the kernel's switches to read only.
        switches = [
            line.replace(" ", "")
            for file in sorted((self.root / "etc/sysctl.d").glob("*.conf"))
            for line in file.read_text().splitlines()
            if line.startswith("net.")
        ]
        _run("ip", "netns", "exec", namespace, "sysctl", "--quiet", "--write", *switches)
        return (f"--network-namespace-path=/run/netns/{namespace}",)

    def destroy(self) -> None:
        """As any box; its card too."""
        super().destroy()
        self.network.unplug(self.name)


def _run(*command: str, given: str | None = None) -> str:
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout
