"""The supervisor keeps processes alive and leaves none behind."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from appliance.entry.supervisor import ProcessSpec, Supervisor

SLEEPER = (sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(60)")
STUBBORN = (
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)",
)


def wait_until(condition, *, timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def supervise(tmp_path: Path):
    started: list[Supervisor] = []

    def build(*specs: ProcessSpec) -> Supervisor:
        supervisor = Supervisor(specs, environment={}, log_dir=tmp_path / "logs")
        supervisor.start()
        started.append(supervisor)
        return supervisor

    yield build
    for supervisor in started:
        supervisor.stop(patience_s=0.2)


def test_a_killed_process_is_started_again(supervise):
    """A process that dies comes back under a new id."""
    supervisor = supervise(ProcessSpec("sleeper", SLEEPER))
    first = supervisor.pids()["sleeper"]
    os.kill(first, 9)

    wait_until(lambda: supervisor.pids().get("sleeper", first) != first)
    assert supervisor.restarts() == 1


def test_one_that_ends_at_once_is_not_started_in_a_loop(supervise):
    """The pause before a restart doubles while a process keeps ending at once."""
    supervisor = supervise(ProcessSpec("broken", (sys.executable, "-c", "raise SystemExit(3)")))
    time.sleep(2.5)
    assert 1 <= supervisor.restarts() <= 3


def test_stop_kills_one_that_will_not_listen(supervise):
    """A process that ignores the request to end is killed, and nothing is left running."""
    supervisor = supervise(ProcessSpec("stubborn", STUBBORN))
    wait_until(lambda: supervisor.log_file("stubborn").read_text() == "ready\n")
    pid = supervisor.pids()["stubborn"]
    supervisor.stop(patience_s=0.3)
    assert not is_alive(pid)


def test_logs_are_private(supervise):
    """Nobody else on the machine may read a process's log."""
    supervisor = supervise(ProcessSpec("sleeper", SLEEPER))
    assert supervisor.log_file("sleeper").stat().st_mode & 0o077 == 0


def test_a_start_that_fails_is_tried_again(supervise, monkeypatch: pytest.MonkeyPatch):
    """A machine that cannot start a process for a moment gets it back when it can."""
    supervisor = supervise(ProcessSpec("sleeper", SLEEPER))
    first = supervisor.pids()["sleeper"]
    refusals = iter([OSError("no memory"), OSError("no memory")])
    popen = subprocess.Popen

    def reluctant(*args, **options):
        if (refusal := next(refusals, None)) is not None:
            raise refusal
        return popen(*args, **options)

    monkeypatch.setattr("appliance.entry.supervisor.subprocess.Popen", reluctant)
    os.kill(first, 9)
    wait_until(lambda: supervisor.pids().get("sleeper", first) != first)
    assert next(refusals, None) is None
