"""``python -m tests.bench.bench_web``: the portal's budgets on this machine, against a portal in a process of its own.

Prints memory at rest; p50 and p95 of pages and API reads with 32 clients that ask without a pause, over 100 000
meetings; what an upload of 2 GiB adds to memory; and how fast a recording comes back by range. Plain HTTP on the
loopback: what is measured is the portal and not the cipher of the wire.
"""

import argparse
import base64
import hashlib
import http.client
import json
import os
import selectors
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from appliance.adapters.postgres import EmbeddedServer, open_server
from appliance.adapters.root_key import FileKeyProvider
from appliance.database.engine import Database
from appliance.database.roles import DATABASE_NAME, DatabaseRole
from appliance.entry import provision
from appliance.kernel.clock import SystemClock
from appliance.kernel.ids import TenantId, UserId, new_uuid
from appliance.kernel.units import MIB
from appliance.keyring.service import KeyRing
from appliance.settings import Settings
from tests.bench.archive import fill_archive
from tests.factories.database import libpq
from tests.factories.identity import PASSWORD
from tests.factories.portal_process import PortalProcess, portal_process

CLIENTS = 32
SLICE = 8 * MIB
BUDGETS = {
    "rss_mib": ("at most", 200.0),
    "upload_extra_mib": ("at most", 20.0),
    "range_mb_s": ("at least", 300.0),
    "p95_ms": ("at most", 100.0),
}


@dataclass
class Visitor:
    """Somebody signed in: the cookie and token of all that follows."""

    host: str
    port: int
    cookie: str
    csrf_token: str
    user_id: UserId
    _connection: http.client.HTTPConnection | None = field(default=None, repr=False)

    @classmethod
    def of(cls, portal: PortalProcess) -> "Visitor":
        """Sign in."""
        host, port = portal.url.removeprefix("http://").split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=120)
        body = json.dumps({"email": portal.email, "password": PASSWORD})
        connection.request("POST", "/api/v1/sessions", body, {"content-type": "application/json"})
        answer = connection.getresponse()
        told = json.loads(answer.read())
        cookie = "; ".join(value.split(";")[0] for name, value in answer.getheaders() if name == "set-cookie")
        return cls(host, int(port), cookie, told["csrf_token"], UserId(told["user"]["id"]), connection)

    @property
    def headers(self) -> dict[str, str]:
        """Of every request."""
        return {"cookie": self.cookie, "x-csrf-token": self.csrf_token}

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        """One request on the visitor's own connection."""
        assert self._connection is not None
        sent = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request(method, path, body, sent)
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def reconnect(self) -> None:
        """Begin a new connection: the portal closes those that were idle for half a minute."""
        self._connection = http.client.HTTPConnection(self.host, self.port, timeout=120)

    def json(self, method: str, path: str, value: Any = None) -> Any:
        """One request with JSON both ways."""
        body = None if value is None else json.dumps(value).encode()
        status, data = self.ask(method, path, body, content_type="application/json")
        assert status < 300, (status, data)
        return json.loads(data)


def load(visitor: Visitor, path: str, *, clients: int, each: int) -> list[float]:
    """Milliseconds of every request when ``clients`` ask ``each`` times, one right after the other.

    Bare sockets in one thread: the generator shares the cores with what it measures, and costs some 30 µs a request.
    Every answer must be 200 and as long as it says.
    """
    request = f"GET {path} HTTP/1.1\r\nhost: {visitor.host}:{visitor.port}\r\ncookie: {visitor.cookie}\r\n\r\n".encode()

    took: list[float] = []
    with selectors.DefaultSelector() as waiting, ExitStack() as held:
        for _ in range(clients):
            connection = held.enter_context(socket.create_connection((visitor.host, visitor.port), timeout=120))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            waiting.register(connection, selectors.EVENT_READ, _Asked(connection, request, left=each))
        while waiting.get_map():
            for key, _ in waiting.select():
                asked: _Asked = key.data
                if asked.read():
                    took.append(asked.again())
                    if not asked.left:
                        waiting.unregister(asked.connection)
    return took


class _Asked:
    """One client of the load: its connection, and what has come of the answer."""

    def __init__(self, connection: socket.socket, request: bytes, *, left: int) -> None:
        self.connection = connection
        self.left = left
        self._request = request
        self._answer = bytearray()
        self._wanted: int | None = None
        self._begun = 0.0
        self._begin()

    def read(self) -> bool:
        """Take what has arrived; whether the answer is whole."""
        part = self.connection.recv(1 << 17)
        assert part, "the portal closed the connection"
        self._answer += part
        if self._wanted is None and (end := self._answer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._answer[:end]).lower()
            assert head.startswith(b"http/1.1 200"), head[:200]
            self._wanted = end + 4 + int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        assert self._wanted is None or len(self._answer) <= self._wanted
        return len(self._answer) == self._wanted

    def again(self) -> float:
        """How many milliseconds the answer took; the next request goes out, if one is left."""
        took = (time.perf_counter() - self._begun) * 1000
        self.left -= 1
        if self.left:
            self._begin()
        return took

    def _begin(self) -> None:
        self._answer.clear()
        self._wanted = None
        self._begun = time.perf_counter()
        self.connection.sendall(self._request)


def measure_reads(portal: PortalProcess, visitor: Visitor, *, clients: int, each: int) -> dict[str, dict[str, float]]:
    """Latency of what people open all day."""
    meetings = visitor.json("GET", "/api/v1/meetings?limit=50")["meetings"]
    meeting, job = meetings[0]["id"], meetings[0]["job_id"]
    paths = {
        "api list": "/api/v1/meetings",
        "api meeting": f"/api/v1/meetings/{meeting}",
        "api job": f"/api/v1/jobs/{job}",
        "api session": "/api/v1/sessions/current",
        "page list": "/meetings",
        "page meeting": f"/meetings/{meeting}",
    }
    report = {}
    for name, path in paths.items():
        load(visitor, path, clients=4, each=5)
        begun, cpu_s = time.perf_counter(), portal.cpu_s()
        took = sorted(load(visitor, path, clients=clients, each=each))
        spent_s = time.perf_counter() - begun
        report[name] = {
            "p50_ms": round(statistics.median(took), 1),
            "p95_ms": round(took[int(len(took) * 0.95)], 1),
            "per_s": round(len(took) / spent_s, 1),
            "cpu_ms": round((portal.cpu_s() - cpu_s) / len(took) * 1000, 2),
        }
    return report


def measure_upload(portal: PortalProcess, visitor: Visitor, size_bytes: int) -> tuple[dict[str, float], str]:
    """What sending ``size_bytes`` adds to memory, and how fast it goes; and the meeting that comes of it."""
    visitor.reconnect()
    block = os.urandom(SLICE)
    digests = {SLICE: _digest(block)}
    declared = {"filename": "bench.wav", "size_bytes": size_bytes}
    idle_mib = portal.rss_mib()
    with _watched(portal) as peak:
        upload = visitor.json("POST", "/api/v1/uploads", declared)["id"]
        begun = time.perf_counter()
        for offset in range(0, size_bytes, SLICE):
            piece = block[: min(SLICE, size_bytes - offset)]
            digest = digests.setdefault(len(piece), _digest(piece))
            path = f"/api/v1/uploads/{upload}?offset={offset}"
            status, answer = visitor.ask("PUT", path, piece, content_digest=digest)
            assert status == 200, answer
        sent_s = time.perf_counter() - begun
        meeting = visitor.json("POST", f"/api/v1/uploads/{upload}/complete", {})["meeting_id"]
    report = {
        "upload_mib": size_bytes / MIB,
        "idle_mib": round(idle_mib, 1),
        "peak_mib": round(peak[0], 1),
        "upload_extra_mib": round(peak[0] - idle_mib, 1),
        "upload_mb_s": round(size_bytes / 1e6 / sent_s, 1),
    }
    return report, meeting


def measure_ranges(visitor: Visitor, meeting: str, size_bytes: int) -> dict[str, float]:
    """Megabytes a second of one range over everything, and the time to the first byte of a jump."""
    path = f"/api/v1/meetings/{meeting}/audio"
    visitor.reconnect()
    buffer = bytearray(MIB)
    connection = http.client.HTTPConnection(visitor.host, visitor.port, timeout=120)
    rates = []
    for _ in range(3):
        begun = time.perf_counter()
        connection.request("GET", path, headers={"cookie": visitor.cookie, "range": "bytes=0-"})
        answer = connection.getresponse()
        assert answer.status == 206
        taken = 0
        while count := answer.readinto(buffer):
            taken += count
        rates.append(taken / 1e6 / (time.perf_counter() - begun))
        assert taken == size_bytes
    jumps = []
    for number in range(60):
        first = number * 7919 * 65_537 % (size_bytes - MIB)
        begun = time.perf_counter()
        status, data = visitor.ask("GET", path, range=f"bytes={first}-{first + 65_535}")
        jumps.append((time.perf_counter() - begun) * 1000)
        assert (status, len(data)) == (206, 65_536)
    jumps.sort()
    return {"range_mb_s": round(max(rates), 1), "jump_p95_ms": round(jumps[int(len(jumps) * 0.95)], 1)}


@contextmanager
def _watched(portal: PortalProcess) -> Iterator[list[float]]:
    """The most memory that the portal had during the block."""
    peak, over = [portal.rss_mib()], threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            peak[0] = max(peak[0], portal.rss_mib())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        over.set()
        watcher.join()


def _digest(piece: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(piece).digest()).decode()}:"


def fill(settings: Settings, owner: UserId, count: int) -> None:
    """Give the database its archive; a tenth of it belongs to ``owner``."""
    server = open_server(settings)
    assert isinstance(server, EmbeddedServer)
    with server.running():
        database = Database(server.url(DatabaseRole.WEB), pool_size=1)
        with database.reading(None) as tx:
            tenant = TenantId(tx.connection().exec_driver_sql("SELECT first_tenant()").scalar_one())
        keyring = KeyRing(FileKeyProvider(settings.root_key_path), SystemClock())
        owners = [owner, *(UserId(new_uuid()) for _ in range(9))]
        with psycopg.connect(libpq(server.superuser_url(DATABASE_NAME)), autocommit=True) as connection:
            fill_archive(connection, database, keyring, tenant, owners=owners, count=count, until=datetime.now(UTC))
        database.dispose()


def within_budget(report: Mapping[str, Any]) -> bool:
    """Print every budget with what was measured; whether all are kept."""
    slowest = max(read["p95_ms"] for read in report["reads"].values())
    measured = {**report, **report["upload"], **report["ranges"], "p95_ms": slowest}
    kept = True
    for name, (direction, limit) in BUDGETS.items():
        good = measured[name] <= limit if direction == "at most" else measured[name] >= limit
        kept &= good
        print(f"{'ok  ' if good else 'OVER'} {name:<20}{measured[name]:>10.1f}   {direction} {limit:g}")
    return kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--meetings", type=int, default=100_000)
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--each", type=int, default=30, help="requests of each client")
    parser.add_argument("--upload-mib", type=int, default=2048)
    parser.add_argument("--data", type=Path, help="keep the data folder here; an existing one is not filled again")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hj-bench-", dir="/tmp") as scratch:
        folder = chosen.data or Path(scratch) / "data"
        Path(scratch).chmod(0o711)
        is_new = not folder.exists()
        folder.mkdir(mode=0o711, exist_ok=True)
        settings = Settings(data_dir=folder)
        provision.initialise(settings, organisation="Bench")
        if is_new:
            with portal_process(folder, plain=True) as portal:
                owner = Visitor.of(portal).user_id
            fill(settings, owner, chosen.meetings)
        with portal_process(folder, plain=True) as portal:
            visitor = Visitor.of(portal)
            time.sleep(1)
            report: dict[str, Any] = {"meetings": chosen.meetings, "rss_mib": round(portal.rss_mib(), 1)}
            report["reads"] = measure_reads(portal, visitor, clients=chosen.clients, each=chosen.each)
            report["rss_after_reads_mib"] = round(portal.rss_mib(), 1)
            size_bytes = chosen.upload_mib * MIB
            report["upload"], meeting = measure_upload(portal, visitor, size_bytes)
            report["ranges"] = measure_ranges(visitor, meeting, size_bytes)
            report["rss_mib"] = round(portal.rss_mib(), 1)
    if chosen.json:
        print(json.dumps(report))
        return
    for name, value in report["reads"].items():
        print(f"{name:<20}" + "  ".join(f"{key} {number:>8}" for key, number in value.items()))
    print(report["upload"], report["ranges"], f"rss after reads {report['rss_after_reads_mib']} MiB")
    sys.exit(0 if within_budget(report) else 1)


if __name__ == "__main__":
    main()
