"""``hangjegyzet user``: people's accounts, from the machine's own shell."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from appliance.bootstrap import Services, open_services
from appliance.database.roles import DatabaseRole
from appliance.entry.provision import operator
from appliance.identity.model import OneTimeCode, UserView
from appliance.identity.permissions import Role
from appliance.kernel.actor import Actor
from appliance.settings import Settings
from cli.output import print_fields, print_json, print_table, talk

app = typer.Typer(name="user", help="People's accounts: create, reset, disable.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Email = Annotated[str, typer.Argument(help="The person's e-mail address.")]


@app.command("first-code")
def first_code(as_json: Json = False) -> None:
    """Print a one-time code that makes its bearer the first administrator; an earlier one stops working."""
    with _services() as (services, actor):
        _print_code(services.identity.issue_first_code(actor), as_json)
    talk.print("Open the portal and type it in there. It is good for one day and for one person.")


@app.command("list")
def show(as_json: Json = False) -> None:
    """List everybody who has an account."""
    with _services() as (services, actor):
        people = services.accounts.list(actor)
    if as_json:
        print_json([_fields(person) for person in people])
        return
    rows = [(person.email, person.name, person.role.value, _state(person)) for person in people]
    print_table(("e-mail", "name", "role", "state"), rows, empty="Nobody yet. Run: hangjegyzet user first-code")


@app.command()
def create(
    email: Email,
    name: Annotated[str, typer.Option(help="Name that others see.")],
    role: Annotated[Role, typer.Option(help="What the person is.")] = Role.MEMBER,
    as_json: Json = False,
) -> None:
    """Create an account and print the code with which its owner chooses a password."""
    with _services() as (services, actor):
        _, code = services.accounts.create(actor, email=email, name=name, role=role)
    _print_code(code, as_json)


@app.command()
def reset(email: Email, as_json: Json = False) -> None:
    """Print a code for a new password; the old one and all sessions end now."""
    with _services() as (services, actor):
        code = services.accounts.reset_password(actor, services.accounts.find(actor, email).id)
    _print_code(code, as_json)


@app.command()
def change(
    email: Email,
    name: Annotated[str | None, typer.Option(help="Another name.")] = None,
    role: Annotated[Role | None, typer.Option(help="Another role.")] = None,
    as_json: Json = False,
) -> None:
    """Change a person's name or role."""
    with _services() as (services, actor):
        person = services.accounts.find(actor, email)
        _print_person(services.accounts.change(actor, person.id, name=name, role=role), as_json)


@app.command()
def disable(email: Email, as_json: Json = False) -> None:
    """Keep a person out from now on; their meetings stay."""
    with _services() as (services, actor):
        _print_person(services.accounts.disable(actor, services.accounts.find(actor, email).id), as_json)


@app.command()
def enable(email: Email, as_json: Json = False) -> None:
    """Let a disabled person in again."""
    with _services() as (services, actor):
        _print_person(services.accounts.enable(actor, services.accounts.find(actor, email).id), as_json)


@contextmanager
def _services() -> Iterator[tuple[Services, Actor]]:
    with open_services(Settings(), DatabaseRole.WEB) as services:
        yield services, operator(services.home_tenant)


def _print_code(code: OneTimeCode, as_json: bool) -> None:
    fields = {"code": code.code, "purpose": code.purpose.value, "expires_at": code.expires_at.isoformat()}
    if as_json:
        print_json(fields)
    else:
        print_fields(fields)


def _print_person(person: UserView, as_json: bool) -> None:
    if as_json:
        print_json(_fields(person))
    else:
        print_fields(_fields(person))


def _fields(person: UserView) -> dict[str, Any]:
    return {
        "id": str(person.id),
        "email": person.email,
        "name": person.name,
        "role": person.role.value,
        "state": _state(person),
        "created_at": person.created_at.isoformat(),
        "last_seen_at": person.last_seen_at.isoformat() if person.last_seen_at else None,
    }


def _state(person: UserView) -> str:
    if person.disabled_at is not None:
        return "disabled"
    return "active" if person.has_password else "awaits password"
