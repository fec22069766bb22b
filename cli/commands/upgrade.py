"""``hangjegyzet upgrade``: look at a bundle, bring this machine to it, see how it goes, go back."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import msgspec
import typer

from appliance.entry import upgrades
from appliance.entry.upgrade_notes import open_journal
from appliance.kernel.ids import UserId
from appliance.settings import Settings
from appliance.upgrades.errors import NothingToResume, UpgradeBusy, UpgradeNeedsRoot
from appliance.upgrades.model import Ending, News, Record, StageState
from cli.output import print_fields, print_json, progress_bar, talk

app = typer.Typer(
    name="upgrade", help="Upgrades: look first, bring about, follow, resume, go back.", no_args_is_help=True
)

UNIT = "hangjegyzet-upgrade.service"
"""Upgrades run as a unit of their own: they survive the terminal that began them."""
_KEPT = ("SUDO_USER", "HANGJEGYZET_CONFIG")
AFTER_A_KILL_S = 3600
"""How long going back may take when the driver was killed."""

Source = Annotated[Path, typer.Argument(help="The .tar, its first part (.tar.001), or the unpacked folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Lines = Annotated[bool, typer.Option("--json", help="Print progress as lines of JSON.")]
Here = Annotated[bool, typer.Option("--here", help="In this process, without a unit.", hidden=True)]


@app.command()
def check(source: Source, as_json: Json = False) -> None:
    """Check a bundle and this machine, and change nothing; exit code 1 when something has to be mended first."""
    _require_root()
    with progress_bar("checking"):
        offer, findings = upgrades.look_at(Settings(), source)
    manifest = offer.manifest
    fields = {
        "version": manifest.version,
        "release_seq": manifest.release_seq,
        "installed": upgrades.new_upgrade(source).old,
        "schema": f"{manifest.schema.oldest} to {manifest.schema.newest}",
        "findings": list(findings),
    }
    if as_json:
        print_json(fields)
    else:
        print_fields({**fields, "findings": "; ".join(findings) or "none: it can be upgraded"})
    if findings:
        raise typer.Exit(1)


@app.command()
def run(source: Source, as_json: Lines = False, here: Here = False) -> None:
    """Upgrade this machine; whatever fails, it has its old release again, or the new one, and every row."""
    _require_root()
    if not here:
        _in_a_unit(["run", str(source.resolve())], as_json)
    upgrades.open_upgrades(Settings(), _on_stdout).start(upgrades.new_upgrade(source), driver=upgrades.driver())


@app.command()
def resume(as_json: Lines = False, here: Here = False) -> None:
    """Bring an interrupted upgrade to its end: back, or forward once it was decided. The machine does so at boot.

    Both ends are what was asked for: exit code 0.
    """
    _require_root()
    _by_the_driver()
    if not here:
        _in_a_unit(["resume"], as_json)
    try:
        upgrades.open_upgrades(Settings(), _on_stdout).resume()
    except NothingToResume:
        # The unit asks after every end, also a good one.
        if os.environ.get("SERVICE_RESULT") is None:
            raise


@app.command()
def rollback(as_json: Lines = False, here: Here = False) -> None:
    """Go back to the release before, with the rows of today, while the schema allows it; two people have to approve."""
    _require_root()
    if not here:
        _in_a_unit(["rollback"], as_json)
    record = upgrades.new_downgrade(Settings())
    upgrades.open_upgrades(Settings(), _on_stdout).start(record, driver=upgrades.driver())


@app.command()
def status(as_json: Json = False) -> None:
    """Show the upgrade that is under way, or the last one: its stages, times, verdicts and how it ended."""
    _require_root()
    journal = open_journal()
    record = journal.read()
    driven = record is not None and journal.is_driven()
    record = record or journal.last()
    if record is None:
        talk.print("This machine was never upgraded.")
        return
    if as_json:
        print_json({**msgspec.to_builtins(record), "driven": driven, "downtime_s": record.downtime_s})
        return
    print_fields(_fields(record, driven))


@app.command(hidden=True)
def prove(
    trial_user: Annotated[str, typer.Option("--trial-user", help="Id of the account of the trial.")],
    portal_port: Annotated[int, typer.Option("--portal-port", help="Where the portal answers to this machine.")],
) -> None:
    """Prove that this release works here; asked by an upgrade of the release that it tries."""
    _require_root()
    from cli.trial import prove_all, tell_on_stdout

    prove_all(Settings(), user=UserId(UUID(trial_user)), portal_port=portal_port, prove=tell_on_stdout)


@app.command(hidden=True)
def retreat(revision: Annotated[str, typer.Argument(help="Revision that the schema goes back to.")]) -> None:
    """Take this release's schema back; asked by a downgrade."""
    _require_root()
    before, after = upgrades.retreat(Settings(), revision)
    print_json({"before": before, "after": after})


def _in_a_unit(words: list[str], as_json: bool) -> None:
    """Run the same command as a unit and show what it tells; ends this process with its exit code."""
    if open_journal().is_driven():
        raise UpgradeBusy(pid="see hangjegyzet upgrade status")
    python = [sys.executable, "-I", "-m", "cli.launch", "upgrade"]
    command = [
        "systemd-run", f"--unit={UNIT}", "--quiet", "--collect", "--wait", "--pipe", "--service-type=exec",
        "--description=HangJegyzet: an upgrade",
        "--property=After=postgresql.service",
        # Killed in the middle, it is brought to an end at once and not at the next boot.
        f"--property=ExecStopPost={' '.join([*python, 'resume', '--here'])}",
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


def _by_the_driver() -> None:
    """Whoever began it goes on with it, also while another release is in use."""
    driver = open_journal().driver()
    if driver is None or driver == upgrades.driver():
        return
    python = str(driver / "venv/bin/python")
    os.execv(python, [python, "-I", "-m", "cli.launch", *sys.argv[1:]])  # noqa: S606  # our own release, no shell


def _on_stdout(news: News) -> None:
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


def _fields(record: Record, driven: bool) -> dict[str, Any]:
    state = record.ending.value if record.ending else ("under way" if driven else "interrupted")
    shown: dict[str, Any] = {
        "upgrade": f"{record.old} → {record.new}",
        "state": state,
        "began": f"{record.began_at:%Y-%m-%d %H:%M:%S} UTC, by {record.actor}",
        "reason": record.reason or None,
    }
    for passed in record.passed:
        back = " (undone)" if passed.stage in record.undone else ""
        took = "interrupted" if passed.took_s is None else f"{passed.took_s:.1f} s"
        shown[f"  {passed.stage}"] = took + back
    if record.rehearsal is not None:
        shown["rehearsal"] = (
            f"{record.rehearsal.before} → {record.rehearsal.after} in {record.rehearsal.migrate_s:.1f} s on "
            f"{record.rehearsal.rows} rows; takes away: {', '.join(record.rehearsal.contracts) or 'nothing'}"
        )
    shown |= {f"proved: {name}": what for name, what in record.gate.items()}
    if record.downtime_s is not None:
        shown["people waited"] = f"{record.downtime_s:.1f} s (expected {record.expected_s:.0f} s)"
    return {name: value for name, value in shown.items() if value is not None}


def _require_root() -> None:
    if os.geteuid() != 0:
        raise UpgradeNeedsRoot
