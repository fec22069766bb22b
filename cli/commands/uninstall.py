"""``hangjegyzet uninstall``: take the appliance off the machine, keys first, and leave a certificate."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from appliance.approvals.model import moment
from appliance.configuration.errors import NeedsRoot
from appliance.entry.approvals import this_host
from appliance.erasure.certificate import check_certificate
from appliance.settings import Settings
from cli.output import print_fields

app = typer.Typer()


@app.command()
def uninstall(
    keep_data: Annotated[
        bool, typer.Option("--keep-data", help="Leave recordings, database, keys, configuration and packages.")
    ] = False,
    host: Annotated[str | None, typer.Option("--host", help="This machine's name, instead of being asked.")] = None,
    certificate: Annotated[
        Path | None, typer.Option("--certificate", help="Where the certificate goes; unset is root's home.")
    ] = None,
    verify: Annotated[
        Path | None,
        typer.Option("--verify", help="Only check a certificate, on any machine.", dir_okay=False, exists=True),
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="With --verify: fingerprint of the machine's key, from its reports.")
    ] = None,
) -> None:
    """Take the appliance off this machine, keys first; or check an erase certificate."""
    if verify is not None:
        _check(verify, key)
        return
    if os.geteuid() != 0:
        raise NeedsRoot
    # Imported here, because what checks a certificate on another machine needs nothing of it.
    from appliance.entry import uninstall as entry

    if host is None:
        what = (
            "the processes and files of the appliance" if keep_data else "every recording, text and key on this machine"
        )
        _say(f"This removes {what}. {'Data and keys stay.' if keep_data else 'It cannot be undone.'}")
        host = typer.prompt(f"Type the name of this machine ({this_host().name}) to go on", err=True)
    path = entry.uninstall(Settings(), confirmed_host=host, keep_data=keep_data, certificate=certificate, tell=_say)
    sys.stdout.write(f"{path}\n")
    sys.stdout.flush()


def _check(path: Path, key: str | None) -> None:
    found = check_certificate(path, expected_key=key)
    payload = found.statement.payload
    verified = payload["verified"]
    print_fields(
        {
            "machine": payload["host"],
            "version": payload["version"],
            "erased": f"{payload['began_at']} to {payload['ended_at']}",
            "by": payload["executor"],
            "approved by": ", ".join(payload["approved_by"]) or "nobody: no approvers were enrolled",
            "data": f"kept: {', '.join(payload.get('kept', []))}" if payload["data_kept"] else "erased",
            "keys destroyed": len(payload["keys"]),
            "left": ", ".join([*verified["files_left"], *verified["keys_left"]]) or "nothing",
            "signed": moment(found.statement.at),
            "by key": found.key,
        }
    )
    for caveat in payload["caveats"]:
        _say(caveat)
    if key is None:
        _say("Compare the key with the one in the machine's earlier reports or backups.")


def _say(line: str) -> None:
    """Plain: at the end there is nothing left to draw with."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
