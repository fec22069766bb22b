"""Where requests wait and used ones are kept: root's own folder, every name durable before anything is done on it."""

import hashlib
import json
import os
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from appliance.approvals.approvers import Approvers, read_approvers
from appliance.approvals.errors import ApproversChanged, ApproversInvalid, RequestInvalid, RequestSpent, RequestUnknown
from appliance.approvals.model import (
    MAX_REQUEST_BYTES,
    Approval,
    Request,
    Signed,
    instant,
    is_id,
    moment,
    read_request,
    write_request,
)
from appliance.approvals.signatures import MAX_SIGNATURE_BYTES
from appliance.kernel.durable import sync_folder, write_durably


@dataclass(frozen=True, slots=True)
class Spent:
    """An approval that was used: when, by whom, and whether the trail has it."""

    approval: Approval
    at: datetime
    executor: str
    recorded: bool


class ApprovalStore:
    """Files of approvals.

    Args:
        folder: requests, signatures, and what was used.
        approvers_file: the list of who may approve, where people look for it.
    """

    def __init__(self, folder: Path, *, approvers_file: Path) -> None:
        self._requests = folder / "requests"
        self._spent = folder / "spent"
        self._enrolled = folder / "enrolled"
        self.approvers_file = approvers_file

    def approvers(self) -> Approvers | None:
        """Who may approve; None on a machine where nobody was ever enrolled.

        Raises:
            ApproversChanged: the list is not the one that was enrolled.
        """
        enrolled = _read_or_none(self._enrolled)
        listed = _read_or_none(self.approvers_file)
        if enrolled is None and listed is None:
            return None
        path = self.approvers_file
        if listed is None:
            raise ApproversChanged(path=path, reason="it is gone")
        if enrolled is None:
            raise ApproversChanged(path=path, reason="nobody enrolled it")
        if listed != enrolled:
            raise ApproversChanged(path=path, reason="its text is another")
        try:
            return read_approvers(listed)
        except ApproversInvalid as error:
            raise ApproversChanged(path=path, reason=str(error)) from error

    def enrol(self, approvers: Approvers) -> None:
        """Put a list into force."""
        text = approvers.text().encode()
        _write(self._enrolled, text, mode=0o600)
        _write(self.approvers_file, text, mode=0o644)

    def adopt(self, enrolled_sha256: str) -> bool:
        """Take the list that people see for the enrolled one, if its hash is this."""
        listed = _read_or_none(self.approvers_file)
        if listed is None or hashlib.sha256(listed).hexdigest() != enrolled_sha256:
            return False
        _write(self._enrolled, listed, mode=0o600)
        return True

    def add(self, request: Request) -> Path:
        """Keep a request; where its file lies."""
        path = self.path_of(request.id)
        _write(path, write_request(request), mode=0o600)
        return path

    def path_of(self, request_id: str) -> Path:
        """The file that approvers sign."""
        return self._requests / f"{request_id}.json"

    def document(self, request_id: str) -> bytes:
        """The very bytes of a request.

        Raises:
            RequestUnknown: there is none.
        """
        data = _read_or_none(self.path_of(request_id), MAX_REQUEST_BYTES + 1) if is_id(request_id) else None
        if data is None:
            raise RequestUnknown(id=request_id[:40])
        return data

    def waiting(self) -> Iterator[Request]:
        """Requests, newest first; a file that is none of ours is passed over."""
        found = []
        for path in sorted(self._requests.glob("*.json")) if self._requests.is_dir() else ():
            try:
                found.append(read_request(_read_or_none(path, MAX_REQUEST_BYTES + 1) or b""))
            except RequestInvalid:
                continue
        yield from sorted(found, key=lambda request: (request.created_at, request.nonce), reverse=True)

    def signatures(self, request_id: str) -> dict[str, bytes]:
        """What was handed in for a request, by file: nothing of it is checked."""
        paths = sorted(self._requests.glob(f"{request_id}.*.sig"))
        return {path.name: _read_or_none(path, MAX_SIGNATURE_BYTES + 1) or b"" for path in paths}

    def add_signature(self, request_id: str, person: str, signature: bytes) -> None:
        """Keep somebody's signature; a second one of theirs takes the place of the first."""
        _write(self._requests / f"{request_id}.{person}.sig", signature, mode=0o600)

    def drop(self, request_id: str) -> None:
        """Forget a request and what was signed for it."""
        for path in (self.path_of(request_id), *self._requests.glob(f"{request_id}.*.sig")):
            path.unlink(missing_ok=True)
        sync_folder(self._requests)

    def spend(self, approval: Approval, *, executor: str, at: datetime) -> None:
        """Use an approval up; on disk when this returns, so that nothing is done twice on one.

        Raises:
            RequestSpent: somebody used it already.
        """
        request = approval.request
        kept = {
            "at": moment(at),
            "executor": executor,
            "document": b64encode(approval.document).decode(),
            "signed": [[one.person, one.key, b64encode(one.signature).decode()] for one in approval.signed],
        }
        self._spent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            descriptor = os.open(self._spent / request.nonce, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise RequestSpent(id=request.id, spent_at=self.spent_at(request), words=request.words) from error
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(kept, file)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(self._spent)

    def spent_at(self, request: Request) -> str:
        """When a request was used; empty when it was not. A file that a power cut left empty counts as used."""
        path = self._spent / request.nonce
        if not path.exists():
            return ""
        kept = _spent(path)
        return moment(kept.at) if kept else "an unknown day"

    def spent(self) -> Iterator[Spent]:
        """All that was used, oldest first."""
        paths = [path for path in self._spent.glob("*") if not path.suffix] if self._spent.is_dir() else []
        found = [kept for path in paths if (kept := _spent(path))]
        yield from sorted(found, key=lambda kept: kept.at)

    def mark_recorded(self, request: Request) -> None:
        """Note that the trail has it."""
        _write((self._spent / request.nonce).with_suffix(".recorded"), b"", mode=0o600)


def _spent(path: Path) -> Spent | None:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        document = b64decode(kept["document"])
        signed = tuple(Signed(person, key, b64decode(signature)) for person, key, signature in kept["signed"])
        approval = Approval(read_request(document), document, signed)
        return Spent(approval, instant(kept["at"]), kept["executor"], path.with_suffix(".recorded").exists())
    except (ValueError, KeyError, TypeError, RequestInvalid):
        return None


def _read_or_none(path: Path, limit: int = 1 << 20) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(limit)
    except FileNotFoundError:
        return None


def _write(path: Path, data: bytes, *, mode: int) -> None:
    """After a power cut there is the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_durably(path, data, mode=mode)
