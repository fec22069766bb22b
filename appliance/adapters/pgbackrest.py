"""pgBackRest over the distribution's PostgreSQL: backups, marks, restores into a folder and in place.

pgBackRest runs as the server's account, whoever calls. What it says on its error output is told; its passphrase is in a
configuration file that only that account reads, and never on a command line.
"""

import json
import re
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import structlog

from appliance.adapters.postgres.account import ServerAccount
from appliance.adapters.postgres.cluster import ENVIRONMENT, SUPERUSER
from appliance.backups.errors import DepotFull, EngineFailed, MarkNotKept, NoBackup, ServerWontStart
from appliance.backups.model import Archive, AtBackup, AtTime, BackupKind, DatabaseBackup, Latest, Mark, Moment
from appliance.database.errors import DatabaseUnavailable
from appliance.kernel.durable import sync_folder
from appliance.kernel.units import format_bytes

log = structlog.get_logger(__name__)

STANZA = "hangjegyzet"
CONFIGURATION = Path("/etc/pgbackrest")
DATABASE_FILES = "postgres"
"""Where a restored database lies in its folder: as in the data folder of an embedded one."""
MARK_LIMIT_S = 60.0
REPLAY_LIMIT_S = 4 * 3600.0
POLL_S = 0.1
ANSWER_LIMIT_S = 60.0
SEGMENT_BYTES = 16 << 20
REWOUND = "rewound"
"""Where a timeline begins that somebody went back for; nobody restores to it by name."""
ENDED_TOO_EARLY = "recovery ended before configured recovery target was reached"
"""Nothing was committed after the wanted moment, so there is nothing to stop at."""

_ERROR = re.compile(r"ERROR: \[\d+\]: (.*)", re.DOTALL)
_TARGET = re.compile(r"^recovery_target(_time|_name|_xid|_lsn|_action)?\s*=.*\n?", re.MULTILINE)
_NO_ROOM = re.compile(r"No space left on device|Disk quota exceeded")
_STATE = (
    "SELECT last_archived_time AS archived_at, coalesce(last_archived_wal, '') AS segment,"
    " last_failed_time AS failed_at, (SELECT timestamp FROM pg_last_committed_xact()) AS committed_at, now(),"
    " (SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready') AS waiting"
    " FROM pg_stat_archiver"
)


class ControlledServer(Protocol):
    """The running server: where its files are, and how it is stopped and started."""

    @property
    def files(self) -> Path:
        """Its database files."""
        ...

    @property
    def socket_dir(self) -> Path:
        """Where its socket is."""
        ...

    def stop(self) -> None:
        """Stop it, if it runs; afterwards no process has its files open.

        Raises:
            ServerWontStart: it would not end.
        """
        ...

    def start(self) -> None:
        """Begin to start it; whether it becomes ready is asked of it."""
        ...

    def complaint(self) -> str:
        """Why it ended; empty while it runs or is starting."""
        ...


@dataclass(frozen=True, slots=True)
class Engine:
    """pgBackRest as a command.

    Args:
        account: the database server's.
        configuration: folder of ``pgbackrest.conf`` and ``conf.d``.
        repository: where the file says that the repository lies.
    """

    account: ServerAccount
    repository: Path
    configuration: Path = CONFIGURATION

    def run(self, command: str, *arguments: str, limit_s: float | None = None) -> str:
        """Run one command to its end; returns what it printed.

        Raises:
            DepotFull: there was no room.
            EngineFailed: with what it said.
        """
        done = subprocess.run(
            [*self.command_line(), *arguments, command],
            capture_output=True,
            text=True,
            cwd="/",
            env=ENVIRONMENT,
            check=False,
            timeout=limit_s,
            stdin=subprocess.DEVNULL,
            **self.account.subprocess_options(),
        )
        if done.returncode != 0:
            raise self._failure(command, done.stderr or done.stdout)
        return done.stdout

    def command_line(self) -> list[str]:
        """How it is called for this stanza."""
        return [
            "pgbackrest",
            f"--config-path={self.configuration}",
            f"--stanza={STANZA}",
            "--log-level-file=off",
            "--log-level-console=off",
            "--log-level-stderr=error",
        ]

    def _failure(self, command: str, said: str) -> DepotFull | EngineFailed:
        if _NO_ROOM.search(said):
            return DepotFull(place=self.repository, free=free_space(self.repository), needed="more than that")
        found = _ERROR.search(said)
        return EngineFailed(command=command, reason=" ".join((found[1] if found else said).split())[:1000])


class PgBackRest:
    """``PointInTimeDatabase`` and ``Repository`` over one stanza.

    Args:
        server: the running one; unset where there is only a repository to read.
    """

    def __init__(self, engine: Engine, server: ControlledServer | None = None) -> None:
        self._engine = engine
        self._server = server

    def take(self, kind: BackupKind) -> DatabaseBackup:
        """As the port says."""
        before = {backup.label for backup in self.backups()}
        self._engine.run("backup", f"--type={kind.value}", "--start-fast", "--no-expire-auto")
        made = [backup for backup in self.backups() if backup.label not in before]
        if not made:
            raise EngineFailed(command="backup", reason="it ended well, and there is no new backup")
        log.info("database_backed_up", label=made[-1].label, kind=made[-1].kind.value, bytes=made[-1].kept_bytes)
        return made[-1]

    def backups(self) -> Sequence[DatabaseBackup]:
        """As the port says."""
        stanzas: list[dict[str, Any]] = json.loads(self._engine.run("info", "--output=json"))
        found = [_backup(told) for stanza in stanzas for told in stanza.get("backup", ())]
        return sorted(found, key=lambda backup: backup.ended_at)

    def mark(self, name: str) -> Mark:
        """As the port says."""
        named = Mark(name, datetime.now(UTC)).name  # checked: it is written into the question
        row = self._ask(f"SELECT clock_timestamp() AS at, pg_create_restore_point('{named}')::text AS lsn")
        self._await_archived(self._ask("SELECT pg_walfile_name(pg_switch_wal()) AS segment")["segment"], name)
        return Mark(name, datetime.fromisoformat(row["at"]).astimezone(UTC), row["lsn"])

    def restore(self, moment: Moment, *, into: Path) -> DatabaseBackup:
        """As the port says."""
        chosen = self._chosen(moment)
        into.mkdir(mode=0o711, parents=True, exist_ok=True)
        files = into / DATABASE_FILES
        files.mkdir(mode=0o700, exist_ok=True)
        self._engine.account.own(files)
        (files / "postmaster.pid").unlink(missing_ok=True)
        self._restore(moment, chosen, files, "--archive-mode=off")
        # The distribution's configuration lies in /etc and is not part of a backup; a server asks for the file.
        (files / "postgresql.conf").touch(mode=0o600)
        self._engine.account.own(files / "postgresql.conf")
        return chosen

    def rewind(self, moment: Moment) -> DatabaseBackup:
        """As the port says."""
        chosen = self._chosen(moment)
        server = self._controlled()
        server.stop()
        (server.files / "postmaster.pid").unlink(missing_ok=True)
        self._restore(moment, chosen, server.files)
        self.replay()
        try:
            # The log of what was undone is in the archive as well: until that holds some of the new timeline, a restore
            # to the latest moment, or a rehearsal, would follow the abandoned one.
            self.mark(REWOUND)
        except MarkNotKept as failure:
            log.warning("rewind_not_archived", reason=str(failure))
        log.info("database_rewound", to=str(moment), backup=chosen.label)
        return chosen

    def replay(self) -> None:
        """Start the server over restored files, and wait until it can be written to.

        Raises:
            ServerWontStart: it ended.
        """
        server = self._controlled()
        server.start()
        try:
            self._await_writable(server)
        except ServerWontStart as failure:
            if ENDED_TOO_EARLY not in str(failure):
                raise
            forget_target(server.files)
            server.start()
            self._await_writable(server)

    def expire(self, label: str) -> None:
        """As the port says."""
        self._engine.run("expire", f"--set={AtBackup(label).label}")

    def verify(self) -> Sequence[str]:
        """As the port says."""
        report = self._engine.run("verify", "--output=text", "--verbose")
        return faults(report)

    def create(self) -> None:
        """Make the stanza, unless it is there; a repository of another database is refused.

        Raises:
            EngineFailed: that, or it could not be written.
        """
        self._engine.run("stanza-create")

    def archive(self) -> Archive:
        """As the port says."""
        row = self._ask(_STATE)
        archived_at, committed_at = _time(row["archived_at"]), _time(row["committed_at"])
        uncovered = committed_at is not None and (archived_at is None or committed_at > archived_at)
        since = archived_at or committed_at
        now = datetime.fromisoformat(row["now"])
        return Archive(
            last_at=archived_at,
            last_segment=row["segment"],
            failed_at=_time(row["failed_at"]),
            pending_s=max(0.0, (now - since).total_seconds()) if uncovered and since else 0.0,
            queue_bytes=int(row["waiting"]) * SEGMENT_BYTES,
            gap=bool(row["segment"]) and not self._holds(row["segment"]),
        )

    def _restore(self, moment: Moment, chosen: DatabaseBackup, files: Path, *more: str) -> None:
        arguments = [f"--pg1-path={files}", f"--set={chosen.label}", "--delta", *more, *_target(moment)]
        self._engine.run("restore", *arguments)

    def _chosen(self, moment: Moment) -> DatabaseBackup:
        """The backup to start from: the newest that ended before the moment."""
        there = self.backups()
        match moment:
            case Latest():
                fit = list(there)
            case AtBackup(label):
                fit = [backup for backup in there if backup.label == label]
            case AtTime(at) | Mark(_, at):
                fit = [backup for backup in there if backup.ended_at <= at]
        if not fit:
            raise NoBackup(wanted=f"lead to {moment}")
        return fit[-1]

    def _await_archived(self, segment: str, name: str) -> None:
        deadline = time.monotonic() + MARK_LIMIT_S
        while not self._holds(segment):
            if time.monotonic() > deadline:
                raise MarkNotKept(name=name, limit_s=int(MARK_LIMIT_S))
            time.sleep(POLL_S)

    def _holds(self, segment: str) -> bool:
        """Whether the repository has that segment of the log; named with its checksum and the compression."""
        stem = segment.partition(".")[0]
        return any((self._engine.repository / "archive" / STANZA).glob(f"*/{stem[:16]}/{segment}-*")) or any(
            (self._engine.repository / "archive" / STANZA).glob(f"*/{segment}*")
        )

    def _await_writable(self, server: ControlledServer) -> None:
        deadline = time.monotonic() + REPLAY_LIMIT_S
        while time.monotonic() < deadline:
            if reason := server.complaint():
                raise ServerWontStart(reason=reason)
            try:
                if self._ask("SELECT pg_is_in_recovery() AS replays") == {"replays": False}:
                    return
            except DatabaseUnavailable:
                pass
            time.sleep(POLL_S)
        raise ServerWontStart(reason=f"it was still replaying after {REPLAY_LIMIT_S / 3600:.0f} hours")

    def _ask(self, question: str) -> dict[str, Any]:
        """The one row of a question, asked as the superuser by the server's account: root is nobody to the server.

        Raises:
            DatabaseUnavailable: no answer.
        """
        command = ["psql", "--no-psqlrc", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]
        command += [f"--host={self._controlled().socket_dir}", f"--username={SUPERUSER}", "--dbname=postgres"]
        done = subprocess.run(
            [*command, f"--command=SELECT row_to_json(answer) FROM ({question}) answer"],  # noqa: S608  # questions above
            capture_output=True,
            text=True,
            cwd="/",
            env={**ENVIRONMENT, "PGCONNECT_TIMEOUT": "10"},
            check=False,
            timeout=ANSWER_LIMIT_S,
            stdin=subprocess.DEVNULL,
            **self._engine.account.subprocess_options(),
        )
        if done.returncode != 0 or not done.stdout.strip():
            raise DatabaseUnavailable
        row: dict[str, Any] = json.loads(done.stdout)
        return row

    def _controlled(self) -> ControlledServer:
        if self._server is None:
            raise DatabaseUnavailable
        return self._server


def forget_target(files: Path) -> None:
    """Let a recovery that ran out of log before its target end there."""
    settings = files / "postgresql.auto.conf"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(_TARGET.sub("", text), encoding="utf-8")
    sync_folder(files)


def faults(report: str) -> Sequence[str]:
    """What ``pgbackrest verify`` complains of, out of its report."""
    lines = [" ".join(line.split()) for line in report.splitlines()]
    if any(line == "status: ok" for line in lines):
        return ()
    told = [
        line
        for line in lines
        if re.search(
            r"status: (error|invalid)|(missing|checksum invalid|size invalid|other): [1-9]|invalid|cannot", line
        )
    ]
    return tuple(dict.fromkeys(told)) or ("pgBackRest's verification gave no verdict",)


def _time(written: str | None) -> datetime | None:
    return None if written is None else datetime.fromisoformat(written)


def free_space(folder: Path) -> str:
    """Room on a file system, for people."""
    import shutil

    try:
        return format_bytes(shutil.disk_usage(folder).free)
    except OSError:
        return "an unknown amount"


def _target(moment: Moment) -> list[str]:
    match moment:
        case Latest():
            return ["--type=default"]
        case AtBackup():
            return ["--type=immediate", "--target-action=promote"]
        case AtTime(at):
            written = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00")
            return ["--type=time", f"--target={written}", "--target-action=promote"]
        case Mark(name):
            return ["--type=name", f"--target={name}", "--target-action=promote"]


def _backup(told: dict[str, Any]) -> DatabaseBackup:
    """One entry of ``pgbackrest info --output=json``."""
    return DatabaseBackup(
        label=told["label"],
        kind=BackupKind(told["type"]),
        began_at=datetime.fromtimestamp(told["timestamp"]["start"], UTC),
        ended_at=datetime.fromtimestamp(told["timestamp"]["stop"], UTC),
        needs=tuple(told.get("reference") or ()),
        wal_first=told["archive"]["start"],
        wal_last=told["archive"]["stop"],
        database_bytes=told["info"]["size"],
        kept_bytes=told["info"]["repository"]["delta"],
    )
