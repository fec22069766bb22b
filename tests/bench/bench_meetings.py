"""``python -m tests.bench.bench_meetings``: the list of meetings, uploads and reading back, on this machine.

Prints what the budgets name: p95 of a page of 50 out of 100 000 meetings, and what encryption costs on the way in
and out.
"""

import argparse
import hashlib
import json
import os
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from appliance.adapters.postgres import EmbeddedServer
from appliance.adapters.postgres.binaries import wheel_bin_dir
from appliance.adapters.postgres.provisioning import provision
from appliance.adapters.root_key import MemoryKeyProvider
from appliance.audit.service import AuditTrail
from appliance.database.roles import DatabaseRole
from appliance.kernel.actor import Actor
from appliance.kernel.clock import SystemClock
from appliance.kernel.ids import TenantId, UserId, new_uuid
from appliance.kernel.units import MIB
from appliance.keyring.service import KeyRing
from appliance.meetings.service import MeetingService
from appliance.migrations import runner
from appliance.settings import UploadSettings
from appliance.tenants.service import TenantService
from tests.bench.archive import fill_archive
from tests.factories.database import TestDatabase, new_database
from tests.factories.meetings import a_meeting_service, a_user

TEMPLATE = "bench_template"
PAGES = 200
CLIENTS = 32


@contextmanager
def a_site() -> Iterator[tuple[TestDatabase, KeyRing, TenantId, Path]]:
    """A server, a migrated database and a tenant, gone afterwards."""
    bin_dir = wheel_bin_dir()
    if bin_dir is None:
        raise SystemExit("the embedded PostgreSQL is not installed")
    with tempfile.TemporaryDirectory(prefix="hj-bench-") as folder:
        Path(folder).chmod(0o711)  # the server's own user passes through
        server = EmbeddedServer(Path(folder) / "server", bin_dir=bin_dir)
        with server.running():
            provision(server.superuser_url(), TEMPLATE)
            runner.upgrade(server.url(DatabaseRole.OWNER, TEMPLATE))
            with new_database(server, template=TEMPLATE) as db:
                clock = SystemClock()
                keyring = KeyRing(MemoryKeyProvider(), clock)
                with db.owner.transaction(None) as tx:
                    tenant = TenantService(clock).found(tx, "Bench")
                    keyring.create_tenant_key(tx, tenant)
                yield db, keyring, tenant, Path(folder)


def percentiles(act: Callable[[], object], times: int) -> dict[str, float]:
    """Milliseconds that ``act`` takes."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        taken.append((time.perf_counter() - began) * 1000)
    return _summary(taken)


def measure_lists(service: MeetingService, reader: Actor, member: Actor) -> dict[str, Any]:
    """Pages of 50: the first, and one deep in the archive; of everybody, and of one among many."""
    deep: str | None = None
    for _ in range(100):
        deep = service.page(reader, cursor=deep, limit=200).next_cursor
    measured: dict[str, Any] = {
        "first_page_ms": percentiles(lambda: service.page(reader), PAGES),
        "page_at_20000_ms": percentiles(lambda: service.page(reader, cursor=deep), PAGES),
        "own_first_page_ms": percentiles(lambda: service.page(member), PAGES),
    }

    def one(_number: int) -> float:
        began = time.perf_counter()
        service.page(reader)
        return (time.perf_counter() - began) * 1000

    with ThreadPoolExecutor(CLIENTS) as clients:
        measured[f"first_page_{CLIENTS}_threads_ms"] = _summary(list(clients.map(one, range(CLIENTS * 20))))
    return measured


def measure_transfer(service: MeetingService, sender: Actor, size_bytes: int) -> dict[str, Any]:
    """Megabytes per second in and out, and the memory that an upload costs, over one recording of ``size_bytes``."""
    piece = os.urandom(8 * MIB)
    upload = service.start_upload(sender, filename="bench.wav", size_bytes=size_bytes)
    tracemalloc.start()
    began, offset = time.perf_counter(), 0
    while offset < size_bytes:
        part = piece[: size_bytes - offset]
        with service.append(sender, upload.id, offset=offset, sha256=hashlib.sha256(part).digest()) as writer:
            for start in range(0, len(part), 256 * 1024):
                writer.write(part[start : start + 256 * 1024])
            offset = writer.finish()
    taken_s = time.perf_counter() - began
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    began = time.perf_counter()
    meeting_id = service.complete(sender, upload.id).meeting_id
    completed_s = time.perf_counter() - began
    began = time.perf_counter()
    with service.open_audio(sender, meeting_id) as audio:
        read = sum(len(part) for part in audio.ranges(0, audio.size))
    read_s = time.perf_counter() - began
    return {
        "size_mib": size_bytes // MIB,
        "upload_mb_per_s": round(size_bytes / taken_s / 1e6),
        "upload_peak_python_mib": round(peak / MIB, 1),
        "complete_s": round(completed_s, 2),
        "read_mb_per_s": round(read / read_s / 1e6),
    }


def _summary(taken: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(taken, n=100)
    return {"p50": round(cuts[49], 2), "p95": round(cuts[94], 2), "max": round(max(taken), 2)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--meetings", type=int, default=100_000)
    parser.add_argument("--upload-mib", type=int, default=512)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    with a_site() as (db, keyring, tenant, folder):
        clock = SystemClock()
        began = time.perf_counter()
        owners = [UserId(new_uuid()) for _ in range(40)]
        with closing(db.connect(db.superuser_url)) as connection:
            fill_archive(
                connection, db.web, keyring, tenant, owners=owners, count=chosen.meetings, until=datetime.now(UTC)
            )
        filled_s = time.perf_counter() - began
        service = a_meeting_service(
            db.web,
            clock=clock,
            audit=AuditTrail(clock),
            keyring=keyring,
            folder=folder / "blobs",
            upload=UploadSettings(max_bytes=64 << 30),
        )
        reader = a_user(tenant, extra=["meeting:read_all"])
        member = a_user(tenant, user_id=owners[0])
        report = {
            "meetings": chosen.meetings,
            "filled_s": round(filled_s, 1),
            **measure_lists(service, reader, member),
            "transfer": measure_transfer(service, member, chosen.upload_mib * MIB),
        }
    if chosen.json:
        print(json.dumps(report))
        return
    for name, value in report.items():
        print(f"{name:<28}{value}", file=sys.stdout)


if __name__ == "__main__":
    main()
