"""``hangjegyzet-release``: the maker's command. It is never shipped; docs/releases.md describes the ceremony."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.prompt import Confirm, Prompt

from appliance.kernel.errors import HangJegyzetError
from appliance.licence.verification import read_licence
from appliance.releases.model import OF_RELEASES, Grade, KeyStatement, Purpose, RevocationList, read_document
from appliance.releases.trust import (
    NEEDED_SIGNATURES,
    RELEASE_KEY_NAME,
    REVOCATIONS_NAME,
    ROOTS,
    STATEMENT_NAME,
    root_name,
    signed_document,
)
from cli.exit_codes import exit_code_for
from cli.output import print_error, print_fields, print_json, talk
from images.release_keys.development import ensure_development_keys
from images.release_keys.keyring import fingerprint, new_key, open_key, write_new
from images.release_keys.licences import licence_for, sign_licence
from images.release_keys.statements import (
    folder_trust,
    revocations_after,
    sign_document,
    statement_about,
    write_unsigned,
)
from images.release_keys.support_key import PRIVATE_NAME, new_support_key

app = typer.Typer(help="Makes and signs what makes a release trustworthy.", no_args_is_help=True)
keys = typer.Typer(help="Root keys, release keys, statements and revocations.", no_args_is_help=True)
app.add_typer(keys, name="keys")
licences = typer.Typer(help="Licences for customers.", no_args_is_help=True)
app.add_typer(licences, name="licence")

Folder = Annotated[Path, typer.Argument(help="Folder of the ceremony: a stick, never a checkout.")]
PassphraseFile = Annotated[Path | None, typer.Option(help="Read the passphrase from a file instead of asking.")]
Number = Annotated[int, typer.Option(min=1, max=3, help="Which custodian's root key.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@keys.command()
def root(folder: Folder, number: Number, passphrase_file: PassphraseFile = None) -> None:
    """Make one custodian's root key, on the machine that has never seen a network."""
    public = new_key(folder, root_name(number).removesuffix(".pem"), _new_passphrase(passphrase_file))
    print_fields({"root key": number, "sha256": fingerprint(public)})
    talk.print("Write the fingerprint down by hand, and lock the private key away.")


@keys.command()
def release(
    folder: Folder,
    purpose: Annotated[list[Purpose] | None, typer.Option(help="What it may sign; unset is all but licences.")] = None,
    days: Annotated[int, typer.Option(min=1, max=1100, help="How long it is valid from today.")] = 730,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Make a release key and the statement about it, which two custodians have to sign."""
    public = new_key(folder, RELEASE_KEY_NAME.removesuffix(".pem"), _new_passphrase(passphrase_file))
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    purposes = tuple(purpose or OF_RELEASES)
    statement = statement_about(public, purposes=purposes, grade=Grade.PRODUCTION, not_before=today, days=days)
    write_unsigned(folder / STATEMENT_NAME, statement)
    print_fields(_statement_fields(statement))


@keys.command("support")
def support_key(folder: Folder) -> None:
    """Make the age key that support bundles are sealed to; bundles made with this folder bring its public half."""
    print_fields({"support key": new_support_key(folder)})
    talk.print(f"Keep {folder / PRIVATE_NAME} where those who help can reach it, and nobody else.")


@keys.command("sign-release")
def sign_release(
    document: Annotated[Path, typer.Argument(help=f"{STATEMENT_NAME} or {REVOCATIONS_NAME}.")],
    root_key: Annotated[Path, typer.Option(help="The custodian's private key.")],
    number: Number,
    passphrase_file: PassphraseFile = None,
    yes: Annotated[bool, typer.Option("--yes", help="Sign without asking.")] = False,
) -> None:
    """Sign a statement or a list of revocations with one root key, after showing what it says."""
    _show_document(document)
    if not yes and not Confirm.ask("Sign this?", console=talk, default=False):
        raise typer.Exit(1)
    signature = sign_document(document, open_key(root_key, _passphrase(passphrase_file)), number)
    talk.print(f"Signed: {signature}")


@keys.command()
def revoke(
    folder: Folder,
    key: Annotated[str, typer.Argument(help="Fingerprint (sha256) of the release key.")],
    reason: Annotated[str, typer.Option(help="One sentence for whoever holds a bundle that it signed.")],
    previous: Annotated[Path | None, typer.Option(help="The newest list so far; unset begins the first.")] = None,
) -> None:
    """Write the next list of revoked keys, which two custodians have to sign."""
    older = read_document(previous.read_bytes(), RevocationList) if previous else None
    listed = revocations_after(older, sha256=key, revoked_at=datetime.now(UTC), reason=reason)
    write_unsigned(folder / REVOCATIONS_NAME, listed)
    print_fields({"serial": listed.serial, "revoked keys": len(listed.revoked)})


@keys.command()
def show(folder: Folder, as_json: AsJson = False) -> None:
    """Fingerprints, the statement, and whose signatures are right."""
    trust = folder_trust(folder)
    found: dict[str, Any] = {
        "fingerprint": trust.fingerprint,
        **{f"root {number}": fingerprint(pem) for number, pem in zip(ROOTS, trust.pems, strict=True)},
    }
    for name in (STATEMENT_NAME, REVOCATIONS_NAME):
        if (folder / name).is_file():
            signers = trust.signers(signed_document(folder, name))
            found[f"{name} signed by"] = ", ".join(map(str, signers)) or "nobody"
            found[f"{name} is enough"] = len(signers) >= NEEDED_SIGNATURES
    if (folder / STATEMENT_NAME).is_file():
        found |= _statement_fields(read_document((folder / STATEMENT_NAME).read_bytes(), KeyStatement))
    if as_json:
        print_json(found)
    else:
        print_fields(found)


@keys.command()
def development(
    folder: Annotated[Path | None, typer.Argument(help="Where; unset is your own data folder.")] = None,
) -> None:
    """Make throw-away keys for trying bundles on this machine, unless they are there."""
    made = ensure_development_keys(folder)
    print_fields({"folder": made, "fingerprint": folder_trust(made).fingerprint})


@licences.command()
def issue(
    folder: Annotated[Path, typer.Argument(help="Folder with a key whose purpose is licence, and its statement.")],
    output: Annotated[Path, typer.Argument(help="The file for the customer.")],
    customer: Annotated[str, typer.Option(help="To whom.")],
    name: Annotated[str, typer.Option("--id", help="Such as HJ-2027-0042.")],
    days: Annotated[int, typer.Option(min=1, help="How long it is valid.")] = 365,
    grace_days: Annotated[int, typer.Option(min=0, max=366, help="How long everything goes on after its end.")] = 30,
    people: Annotated[int | None, typer.Option(min=1, help="How many accounts it is meant for.")] = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Sign a licence; the file holds everything that a machine needs to check it."""
    now = datetime.now(UTC).replace(microsecond=0)
    granted = licence_for(customer, name=name, people=people, starts=now, days=days, grace_days=grace_days, issued=now)
    key = open_key(folder / RELEASE_KEY_NAME.replace(".pem", ".key"), _passphrase(passphrase_file))
    public = (folder / RELEASE_KEY_NAME).read_bytes()
    signed = sign_licence(granted, key, public=public, vouched=signed_document(folder, STATEMENT_NAME))
    read_licence(signed, folder_trust(folder), source=output.name)
    write_new(output, signed, mode=0o644)
    print_fields({"licence": granted.id, "customer": granted.customer, "until": granted.valid_until})


def main() -> None:
    """The process edge."""
    try:
        app()
    except HangJegyzetError as error:
        print_error(error)
        sys.exit(exit_code_for(error))


def _show_document(path: Path) -> None:
    data = path.read_bytes()
    if path.name == REVOCATIONS_NAME:
        listed = read_document(data, RevocationList)
        print_fields({"serial": listed.serial, **{entry.sha256: entry.reason for entry in listed.revoked}})
    else:
        print_fields(_statement_fields(read_document(data, KeyStatement)))


def _statement_fields(statement: KeyStatement) -> dict[str, Any]:
    return {
        "release key": statement.sha256,
        "grade": statement.grade,
        "may sign": ", ".join(statement.purpose),
        "from": statement.not_before,
        "until": statement.not_after,
    }


def _passphrase(file: Path | None) -> str:
    return _from(file) or Prompt.ask("Passphrase", console=talk, password=True)


def _new_passphrase(file: Path | None) -> str:
    if known := _from(file):
        return known
    while True:
        first = Prompt.ask("New passphrase", console=talk, password=True)
        if first == Prompt.ask("The same again", console=talk, password=True):
            return first
        talk.print("They differ.")


def _from(file: Path | None) -> str | None:
    return file.read_text(encoding="utf-8").rstrip("\n") if file else None


if __name__ == "__main__":
    main()
