"""What really goes over the wire: a packet socket sees frames behind the firewall, as the network card would."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

from appliance.egress.model import Network

ETH_P_ALL, ETH_P_IP, ETH_P_IPV6 = 0x0003, 0x0800, 0x86DD
PACKET_OUTGOING = 4
SNAPPED_BYTES = 40
LOOPBACK = "lo"
POLL_S = 0.1
RECEIVE_BUFFER_BYTES = 4 << 20


class LinuxWire:
    """This machine's interfaces."""

    def network(self) -> Network:
        """As this network namespace has it."""
        lines = Path("/proc/self/net/dev").read_text(encoding="ascii").splitlines()[2:]
        names = sorted(name for line in lines if (name := line.partition(":")[0].strip()) != LOOPBACK)
        return Network(names, [*_gateways4(), *_gateways6()])

    @contextmanager
    def watch(self, addresses: Sequence[str]) -> Iterator[Callable[[], int | None]]:
        """Count outgoing packets to these addresses until the block ends; None when nobody may watch."""
        try:
            tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        except OSError:
            yield lambda: None
            return
        watcher = _Watcher(tap, {ip_address(address).packed for address in addresses})
        with tap, watcher:
            yield watcher.count


class _Watcher:
    """Reads frames on a thread of its own while somebody else sends."""

    def __init__(self, tap: socket.socket, wanted: set[bytes]) -> None:
        tap.settimeout(POLL_S)
        tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        self._tap = tap
        self._wanted = wanted
        self._seen = 0
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._read, name="egress-wire", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()

    def count(self) -> int | None:
        """How many were seen until now, those on their way included."""
        self._ends.wait(2 * POLL_S)
        return self._seen

    def _read(self) -> None:
        while not self._ends.is_set():
            try:
                frame, (interface, protocol, direction, *_) = self._tap.recvfrom(SNAPPED_BYTES)
            except TimeoutError:
                continue
            if direction == PACKET_OUTGOING and interface != LOOPBACK and destination(protocol, frame) in self._wanted:
                self._seen += 1


def destination(protocol: int, packet: bytes) -> bytes | None:
    """Where an IP packet is addressed to; None for anything else."""
    if protocol == ETH_P_IP and len(packet) >= 20:
        return packet[16:20]
    if protocol == ETH_P_IPV6 and len(packet) >= 40:
        return packet[24:40]
    return None


def _gateways4() -> Iterator[str]:
    for line in Path("/proc/self/net/route").read_text(encoding="ascii").splitlines()[1:]:
        name, target, gateway, *_ = line.split()
        if target == "00000000":
            yield f"{socket.inet_ntoa(struct.pack('<I', int(gateway, 16)))} ({name})"


def _gateways6() -> Iterator[str]:
    try:
        lines = Path("/proc/self/net/ipv6_route").read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        target, prefix, _, _, gateway, *_, name = line.split()
        if int(target, 16) == 0 and prefix == "00" and name != LOOPBACK:
            yield f"{ip_address(int(gateway, 16).to_bytes(16, 'big'))} ({name})"
