"""``hangjegyzet cert``: the portal's certificate."""

from pathlib import Path
from typing import Annotated, Any

import typer

from appliance.entry import certificates
from appliance.entry.certificates import CertificateView
from appliance.settings import Settings
from cli.output import print_fields, print_json, talk

app = typer.Typer(
    name="cert", help="The portal's certificate: show, renew, ask for one, install it.", no_args_is_help=True
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def show(as_json: Json = False) -> None:
    """Show whom it is made out to, until when, and its fingerprint."""
    _print(certificates.show(Settings()), as_json=as_json)


@app.command()
def renew(
    if_due: Annotated[bool, typer.Option("--if-due", help="Only when it ends soon, or lacks a name.")] = False,
    as_json: Json = False,
) -> None:
    """Make the machine's own certificate again; uploads go on where they stopped."""
    settings = Settings()
    if if_due and not certificates.due(settings):
        talk.print("It is not due.")
        return
    if if_due:
        certificates.restart_portal()
        _print(certificates.show(settings), as_json=as_json)
    else:
        _print(certificates.renew(settings), as_json=as_json)


@app.command()
def csr(
    out: Annotated[Path | None, typer.Option("--out", help="Write the request to this file.")] = None,
    name: Annotated[
        list[str] | None, typer.Option("--name", help="A name or address; repeat. Unset: those of this machine.")
    ] = None,
    organisation: Annotated[str, typer.Option("--organisation", help="Whose it is, in the request.")] = "",
) -> None:
    """Make a new key and ask for a certificate; your authority signs the request."""
    request = certificates.ask(Settings(), names=tuple(name or ()), organisation=organisation)
    if out is None:
        typer.echo(request.decode(), nl=False)
    else:
        out.write_bytes(request)
    talk.print("Its key waits on this machine. With the answer: hangjegyzet cert install CHAIN.pem")


@app.command()
def install(
    chain: Annotated[Path, typer.Argument(help="Certificate and those that it was signed by, in PEM form.")],
    key: Annotated[
        Path | None, typer.Option("--key", help="Its key; unset: the one that waits since `cert csr`.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check a certificate and put it into place."""
    done = certificates.install(Settings(), chain, key)
    _print(done.view, as_json=as_json)
    if done.apply_needed:
        talk.print("It is named in the configuration now. Put it on the wire: hangjegyzet apply")
    if done.view.missing_names:
        talk.print(f"[yellow]![/] It does not name: {', '.join(sorted(done.view.missing_names))}", soft_wrap=True)


def _print(view: CertificateView, *, as_json: bool) -> None:
    fields: dict[str, Any] = {
        "file": str(view.file),
        "self_made": view.self_made,
        "subject": view.subject,
        "issuer": view.issuer,
        "names": sorted(view.names) if as_json else ", ".join(sorted(view.names)),
        "not_before": view.not_before.isoformat(),
        "not_after": view.not_after.isoformat(),
        "sha256": view.fingerprint,
    }
    if as_json:
        print_json(fields)
    else:
        print_fields(fields)
