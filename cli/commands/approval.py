"""``hangjegyzet approval``: what takes two people, asked for, signed and looked at."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from appliance.approvals.approvers import MAX_FILE_BYTES, read_approvers
from appliance.approvals.errors import ArgumentsInvalid
from appliance.approvals.model import NAMESPACE, NEEDED, USUALLY_VALID, Verb
from appliance.approvals.policy import loosened
from appliance.approvals.service import Standing
from appliance.approvals.signatures import MAX_SIGNATURE_BYTES
from appliance.audit.model import AuditName
from appliance.entry import approvals
from appliance.entry.machine import open_configuration
from appliance.entry.operators import operator_name
from appliance.settings import Settings
from cli.exit_codes import ExitCode
from cli.output import print_fields, print_json, print_table, talk

app = typer.Typer(
    name="approval", help="The two-person rule: ask, sign, look, say who may approve.", no_args_is_help=True
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
RequestId = Annotated[str, typer.Argument(metavar="REQUEST", help="A request's id; hangjegyzet approval list.")]
Copy = Annotated[Path | None, typer.Option("--output", "-o", help="Write the file that is signed there too: a stick.")]


@app.command()
def request(
    verb: Annotated[Verb, typer.Argument(help="What is to be done.")],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="NAME=VALUE", help="What exactly; the refusal says what is wanted.")
    ] = None,
    reason: Annotated[str, typer.Option(help="One sentence for those who are to approve it.")] = "",
    hours: Annotated[int, typer.Option(min=1, max=168, help="How long it holds.")] = int(
        USUALLY_VALID.total_seconds() // 3600
    ),
    approvers: Annotated[Path | None, typer.Option(help="For change-approvers: the new list.")] = None,
    output: Copy = None,
    as_json: Json = False,
) -> None:
    """Ask two people to approve something; for loosen, what appliance.toml says and is not in force yet is taken."""
    given = _arguments(verb, arguments or [], approvers)
    who = operator_name()
    made, path = approvals.open_approvals().request(
        verb, given, reason=reason or "no reason given", by=who, valid=timedelta(hours=hours)
    )
    approvals.record_request(Settings(), AuditName.APPROVAL_REQUESTED, made.id, verb=verb)
    if output is not None:
        output.write_bytes(path.read_bytes())
    if as_json:
        print_json({"id": made.id, "file": str(output or path), "expires_at": made.expires_at})
    else:
        print_fields({"request": made.id, "file": output or path, "holds until": made.expires_at})
        _say_how(made.id, output or path)


@app.command("list")
def list_requests(as_json: Json = False) -> None:
    """List what waits for approval."""
    found = approvals.open_approvals().list()
    if as_json:
        print_json([_fields(one) for one in found])
    else:
        rows = [(one.request.id, one.request.words, _signers(one), one.request.expires_at) for one in found]
        print_table(("request", "what", "signed by", "holds until"), rows, empty="Nothing waits for approval.")


@app.command()
def show(request_id: RequestId, output: Copy = None, as_json: Json = False) -> None:
    """Show what is asked for, and how an approver signs it."""
    service = approvals.open_approvals()
    found = service.standing(request_id)
    path = service.path_of(request_id)
    if output is not None:
        output.write_bytes(path.read_bytes())
    if as_json:
        print_json(_fields(found))
    else:
        print_fields(_fields(found) | {"file": output or path})
        _say_how(request_id, output or path)


@app.command()
def add(
    request_id: RequestId,
    signatures: Annotated[list[Path], typer.Argument(help="What ssh-keygen wrote.", exists=True, dir_okay=False)],
) -> None:
    """Hand in signatures; each is checked at once."""
    for signature in signatures:
        with signature.open("rb") as file:
            standing, person = approvals.open_approvals().add_signature(request_id, file.read(MAX_SIGNATURE_BYTES + 1))
        approvals.record_request(
            Settings(), AuditName.APPROVAL_SIGNED, request_id, verb=standing.request.verb, person=person
        )
        talk.print(f"{person} approves it: {standing.request.words}", markup=False)
    talk.print(standing.missing or "It may be done now, once.", markup=False)


@app.command()
def verify(request_id: RequestId, as_json: Json = False) -> None:
    """Check a request and its signatures; exit code 3 while it may not be done."""
    found = approvals.open_approvals().standing(request_id)
    if as_json:
        print_json(_fields(found))
    else:
        print_fields(_fields(found))
    if found.missing:
        raise typer.Exit(ExitCode.REFUSED)


@app.command()
def drop(request_id: RequestId) -> None:
    """Forget a request that nobody needs any more."""
    approvals.open_approvals().drop(request_id)
    talk.print("It is forgotten.")


@app.command("approvers")
def list_approvers(as_json: Json = False) -> None:
    """List who may approve, with the fingerprints of their keys."""
    found = approvals.open_approvals().approvers()
    keys = found.keys if found else ()
    if as_json:
        print_json([{"person": one.person, "type": one.key_type, "key": one.key} for one in keys])
    else:
        print_table(
            ("person", "type", "key"),
            [(one.person, one.key_type, one.key) for one in keys],
            empty="Nobody is enrolled: the two-person rule is not in force.",
        )


@app.command()
def enrol(
    file: Annotated[Path, typer.Argument(help="Lines as NAME ssh-ed25519 AAAA…", exists=True, dir_okay=False)],
) -> None:
    """Say who may approve: the first list by whoever installs the machine, every later one takes two of the old."""
    enrolled = approvals.enrol(Settings(), _read(file))
    talk.print(f"May approve from now on: {', '.join(enrolled.people)}", markup=False)


def _arguments(verb: Verb, given: list[str], approvers: Path | None) -> dict[str, str]:
    if verb is Verb.CHANGE_APPROVERS and approvers is not None:
        return read_approvers(_read(approvers)).arguments()
    if verb is Verb.LOOSEN and not given:
        if changes := loosened(open_configuration().pending()):
            return changes
        raise ArgumentsInvalid(reason="nothing in appliance.toml that is not in force yet takes two people")
    pairs = [argument.partition("=") for argument in given]
    if strange := [name for name, mark, _ in pairs if not mark]:
        raise ArgumentsInvalid(reason=f"{strange[0]} is not of the form NAME=VALUE")
    return {name: value for name, _, value in pairs}


def _read(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(MAX_FILE_BYTES + 1)


def _say_how(request_id: str, path: Path) -> None:
    talk.print(f"Each of {NEEDED} approvers, on any machine with OpenSSH 8.2 or newer:", style="dim")
    talk.print(f"  ssh-keygen -Y sign -n {NAMESPACE} -f KEY {path}", style="dim", soft_wrap=True, markup=False)
    talk.print(
        f"Then here: hangjegyzet approval add {request_id} {path}.sig", style="dim", soft_wrap=True, markup=False
    )


def _signers(found: Standing) -> str:
    return ", ".join(one.person for one in found.signed) or "nobody"


def _fields(found: Standing) -> dict[str, Any]:
    asked = found.request
    return {
        "request": asked.id,
        "what": asked.verb.value,
        **{f"  {name}": value for name, value in asked.arguments.items()},
        "reason": asked.reason,
        "asked by": asked.requested_by,
        "machine": asked.host,
        "holds until": asked.expires_at,
        "signed by": _signers(found),
        "missing": found.missing or "nothing",
    }
