"""Long work: a verb of the command line as a process of its own, that outlives every screen and the console itself.

What it prints goes into a folder of its own; the console reads it there: now, later, or after it was started again.
"""

import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

KEPT: Final = 30
MOST_BYTES: Final = 2 * 1024 * 1024
"""Of an output that is longer, the end is read."""
_KEEPER: Final = '"$@" >"$HANGJEGYZET_ERRAND/output" 2>&1 </dev/null; echo $? >"$HANGJEGYZET_ERRAND/code"'
_SURROUNDINGS: Final = {"HANGJEGYZET_PROGRESS": "json", "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_COMMAND: Final = Path("/usr/local/bin/hangjegyzet")
_FIRST_TIME: Final[dict[tuple[str, ...], int]] = {("restore", "run"): 6, ("backup", "run"): 5, ("drill", "run"): 5}
"""Steps of verbs whose first time is the one that people wait for."""
_SYSTEMD: Final = Path("/run/systemd/system")
_WORDS: Final = re.compile(r"-{0,2}[a-z][a-z-]*")


class ErrandState(StrEnum):
    """How far it is."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    LOST = "lost"
    """Its process is gone and left no word: a power cut, or somebody killed it."""


@dataclass(frozen=True, slots=True)
class Errand:
    """One call of the command line."""

    folder: Path
    command: tuple[str, ...]
    """What follows ``hangjegyzet``."""
    started_at: datetime
    process: int
    boot: str

    @property
    def line(self) -> str:
        """What a person would type."""
        return command_line(*self.command)

    @property
    def code(self) -> int | None:
        """The exit code; nothing while it has none."""
        try:
            return int((self.folder / "code").read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None

    @property
    def state(self) -> ErrandState:
        """How far it is now."""
        code = self.code
        if code is not None:
            return ErrandState.DONE if code == 0 else ErrandState.FAILED
        return ErrandState.RUNNING if self._lives() else ErrandState.LOST

    def output(self) -> str:
        """What it has printed; of very much, the end."""
        try:
            with (self.folder / "output").open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - MOST_BYTES))
                return file.read().decode(errors="replace")
        except OSError:
            return ""

    def _lives(self) -> bool:
        if self.boot != _boot():
            return False
        try:
            stat = Path(f"/proc/{self.process}/stat").read_text(encoding="ascii", errors="replace")
        except OSError:
            return False
        return stat.rpartition(")")[2].split()[0] != "Z"


class Errands:
    """The errands of this machine.

    Args:
        folder: where they are kept; made for its owner alone.
        program: what is called; the installed command, unless a test has another.
        own_unit: what makes the process a unit of its own; unset: systemd, where it is there and root asks.
    """

    def __init__(
        self, folder: Path, program: Sequence[str] | None = None, *, own_unit: Sequence[str] | None = None
    ) -> None:
        self._folder = folder
        self._program = tuple(program or _program())
        self._own_unit = tuple(_own_unit() if own_unit is None else own_unit)
        self._children: list[subprocess.Popen[bytes]] = []

    def start(self, *command: str) -> Errand:
        """Begin an errand; it goes on whatever becomes of the caller."""
        at = datetime.now(UTC)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = re.sub(r"[^a-z0-9]+", "-", " ".join(command).lower()).strip("-")[:40]
        folder = self._folder / f"{at:%Y%m%dT%H%M%S%f}-{name}"
        folder.mkdir(mode=0o700)
        with (folder / "output").open("wb") as before:  # what keeps the keeper from beginning is read there, too
            child = subprocess.Popen(
                [*self._unit(folder.name), "sh", "-c", _KEEPER, "keeper", *self._program, *command],
                env={**os.environ, "HANGJEGYZET_ERRAND": str(folder), **_SURROUNDINGS},
                stdin=subprocess.DEVNULL,
                stdout=before,
                stderr=before,
                start_new_session=True,
            )
        self._children = [one for one in (*self._children, child) if one.poll() is None]
        errand = Errand(folder, command, at, child.pid, _boot())
        self._note(errand)
        self._forget_old()
        return errand

    def list(self) -> Sequence[Errand]:
        """Newest first."""
        for child in self._children:
            child.poll()
        folders = sorted(self._folder.iterdir(), reverse=True) if self._folder.is_dir() else []
        return [errand for folder in folders if (errand := _read(folder)) is not None]

    def running(self) -> Sequence[Errand]:
        """Those under way."""
        return [errand for errand in self.list() if errand.state is ErrandState.RUNNING]

    def usual_steps(self, command: Sequence[str]) -> int | None:
        """How many steps the same verb took when it last went well; nothing where it never did.

        Names of sets, paths and moments differ from one time to the next, and do not count.
        """
        from tui.progress import read

        for errand in self.list():
            if _verb(errand.command) == _verb(command) and errand.state is ErrandState.DONE:
                return read(errand.output()).done or None
        return _FIRST_TIME.get(_verb(command)[:2])

    def _unit(self, name: str) -> Sequence[str]:
        return tuple(part.replace("NAME", name) for part in self._own_unit)

    def _note(self, errand: Errand) -> None:
        told = {
            "command": errand.command,
            "started_at": errand.started_at.isoformat(),
            "process": errand.process,
            "boot": errand.boot,
        }
        (errand.folder / "errand.json").write_text(json.dumps(told), encoding="utf-8")

    def _forget_old(self) -> None:
        for old in self.list()[KEPT:]:
            if old.state is not ErrandState.RUNNING:
                with contextlib.suppress(OSError):
                    shutil.rmtree(old.folder)


def command_line(*command: str) -> str:
    """``hangjegyzet job list``, quoted as a shell needs it."""
    return shlex.join(("hangjegyzet", *command))


def errands_folder() -> Path:
    """Root's own on an installed machine; elsewhere its user's."""
    if os.geteuid() == 0:
        return Path("/var/lib/hangjegyzet-console")
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "hangjegyzet" / "console"


def _own_unit() -> Sequence[str]:
    """A scope of systemd: the process stays our child, and the end of a session or of a display does not reach it."""
    if os.geteuid() != 0 or not _SYSTEMD.is_dir():
        return ()
    return ("systemd-run", "--scope", "--quiet", "--collect", "--slice=system.slice", "--unit=hangjegyzet-errand-NAME")


def _verb(command: Sequence[str]) -> tuple[str, ...]:
    return tuple(word for word in command if _WORDS.fullmatch(word))


def _program() -> Sequence[str]:
    """The installed command, which gives up root's rights where it can; elsewhere, this environment's."""
    return (str(_COMMAND),) if _COMMAND.exists() else (sys.executable, "-I", "-m", "cli.launch")


def _read(folder: Path) -> Errand | None:
    try:
        told = json.loads((folder / "errand.json").read_text(encoding="utf-8"))
        started_at = datetime.fromisoformat(told["started_at"])
        return Errand(folder, tuple(told["command"]), started_at, int(told["process"]), str(told["boot"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _boot() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""
