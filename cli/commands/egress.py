"""``hangjegyzet egress``: prove that nothing leaves, keep the proof, check one."""

import shutil
import sys
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import typer

from appliance.egress.model import EgressReport, Verdict
from appliance.egress.wording import as_text
from appliance.entry.egress import make_report, open_egress, read_report
from appliance.settings import Settings
from cli.exit_codes import ExitCode
from cli.output import print_json, talk

app = typer.Typer(name="egress", help="Prove that nothing leaves the machine.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Language = Annotated[Literal["hu", "en"] | None, typer.Option("--language", help="Of the text; unset: the portal's.")]


@app.command("test")
def leave(as_json: Json = False, language: Language = None) -> None:
    """Try to leave, as root, as each account and inside each process's sandbox; exit code 1 unless it is silent."""
    with talk.status("Trying to leave …"):
        report = open_egress().examine()
    _print(report, as_json=as_json, language=language)


@app.command()
def report(
    out: Annotated[Path | None, typer.Option("--out", help="Copy the signed report to this file.")] = None,
    as_json: Json = False,
    language: Language = None,
) -> None:
    """The same, as a dated and signed report that an auditor can keep; exit code 1 unless it is silent."""
    with talk.status("Trying to leave …"):
        made = make_report(Settings())
    if out is not None:
        shutil.copyfile(made.path, out)
    talk.print(f"Signed and kept: {out or made.path}")
    _print(made.report, as_json=as_json, language=language, key=made.statement.key)


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="A signed report.")],
    key: Annotated[
        Path | None, typer.Option("--key", help="Public key of the machine that made it; unset: this one's.")
    ] = None,
    as_json: Json = False,
    language: Language = None,
) -> None:
    """Check a report's signature, anywhere and offline, and show it; exit code 6 if it was changed."""
    found = read_report(file, key or Settings().signing_public_path)
    talk.print(f"[green]✓[/] Signed by {found.statement.key} at {found.statement.at:%Y-%m-%d %H:%M:%S} UTC")
    _print(found.report, as_json=as_json, language=language, key=found.statement.key)


def _print(report: EgressReport, *, as_json: bool, language: Literal["hu", "en"] | None, key: str = "") -> None:
    if as_json:
        print_json(msgspec.to_builtins(report) | ({"key": key} if key else {}))
    else:
        sys.stdout.write(as_text(report, language or Settings().language, key=key))
    if report.verdict is not Verdict.SILENT:
        raise typer.Exit(ExitCode.FAILED)
