"""The two-person rule of this machine: ``require`` is what every dangerous act calls first."""

import hashlib
import socket
from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import UUID

import structlog

from appliance.adapters.postgres import open_server
from appliance.adapters.ssh_signatures import SshKeygen
from appliance.approvals.approvers import Approvers
from appliance.approvals.model import Approval, Arguments, Host, Verb, words
from appliance.approvals.policy import loosened
from appliance.approvals.service import ApprovalService
from appliance.approvals.store import ApprovalStore
from appliance.audit import queries as trails
from appliance.audit.model import AuditEvent, AuditName, DetailValue, Outcome
from appliance.configuration.model import Change
from appliance.database.roles import DatabaseRole
from appliance.entry.machine_trail import record_act
from appliance.entry.operators import operator_name
from appliance.entry.provision import open_database
from appliance.health.checks.approvals import ApproversState
from appliance.kernel.clock import SystemClock
from appliance.kernel.errors import NotFound, Refused, Unavailable
from appliance.settings import Settings
from appliance.tenants import queries as tenants

log = structlog.get_logger()

STATE_DIR = Path("/var/lib/hangjegyzet-approvals")
APPROVERS_FILE = Path("/etc/hangjegyzet/approvers")
MACHINE_ID = Path("/etc/machine-id")
APPROVERS_SUBJECT = UUID("6b0d9c8e-3b0c-5b0e-9a51-6d2f0c6d5a10")
"""The list of approvers, as the trail knows it."""
_PIECE = 400
"""Characters of a long text that one field of an event holds."""


def open_approvals() -> ApprovalService:
    """The two-person rule over this machine's files."""
    store = ApprovalStore(STATE_DIR, approvers_file=APPROVERS_FILE)
    return ApprovalService(store, SshKeygen(), SystemClock(), host=this_host())


def this_host() -> Host:
    """This machine, by its name and by an identity that is its own and tells nothing else."""
    identity = MACHINE_ID.read_bytes().strip() if MACHINE_ID.exists() else b""
    return Host(socket.gethostname(), hashlib.sha256(b"hangjegyzet-approval\0" + identity).hexdigest()[:32])


def require(settings: Settings, verb: Verb, arguments: Arguments) -> None:
    """Let an act pass that two people approved; the approval is used up, and put into the trail with both signatures.

    On a machine where nobody was ever enrolled every act passes, and the trail says that nobody was asked.
    After an act that brings an older trail back, call ``trail_went_back``.

    Raises:
        ApprovalNeeded, ArgumentsChanged, ApprovalIncomplete, OnlyTheExecutor, RequestExpired, RequestFromTheFuture,
        RequestOfAnotherMachine, RequestSpent: it is not approved.
        ApproversChanged: the list of approvers is not the enrolled one.
        SignatureToolMissing: ssh-keygen does not answer.
    """
    try:
        approval = open_approvals().require(verb, arguments, executor=operator_name())
    except Refused as refusal:
        detail: dict[str, DetailValue] = {"verb": verb.value, "code": refusal.code}
        _record_if_possible(settings, AuditName.APPROVAL_REFUSED, detail, outcome=Outcome.REFUSED)
        raise
    if approval is None:
        log.warning("approval_not_in_force", verb=verb.value)
        _record_if_possible(
            settings, AuditName.APPROVAL_NOT_IN_FORCE, {"verb": verb.value, "act": words(verb, arguments)}
        )
        return
    record_used(settings)


def require_for_changes(settings: Settings, changes: Sequence[Change]) -> None:
    """Let changes of settings pass: those that loosen something need two people.

    Raises:
        as ``require``.
    """
    if arguments := loosened(changes):
        require(settings, Verb.LOOSEN, arguments)


def enrol(settings: Settings, data: bytes) -> Approvers:
    """Put a list of approvers into force: the first by whoever installs, every later one by two people.

    Raises:
        ApproversInvalid: it is no list of at least two people.
        as ``require``.
    """
    approvers, _ = open_approvals().enrol(data, executor=operator_name())
    record_used(settings)
    text = approvers.text()
    record_act(
        settings,
        AuditName.APPROVERS_ENROLLED,
        subject_type="approvers",
        subject_id=APPROVERS_SUBJECT,
        detail={"sha256": hashlib.sha256(text.encode()).hexdigest(), **_pieces("list", text)},
    )
    return approvers


def record_used(settings: Settings) -> int:
    """Put used approvals into the trail that it does not have; how many there were.

    What cannot be put there now, because the database is away, is put there by the next call.
    """
    service = open_approvals()
    return _put_into_trail(settings, service, service.unrecorded())


def trail_went_back(settings: Settings) -> int:
    """After an act that brought an older trail back: what was used since is put into it, how often that was.

    The list of approvers that came back with it is in force when it is the one that this trail saw enrolled.
    """
    service = open_approvals()
    if enrolled := _enrolled_in_trail(settings):
        service.adopt(enrolled)
    missing = [(approval, executor) for approval, executor in service.used() if not _is_in_trail(settings, approval)]
    return _put_into_trail(settings, service, missing)


def _put_into_trail(settings: Settings, service: ApprovalService, used: Sequence[tuple[Approval, str]]) -> int:
    try:
        for approval, executor in used:
            if record_act(
                settings,
                AuditName.APPROVAL_USED,
                subject_type="approval",
                subject_id=UUID(hex=approval.request.nonce),
                detail=_detail(approval, executor),
            ):
                service.mark_recorded(approval)
    except (Unavailable, NotFound) as error:
        log.warning("approval_not_recorded_yet", reason=error.code)
    return len(used)


def approvers_state(settings: Settings) -> ApproversState:
    """What the health check wants to know.

    Raises:
        ApproversChanged: the list is not the enrolled one.
    """
    service = open_approvals()
    approvers = service.approvers()
    used = len(service.unrecorded())
    if approvers is None:
        return ApproversState((), used, enrolled_in_trail=_enrolled_in_trail(settings))
    ours = hashlib.sha256(approvers.text().encode()).hexdigest()
    return ApproversState(approvers.people, used, enrolled_in_trail=_enrolled_in_trail(settings), sha256=ours)


def record_request(settings: Settings, name: AuditName, request_id: str, *, verb: Verb, person: str = "") -> None:
    """Put into the trail that somebody asked or signed, if it can be reached."""
    detail: dict[str, DetailValue] = {"request": request_id, "verb": verb.value}
    _record_if_possible(settings, name, detail | ({"person": person} if person else {}))


def _record_if_possible(
    settings: Settings, name: AuditName, detail: Mapping[str, DetailValue], *, outcome: Outcome = Outcome.OK
) -> None:
    try:
        record_act(settings, name, subject_type="approval", detail=detail, outcome=outcome)
    except (Unavailable, NotFound) as error:
        log.warning("approval_event_lost", event_name=name.value, reason=error.code)


def _enrolled_in_trail(settings: Settings) -> str:
    """The hash of the list that the trail saw enrolled last; empty when it saw none."""
    events = _events(settings, "approvers", APPROVERS_SUBJECT)
    return events[-1].detail.partition('"sha256":"')[2][:64] if events else ""


def _is_in_trail(settings: Settings, approval: Approval) -> bool:
    return bool(_events(settings, "approval", UUID(hex=approval.request.nonce)))


def _events(settings: Settings, subject_type: str, subject_id: UUID) -> Sequence[AuditEvent]:
    with open_database(open_server(settings), DatabaseRole.WORKER) as database:
        with database.reading(None) as tx:
            found = tenants.list_tenants(tx)
        if not found:
            return ()
        with database.reading(found[0].id) as tx:
            return trails.about(tx, found[0].id, subject_type, subject_id)


def _detail(approval: Approval, executor: str) -> dict[str, DetailValue]:
    """Everything that is needed to check the approval again with the trail alone."""
    detail: dict[str, DetailValue] = {
        "verb": approval.request.verb.value,
        "request": approval.request.id,
        "executor": executor,
        **_pieces("document", approval.document.decode()),
    }
    for number, signed in enumerate(approval.signed, 1):
        detail |= {f"person_{number}": signed.person, f"key_{number}": signed.key}
        detail |= _pieces(f"signature_{number}", b64encode(signed.signature).decode())
    return detail


def _pieces(name: str, text: str) -> dict[str, DetailValue]:
    """A text that is longer than a field of an event, in order: joined, the pieces are the text."""
    return {f"{name}_{at // _PIECE:02d}": text[at : at + _PIECE] for at in range(0, len(text), _PIECE)}
