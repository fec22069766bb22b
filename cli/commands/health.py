"""``hangjegyzet health``: what is well, what is not, and what to do now."""

from typing import Annotated, Any

import typer

from appliance.entry.health import open_health
from appliance.entry.health_log import HealthLog, as_fields, worst
from appliance.health.model import Examined, Severity
from appliance.settings import Settings
from cli.output import print_json, talk

app = typer.Typer()

_MARKS = {
    Severity.OK: "[green]✓[/]",
    Severity.UNKNOWN: "[magenta]?[/]",
    Severity.WARNING: "[yellow]![/]",
    Severity.CRITICAL: "[red]✗[/]",
}
_WORDS = {Severity.OK: "well", Severity.UNKNOWN: "unknown", Severity.WARNING: "warning", Severity.CRITICAL: "critical"}


@app.command()
def health(
    checks: Annotated[list[str] | None, typer.Argument(help="Checks by name; without one, all of them.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Leave out what takes long.")] = False,
    fix: Annotated[str | None, typer.Option("--fix", metavar="CHECK", help="Apply the remedy of this check.")] = None,
    without: Annotated[list[str] | None, typer.Option("--without", metavar="CHECK", help="Leave this one out.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the findings, for console and metrics.")] = False,
    last: Annotated[
        bool, typer.Option("--last", help="Show the findings that were kept last; look at nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Look at the machine: what is well, what is not, and what to do now. Exit code 1 if anything is critical."""
    if last:
        _show_last(as_json=as_json)
        return
    service = open_health(Settings())
    if fix is not None:
        done, report = service.fix(fix)
        talk.print(done)
    else:
        report = service.examine(*(checks or ()), quick=quick, without=without or ())
    if keep:
        HealthLog().keep(report)
    if as_json:
        print_json({"at": report.at, "severity": report.severity, "checks": [_fields(one) for one in report.examined]})
    else:
        for one in report.examined:
            _show(one, evidence=bool(checks))
    if report.severity is Severity.CRITICAL:
        raise typer.Exit(1)


def _show_last(*, as_json: bool) -> None:
    """The kept findings, each with its own time."""
    kept = HealthLog().latest()
    if as_json:
        print_json({"severity": worst(kept), "checks": [as_fields(one) for one in kept]})
    else:
        for one in kept:
            talk.print(f"{_MARKS[one.severity]} [bold]{one.title}[/]: {one.summary}", soft_wrap=True)
            talk.print(f"    {one.at:%Y-%m-%d %H:%M} UTC · {one.id} · {one.remedy}", style="dim", soft_wrap=True)
    if worst(kept) is Severity.CRITICAL:
        raise typer.Exit(1)


def _show(one: Examined, *, evidence: bool) -> None:
    finding = one.finding
    talk.print(f"{_MARKS[finding.severity]} [bold]{one.check.title}[/]: {finding.summary}", soft_wrap=True)
    if finding.severity is not Severity.OK:
        talk.print(f"    {_WORDS[finding.severity]} · {one.check.id} · {finding.remedy}", style="dim", soft_wrap=True)
    if evidence:
        for name, value in finding.evidence.items():
            talk.print(f"    {name}: {value}", style="dim", soft_wrap=True, markup=False)


def _fields(one: Examined) -> dict[str, Any]:
    finding = one.finding
    return {
        "id": one.check.id,
        "title": one.check.title,
        "severity": finding.severity,
        "summary": finding.summary,
        "evidence": dict(finding.evidence),
        "remedy": finding.remedy,
        "fixable": one.check.fix is not None,
        "took_s": round(one.took_s, 3),
    }
