"""``hangjegyzet db``: the database and its schema."""

import os
from typing import Annotated, Any

import typer

from appliance.adapters.postgres.provisioning import database_sql, rights_sql, roles_sql
from appliance.adapters.postgres.provisioning import provision as provision_server
from appliance.database.ports import ServerStatus
from appliance.database.roles import DatabaseRole
from appliance.entry import provision
from appliance.settings import Settings
from cli.output import print_fields, print_json, talk

app = typer.Typer(name="db", help="The database: set it up, look at it, move its schema.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def init(
    organisation: Annotated[str, typer.Option(help="Name of whose meetings these are.")] = "HangJegyzet",
    as_json: Json = False,
) -> None:
    """Make the database, the machine's keys and the organisation; what is there already stays."""
    done = provision.initialise(Settings(), organisation=organisation)
    fields = {
        "organisation": done.organisation.name,
        "organisation_id": str(done.organisation.id),
        "revision": done.revision,
        "created_database": done.created_database,
        "created_root_key": done.created_root_key,
        "created_signing_key": done.created_signing_key,
        "created_organisation": done.created_organisation,
    }
    _print(fields, as_json)
    if done.created_root_key:
        talk.print(f"The root key is {Settings().root_key_path}. Keep a copy elsewhere: without it, nothing opens.")


@app.command("provision")
def prepare(
    server: Annotated[
        str, typer.Option(help="Address of the server; who runs this must be its superuser.")
    ] = "postgresql:///postgres?host=/run/postgresql",
    as_json: Json = False,
) -> None:
    """Make roles, database and rights on a server that runs already; what is there stays."""
    _print({"created_database": provision_server(server)}, as_json)


@app.command()
def migrate(
    revision: Annotated[str, typer.Option(help="Stop at this revision.")] = "head",
    as_json: Json = False,
) -> None:
    """Move the schema to what this release needs."""
    before, after = provision.migrate(Settings(), revision)
    _print({"before": before, "after": after}, as_json)


@app.command()
def status(as_json: Json = False) -> None:
    """Show whether the database runs and fits this release; exit code 5 if it does not."""
    report = provision.describe(Settings())
    _print(_status_fields(report.server) | {"revision": report.revision, "needed": report.needed}, as_json)
    if not report.ready:
        raise typer.Exit(5)


@app.command()
def up(as_json: Json = False) -> None:
    """Start the embedded database and leave it running."""
    _print(_status_fields(provision.stand(Settings())), as_json)


@app.command()
def down(as_json: Json = False) -> None:
    """Stop the embedded database, once nothing needs it."""
    _print(_status_fields(provision.fall(Settings())), as_json)


@app.command()
def shell(
    role: Annotated[DatabaseRole, typer.Option(help="Whose rights the shell has.")] = DatabaseRole.OWNER,
) -> None:
    """Open psql on the running database; the audit trail says so."""
    command = provision.shell_command(Settings(), role)
    os.execvp(command[0], command)  # noqa: S606  # the shell takes over this process; a fixed program, no shell


@app.command()
def roles() -> None:
    """Print the SQL that the administrator of a server of your own runs before `db init`."""
    typer.echo(roles_sql() + database_sql() + "\\connect hangjegyzet\n" + rights_sql(), nl=False)


def _status_fields(status: ServerStatus) -> dict[str, Any]:
    return {
        "kind": status.kind,
        "running": status.running,
        "version": status.version,
        "place": status.place,
        "pid": status.pid,
        "standing": status.standing,
    }


def _print(fields: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(fields)
    else:
        print_fields(fields)
