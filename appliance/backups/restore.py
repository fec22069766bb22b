"""A restore: here or on other hardware, in steps that can each be repeated, so that one broken off is simply run again.

Nothing is asked half-way. What was reached is noted before and after each step; a second run with the same wish goes on
from there, and another wish is refused until this one has ended or was given up.
"""

import io
import tarfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import msgspec
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from appliance.backups.depot import Depot, sha256_of, write_whole
from appliance.backups.errors import NoBackup, RestoreOther, SetDamaged, SetUnreadable, SignerUnknown
from appliance.backups.model import AtBackup, AtTime, Latest, Moment
from appliance.backups.ports import Envelope
from appliance.backups.sets import (
    DESCRIPTION,
    KIND,
    MACHINE,
    MAX_DESCRIPTION_BYTES,
    BackupSet,
    read_payload,
)
from appliance.keyring.signing import fingerprint, read_private_key, verify

log = structlog.get_logger(__name__)

JOURNAL = "restore.json"
MAX_SEALED_BYTES = 64 << 20
MAX_FILES = 1000
SIGNING_KEY = "etc/hangjegyzet/secrets/signing.key"
REPORT_KIND = "restore"

Tell = Callable[[str], object]


class Step(StrEnum):
    """How far a restore is: a step that was begun is done again, one that is noted here is not."""

    BEGUN = "begun"
    STOPPED = "stopped"
    FETCHED = "fetched"
    UNSEALED = "unsealed"
    DATABASE = "database"
    RECORDINGS = "recordings"
    STARTED = "started"


ORDER = tuple(Step)
AGAIN = frozenset({Step.STOPPED, Step.RECORDINGS})
"""Done in every run: a machine that was switched on again started itself, and only this tells what is missing."""


class Wish(msgspec.Struct, frozen=True):
    """What somebody wants back.

    Args:
        source: a folder of backups or a target's URL; empty is this machine's own.
        set: a set's name, ``latest``, or ``now``: everything that reached the backups, after the latest set too.
        at: a moment instead; the newest set before it is where it starts.
    """

    source: str = ""
    set: str = "now"
    at: str = ""

    @property
    def time(self) -> datetime | None:
        """The moment, if one is wished for."""
        return datetime.fromisoformat(self.at) if self.at else None

    def __str__(self) -> str:
        what = "all that was kept" if self.set == "now" else f"the set {self.set}"
        what = f"the moment {self.at}" if self.at else what
        return f"{what} from {self.source or 'this machine'}"


class Journal(msgspec.Struct, frozen=True):
    """A restore that has not ended."""

    wish: Wish
    step: Step
    began: datetime
    set_id: str = ""


class Source(Protocol):
    """Where the backups come from."""

    @property
    def is_own(self) -> bool:
        """Whether they are this machine's own, in place."""
        ...

    def fetch(self, tell: Tell) -> None:
        """Bring database, sets and notes into this machine's folder; what was in it is put aside, not lost."""
        ...

    def recordings(self) -> Path:
        """A folder on this machine that holds the recordings as ``NA/NAME``; may take long for a remote place."""
        ...


class Installation(Protocol):
    """What a restore does to the machine besides its database."""

    def stop(self) -> None:
        """Stop the portal, workers and timers; they stay stopped over a power cut."""
        ...

    def put_back(self, files: Mapping[str, bytes]) -> None:
        """Put keys, trust and configuration into place; what belongs to this hardware and its network stays."""
        ...

    def database(self, moment: Moment) -> None:
        """Take the database back in place, and its schema to this release's."""
        ...

    def recordings(self, folder: Path, hashes: Mapping[str, str]) -> "Recordings":
        """Note which recordings of meetings are not here: they are read from ``folder`` and copied while people work.

        Meetings that had been deleted since are deleted again.
        """
        ...

    def start(self) -> None:
        """Start what was stopped; from here on a power cut finds a machine that starts."""
        ...


@dataclass(frozen=True, slots=True)
class Recordings:
    """What became of the recordings that meetings have.

    Args:
        missing: those that are nowhere.
        owed: how many are in the backups alone, and come while people work.
    """

    missing: Sequence[str] = ()
    owed: int = 0
    owed_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a restore would do."""

    described: BackupSet
    moment: Moment
    signer: str
    own: bool
    """Whether the set is of this very machine, in place."""


@dataclass(frozen=True, slots=True)
class Restored:
    """A restore that ended."""

    described: BackupSet
    moment: Moment
    recordings: Recordings
    took_s: float
    steps_s: Mapping[str, float]


class RestoreService:
    """Brings a machine back.

    Args:
        folder: root's own notes; survives a power cut.
        public_key: this machine's; sets of another one are opened with a custodian's key.
    """

    def __init__(
        self,
        *,
        depot: Depot,
        source: Source,
        installation: Installation,
        envelope: Envelope,
        public_key: Ed25519PublicKey | None,
        folder: Path,
    ) -> None:
        self._depot = depot
        self._source = source
        self._installation = installation
        self._envelope = envelope
        self._public_key = public_key
        self._folder = folder

    def plan(self, wish: Wish, *, catalogue: Depot, key: Path | None, signer: str | None = None) -> Plan:
        """What would be restored; nothing is changed.

        Args:
            catalogue: the sets of the source.
            key: a custodian's key file; needed unless the set is this machine's own.
            signer: fingerprint that the set must be signed by.

        Raises:
            NoBackup: no set fits the wish.
            SetDamaged, SetUnreadable, EnvelopeForged, SignerUnknown, KeyFitsNot.
        """
        described, public_key = self._chosen(wish, catalogue, key)
        found = fingerprint(public_key)
        if signer is not None and signer.replace(" ", "").lower() != found:
            raise SignerUnknown(found=found, expected=signer)
        moment: Moment = AtBackup(described.database.label)
        if wish.time is not None:
            moment = AtTime(wish.time)
        elif wish.set == "now":
            moment = Latest()
        return Plan(
            described, moment, found, own=self._public_key is not None and found == fingerprint(self._public_key)
        )

    def run(self, wish: Wish, plan: Plan, tell: Tell, *, key: Path | None, now: datetime, afresh: bool) -> Restored:
        """Do it, or go on with it.

        Raises:
            RestoreOther: another one was begun.
            NoBackup, EngineFailed, ServerWontStart, TargetUnreachable, DepotFull: run it again once that is mended.
        """
        journal = self._begin(wish, plan, now, afresh=afresh)
        started, times = time.monotonic(), dict[str, float]()
        found = Recordings()

        def recordings() -> None:
            nonlocal found
            found = self._installation.recordings(self._source.recordings(), self._hashes(plan))

        acts: tuple[tuple[Step, str, Callable[[], None]], ...] = (
            (Step.STOPPED, "stopping the appliance", self._installation.stop),
            (Step.FETCHED, "fetching the backups", lambda: self._fetch(tell)),
            (Step.UNSEALED, "putting keys and configuration back", lambda: self._unseal(plan, key)),
            (Step.DATABASE, "taking the database back", lambda: self._installation.database(plan.moment)),
            (Step.RECORDINGS, "looking which recordings are to be copied", recordings),
            (Step.STARTED, "starting the appliance", self._installation.start),
        )
        for step, words, act in acts:
            if ORDER.index(journal.step) >= ORDER.index(step) and step not in AGAIN:
                continue
            tell(words)
            at = time.monotonic()
            act()
            times[step.value] = round(time.monotonic() - at, 1)
            journal = msgspec.structs.replace(journal, step=step)
            self._write(journal)
        self.forget()
        log.info("restored", set=plan.described.id, missing=len(found.missing), owed=found.owed)
        return Restored(plan.described, plan.moment, found, time.monotonic() - started, times)

    def unfinished(self) -> Journal | None:
        """A restore that was begun and has not ended."""
        try:
            return msgspec.json.decode((self._folder / JOURNAL).read_bytes(), type=Journal)
        except (OSError, msgspec.DecodeError):
            return None

    def forget(self) -> None:
        """Note that it has ended."""
        (self._folder / JOURNAL).unlink(missing_ok=True)

    def _begin(self, wish: Wish, plan: Plan, now: datetime, *, afresh: bool) -> Journal:
        begun = self.unfinished()
        if begun is not None and not afresh:
            if begun.wish != wish or begun.set_id != plan.described.id:
                raise RestoreOther(begun=begun.wish)
            return begun
        journal = Journal(wish, Step.BEGUN, now, plan.described.id)
        self._write(journal)
        return journal

    def _fetch(self, tell: Tell) -> None:
        if not self._source.is_own:
            self._source.fetch(tell)

    def _unseal(self, plan: Plan, key: Path | None) -> None:
        if key is None:
            return
        self._installation.put_back(self._opened(self._depot, plan.described.id, key))

    def _hashes(self, plan: Plan) -> Mapping[str, str]:
        return self._depot.sums() | self._depot.blob_list(plan.described.id, "blobs.sha256")

    def _chosen(self, wish: Wish, catalogue: Depot, key: Path | None) -> tuple[BackupSet, Ed25519PublicKey]:
        there = catalogue.set_ids()
        for set_id in reversed(there):
            if wish.set not in {"latest", "now", set_id}:
                continue
            described, public_key = self._read(catalogue, set_id, key)
            if wish.time is None or described.ended_at <= wish.time:
                return described, public_key
        raise NoBackup(wanted=f"lead to {wish}")

    def _read(self, catalogue: Depot, set_id: str, key: Path | None) -> tuple[BackupSet, Ed25519PublicKey]:
        content = catalogue.read(set_id, DESCRIPTION, limit=MAX_DESCRIPTION_BYTES)
        public_key = self._public_key if key is None else self._signer_inside(catalogue, set_id, key)
        if public_key is None:
            raise SetUnreadable(set_id=set_id, reason="this machine has no key to check it with; name a custodian's")
        described = read_payload(verify(content, public_key, kind=KIND).payload, set_id=set_id)
        sealed = catalogue.sets / set_id / MACHINE
        if not sealed.exists() or sha256_of(sealed) != described.machine.sha256:
            raise SetDamaged(set_id=set_id, what="its keys are not those that were signed")
        return described, public_key

    def _signer_inside(self, catalogue: Depot, set_id: str, key: Path) -> Ed25519PublicKey:
        files = self._opened(catalogue, set_id, key)
        try:
            return read_private_key(files[SIGNING_KEY]).public_key()
        except (KeyError, ValueError) as error:
            raise SetDamaged(set_id=set_id, what="its keys lack the one that signs") from error

    def _opened(self, catalogue: Depot, set_id: str, key: Path) -> Mapping[str, bytes]:
        sealed = catalogue.read(set_id, MACHINE, limit=MAX_SEALED_BYTES)
        return read_archive(self._envelope.open(sealed, key), set_id=set_id)

    def _write(self, journal: Journal) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(self._folder / JOURNAL, msgspec.json.encode(journal), mode=0o600)


def read_archive(content: bytes, *, set_id: str) -> Mapping[str, bytes]:
    """Files of a machine's archive by their path; anything but plain files below ``etc`` and ``var`` is refused.

    Raises:
        SetDamaged: it is no archive, holds something else, or too much.
    """
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            for member in archive:
                parts = Path(member.name).parts
                if member.isdir():
                    continue
                if not member.isreg() or parts[:1] not in {("etc",), ("var",)} or ".." in parts:
                    raise SetDamaged(set_id=set_id, what=f"its keys hold something strange: {member.name[:80]!r}")
                if len(files) >= MAX_FILES:
                    raise SetDamaged(set_id=set_id, what="its keys are too many files")
                reader = archive.extractfile(member)
                files[member.name] = b"" if reader is None else reader.read()
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
        raise SetDamaged(set_id=set_id, what="its keys are no archive") from error
    return files
