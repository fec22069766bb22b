"""Use cases of backups: take one, keep up in between, look at them, verify them, forget old ones."""

import io
import tarfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import methodcaller
from pathlib import Path
from typing import Any

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from appliance.backups import queries
from appliance.backups.depot import PATIENCE_S, Copied, Depot, sha256_of, write_whole
from appliance.backups.errors import CustodiansMissing, NoBackup, TargetFailed
from appliance.backups.model import BackupKind, DatabaseBackup
from appliance.backups.ports import CopyTarget, DatabaseInBackups, Envelope
from appliance.backups.retention import Retention, to_keep
from appliance.backups.sets import (
    BLOB_LIST,
    DESCRIPTION,
    FORMAT,
    KIND,
    MACHINE,
    MAX_DESCRIPTION_BYTES,
    BackupSet,
    BlobsPart,
    DatabasePart,
    MachinePart,
    moment,
    read_payload,
    set_id,
    write_list,
)
from appliance.backups.state import State, read_state, write_state
from appliance.database.engine import Database
from appliance.kernel.clock import Clock
from appliance.kernel.errors import HangJegyzetError
from appliance.keyring.signing import Signer, verify

log = structlog.get_logger(__name__)

CUSTODIANS_NEEDED = 2
FULL_EVERY = timedelta(days=6, hours=12)
"""A full backup of the database once a week; in between, what changed since."""
SHREDDED = "shredded"
"""Meetings that were deleted: they are deleted again after a restore to a moment before."""

Tell = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Machine:
    """What a backup takes from this machine besides its database.

    Args:
        blobs: folder of stored recordings.
        files: configuration and keys, files and folders.
        owed: recordings that a restore still owes, as ``NA/NAME``.
        root: what their paths are relative to.
    """

    host: str
    release: str
    schema: str
    models: tuple[str, ...]
    database_version: int
    blobs: Path
    files: tuple[Path, ...]
    root: Path = Path("/")
    owed: Callable[[], frozenset[str]] = frozenset


@dataclass(frozen=True, slots=True)
class Taken:
    """A backup that was taken, and what it cost."""

    described: BackupSet
    copied: Copied
    blobs_s: float
    database_s: float
    took_s: float
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Followed:
    """A pass between backups."""

    copied: Copied
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was forgotten."""

    sets: tuple[str, ...]
    recordings: Copied


class BackupService:
    """The machine's backups.

    Args:
        live: the running database, as its owner.
        public_key: whose signature a set of this machine must bear.
    """

    def __init__(
        self,
        *,
        depot: Depot,
        database: DatabaseInBackups,
        live: Database,
        envelope: Envelope,
        signer: Signer,
        public_key: Ed25519PublicKey,
        machine: Machine,
        custodians: Sequence[str],
        targets: Sequence[CopyTarget],
        retention: Retention,
        clock: Clock,
    ) -> None:
        self._depot = depot
        self._database = database
        self._live = live
        self._envelope = envelope
        self._signer = signer
        self._public_key = public_key
        self._machine = machine
        self._custodians = tuple(custodians)
        self._targets = tuple(targets)
        self._retention = retention
        self._clock = clock

    def run(self, tell: Tell, *, kind: BackupKind | None = None) -> Taken:
        """Take a backup while people work: recordings, database, recordings again, keys, and the signed description.

        Args:
            kind: of the database's backup; unset takes a full one each week, and what changed since on other days.

        Raises:
            CustodiansMissing: the machine's keys could be opened by nobody.
            DepotFull, EngineFailed: nothing that counts was left behind; the appliance goes on.
            TargetFailed: it was taken, and could not be copied to a further place.
        """
        self._require_custodians()
        with self._depot.alone(patience_s=PATIENCE_S):
            self._depot.prepare()
            described, copied, times = self._take(tell, kind)
            self._note(lambda state: state.taken(described.ended_at, copied, blobs_s=times[0], database_s=times[1]))
            done, failures = self._send(tell, everything=True)
        log.info("backup_taken", set=described.id, recordings=copied.count, bytes=copied.bytes, took_s=times[2])
        if failures:
            raise TargetFailed(targets="; ".join(failures))
        return Taken(described, copied, *times, done)

    def follow(self, tell: Tell) -> Followed:
        """Copy what is new since the last pass, here and to every further place: nothing else can be lost.

        Raises:
            BackupBusy: a backup is under way, which does the same.
            DepotFull, TargetFailed.
        """
        with self._depot.alone():
            self._depot.prepare()
            copied = self._depot.copy_blobs(self._machine.blobs)
            self._remember_shredded()
            self._note(lambda state: state.followed(self._clock.now()))
            done, failures = self._send(tell, everything=False)
        if failures:
            raise TargetFailed(targets="; ".join(failures))
        return Followed(copied, done)

    def sets(self) -> Sequence[BackupSet]:
        """Those that are here, signed by this machine, oldest first.

        Raises:
            SetDamaged, SetUnreadable, EnvelopeForged: one is not what it claims to be.
        """
        return [self.describe(each) for each in self._depot.set_ids()]

    def describe(self, wanted: str) -> BackupSet:
        """One set, by its name or as ``latest``.

        Raises:
            NoBackup: there is none.
            SetDamaged, SetUnreadable, EnvelopeForged: it is not what it claims to be.
        """
        there = self._depot.set_ids()
        if not there or (wanted != "latest" and wanted not in there):
            raise NoBackup(wanted="be shown" if wanted == "latest" else f"be {wanted}")
        chosen = there[-1] if wanted == "latest" else wanted
        content = self._depot.read(chosen, DESCRIPTION, limit=MAX_DESCRIPTION_BYTES)
        return read_payload(verify(content, self._public_key, kind=KIND).payload, set_id=chosen)

    def verify(self, wanted: str, tell: Tell) -> Sequence[str]:
        """Read all of a set, and of the database's repository; what is wrong, one sentence each.

        Raises:
            NoBackup, EngineFailed.
        """
        described = self.describe(wanted)
        tell("reading the description, the list and the keys")
        folder = self._depot.sets / described.id
        faults = [
            f"{name} is not as it was signed"
            for name, expected in ((BLOB_LIST, described.blobs.sha256), (MACHINE, described.machine.sha256))
            if not (folder / name).exists() or sha256_of(folder / name) != expected
        ]
        labels = {backup.label for backup in self._database.backups()}
        faults += [
            f"the database's backup {label} is missing"
            for label in (described.database.label, *described.database.needs)
            if label not in labels
        ]
        tell("reading recordings")
        if BLOB_LIST not in " ".join(faults):
            faults += self._depot.damaged_blobs(self._depot.blob_list(described.id, BLOB_LIST))
        tell("reading the database's backups and log")
        faults += self._database.verify()
        return faults

    def prune(self, tell: Tell) -> Pruned:
        """Forget what retention does not keep: sets, the database's backups and log, recordings that no set lists.

        Nothing while a restore still owes recordings: they may be nowhere but in the backups, here or elsewhere.

        Raises:
            BackupBusy, EngineFailed, TargetFailed.
        """
        if owed := self._machine.owed():
            tell(f"forgetting nothing: {len(owed)} recording(s) are still to be copied from the backups")
            return Pruned((), Copied(0, 0))
        with self._depot.alone(patience_s=PATIENCE_S):
            sets = {described.id: described for described in self.sets()}
            kept = to_keep(sets.values(), self._retention)
            doomed = [each for each in sets if each not in kept]
            tell("forgetting old backups")
            for each in doomed:
                self._depot.remove_set(each)
            self._expire([sets[each] for each in kept])
            tell("forgetting recordings that no backup lists")
            gone = self._forget_recordings(kept)
            _, failures = self._send(tell, everything=True, forget=True)
        log.info("backups_pruned", sets=len(doomed), recordings=gone.count)
        if failures:
            raise TargetFailed(targets="; ".join(failures))
        return Pruned(tuple(doomed), gone)

    def _take(self, tell: Tell, kind: BackupKind | None) -> tuple[BackupSet, Copied, tuple[float, float, float]]:
        began, started = self._clock.now(), time.monotonic()
        tell("copying recordings")
        first = self._depot.copy_blobs(self._machine.blobs)
        blobs_s = time.monotonic() - started
        with self._live.reading(None) as tx:
            before, trails = queries.row_counts(tx), queries.trail_heads(tx)
        tell("backing up the database")
        at = time.monotonic()
        backup = self._database.take(kind or self._kind_due(began))
        database_s = time.monotonic() - at
        with self._live.reading(None) as tx:
            after = queries.row_counts(tx)
        tell("copying recordings that came meanwhile")
        at = time.monotonic()
        second = self._depot.copy_blobs(self._machine.blobs)
        self._remember_shredded()
        blobs_s += time.monotonic() - at
        tell("sealing keys and configuration")
        described = self._write(began, backup, before=dict(before), after=dict(after), trails=trails)
        copied = Copied(first.count + second.count, first.bytes + second.bytes)
        return described, copied, (blobs_s, database_s, time.monotonic() - started)

    def _write(self, began: datetime, backup: DatabaseBackup, **recorded: Any) -> BackupSet:
        sealed = self._envelope.seal(machine_archive(self._machine), self._custodians)
        listed = self._present()
        lines = write_list(listed)
        name = set_id(began)
        with self._depot.new_set(name) as folder:
            write_whole(folder / BLOB_LIST, lines)
            write_whole(folder / MACHINE, sealed)
            described = BackupSet(
                format=FORMAT,
                id=name,
                host=self._machine.host,
                release=self._machine.release,
                schema=self._machine.schema,
                began=moment(began),
                ended=moment(max(began, backup.ended_at, self._clock.now())),
                database=DatabasePart(
                    label=backup.label,
                    kind=backup.kind,
                    needs=backup.needs,
                    version=self._machine.database_version,
                    wal_first=backup.wal_first,
                    wal_last=backup.wal_last,
                    bytes=backup.database_bytes,
                    kept_bytes=backup.kept_bytes,
                ),
                blobs=BlobsPart(count=len(listed), bytes=self._size_of(listed), sha256=sha256_of(folder / BLOB_LIST)),
                machine=MachinePart(sha256=sha256_of(folder / MACHINE), bytes=len(sealed), recipients=self._custodians),
                trails=recorded["trails"],
                rows_before=recorded["before"],
                rows_after=recorded["after"],
                models=self._machine.models,
            )
            write_whole(folder / DESCRIPTION, self._signer.sign(KIND, described.payload()))
        return described

    def _present(self) -> dict[str, str]:
        """Recordings of this moment with the hashes that they were copied with.

        One that a restore still owes counts where these very backups have it: it is kept, though not here yet.
        """
        owed, known = self._machine.owed(), self._depot.sums()
        return {
            name: hashed
            for name, hashed in known.items()
            if (self._machine.blobs / name).exists() or (name in owed and (self._depot.blobs / name).exists())
        }

    def _size_of(self, listed: dict[str, str]) -> int:
        return sum((self._depot.blobs / name).stat().st_size for name in listed)

    def _kind_due(self, now: datetime) -> BackupKind:
        full = [backup for backup in self._database.backups() if backup.kind is BackupKind.FULL]
        due = not full or now - full[-1].ended_at > FULL_EVERY
        return BackupKind.FULL if due else BackupKind.DIFFERENTIAL

    def _expire(self, kept: Sequence[BackupSet]) -> None:
        """Forget the database's backups that no kept set needs; the newest full one is never asked to go."""
        needed = {label for described in kept for label in (described.database.label, *described.database.needs)}
        there = list(self._database.backups())
        newest_full = next((backup.label for backup in reversed(there) if backup.kind is BackupKind.FULL), "")
        for backup in reversed(there):
            depended = any(backup.label in other.needs and other.label in needed for other in there)
            if backup.label not in needed and backup.label != newest_full and not depended:
                self._database.expire(backup.label)

    def _forget_recordings(self, kept: frozenset[str]) -> Copied:
        wanted = {name for each in kept for name in self._depot.blob_list(each, BLOB_LIST)}
        return self._depot.forget_blobs(wanted | self._present().keys())

    def _remember_shredded(self) -> None:
        with self._live.reading(None) as tx:
            known = {f"{one.tenant_id} {one.meeting_id}\n" for one in queries.shredded(tx)}
        path = self._depot.folder / SHREDDED
        before = set(path.read_text("ascii").splitlines(keepends=True)) if path.exists() else set()
        if not known <= before:
            write_whole(path, "".join(sorted(before | known)).encode())

    def _send(self, tell: Tell, *, everything: bool, forget: bool = False) -> tuple[tuple[str, ...], list[str]]:
        """Bring every further place up to date; one that fails hinders no other."""
        done, failures = [], []
        for target in self._targets:
            tell(f"copying to {target.name}")
            at = self._clock.now()
            state = read_state(self._depot.folder)
            try:
                if everything:
                    target.send_all(self._depot.folder, forget=forget)
                else:
                    target.send_new(self._depot.folder, since=state.reached.get(target.name))
            except HangJegyzetError as failure:
                log.warning("target_failed", target=target.name, code=failure.code)
                failures.append(f"{target.name}: {failure}")
                self._note(methodcaller("missed", target.name, str(failure)))
            else:
                done.append(target.name)
                self._note(methodcaller("sent", target.name, at))
        return tuple(done), failures

    def _note(self, change: Callable[[State], State]) -> None:
        write_state(self._depot.folder, change(read_state(self._depot.folder)))

    def _require_custodians(self) -> None:
        if len(self._custodians) < CUSTODIANS_NEEDED:
            raise CustodiansMissing(found=len(self._custodians), needed=CUSTODIANS_NEEDED)


def machine_archive(machine: Machine) -> bytes:
    """Configuration and keys as a tar, in memory alone."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in machine.files:
            with suppress(FileNotFoundError):
                archive.add(path, arcname=str(path.relative_to(machine.root)))
    return buffer.getvalue()
