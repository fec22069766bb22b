"""The whole appliance under fire: recordings sent over HTTP while its processes are killed at random."""

import math
import os
import random
import signal
import struct
import threading
import time
import wave
from collections import Counter
from pathlib import Path

import psycopg
import pytest

from appliance.adapters.postgres import EmbeddedServer
from appliance.adapters.postgres.process import find_postmaster
from appliance.database.roles import DatabaseRole
from appliance.entry.provision import verify_trails
from appliance.settings import Settings
from cli.demo import stage
from cli.demo.client import PortalClient
from tests.factories.database import libpq

RECORDINGS = 40
KILLS = ("web", "worker-speech", "worker-language", "worker-general", "postgres") * 3
LIMIT_S = 420
RATE = 16_000

pytestmark = [pytest.mark.chaos, pytest.mark.slow, pytest.mark.timeout(LIMIT_S + 60)]


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Four seconds of a voice-like hum, in bursts as long as words."""
    file = tmp_path / "hum.wav"
    with wave.open(str(file), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        levels = (0.4 * abs(math.sin(3 * n / RATE)) * math.sin(2 * math.pi * 180 * n / RATE) for n in range(4 * RATE))
        sound.writeframes(b"".join(struct.pack("<h", round(level * 32_000)) for level in levels))
    return file


@pytest.fixture
def quick_appliance(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings of an appliance with engines that take no time, and leases that are found lost soon."""
    for name, value in {
        "SPEECH__ENGINE": "fake",
        "MINUTES__ENGINE": "fake",
        "JOBS__LEASE_S": "4",
        "JOBS__HEARTBEAT_S": "0.5",
        "JOBS__REAP_S": "0.5",
        "MODELS_DIR": str(scratch / "no-models"),
        "DATA_DIR": str(scratch / "appliance"),
        "WEB__PORT": "0",
    }.items():
        monkeypatch.setenv(f"HANGJEGYZET_{name}", value)
    return scratch / "appliance"


class Visitor(threading.Thread):
    """Sends recordings, one after the other, however often the line breaks."""

    def __init__(self, portal: PortalClient, recording: Path) -> None:
        super().__init__(daemon=True)
        self._portal = portal
        self._recording = recording
        self.jobs: dict[str, str] = {}
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            for number in range(RECORDINGS):
                meeting_id, job_id = self._portal.send_recording(
                    self._recording, title=f"Meeting {number}", language=None, progress=lambda fraction: None
                )
                self.jobs[meeting_id] = job_id
        except Exception as error:  # noqa: BLE001  # told by the test that started this thread
            self.failure = error


def kill(running: stage.Stage, victim: str, server: EmbeddedServer) -> bool:
    """SIGKILL a process; false when it was not there."""
    if victim == "postgres":
        found = find_postmaster(server.layout)
        pid = found.pid if found else None
    else:
        pid = running.supervisor.pids().get(victim)
    if pid is None:
        return False
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def test_forty_recordings_come_through(quick_appliance: Path, recording: Path, capsys: pytest.CaptureFixture[str]):
    """Web, workers and database are killed at random moments; every recording sent is done, exactly once."""
    seed = int(os.environ.get("CHAOS_SEED", random.SystemRandom().randrange(10**6)))
    chance = random.Random(seed)
    victims = [*KILLS]
    chance.shuffle(victims)
    deaths: Counter[str] = Counter()
    started = time.monotonic()
    server = EmbeddedServer(quick_appliance)
    with (
        stage.set_up(quick_appliance, port=None) as running,
        PortalClient(running.url, certificate=running.certificate, patience_s=120.0) as portal,
    ):
        portal.wait_until_ready(timeout_s=60)
        portal.become_somebody(running.code, email=stage.EMAIL, name=stage.NAME, password=running.password)
        visitor = Visitor(portal, recording)
        visitor.start()
        while visitor.is_alive() or victims:
            assert time.monotonic() - started < LIMIT_S, f"seed {seed}: {len(visitor.jobs)} sent, {deaths}"
            time.sleep(chance.uniform(0.5, 2.5))
            if victims and kill(running, victims[-1], server):
                deaths[victims.pop()] += 1
        assert visitor.failure is None
        unfinished = dict(visitor.jobs)
        while unfinished:
            assert time.monotonic() - started < LIMIT_S, f"seed {seed}: {len(unfinished)} unfinished, {deaths}"
            states = {meeting: portal.job(job)["state"] for meeting, job in unfinished.items()}
            assert set(states.values()) <= {"queued", "running", "done"}, f"seed {seed}: {states}"
            unfinished = {meeting: unfinished[meeting] for meeting, state in states.items() if state != "done"}
            time.sleep(0.5)
        for meeting in visitor.jobs:
            assert portal.fetch(meeting, "transcript", form="vtt").startswith(b"WEBVTT")
        with psycopg.connect(libpq(server.url(DatabaseRole.OWNER))) as owner:
            messages = owner.execute("SELECT count(*), count(DISTINCT job_id) FROM outbox").fetchone()
            jobs = owner.execute("SELECT count(*) FROM job").fetchone()
    assert len(visitor.jobs) == RECORDINGS
    assert jobs == (RECORDINGS,)
    assert messages == (RECORDINGS, RECORDINGS)
    assert all(report.intact for _, report in verify_trails(Settings()))
    with capsys.disabled():
        print(f"\nappliance chaos: seed {seed}, {dict(deaths)}, {time.monotonic() - started:.0f} s")
