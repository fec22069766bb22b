"""What each release does by its own code: its command line is run, and its JSON is read.

These calls are a promise between releases (ADR 100): an older one makes them of a newer one and the reverse.
"""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import structlog

from appliance.adapters.ansible import parse_task
from appliance.upgrades.errors import CommandFailed, GateShut, GateTooSlow
from appliance.upgrades.ports import Tell

log = structlog.get_logger()

LIMIT_S = 3600.0
SHOWN_LINES = 8


class ReleaseCommands:
    """Commands of the releases in their folders.

    Args:
        folder: where a release of that version lies.
        environment: added to every call, such as the address of a copy of the database.
    """

    def __init__(self, folder: Callable[[str], Path], environment: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._environment = dict(environment or {})

    def on(self, database_url: str) -> "ReleaseCommands":
        """The same, speaking to another database."""
        return ReleaseCommands(self._folder, {**self._environment, "HANGJEGYZET_DATABASE__URL": database_url})

    def check(self, version: str, tell: Tell) -> None:
        """Look at what its playbooks would change.

        Raises:
            CommandFailed
        """
        self._told(version, tell, "apply", "--check", "--json")

    def apply(self, version: str, tell: Tell, *, portal_port: int | None) -> None:
        """Bring the machine into the state that it declares.

        Raises:
            CommandFailed
        """
        port = () if portal_port is None else (f"--portal-port={portal_port}",)
        self._told(version, tell, "apply", "--json", *port)

    def migrate(self, version: str) -> tuple[str, str]:
        """Move the schema; revisions before and after.

        Raises:
            CommandFailed
        """
        told = self._answer(version, "db", "migrate", "--json")
        return str(told["before"]), str(told["after"])

    def retreat(self, version: str, *, revision: str) -> tuple[str, str]:
        """Move the schema back; revisions before and after.

        Raises:
            CommandFailed
        """
        told = self._answer(version, "upgrade", "retreat", revision)
        return str(told["before"]), str(told["after"])

    def prove(self, version: str, *, trial_user: str, portal_port: int, limit_s: float) -> Mapping[str, str]:
        """Let it prove itself; what was found, by name.

        Raises:
            GateShut, GateTooSlow
        """
        words = (f"--trial-user={trial_user}", f"--portal-port={portal_port}")
        return self._prove(version, words, limit_s)

    def prove_machine(self, version: str, *, limit_s: float) -> Mapping[str, str]:
        """The same without sign-in and recording, which need people to be out.

        Raises:
            GateShut, GateTooSlow
        """
        return self._prove(version, ("--machine-only",), limit_s)

    def _prove(self, version: str, words: Sequence[str], limit_s: float) -> Mapping[str, str]:
        started = time.monotonic()
        proved: dict[str, str] = {}
        command = self._command(version, "upgrade", "prove", *words)
        with self._start(command) as process:
            try:
                said, failed = process.communicate(timeout=limit_s)
            except subprocess.TimeoutExpired:
                process.kill()
                said, failed = process.communicate()
                raise GateTooSlow(limit_s=limit_s, done=", ".join(_proofs(said)) or "nothing") from None
        proved.update(_proofs(said))
        if process.returncode != 0:
            raise GateShut(reason=_last_lines(failed) or f"it ended with {process.returncode}")
        log.info("gate_passed", version=version, took_s=round(time.monotonic() - started, 1))
        return proved

    def _told(self, version: str, tell: Tell, *words: str) -> None:
        """Run a command that tells tasks as JSON lines."""
        # A file takes its complaints: a second pipe, read only afterwards, would fill and hold it up for ever.
        with tempfile.TemporaryFile("w+", errors="replace") as complaints:
            with self._start(self._command(version, *words), stderr=complaints) as process:
                assert process.stdout is not None  # noqa: S101  # a pipe was asked for
                for line in process.stdout:
                    if (task := parse_task(line)) is not None:
                        tell(task)
            complaints.seek(0)
            failed = complaints.read()
        if process.returncode != 0:
            raise CommandFailed(version=version, command=words[0], reason=_last_lines(failed))

    def _answer(self, version: str, *words: str) -> dict[str, Any]:
        with self._start(self._command(version, *words)) as process:
            said, failed = process.communicate(timeout=LIMIT_S)
        if process.returncode != 0:
            raise CommandFailed(version=version, command=" ".join(words[:2]), reason=_last_lines(failed))
        try:
            answer = json.loads(said)
        except ValueError as error:
            raise CommandFailed(version=version, command=" ".join(words[:2]), reason="its answer is no JSON") from error
        if not isinstance(answer, dict):
            raise CommandFailed(version=version, command=" ".join(words[:2]), reason="its answer is no object")
        return answer

    def _command(self, version: str, *words: str) -> list[str]:
        return [str(self._folder(version) / "venv/bin/python"), "-I", "-m", "cli.launch", *words]

    def _start(self, command: list[str], *, stderr: int | IO[str] = subprocess.PIPE) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            cwd="/",
            env=_surroundings() | self._environment,
        )


def _surroundings() -> dict[str, str]:
    """Little of the caller's environment decides what another release does."""
    kept = ("HANGJEGYZET_CONFIG", "SUDO_USER", "TMPDIR")
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/root",
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        **{name: value for name in kept if (value := os.environ.get(name))},
    }


def _proofs(said: str) -> dict[str, str]:
    """The lines ``{"proved": NAME, "what": TEXT}`` of a release that proves itself."""
    found = {}
    for line in said.splitlines():
        try:
            told = json.loads(line)
        except ValueError:
            continue
        if isinstance(told, dict) and "proved" in told:
            found[str(told["proved"])[:80]] = str(told.get("what", ""))[:400]
    return found


def _last_lines(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-SHOWN_LINES:])[:4000]
