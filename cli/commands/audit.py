"""``hangjegyzet audit``: check the trail, and hand it out."""

import os
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from appliance.audit.errors import ExportExists, TrailBroken
from appliance.audit.model import VerificationReport
from appliance.entry import provision
from appliance.settings import Settings
from appliance.tenants.model import TenantView
from cli.output import print_json, print_table, talk

app = typer.Typer(name="audit", help="The audit trail: check it, export it.", no_args_is_help=True)


@app.command()
def verify(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Check every event of every chain; exit code 6 if one was changed, removed, inserted or reordered."""
    found = provision.verify_trails(Settings())
    if as_json:
        print_json([_fields(tenant, report) for tenant, report in found])
    else:
        rows = [(tenant.name, report.events, _verdict(report), report.head.hash.hex()[:16]) for tenant, report in found]
        print_table(("organisation", "events", "verdict", "head"), rows)
    for tenant, report in found:
        if report.finding is not None:
            finding = report.finding
            name = finding.name or "missing"
            raise TrailBroken(tenant=tenant.name, kind=finding.kind.value, seq=finding.seq, name=name)


@app.command()
def export(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write; unset is stdout.")] = None,
) -> None:
    """Write the trail as JSON lines, with both hashes of every event."""
    if output is None:
        events = provision.export_trail(Settings(), lambda line: typer.echo(line, nl=False))
    else:
        with _new_file(output) as file:
            events = provision.export_trail(Settings(), file.write)
    talk.print(f"{events} events exported.")


def _new_file(path: Path) -> TextIO:
    """A file for us alone: names of people are in the trail."""
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8")
    except FileExistsError:
        raise ExportExists(path=path) from None


def _verdict(report: VerificationReport) -> str:
    finding = report.finding
    return "intact" if finding is None else f"{finding.kind.value} at event {finding.seq}"


def _fields(tenant: TenantView, report: VerificationReport) -> dict[str, Any]:
    finding = report.finding
    return {
        "organisation": tenant.name,
        "tenant_id": str(tenant.id),
        "events": report.events,
        "intact": report.intact,
        "head": {"seq": report.head.seq, "hash": report.head.hash.hex()},
        "finding": None
        if finding is None
        else {
            "kind": finding.kind.value,
            "seq": finding.seq,
            "event_id": None if finding.event_id is None else str(finding.event_id),
            "name": finding.name,
        },
    }
