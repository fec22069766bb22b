"""Use cases of the two-person rule: ask, sign, look, and let pass what two people approved, once."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import structlog

from appliance.approvals.approvers import Approvers, read_approvers
from appliance.approvals.errors import (
    ApprovalIncomplete,
    ApprovalNeeded,
    ArgumentsChanged,
    ArgumentsInvalid,
    OnlyTheExecutor,
    RequestExpired,
    RequestFromTheFuture,
    RequestInvalid,
    RequestOfAnotherMachine,
    RequestSpent,
    RequestStoreFull,
    SignatureInvalid,
    SignatureWrong,
    SignerUnknown,
)
from appliance.approvals.model import (
    FORMAT,
    NEEDED,
    TOLERATED_CLOCK,
    TYPE,
    USUALLY_VALID,
    Approval,
    Arguments,
    Host,
    Request,
    Signed,
    Verb,
    digest,
    instant,
    moment,
    read_request,
    words,
    write_request,
)
from appliance.approvals.ports import SignatureTool
from appliance.approvals.signatures import key_fingerprint, read_signature
from appliance.approvals.store import ApprovalStore
from appliance.kernel.clock import Clock
from appliance.kernel.errors import Refused

log = structlog.get_logger()

MAX_WAITING = 50


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a request is: who signed, and why it does not hold yet; empty when it would."""

    request: Request
    signed: tuple[Signed, ...]
    missing: str


class ApprovalService:
    """The two-person rule of one machine.

    Args:
        host: this machine; requests for another one do not count.
    """

    def __init__(self, store: ApprovalStore, tool: SignatureTool, clock: Clock, *, host: Host) -> None:
        self._store = store
        self._tool = tool
        self._clock = clock
        self._host = host

    def approvers(self) -> Approvers | None:
        """Who may approve; None while nobody is enrolled and the rule is not in force.

        Raises:
            ApproversChanged: the list is not the one that was enrolled.
        """
        return self._store.approvers()

    def request(
        self, verb: Verb, arguments: Arguments, *, reason: str, by: str, valid: timedelta = USUALLY_VALID
    ) -> tuple[Request, Path]:
        """Write down what is asked for; the request and the file that approvers sign.

        Raises:
            ArgumentsInvalid: it cannot be written down.
            RequestStoreFull: too many wait already.
        """
        self._forget_expired()
        if (count := sum(1 for _ in self._store.waiting())) >= MAX_WAITING:
            raise RequestStoreFull(count=count)
        now = self._clock.now()
        request = Request(
            format=FORMAT,
            type=TYPE,
            verb=verb,
            arguments=dict(arguments),
            arguments_sha256=digest(arguments),
            host=self._host.name,
            machine=self._host.machine,
            nonce=secrets.token_hex(16),
            reason=reason,
            requested_by=by,
            created_at=moment(now),
            expires_at=moment(now + valid),
        )
        try:
            read_request(write_request(request))
        except RequestInvalid as error:
            raise ArgumentsInvalid(reason=error.fields["reason"]) from error
        return request, self._store.add(request)

    def path_of(self, request_id: str) -> Path:
        """The file that approvers sign.

        Raises:
            RequestUnknown: there is no such request.
        """
        self._store.document(request_id)
        return self._store.path_of(request_id)

    def standing(self, request_id: str) -> Standing:
        """How far a request is.

        Raises:
            RequestUnknown, RequestInvalid: there is none, or it was damaged.
        """
        document = self._store.document(request_id)
        request = read_request(document)
        signed = self._signed(request, document)
        try:
            self._require_usable(request)
            _require_people(request, signed)
        except Refused as refusal:
            return Standing(request, signed, str(refusal))
        return Standing(request, signed, "")

    def list(self) -> Sequence[Standing]:
        """All that waits, newest first."""
        return [self.standing(request.id) for request in self._store.waiting()]

    def drop(self, request_id: str) -> None:
        """Forget a request.

        Raises:
            RequestUnknown: there is none.
        """
        self._store.document(request_id)
        self._store.drop(request_id)

    def add_signature(self, request_id: str, signature: bytes) -> tuple[Standing, str]:
        """Hand in what an approver signed; how far the request is now, and whose signature it was.

        Raises:
            RequestUnknown, RequestInvalid: there is no such request.
            RequestExpired, RequestSpent, RequestOfAnotherMachine, RequestFromTheFuture: it can no longer be used.
            SignatureInvalid, SignerUnknown, SignatureWrong: it does not count.
        """
        document = self._store.document(request_id)
        request = read_request(document)
        self._require_usable(request)
        signed = self._check(document, signature)
        self._store.add_signature(request_id, signed.person, signed.signature)
        return self.standing(request_id), signed.person

    def require(self, verb: Verb, arguments: Arguments, *, executor: str) -> Approval | None:
        """Let an act pass that two people approved, and use their approval up.

        Returns:
            the approval, for the trail; None on a machine where nobody was ever enrolled, which its health tells.

        Raises:
            ApprovalNeeded: nobody asked for it.
            ArgumentsChanged: something else was asked for.
            ApprovalIncomplete, OnlyTheExecutor, RequestExpired, RequestFromTheFuture, RequestOfAnotherMachine,
            RequestSpent: what was asked for does not hold.
            ApproversChanged: the list of approvers is not the enrolled one.
        """
        if self.approvers() is None:
            return None
        refusal: Refused | None = None
        for request in self._store.waiting():
            if request.verb is not verb:
                continue
            if request.arguments_sha256 != digest(arguments):
                refusal = refusal or _arguments_changed(request, verb, arguments)
                continue
            try:
                return self._use(request, executor)
            except Refused as unusable:
                if not isinstance(refusal, ApprovalIncomplete | OnlyTheExecutor):
                    refusal = unusable
        raise refusal or ApprovalNeeded(act=words(verb, arguments), words=words(verb, arguments))

    def enrol(self, data: bytes, *, executor: str) -> tuple[Approvers, Approval | None]:
        """Put a list of approvers into force: the first one by whoever installs, every later one by two people.

        Raises:
            ApproversInvalid: it is none.
            ApproversChanged: the present list is not the enrolled one, so that nobody can be asked.
            as ``require``.
        """
        approvers = read_approvers(data)
        if self.approvers() == approvers:
            return approvers, None
        approval = self.require(Verb.CHANGE_APPROVERS, approvers.arguments(), executor=executor)
        self._store.enrol(approvers)
        log.info("approvers_enrolled", people=len(approvers.people), keys=len(approvers.keys))
        return approvers, approval

    def unrecorded(self) -> Sequence[tuple[Approval, str]]:
        """Used approvals that the trail does not have yet, each with its executor."""
        return [(kept.approval, kept.executor) for kept in self._store.spent() if not kept.recorded]

    def used(self) -> Sequence[tuple[Approval, str]]:
        """All that were ever used on this machine, each with its executor."""
        return [(kept.approval, kept.executor) for kept in self._store.spent()]

    def adopt(self, enrolled_sha256: str) -> bool:
        """Put the list that lies there into force if it is the one of this hash; whether that was so."""
        return self._store.adopt(enrolled_sha256)

    def mark_recorded(self, approval: Approval) -> None:
        """Note that the trail has it."""
        self._store.mark_recorded(approval.request)

    def _use(self, request: Request, executor: str) -> Approval:
        document = self._store.document(request.id)
        self._require_usable(request)
        signed = self._signed(request, document)
        _require_people(request, signed)
        if all(_is(one.person, executor) for one in signed):
            raise OnlyTheExecutor(executor=executor, id=request.id)
        approval = Approval(request, document, signed)
        self._store.spend(approval, executor=executor, at=self._clock.now())
        self._store.drop(request.id)
        log.info("approval_used", verb=request.verb.value, request=request.id)
        return approval

    def _require_usable(self, request: Request) -> None:
        now = self._clock.now()
        if (spent_at := self._store.spent_at(request)) != "":
            raise RequestSpent(id=request.id, spent_at=spent_at, words=request.words)
        if request.machine != self._host.machine:
            raise RequestOfAnotherMachine(id=request.id, host=request.host, here=self._host.name, words=request.words)
        if instant(request.created_at) > now + TOLERATED_CLOCK:
            raise RequestFromTheFuture(id=request.id, created_at=request.created_at, now=moment(now))
        if instant(request.expires_at) <= now:
            raise RequestExpired(id=request.id, expires_at=request.expires_at, now=moment(now), words=request.words)

    def _signed(self, request: Request, document: bytes) -> tuple[Signed, ...]:
        """Whose signatures are right now, one a person; what is not right does not count."""
        found: dict[str, Signed] = {}
        for signature in self._store.signatures(request.id).values():
            try:
                signed = self._check(document, signature)
            except (SignatureInvalid, SignerUnknown, SignatureWrong):
                continue
            found.setdefault(signed.person, signed)
        return tuple(found[person] for person in sorted(found))

    def _check(self, document: bytes, signature: bytes) -> Signed:
        parts = read_signature(signature)
        approvers = self.approvers()
        owner = approvers.owner_of(parts.key_blob) if approvers else None
        if owner is None:
            raise SignerUnknown(key=key_fingerprint(parts.key_blob))
        if reason := self._tool.check(document, parts.armored, by=owner):
            raise SignatureWrong(person=owner.person, reason=reason)
        return Signed(owner.person, owner.key, parts.armored)

    def _forget_expired(self) -> None:
        now = self._clock.now()
        for request in list(self._store.waiting()):
            if instant(request.expires_at) <= now:
                self._store.drop(request.id)


def _require_people(request: Request, signed: tuple[Signed, ...]) -> None:
    if len(signed) < NEEDED:
        raise ApprovalIncomplete(id=request.id, signers=", ".join(one.person for one in signed) or "nobody")


def _is(person: str, executor: str) -> bool:
    """Whether an approver is whoever carries it out: ``dora`` and ``dora@example.com`` are one."""
    return executor.casefold() in {person.casefold(), person.casefold().partition("@")[0]}


def _arguments_changed(request: Request, verb: Verb, arguments: Arguments) -> ArgumentsChanged:
    act = words(verb, arguments)
    return ArgumentsChanged(id=request.id, approved=request.words, act=act, words=act)
