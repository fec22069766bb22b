"""A worker process is told dead only by those who can tell."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.jobs import processes
from appliance.jobs.model import Queue
from appliance.jobs.processes import WorkerProcess, this_process


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that lives until the test ends it."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        yield process
        process.kill()


def worker(pid: int) -> WorkerProcess:
    """That process as a worker on this machine."""
    return replace(this_process(Queue.GENERAL), pid=pid, pid_started=processes._start_ticks(pid) or 0)


def test_one_that_runs_is_not_gone(child: subprocess.Popen[bytes]) -> None:
    """Who still works keeps the work."""
    assert not worker(child.pid).is_gone(this_process(Queue.SPEECH))


def test_one_that_ended_is_gone_at_once(child: subprocess.Popen[bytes]) -> None:
    """Nobody waits for the lease of a dead process, be it a zombie or buried."""
    found = worker(child.pid)
    child.kill()
    child.wait()
    assert found.is_gone(this_process(Queue.SPEECH))


def test_another_process_under_the_same_id_is_not_it(child: subprocess.Popen[bytes]) -> None:
    """Process ids are used again."""
    assert replace(worker(child.pid), pid_started=1).is_gone(this_process(Queue.SPEECH))


def test_what_another_boot_started_is_gone(child: subprocess.Popen[bytes]) -> None:
    """Nothing outlives a restart of the machine."""
    assert replace(worker(child.pid), boot_id="earlier").is_gone(this_process(Queue.SPEECH))


@pytest.mark.parametrize("elsewhere", [{"node": "another"}, {"pid_space": "pid:[1]"}])
def test_what_cannot_be_seen_is_not_told_dead(elsewhere: dict[str, str]) -> None:
    """Another machine's processes, and those of another container, are not ours to judge."""
    assert not replace(worker(2**22 - 1), pid_started=5, **elsewhere).is_gone(this_process(Queue.SPEECH))


def test_what_is_hidden_is_not_told_dead(
    child: subprocess.Popen[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sandboxed unit does not see its neighbours in /proc; their leases' own time decides."""
    watcher, found = this_process(Queue.SPEECH), worker(child.pid)
    monkeypatch.setattr(processes, "_PROC", tmp_path)
    assert not found.is_gone(watcher)
    child.kill()
    child.wait()
    assert found.is_gone(watcher)
