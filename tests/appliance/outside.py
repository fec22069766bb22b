"""What is outside of a box: a wire out of it, and somebody at its end who hears every packet and answers all addresses.

The other end lies in a network namespace of its own on the host, so that the host's network stays as it is. There every
address of the documentation's ranges is a local one: whatever the box lets out finds a listener. A packet socket writes
down each IP packet that arrives; neighbour discovery and ARP, which tell nobody anything, are not counted.

::

    python -m tests.appliance.outside INTERFACE FILE
"""

import json
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.appliance.box import Box

ROOT = Path(__file__).parents[2]
BOX_IPV4, BOX_IPV6 = "10.77.0.2", "fd77::2"
OUTSIDE_IPV4, OUTSIDE_IPV6 = "10.77.0.1", "fd77::1"
EVERYWHERE4, EVERYWHERE6 = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"), ("2001:db8::/32",)
PORTS_TCP, PORTS_UDP = (22, 53, 80, 443), (53, 123, 443)
ETH_P_ALL, ETH_P_IP, ETH_P_IPV6 = 0x0003, 0x0800, 0x86DD
NEIGHBOURS = range(133, 138)
PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmp"}
READY_LIMIT_S = 10.0
SETTLE_S = 0.5


class Outside:
    """The world at the end of a box's only wire; the box has default routes to it while the block lasts."""

    def __init__(self, box: Box, folder: Path) -> None:
        self._box = box
        self._name = f"{box.name}-out"
        self._heard = folder / f"{self._name}.heard"
        self._listener: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        inside, outside = f"{self._box.name[:10]}-i", f"{self._box.name[:10]}-o"
        self._tear_down()
        _ip("netns", "add", self._name)
        _ip("link", "add", outside, "type", "veth", "peer", "name", inside)
        _ip("link", "set", outside, "netns", self._name)
        _ip("link", "set", inside, "netns", str(self._box.leader), "name", "wan0")
        for command in (
            f"link set {outside} up", "link set lo up",
            f"addr add {OUTSIDE_IPV4}/24 dev {outside}", f"addr add {OUTSIDE_IPV6}/64 dev {outside} nodad",
            *(f"route add local {network} dev lo" for network in EVERYWHERE4),
            *(f"-6 route add local {network} dev lo" for network in EVERYWHERE6),
        ):  # fmt: skip
            _ip("-n", self._name, *command.split())
        for command in (
            "link set wan0 up",
            f"addr add {BOX_IPV4}/24 dev wan0", f"addr add {BOX_IPV6}/64 dev wan0 nodad",
            f"route add default via {OUTSIDE_IPV4}", f"-6 route add default via {OUTSIDE_IPV6}",
        ):  # fmt: skip
            self._box.run("ip", *command.split())
        self._listen(outside)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._listener is not None:
            self._listener.terminate()
            self._listener.wait()
        self._tear_down()

    def heard(self) -> Counter[str]:
        """How many packets of which protocol have arrived so far, those on their way included."""
        time.sleep(SETTLE_S)
        lines = [json.loads(line) for line in self._heard.read_text().splitlines()]
        return Counter(str(line["protocol"]) for line in lines if "protocol" in line)

    def forget(self) -> None:
        """Count from nothing again."""
        time.sleep(SETTLE_S)
        self._heard.write_text("")

    def _listen(self, interface: str) -> None:
        self._heard.write_text("")
        command = ["ip", "netns", "exec", self._name, sys.executable, "-m", "tests.appliance.outside"]
        self._listener = subprocess.Popen([*command, interface, str(self._heard)], cwd=ROOT)
        deadline = time.monotonic() + READY_LIMIT_S
        while '"ready"' not in self._heard.read_text():
            assert time.monotonic() < deadline
            assert self._listener.poll() is None
            time.sleep(0.05)

    def _tear_down(self) -> None:
        subprocess.run(["ip", "netns", "delete", self._name], capture_output=True, check=False)


def listen(interface: str, heard: Path) -> None:
    """Answer on every address, and write down what arrives, until the process is ended."""
    for port in PORTS_TCP:
        server = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
        threading.Thread(target=_welcome, args=(server,), daemon=True).start()
    for port in PORTS_UDP:
        udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        udp.bind(("::", port))
        threading.Thread(target=_swallow, args=(udp,), daemon=True).start()
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
    tap.bind((interface, ETH_P_ALL))
    with heard.open("a", buffering=1) as file:
        file.write(json.dumps({"state": "ready"}) + "\n")
        while True:
            packet, (_, kind, direction, *_) = tap.recvfrom(65535)
            if direction != socket.PACKET_OUTGOING and (protocol := _protocol(kind, packet)):
                file.write(json.dumps({"protocol": protocol, "bytes": len(packet)}) + "\n")


def _protocol(kind: int, packet: bytes) -> str | None:
    """What an IP packet carries; None for what only finds neighbours."""
    if kind == ETH_P_IP:
        return PROTOCOLS.get(packet[9], str(packet[9]))
    if kind == ETH_P_IPV6:
        if packet[6] == 58 and packet[40] in NEIGHBOURS:
            return None
        return PROTOCOLS.get(packet[6], str(packet[6]))
    return None


def _welcome(server: socket.socket) -> None:
    while True:
        visitor, _ = server.accept()
        visitor.close()


def _swallow(udp: socket.socket) -> None:
    while True:
        udp.recvfrom(65535)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


if __name__ == "__main__":
    listen(sys.argv[1], Path(sys.argv[2]))
