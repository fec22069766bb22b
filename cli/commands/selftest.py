"""``hangjegyzet selftest``: one run through everything, on one page."""

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import typer

from appliance.configuration.errors import NeedsRoot
from appliance.selftest.model import Line, Trial, Verdict
from appliance.selftest.wording import as_text, title_of
from appliance.settings import Settings
from cli.exit_codes import ExitCode
from cli.output import print_json, talk
from cli.selftest import run_selftest

app = typer.Typer()


@app.command()
def selftest(
    sample: Annotated[Literal["en", "hu"], typer.Option("--sample", help="Which of our two meetings to send.")] = "en",
    without: Annotated[list[Trial] | None, typer.Option("--without", help="Leave this one out; repeat.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Copy the signed report to this file.")] = None,
    language: Annotated[
        Literal["hu", "en"] | None, typer.Option("--language", help="Of the page; unset: the portal's.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Send a synthetic recording through everything, try to leave, take a backup and restore it; print one page.

    Exit code 0 if all works (a warning says where not well), 1 if anything failed, 5 if something was not tried.
    """
    if os.geteuid() != 0:
        raise NeedsRoot
    settings = Settings()
    words = language or settings.language

    def tell(news: Line | Trial) -> None:
        if isinstance(news, Trial):
            talk.print(f"… {title_of(news, words)}", style="dim")

    report, envelope = run_selftest(settings, language=sample, without=tuple(without or ()), tell=tell)
    if out is not None:
        out.write_bytes(envelope)
    key = str(msgspec.json.decode(envelope)["signed"]["key"])
    if as_json:
        print_json(msgspec.to_builtins(report) | {"verdict": report.verdict, "key": key})
    else:
        sys.stdout.write(as_text(report, words, key=key))
    if report.verdict is Verdict.FAILED:
        raise typer.Exit(ExitCode.FAILED)
    if report.verdict is Verdict.NOT_TRIED:
        raise typer.Exit(ExitCode.UNAVAILABLE)
