"""Upgrades and updates run as a unit of their own: they survive the terminal that began them, which looks on."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import msgspec
import typer

from appliance.entry.upgrade_notes import open_journal
from appliance.upgrades.errors import UpgradeBusy, UpgradeNeedsRoot
from appliance.upgrades.model import Ending, News, StageState
from cli.output import talk

UNIT = "hangjegyzet-upgrade.service"
_KEPT = ("SUDO_USER", "HANGJEGYZET_CONFIG")
ENDING_S = 60
"""How long its last act may take after it said how it ended."""
_OVER = {"inactive", "failed", "unknown", ""}
AFTER_A_KILL_S = 3600
"""How long going back may take when the driver was killed."""


def run_in_a_unit(words: Sequence[str], as_json: bool) -> NoReturn:
    """Run a command of ours as a unit and show what it tells; ends this process with its exit code."""
    if open_journal().is_driven() or not _is_free():
        raise UpgradeBusy(pid="see hangjegyzet upgrade status")
    python = [sys.executable, "-I", "-m", "cli.launch"]
    command = [
        "systemd-run", f"--unit={UNIT}", "--quiet", "--collect", "--wait", "--pipe", "--service-type=exec",
        "--description=HangJegyzet: an upgrade",
        "--property=After=postgresql.service",
        # Killed in the middle, it is brought to an end at once and not at the next boot.
        f"--property=ExecStopPost={' '.join([*python, 'upgrade', 'resume', '--here'])}",
        f"--property=TimeoutStopSec={AFTER_A_KILL_S}",
        "--property=KillMode=control-group",
        *(f"--setenv={name}={value}" for name in _KEPT if (value := os.environ.get(name))),
        "--setenv=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "--setenv=LANG=C.UTF-8",
        "--setenv=PYTHONDONTWRITEBYTECODE=1",
        *python, *words, "--here",
    ]  # fmt: skip
    show = _passed_on if as_json else _shown
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101  # a pipe was asked for
        for line in process.stdout:
            show(line)
    raise typer.Exit(process.returncode)


def _is_free() -> bool:
    """Wait a moment for a unit that is just ending: what it was about is settled, and systemd has not put it away."""
    for _ in range(ENDING_S):
        asked = ["systemctl", "is-active", UNIT]
        if (
            subprocess.run(asked, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL).stdout.strip()
            in _OVER
        ):
            return True
        time.sleep(1)
    return False


def tell_on_stdout(news: News) -> None:
    """A line of JSON; whoever read it may be gone, and the upgrade goes on."""
    _write(msgspec.json.encode(news).decode())


def _write(line: str) -> None:
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except OSError:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # until this process ends


def _passed_on(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()


def _shown(line: str) -> None:
    """A line of progress, for people."""
    try:
        news = msgspec.json.decode(line, type=News)
    except ValueError:
        return
    shown = _WORDS.get((news.event, news.state), _WORDS.get((news.event, "")))
    if shown is not None:
        talk.print(shown(news), soft_wrap=True, markup=True)


_WORDS: dict[tuple[str, str], Callable[[News], str]] = {
    ("stage", StageState.BEGUN.value): lambda news: f"[dim]…[/] {news.stage}",
    ("stage", StageState.DONE.value): lambda news: f"[green]✓[/] {news.stage} [dim]{news.took_s or 0:.1f} s[/]",
    ("stage", StageState.FAILED.value): lambda news: f"[red]✗[/] {news.stage}: {news.text}",
    ("stage", StageState.UNDOING.value): lambda news: f"[yellow]↶[/] {news.stage}",
    ("note", ""): lambda news: f"    {news.text}",
    ("task", "changed"): lambda news: f"    [yellow]✎[/] {news.role}: {news.task}",
    ("end", ""): lambda news: f"[bold]{'Upgraded' if news.ending is Ending.DONE else 'Undone'}[/] {news.text}",
}


def require_root() -> None:
    """Refuse everybody else.

    Raises:
        UpgradeNeedsRoot
    """
    if os.geteuid() != 0:
        raise UpgradeNeedsRoot
