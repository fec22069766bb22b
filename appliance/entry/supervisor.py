"""Keeps the appliance's processes running when systemd does not: for the demo, and for a trial on a laptop.

Each process gets a process group and a log file of its own. One that ends is started again after a pause that doubles
while it keeps ending at once, so that a broken one does not eat the machine. A thread of its own watches them: whoever
started them may meanwhile wait for an answer from one that has just died.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import structlog

log = structlog.get_logger()

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
STEADY_AFTER_S = 20.0
"""A process that lived this long has started well: its pause begins anew."""
WATCH_INTERVAL_S = 0.1


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One process: its name, which is also its log's, and the command line."""

    name: str
    command: tuple[str, ...]


@dataclass(slots=True)
class _Child:
    spec: ProcessSpec
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause_s: float = FIRST_PAUSE_S
    start_at: float = 0.0
    restarts: int = field(default=0)


class Supervisor:
    """Starts processes, starts them again when they die, and stops them all; may be used from several threads.

    Args:
        specs: what to run, in the order of starting; stopped in reverse.
        environment: variables for all of them, on top of this process's own.
        log_dir: folder of ``NAME.log`` files; created when missing, readable by us alone.
    """

    def __init__(self, specs: Sequence[ProcessSpec], *, environment: Mapping[str, str], log_dir: Path) -> None:
        self._children = [_Child(spec) for spec in specs]
        self._environment = {**os.environ, **environment}
        self._log_dir = log_dir
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def start(self) -> None:
        """Start every process and watch over them from now on; returns at once. A supervisor starts once."""
        self._log_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._lock:
            for child in self._children:
                self._start(child)
        self._watcher.start()

    def restarts(self) -> int:
        """How many times a process had to be started again."""
        with self._lock:
            return sum(child.restarts for child in self._children)

    def pids(self) -> dict[str, int]:
        """Process id by name, of those that run."""
        with self._lock:
            return {child.spec.name: child.process.pid for child in self._children if child.process is not None}

    def log_file(self, name: str) -> Path:
        """Where a process's output goes."""
        return self._log_dir / f"{name}.log"

    def stop(self, *, patience_s: float = 10.0) -> None:
        """Ask all to end, wait for them together, then kill what is left, with everything it started."""
        self._stopping.set()
        self._watcher.join()
        running = [child.process for child in reversed(self._children) if child.process is not None]
        for process in running:
            _signal_group(process, signal.SIGTERM)
        deadline = time.monotonic() + patience_s
        for process in running:
            try:
                process.wait(timeout=max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.warning("process_killed", pid=process.pid, patience_s=patience_s)
            _signal_group(process, signal.SIGKILL)
            process.wait()
        for child in self._children:
            child.process = None

    def _watch(self) -> None:
        while not self._stopping.wait(WATCH_INTERVAL_S):
            with self._lock:
                self._start_again(time.monotonic())

    def _start_again(self, now: float) -> None:
        for child in self._children:
            if child.process is None:
                if now >= child.start_at:
                    self._try_to_start(child, now)
            elif (status := child.process.poll()) is not None:
                self._note_end(child, status, now)

    def _try_to_start(self, child: _Child, now: float) -> None:
        """Start it, or wait longer when the machine lacks what that takes (memory, a place for its log)."""
        try:
            self._start(child)
        except OSError:
            log.warning("process_not_started", name=child.spec.name, tried_again_in_s=child.pause_s, exc_info=True)
            child.start_at = now + child.pause_s
            child.pause_s = min(child.pause_s * 2, LONGEST_PAUSE_S)

    def _start(self, child: _Child) -> None:
        with self._open_log(child.spec.name) as output:
            child.process = subprocess.Popen(
                child.spec.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
            )
        child.started = time.monotonic()
        log.info("process_started", name=child.spec.name, pid=child.process.pid)

    def _open_log(self, name: str) -> IO[bytes]:
        descriptor = os.open(self.log_file(name), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return os.fdopen(descriptor, "ab")

    def _note_end(self, child: _Child, status: int, now: float) -> None:
        if now - child.started >= STEADY_AFTER_S:
            child.pause_s = FIRST_PAUSE_S
        log.warning("process_ended", name=child.spec.name, status=status, starts_again_in_s=child.pause_s)
        child.process = None
        child.restarts += 1
        child.start_at = now + child.pause_s
        child.pause_s = min(child.pause_s * 2, LONGEST_PAUSE_S)


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return
