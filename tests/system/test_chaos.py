"""Nothing is lost and nothing is done twice, whoever is killed and whenever."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from appliance.adapters.postgres import EmbeddedServer
from appliance.adapters.postgres.process import find_postmaster
from appliance.adapters.postgres.provisioning import provision
from appliance.adapters.root_key import FileKeyProvider, create_root_key
from appliance.audit import service as audit_service
from appliance.database.engine import Database
from appliance.database.roles import DatabaseRole
from appliance.jobs.model import Queue
from appliance.kernel.clock import SystemClock
from appliance.kernel.ids import TenantId, new_uuid
from appliance.keyring.service import KeyRing
from appliance.migrations import runner
from appliance.tenants.service import TenantService
from tests.factories.database import libpq
from tests.fakes.windows import TRACES

JOBS = 40
OWNERS = 3
WINDOW_S = 0.25
LIMIT_S = 400
"""About a minute on a quiet machine; several where it is shared."""
ROOT = Path(__file__).parents[2]
DATABASE = "chaos"

pytestmark = [pytest.mark.chaos, pytest.mark.slow, pytest.mark.timeout(LIMIT_S + 60)]

KILLED = (
    *(("speech-1", signal.SIGKILL), ("speech-2", signal.SIGKILL), ("general", signal.SIGKILL)) * 3,
    *(("language", signal.SIGKILL), ("web", signal.SIGKILL), ("postgres", signal.SIGKILL)) * 3,
    ("speech-1", signal.SIGTERM),
    ("general", signal.SIGTERM),
    ("postgres", signal.SIGKILL),
)
"""Who is killed, and how; when and in which order is left to chance."""

AIM_S = 20.0
WITHIN_A_STEP = """
SELECT 1 FROM job_step s JOIN job_checkpoint c ON c.job_id = s.job_id AND c.step = s.name
WHERE s.state = 'running' AND s.worker LIKE '%:{pid}:%'
"""
SPEECH_IS_OVER = f"SELECT 1 FROM job_step WHERE name = 'transcribe' AND state = 'done' HAVING count(*) = {JOBS}"

EXPECTED_PARTS = {"validate": 1, "transcribe": 6, "speakers": 4, "merge": 1, "minutes": 3, "index": 2, "notify": 1}


@dataclass
class Stage:
    """The processes of a small appliance, each started again when it ends."""

    server: EmbeddedServer
    configs: dict[str, tuple[str, dict[str, Any]]]
    log_dir: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    deaths: Counter[str] = field(default_factory=Counter)

    def keep_up(self) -> None:
        """Start whatever does not run."""
        self.server.ensure()
        for name, (role, config) in self.configs.items():
            process = self.running.get(name)
            if process is None or process.poll() is not None:
                with (self.log_dir / f"{name}.log").open("ab") as output:
                    self.running[name] = subprocess.Popen(
                        [sys.executable, "-m", "tests.fakes.processes", role, json.dumps(config)],
                        cwd=ROOT,
                        stdout=output,
                        stderr=output,
                    )

    def kill(self, name: str, number: signal.Signals) -> bool:
        """Send a signal; false when there was nobody to send it to."""
        if name == "postgres":
            return self._kill_server(number)
        process = self.running[name]
        if name.startswith("speech"):
            self._wait_until_within_a_step(process.pid)
        if process.poll() is not None:
            return False
        process.send_signal(number)
        self.deaths[f"{name} ({number.name})"] += 1
        if number is signal.SIGTERM:
            # 0 from one that worked, the signal from one that had only begun to start
            assert process.wait(timeout=30) in {0, -signal.SIGTERM}, f"{name} did not end as it should"
        return True

    def _wait_until_within_a_step(self, pid: int) -> None:
        """Give the process a while to get past a step's first checkpoint, so that kills do not all meet idle ones."""
        deadline = time.monotonic() + AIM_S
        while time.monotonic() < deadline:
            with contextlib.suppress(psycopg.OperationalError), _owner(self.server) as connection:
                if _rows(connection, WITHIN_A_STEP.format(pid=pid)) or _rows(connection, SPEECH_IS_OVER):
                    return
            time.sleep(0.05)

    def _kill_server(self, number: signal.Signals) -> bool:
        found = find_postmaster(self.server.layout)
        if found is None:
            return False
        os.kill(found.pid, number)
        self.deaths["postgres"] += 1
        return True

    def end(self) -> None:
        for process in self.running.values():
            process.kill()
            process.wait()


@pytest.fixture
def stage(scratch: Path, postgres_bin_dir: Path, tmp_path: Path) -> Iterator[Stage]:
    """A durable server, four workers and a web stand-in."""
    server = EmbeddedServer(scratch / "chaos", bin_dir=postgres_bin_dir)
    root_key = tmp_path / "root.key"
    create_root_key(root_key)
    with server.running():
        provision(server.superuser_url(), DATABASE)
        runner.upgrade(server.url(DatabaseRole.OWNER, DATABASE))
        owner = Database(server.url(DatabaseRole.OWNER, DATABASE))
        clock = SystemClock()
        with owner.transaction(None) as tx:
            tenant = TenantService(clock).found(tx, "Chaos")
            KeyRing(FileKeyProvider(root_key), clock).create_tenant_key(tx, tenant)
        owner.dispose()
        with psycopg.connect(libpq(server.url(DatabaseRole.OWNER, DATABASE)), autocommit=True) as connection:
            connection.execute(TRACES)
        stage = Stage(server, _configs(server, root_key, tenant), tmp_path)
        try:
            yield stage
        finally:
            stage.end()


def _configs(server: EmbeddedServer, root_key: Path, tenant: TenantId) -> dict[str, tuple[str, dict[str, Any]]]:
    url = server.url(DatabaseRole.WORKER, DATABASE)
    workers = {"speech-1": Queue.SPEECH, "speech-2": Queue.SPEECH, "language": Queue.LANGUAGE, "general": Queue.GENERAL}
    configs: dict[str, tuple[str, dict[str, Any]]] = {
        name: ("worker", {"url": url, "queue": queue.value, "root_key": str(root_key), "window_s": WINDOW_S})
        for name, queue in workers.items()
    }
    configs["web"] = (
        "web",
        {
            "url": server.url(DatabaseRole.WEB, DATABASE),
            "root_key": str(root_key),
            "tenant": str(tenant),
            "owners": [str(new_uuid()) for _ in range(OWNERS)],
            "jobs": JOBS,
            "pause_s": 0.3,
        },
    )
    return configs


def test_forty_recordings_survive_random_kills(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """Workers, database and web are killed at random moments; every job ends done, and every window counts once."""
    seed = int(os.environ.get("CHAOS_SEED", random.SystemRandom().randrange(10**6)))
    chance = random.Random(seed)
    started = time.monotonic()
    victims = [*KILLED]
    chance.shuffle(victims)
    while (done := _done(stage.server)) < JOBS:
        assert time.monotonic() - started < LIMIT_S, _story(stage, seed, done, started)
        stage.keep_up()
        time.sleep(chance.uniform(0.2, 2.0))
        if victims and not stage.kill(*victims[-1]):
            chance.shuffle(victims)  # it was about to start: somebody else first
        elif victims:
            victims.pop()
    assert not victims, f"all was done before everybody was killed: make the steps slower; left: {victims}"
    with capsys.disabled():
        print(f"\nchaos: {_story(stage, seed, JOBS, started)}")
    _check(stage)


def _check(stage: Stage) -> None:
    with _owner(stage.server) as connection:
        assert _rows(connection, "SELECT state, count(*) FROM job GROUP BY state") == [("done", JOBS)]
        counted = _rows(connection, "SELECT job_id, step, part, count(*) FROM chaos_effect GROUP BY 1, 2, 3")
        assert len(counted) == JOBS * sum(EXPECTED_PARTS.values())
        assert {count for *_, count in counted} == {1}, "a window counted twice"
        redone = _rows(
            connection,
            """
            SELECT t.step, t.part, t.attempt, e.attempt FROM chaos_try t
            JOIN chaos_effect e USING (job_id, step, part) WHERE t.attempt > e.attempt
            """,
        )
        assert redone == [], "a finished window was begun again"
        interrupted = _rows(
            connection,
            "SELECT count(*) FROM (SELECT 1 FROM chaos_try GROUP BY job_id, step, part HAVING count(*) > 1) r",
        )
        resumed = _rows(
            connection, "SELECT count(DISTINCT (job_id, step)) FROM chaos_effect WHERE attempt > 1 AND part > 0"
        )
        assert resumed[0][0] > 0, "no step was ever taken up from its checkpoint: the kills came at the wrong moments"
        print(f"windows begun twice because of a kill: {interrupted[0][0]}; steps resumed: {resumed[0][0]}")
        assert _rows(connection, "SELECT count(*) FROM job_checkpoint") == [(0,)]
        ended = _rows(
            connection, "SELECT count(*), count(DISTINCT subject_id) FROM audit_event WHERE name = 'jobs:job:done'"
        )
        assert ended == [(JOBS, JOBS)], "a job ended more than once"
    _check_audit(stage.server)


def _check_audit(server: EmbeddedServer) -> None:
    database = Database(server.url(DatabaseRole.OWNER, DATABASE))
    with database.reading(None) as tx:
        tenant = TenantId(tx.connection().exec_driver_sql("SELECT id FROM tenant").scalar_one())
        assert audit_service.verify(tx, tenant).intact
    database.dispose()


@contextlib.contextmanager
def _owner(server: EmbeddedServer) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    with psycopg.connect(libpq(server.url(DatabaseRole.OWNER, DATABASE)), autocommit=True) as connection:
        yield connection


def _rows(connection: psycopg.Connection[tuple[Any, ...]], statement: str) -> list[tuple[Any, ...]]:
    return connection.execute(statement.encode()).fetchall()


def _done(server: EmbeddedServer) -> int:
    """How many jobs are done; none, as far as we can see, while the server is down."""
    try:
        with _owner(server) as connection:
            rows = _rows(connection, "SELECT count(*) FROM job WHERE state = 'done'")
    except psycopg.OperationalError:
        return 0
    return int(rows[0][0])


def _story(stage: Stage, seed: int, done: int, started: float) -> str:
    kills = ", ".join(f"{name} {count}×" for name, count in sorted(stage.deaths.items()))
    took_s = time.monotonic() - started
    return f"seed {seed}: {done} of {JOBS} done in {took_s:.0f} s; killed {kills}; logs {stage.log_dir}"
