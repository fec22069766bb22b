"""A whole appliance in processes of its own: a data folder, a database server, a worker per queue, and the commands."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
from sqlalchemy import make_url
from typer.testing import CliRunner

from appliance.adapters.postgres import EmbeddedServer
from appliance.database.roles import DATABASE_NAME
from appliance.kernel.errors import HangJegyzetError
from cli.exit_codes import exit_code_for
from cli.main import app

_COMMAND = (sys.executable, "-c", "from cli.launch import main; main()")
_QUEUES = ("general", "speech", "language")
_START_S = 120.0
_STOP_S = 30.0

FAKE_ENGINES = {"HANGJEGYZET_SPEECH__ENGINE": "fake", "HANGJEGYZET_MINUTES__ENGINE": "fake"}
"""Engines that understand nothing and need no models."""


@dataclass
class Appliance:
    """One data folder, and everything that was started on it."""

    folder: Path
    environment: dict[str, str]
    _workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def data_dir(self) -> Path:
        return self.folder / "data"

    def run(self, *arguments: str, expect: int | None = 0) -> str:
        """What a command printed to stdout; its stderr goes to a log below the folder.

        Args:
            expect: the exit code; None accepts any.
        """
        with (self.folder / "logs" / "commands.log").open("ab") as log:
            done = subprocess.run(
                (*_COMMAND, *arguments), env=self.environment, stdout=subprocess.PIPE, stderr=log, check=False
            )
        if expect is not None:
            assert done.returncode == expect, f"{arguments[:2]}: {done.returncode}, {self.log('commands')[-2000:]}"
        return done.stdout.decode()

    def run_json(self, *arguments: str, expect: int = 0) -> Any:
        """As ``run``, with ``--json``, decoded."""
        return json.loads(self.run(*arguments, "--json", expect=expect))

    def call(self, *arguments: str, expect: int = 0) -> str:
        """As ``run``, in this process: a new one costs seconds on a busy machine."""
        with patch.dict(os.environ, self.environment, clear=True):
            done = CliRunner().invoke(app, arguments)
        code = exit_code_for(done.exception) if isinstance(done.exception, HangJegyzetError) else done.exit_code
        assert code == expect, f"{arguments[:2]}: {code}, {done.exception!r}, {done.stderr[-2000:]}"
        return done.stdout

    def call_json(self, *arguments: str, expect: int = 0) -> Any:
        """As ``call``, with ``--json``, decoded."""
        return json.loads(self.call(*arguments, "--json", expect=expect))

    def start_workers(self) -> None:
        """One process per queue; returns once all of them work."""
        for queue in _QUEUES:
            with (self.folder / "logs" / f"{queue}.log").open("ab") as log:
                command = (*_COMMAND, "worker", "--queue", queue)
                self._workers.append(subprocess.Popen(command, env=self.environment, stdout=log, stderr=log))
        deadline = time.monotonic() + _START_S
        while not all("worker_started" in self.log(queue) for queue in _QUEUES):
            assert time.monotonic() < deadline, f"no worker after {_START_S} s: {self.log('general')[-2000:]}"
            assert all(worker.poll() is None for worker in self._workers), self.log("general")[-2000:]
            time.sleep(0.2)

    def stop_workers(self) -> None:
        """End them as an operator does."""
        for worker in self._workers:
            worker.terminate()
        for worker in self._workers:
            try:
                worker.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
        self._workers.clear()

    def log(self, name: str) -> str:
        """What a process wrote."""
        path = self.folder / "logs" / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    @contextmanager
    def superuser(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection past every policy."""
        url = make_url(EmbeddedServer(self.data_dir).superuser_url(DATABASE_NAME)).set(drivername="postgresql")
        with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
            yield connection


@contextmanager
def an_appliance(folder: Path, engines: Mapping[str, str]) -> Iterator[Appliance]:
    """An appliance that was set up, with its database running; everything that it starts ends with the block.

    Args:
        folder: an unprivileged server must be able to enter it.
        engines: settings, such as ``FAKE_ENGINES``.
    """
    for name in ("logs", "tmp"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "tmp").chmod(0o1777)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("HANGJEGYZET_")},
        "HANGJEGYZET_DATA_DIR": str(folder / "data"),
        "HANGJEGYZET_CONFIG": str(folder / "appliance.toml"),
        "TMPDIR": str(folder / "tmp"),
        **engines,
    }
    appliance = Appliance(folder, environment)
    with EmbeddedServer(folder / "data").running():
        try:
            appliance.run("db", "init")
            yield appliance
        finally:
            appliance.stop_workers()
