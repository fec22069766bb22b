"""``hangjegyzet config``: the one configuration file, by key."""

from pathlib import Path
from typing import Annotated, Any

import typer

from appliance.configuration import document
from appliance.configuration.model import Change, Value
from appliance.entry import applying
from appliance.entry.machine import configuration_file, open_configuration
from cli.output import print_fields, print_json, print_table, talk

app = typer.Typer(name="config", help="The configuration: read, change, check, compare.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def get(
    key: Annotated[str | None, typer.Argument(help="A setting, such as web.port; without one, all of them.")] = None,
    as_json: Json = False,
) -> None:
    """Print what a setting is, by the file or by default."""
    service = open_configuration()
    if key is not None:
        value = service.get(key)
        if as_json:
            print_json(value)
        else:
            typer.echo(_shown(value))
        return
    values = service.values()
    if as_json:
        print_json(values)
    else:
        print_fields({name: _shown(value) for name, value in values.items()})


@app.command("set")
def change(
    key: Annotated[str, typer.Argument(help="A setting, such as web.port.")],
    value: Annotated[str, typer.Argument(help="Its new value; a list as TOML writes it: '[\"10.0.0.0/8\"]'.")],
) -> None:
    """Change a setting in the file; comments stay. It is in force after: hangjegyzet apply."""
    _say(open_configuration().set(key, value))


@app.command()
def unset(key: Annotated[str, typer.Argument(help="A setting, such as web.port.")]) -> None:
    """Take a setting out of the file, so that its default holds."""
    _say(open_configuration().set(key, None))


@app.command()
def validate(
    file: Annotated[Path | None, typer.Argument(help="A file; without one, this machine's.")] = None,
) -> None:
    """Check a file: exit code 2 and every mistake by its key, or 0."""
    path = file or configuration_file()
    document.read_valid(path)
    talk.print(f"{path} can be applied.")


@app.command()
def diff(as_json: Json = False) -> None:
    """Show what the file says otherwise than what was applied last; exit code 1 when something waits."""
    found = open_configuration().pending()
    if as_json:
        print_json([_fields(change) for change in found])
    else:
        print_table(
            ("setting", "in force", "in the file"),
            [(change.key, _shown(change.before), _shown(change.after)) for change in found],
            empty="The file says what is in force.",
        )
    if found:
        raise typer.Exit(1)


@app.command()
def confirm() -> None:
    """Keep what was applied last; a change of who reaches the machine is undone without it."""
    talk.print(f"Kept: {', '.join(applying.confirm())}")


@app.command(hidden=True)
def watch() -> None:
    """Undo what nobody confirms in time; hangjegyzet-confirmation.service runs it."""
    applying.watch_confirmation()


def _say(changed: Change | None) -> None:
    if changed is None:
        talk.print("It has that value already.")
    else:
        talk.print(f"{changed.key}: {_shown(changed.before)} → {_shown(changed.after)}")
        talk.print("Now: hangjegyzet apply --check --diff, then hangjegyzet apply", style="dim")


def _fields(change: Change) -> dict[str, Any]:
    return {"key": change.key, "before": change.before, "after": change.after}


def _shown(value: Value) -> str:
    match value:
        case None:
            return "(unset)"
        case bool():
            return "true" if value else "false"
        case list():
            return ", ".join(value)
        case _:
            return str(value)
