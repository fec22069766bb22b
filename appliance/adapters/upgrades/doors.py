"""The appliance's units during an upgrade: the portal or the page in its place, workers, the trial of a release."""

import json
import ssl
import subprocess
import time
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from uuid import UUID

import structlog

from appliance.kernel.durable import write_durably
from appliance.upgrades.errors import CommandFailed
from appliance.upgrades.model import Record

log = structlog.get_logger()

WEB = "hangjegyzet-web.service"
TARGET = "hangjegyzet.target"
PAGE = "hangjegyzet-maintenance.service"
DROP_INS = Path("/run/systemd/system")
TRIAL_NAME = "60-trial.conf"
TRIAL_PORTS = (8447, 8448)
"""The first, unless it is the portal's own."""
NOBODY = UUID(int=0)
STOP_LIMIT_S = 180.0
READY_LIMIT_S = 90.0
PAGE_LIMIT_S = 15.0

_TRIAL = """\
# While a release proves itself: processes of the trial start although people are kept out.
[Unit]
ConditionPathExists=

[Service]
"""


class SystemdDoors:
    """The units of one box.

    Args:
        notice: file that the maintenance page reads.
        portal_port: where people look for the portal.
    """

    def __init__(self, notice: Path, *, portal_port: int, drop_ins: Path = DROP_INS) -> None:
        self._notice = notice
        self._portal_port = portal_port
        self._drop_ins = drop_ins

    def close(self, record: Record) -> None:
        """Put the maintenance page in the portal's place; it says until when.

        Raises:
            CommandFailed: the page does not come up.
        """
        self._announce(record)
        systemctl("stop", WEB)
        systemctl("restart", PAGE)
        if not _answers(self._portal_port, limit_s=PAGE_LIMIT_S, ready=False):
            raise CommandFailed(version=record.old, command=PAGE, reason="the maintenance page does not answer")

    def drain(self) -> None:
        """Stop the workers; running steps are given back with their checkpoints."""
        systemctl("stop", *_workers())

    @property
    def trial_port(self) -> int:
        """Where the portal answers to this machine alone while a release is tried."""
        return next(port for port in TRIAL_PORTS if port != self._portal_port)

    def admit_trial(self, record: Record) -> None:
        """Let processes start for the trial alone."""
        web = f"Environment=HANGJEGYZET_WEB__HOST=127.0.0.1 HANGJEGYZET_WEB__PORT={self.trial_port}\n"
        self._drop_in(WEB, web)
        self._drop_in(
            "hangjegyzet-worker@.service", f"Environment=HANGJEGYZET_TRIAL_USER={record.trial_user or NOBODY}\n"
        )
        systemctl("daemon-reload")

    def begin_trial(self) -> None:
        """Start what was admitted; whoever tries the portal waits until it answers."""
        systemctl("reset-failed", WEB, *_workers(), check=False)
        systemctl("start", WEB, *_workers())

    def halt(self) -> None:
        """Stop all processes but the maintenance page."""
        systemctl("stop", WEB, *_workers())

    def open(self) -> None:
        """Let people in and processes work as on any day; returns when the portal answers.

        Raises:
            CommandFailed: it does not.
        """
        for unit in (WEB, "hangjegyzet-worker@.service"):
            (self._drop_ins / f"{unit}.d" / TRIAL_NAME).unlink(missing_ok=True)
        systemctl("daemon-reload")
        systemctl("reset-failed", WEB, *_workers(), check=False)
        systemctl("stop", WEB, PAGE)
        systemctl("start", WEB)
        if not _answers(self._portal_port, limit_s=READY_LIMIT_S, ready=True):
            raise CommandFailed(version="in use", command=WEB, reason="the portal does not become ready")
        systemctl("restart", "--no-block", *_workers())
        systemctl("start", TARGET)
        self._notice.unlink(missing_ok=True)

    def _announce(self, record: Record) -> None:
        said = {
            "since": record.closed_at.isoformat() if record.closed_at else None,
            "until": record.until.isoformat() if record.until else None,
        }
        write_durably(self._notice, json.dumps(said).encode() + b"\n", mode=0o644)

    def _drop_in(self, unit: str, setting: str) -> None:
        folder = self._drop_ins / f"{unit}.d"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / TRIAL_NAME).write_text(f"{_TRIAL}{setting}", encoding="ascii")


def _workers() -> list[str]:
    """Every process of the appliance but the portal."""
    wanted = systemctl("show", "--property=Wants", "--value", TARGET).split()
    return [unit for unit in wanted if unit.startswith("hangjegyzet-") and unit != WEB]


def systemctl(*words: str, check: bool = True) -> str:
    """Tell systemd, or ask it; what it said.

    Raises:
        CommandFailed: it could not, with its words.
    """
    done = subprocess.run(
        ["systemctl", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=STOP_LIMIT_S,
        check=False,
    )
    if check and done.returncode != 0:
        raise CommandFailed(version="in use", command=f"systemctl {words[0]}", reason=done.stderr.strip()[-1000:])
    return done.stdout


def _answers(port: int, *, limit_s: float, ready: bool) -> bool:
    """Whether something on this machine answers there in time: anything, or a portal that is ready."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if (status := _status(port)) is not None and (status == 200 or not ready):
            return True
        time.sleep(0.05)
    return False


def _status(port: int) -> int | None:
    # Its certificate is made for the names that people type; this asks only whether it answers, on this machine.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = HTTPSConnection("localhost", port, timeout=5, context=context)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()
