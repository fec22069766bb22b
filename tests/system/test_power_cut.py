"""The power fails in the middle of a job, and comes back.

A machine is a set of namespaces: processes, System V memory, ``/run`` and ``/dev/shm``, and a boot id of its own.
Killing its first process kills all others in the same moment, PostgreSQL's included. What lay in memory is gone, with
the folder of the server's socket; what lay on the disk stays as it was, with a ``postmaster.pid`` whose number somebody
else has after the restart. What this cannot show is a disk that forgets what it said it had written.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from appliance.adapters.postgres import EmbeddedServer
from appliance.adapters.postgres.provisioning import provision
from appliance.adapters.root_key import FileKeyProvider, create_root_key
from appliance.audit import service as trail
from appliance.audit.service import AuditTrail
from appliance.database.roles import DatabaseRole
from appliance.kernel.clock import SystemClock
from appliance.keyring.service import KeyRing
from appliance.migrations import runner
from appliance.tenants.service import TenantService
from tests.factories.database import TestDatabase
from tests.factories.jobs import Workshop
from tests.fakes.windows import TRACES, window_saga

ROOT = Path(__file__).parents[2]
SOON_S = 90.0
WINDOW_S = 0.5
DATABASE = "power"
PARTS = {"validate": 1, "transcribe": 6, "speakers": 4, "merge": 1, "minutes": 3, "index": 2, "notify": 1}

NAMESPACES = ("unshare", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc", "--ipc")
# $1 is the boot's id; $2 a number that somebody else shall have, or 0; the rest is the machine's first process.
BOOT = """
set -e
mount -t tmpfs -o mode=0755 run /run
mount -t tmpfs -o mode=1777 shm /dev/shm
echo "$1" >/run/boot_id
mount --bind /run/boot_id /proc/sys/kernel/random/boot_id
if [ "$2" -gt 0 ]; then
    echo $(($2 - 1)) >/proc/sys/kernel/ns_last_pid
    setpriv --reuid=hangjegyzet --clear-groups sleep 1000 &
    [ $! = "$2" ] || { echo "process $2 became $!" >&2; exit 1; }
fi
shift 2
exec "$@"
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@dataclass
class Machine:
    """One appliance on a disk, switched on and off."""

    server: EmbeddedServer
    shop: Workshop
    config: dict[str, Any]
    logs: Path
    _running: subprocess.Popen[bytes] | None = field(default=None)

    def switch_on(self, *, taken_pid: int = 0) -> None:
        """Boot; ``taken_pid`` is a process number that a stranger gets first."""
        with (self.logs / "machine.log").open("ab") as log:
            first = (sys.executable, "-m", "tests.fakes.machine", json.dumps(self.config))
            boot = (*NAMESPACES, "sh", "-c", BOOT, "sh", str(uuid.uuid4()), str(taken_pid), *first)
            self._running = subprocess.Popen(boot, cwd=ROOT, stdout=log, stderr=log)

    def cut_the_power(self) -> None:
        """End every process at once, without a word of warning."""
        os.kill(self._first_process(), signal.SIGKILL)
        assert self._running is not None
        self._running.wait(30)

    def ask(self, statement: str) -> Any:
        """One value from the machine's database, through its own ``/run``."""
        socket = self.server.layout.socket_dir.resolve().relative_to("/run")
        host = Path("/proc", str(self._first_process()), "root", "run", socket)
        with psycopg.connect(
            host=str(host), dbname=DATABASE, user=DatabaseRole.OWNER.value, connect_timeout=5
        ) as owner:
            row = owner.execute(statement.encode()).fetchone()
        return None if row is None else row[0]

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SOON_S
        while True:
            with contextlib.suppress(psycopg.OperationalError, IndexError, FileNotFoundError, ValueError):
                if condition():
                    return
            assert time.monotonic() < deadline, self.words()
            assert self._running is None or self._running.poll() is None, self.words()
            time.sleep(0.05)

    def words(self) -> str:
        """What was logged, the latest of every log."""
        return "\n".join(f"{log.name}: {log.read_text(errors='replace')[-1500:]}" for log in self.logs.glob("*.log"))

    def end(self) -> None:
        if self._running is not None and self._running.poll() is None:
            with contextlib.suppress(IndexError, ProcessLookupError):
                self.cut_the_power()
            self._running.kill()
            self._running.wait()

    def _first_process(self) -> int:
        assert self._running is not None
        pid = self._running.pid
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


@pytest.fixture
def machine(scratch: Path, postgres_bin_dir: Path, tmp_path: Path) -> Iterator[Machine]:
    """A machine that was set up and switched off; its socket is in ``/run``, which no restart survives."""
    tried = subprocess.run([*NAMESPACES, "sh", "-c", BOOT, "sh", "boot", "0", "true"], capture_output=True, check=False)
    if os.geteuid() != 0 or tried.returncode != 0:
        pytest.skip(f"machines are made of namespaces, which are not allowed here: {tried.stderr.decode().strip()}")
    data_dir = scratch / "power" / ("a-path-too-long-for-a-socket-" * 3)
    server = EmbeddedServer(data_dir, bin_dir=postgres_bin_dir)
    root_key = tmp_path / "root.key"
    create_root_key(root_key)
    clock = SystemClock()
    keyring, audit = KeyRing(FileKeyProvider(root_key), clock), AuditTrail(clock)
    with server.running():
        provision(server.superuser_url(), DATABASE)
        runner.upgrade(server.url(DatabaseRole.OWNER, DATABASE))
        db = TestDatabase(server, DATABASE)
        with db.owner.transaction(None) as tx:
            tenant = TenantService(clock).found(tx, "Kékfa Egyesület")
            keyring.create_tenant_key(tx, tenant)
            tx.execute(text(TRACES))
        saga = window_saga(db.worker, window_s=WINDOW_S)
        shop = Workshop(db, tenant, keyring, audit, {saga.kind: saga})
        shop.start(meeting_id=shop.meeting())
        db.dispose()
    shutil.rmtree(server.layout.socket_dir.resolve())  # the machine's own /run knows nothing of it
    config = {
        "data_dir": str(data_dir),
        "bin_dir": str(postgres_bin_dir),
        "database": DATABASE,
        "log_dir": str(tmp_path),
        "worker": {"root_key": str(root_key), "window_s": WINDOW_S},
    }
    machine = Machine(server, shop, config, tmp_path)
    yield machine
    machine.end()
    shutil.rmtree(server.layout.socket_dir.resolve(), ignore_errors=True)


def test_a_job_goes_on_after_the_power_was_cut(machine: Machine) -> None:
    """From its last checkpoint, to its end, exactly once; and the cut is not held against the step that it met."""
    machine.switch_on()
    machine.until(
        lambda: machine.ask(
            "SELECT count(*) FROM job_step s JOIN job_checkpoint c ON c.job_id = s.job_id AND c.step = s.name"
            " WHERE s.name = 'transcribe' AND s.state = 'running'"
        )
    )
    machine.cut_the_power()
    number = int(machine.server.layout.pid_file.read_text().splitlines()[0])

    machine.switch_on(taken_pid=number)
    machine.until(lambda: machine.ask("SELECT state FROM job") == "done")
    _check(machine, number)


def _check(machine: Machine, number: int) -> None:
    ask = machine.ask
    assert ask("SELECT count(*) FROM chaos_effect") == sum(PARTS.values())
    assert ask("SELECT count(*) FROM (SELECT DISTINCT job_id, step, part FROM chaos_effect) d") == sum(PARTS.values())
    begun_again = (
        "SELECT count(*) FROM chaos_try t JOIN chaos_effect e USING (job_id, step, part) WHERE t.attempt > e.attempt"
    )
    assert ask(begun_again) == 0, "a finished window was begun again"
    assert ask("SELECT count(*) FROM chaos_effect WHERE step = 'transcribe' AND attempt = 1") > 0
    assert ask("SELECT min(part) FROM chaos_effect WHERE step = 'transcribe' AND attempt > 1") > 0
    assert ask("SELECT count(*) FROM job_checkpoint") == 0
    assert ask("SELECT count(*) FROM audit_event WHERE name = 'jobs:job:done'") == 1
    assert ask("SELECT count(DISTINCT boot_id) FROM job_worker") == 2
    assert ask("SELECT count(*) FROM job_worker WHERE queue = 'speech'") == 2
    reaped = [line for line in machine.words().splitlines() if "lease_reaped" in line]
    assert reaped
    assert all("blameless=True" in line for line in reaped), reaped
    machine.cut_the_power()
    with machine.server.running(), machine.shop.db.owner.reading(machine.shop.tenant) as tx:
        assert trail.verify(tx, machine.shop.tenant).intact
    machine.shop.db.dispose()
