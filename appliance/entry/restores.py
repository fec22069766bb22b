"""A restore of this machine, wired: what root does to units, keys, database and recordings, step by step."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from appliance.adapters.age import Age
from appliance.adapters.debian_cluster import DebianCluster
from appliance.adapters.pgbackrest import CONFIGURATION
from appliance.adapters.postgres import open_server
from appliance.adapters.rclone import Place, RcloneTarget, place
from appliance.adapters.signing_key import load_public_key
from appliance.approvals.model import Verb
from appliance.audit.model import AuditName, Outcome
from appliance.backups import queries
from appliance.backups.depot import Depot, write_whole
from appliance.backups.errors import KeptByCluster, NoBackup
from appliance.backups.model import Moment
from appliance.backups.outstanding import Outstanding, to_copy
from appliance.backups.restore import (
    JOURNAL,
    REPORT_KIND,
    Plan,
    Recordings,
    Restored,
    RestoreService,
    Source,
    Tell,
    Wish,
)
from appliance.backups.service import SHREDDED
from appliance.backups.sets import moment, set_id
from appliance.bootstrap.services import open_services
from appliance.configuration import document
from appliance.configuration.model import effective
from appliance.database.roles import DatabaseRole
from appliance.entry.approvals import require, trail_went_back
from appliance.entry.backups import open_engine
from appliance.entry.machine import configuration_file, installed_release, machinery, open_configuration
from appliance.entry.machine_trail import record_act
from appliance.entry.provision import migrate, open_database, operator
from appliance.entry.signing import open_signer
from appliance.kernel.clock import SystemClock
from appliance.kernel.durable import sync_folder
from appliance.kernel.ids import MeetingId, TenantId
from appliance.keyring.errors import SigningKeyMisshapen
from appliance.settings import Settings

STATE_DIR = Path("/var/lib/hangjegyzet-restore")
TIMERS = ("hangjegyzet-backup.timer", "hangjegyzet-follow.timer", "hangjegyzet-drill.timer")
SERVICES = ("hangjegyzet-backup.service", "hangjegyzet-follow.service", "hangjegyzet-drill.service")
TARGET = "hangjegyzet.target"
COPIER = "hangjegyzet-recordings.service"
OWN_TO_THE_MACHINE = (
    "data_dir", "models_dir", "root_key_file", "signing_key_file", "signing_public_file", "database.", "web.host",
    "web.port", "web.public_url", "web.certificate", "web.private_key", "web.trusted_proxies", "firewall.", "nodes.",
    "cluster.", "backups.folder", "backups.same_disk",
)  # fmt: skip
"""Settings that speak of this hardware and its network; a restored machine keeps its own."""
CONFIGURATION_PATH = "etc/hangjegyzet/appliance.toml"
KEYS = "etc/hangjegyzet/"
FETCHED = ("pgbackrest", "sets", "reports", SHREDDED, "blobs/SHA256SUMS")


class OwnBackups:
    """The machine's own folder, in place."""

    is_own = True

    def __init__(self, depot: Depot) -> None:
        self._depot = depot

    def fetch(self, tell: Tell) -> None:
        """Nothing to fetch."""

    def recordings(self) -> Path:
        """As the protocol says."""
        return self._depot.blobs


class ForeignBackups:
    """A folder of backups from another machine, or one from before: on a stick, a share, a server."""

    is_own = False

    def __init__(self, source: str, depot: Depot) -> None:
        self._folder = None if "://" in source else Path(source).resolve()
        # Read alone, so that it need not be a mount of its own.
        there = Place("source", str(self._folder), {}) if self._folder else place("source", source)
        self._folder = self._folder or there.mount
        self._target = RcloneTarget(there)
        self._depot = depot

    def catalogue(self, folder: Path) -> Depot:
        """The sets of the place, for a look; its recordings and its database stay where they are.

        Raises:
            TargetUnreachable.
        """
        if self._folder is not None:
            self._target.require_mounted()
            return Depot(self._folder)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, parents=True)
        self._target.fetch_only(folder, "sets")
        return Depot(folder)

    def fetch(self, tell: Tell) -> None:
        """As the protocol says."""
        DebianCluster().stop()
        self._put_aside()
        self._target.fetch_only(self._depot.folder, *FETCHED)
        _own(self._depot.folder, "postgres")
        shutil.rmtree(self._depot.folder / "replaced-by-restore", ignore_errors=True)

    def recordings(self) -> Path:
        """As the protocol says."""
        if self._folder is not None:
            return self._folder / "blobs"
        self._target.fetch_only(self._depot.folder, "blobs")
        _own(self._depot.blobs, "postgres")
        return self._depot.blobs

    def _put_aside(self) -> None:
        """Make room for what comes, once: a run that was broken off goes on with what has come already."""
        aside = self._depot.folder / "replaced-by-restore"
        if aside.exists():
            return
        partial = aside.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o750)
        for name in ("pgbackrest", "sets"):
            if (self._depot.folder / name).exists():
                (self._depot.folder / name).rename(partial / name)
        partial.rename(aside)
        sync_folder(self._depot.folder)


class MachineInstallation:
    """``Installation`` on this machine, as root."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def stop(self) -> None:
        """As the protocol says; the units do not start while the journal is there."""
        for unit in (*TIMERS, *SERVICES, TARGET, COPIER):
            subprocess.run(
                ["systemctl", "stop", unit], capture_output=True, check=False, timeout=300, stdin=subprocess.DEVNULL
            )

    def put_back(self, files: Mapping[str, bytes]) -> None:
        """As the protocol says."""
        for name, content in files.items():
            path = Path("/") / name
            if name == CONFIGURATION_PATH:
                self._merge(content)
            elif name.startswith(KEYS):
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
                write_whole(path, content, mode=0o400 if "/secrets/" in name else 0o644)
        passphrase = files.get("etc/hangjegyzet/secrets/backup.passphrase", b"").decode("ascii")
        if passphrase:
            line = "".join(passphrase.split())
            target = CONFIGURATION / "conf.d" / "passphrase.conf"
            write_whole(target, f"[global]\nrepo1-cipher-pass={line}\n".encode(), mode=0o640)
            os.chown(target, 0, pwd.getpwnam("postgres").pw_gid)

    def database(self, moment: Moment) -> None:
        """As the protocol says."""
        open_engine(self._settings).rewind(moment)
        migrate(self._settings)

    def recordings(self, folder: Path, hashes: Mapping[str, str]) -> Recordings:
        """As the protocol says."""
        delete_again(self._settings)  # first: the backups' copy of what was deleted is gone, and nobody is to miss it
        return note_outstanding(self._settings, folder, hashes)

    def start(self) -> None:
        """As the protocol says."""
        if (STATE_DIR / JOURNAL).exists():
            (STATE_DIR / JOURNAL).rename(STATE_DIR / "last.json")
        for unit in (TARGET, *TIMERS, COPIER):
            subprocess.run(
                ["systemctl", "start", unit], capture_output=True, check=True, timeout=300, stdin=subprocess.DEVNULL
            )

    def _merge(self, content: bytes) -> None:
        """Take over the old machine's settings, except those that speak of its hardware and network."""
        path = configuration_file()
        old = effective(document.parse(content.decode(), path))
        text = document.read_text(path)
        now = effective(document.parse(text, path))
        for key, value in old.items():
            if not key.startswith(OWN_TO_THE_MACHINE) and now.get(key) != value:
                text = document.with_value(text, key, value, path=path)
        document.write(path, text)


@contextmanager
def open_restores(settings: Settings, wish: Wish) -> Iterator[tuple[RestoreService, Depot]]:
    """The service for that wish, and the sets of its source.

    Raises:
        TargetInvalid, TargetUnreachable: the source is none, or cannot be read.
    """
    depot = Depot(settings.backups.folder)
    source: Source
    if wish.source:
        foreign = ForeignBackups(wish.source, depot)
        source, catalogue = foreign, foreign.catalogue(STATE_DIR / "catalogue")
        if catalogue.folder.resolve() == depot.folder.resolve():
            source = OwnBackups(depot)
    else:
        source, catalogue = OwnBackups(depot), depot
    try:
        public_key = load_public_key(settings.signing_public_path)
    except SigningKeyMisshapen:
        public_key = None
    service = RestoreService(
        depot=depot,
        source=source,
        installation=MachineInstallation(settings),
        envelope=Age(),
        public_key=public_key,
        folder=STATE_DIR,
    )
    yield service, catalogue


def restore(
    settings: Settings, wish: Wish, tell: Tell, *, key: Path | None, signer: str | None, afresh: bool
) -> Restored:
    """Do it, record it, leave a signed report, apply what came back of another machine's settings, begin a backup.

    Two people have to approve it; going on with one that was begun is the same act.

    Raises:
        KeptByCluster: it is a member of one; nothing was touched.
        as ``RestoreService.plan`` and ``run``, and ``appliance.entry.approvals.require``.
        ApplyFailed: everything is back and running, with this machine's former settings.
    """
    if settings.cluster.members:
        raise KeptByCluster
    with open_restores(settings, wish) as (service, catalogue):
        plan = service.plan(wish, catalogue=catalogue, key=key, signer=signer)
        if afresh or not (STATE_DIR / JOURNAL).exists():
            require(settings, Verb.RESTORE, {"from": wish.source or "own", "set": wish.set, "at": wish.at or "end"})
        done = service.run(wish, plan, tell, key=key, now=SystemClock().now(), afresh=afresh)
    trail_went_back(settings)
    detail: dict[str, str | int | float | bool | None] = {
        "set": done.described.id,
        "to": str(done.moment),
        "signer": plan.signer,
        "own": plan.own,
        "missing_recordings": len(done.recordings.missing),
        "recordings_to_copy": done.recordings.owed,
        "took_s": round(done.took_s, 1),
    }
    record_act(settings, AuditName.BACKUP_RESTORED, subject_type="backup", detail=detail, outcome=Outcome.OK)
    _report(settings, plan, done, detail)
    if key is not None:
        tell("applying the configuration that came back; the portal answers already")
        release = installed_release()
        open_configuration().apply(machinery(release), release=(release.path, release.version), tell=lambda _: None)
    subprocess.run(
        ["systemctl", "start", "--no-block", SERVICES[0]],
        capture_output=True,
        check=False,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )
    return done


def note_outstanding(settings: Settings, folder: Path, hashes: Mapping[str, str]) -> Recordings:
    """Note which recordings of meetings are to be copied from ``folder``, and which are nowhere."""
    with open_database(open_server(settings), DatabaseRole.OWNER) as owner, owner.reading(None) as tx:
        wanted = queries.recordings(tx)
    outstanding, stored = Outstanding(settings.blobs_path), settings.blobs_path / "stored"
    owed, missing = to_copy(wanted, stored=stored, source=folder, hashes=hashes, before=outstanding)
    entry = pwd.getpwnam("hangjegyzet")
    outstanding.owe(owed, SystemClock().now(), account=(entry.pw_uid, entry.pw_gid))
    return Recordings(missing, len(owed), sum(each.size for each in owed.values()))


def bring_recordings(settings: Settings, folder: Path) -> Recordings:
    """Take recordings that are not here from a folder of backups; the database stays as it is.

    Raises:
        NoBackup: there are none in that folder.
    """
    depot = Depot(folder.resolve())
    if not depot.sums():
        raise NoBackup(wanted=f"bring recordings: {folder} has no blobs/SHA256SUMS")
    found = note_outstanding(settings, depot.blobs, depot.sums())
    _record_recordings(settings, "brought", found.owed)
    subprocess.run(
        ["systemctl", "start", COPIER], capture_output=True, check=True, timeout=300, stdin=subprocess.DEVNULL
    )
    return found


def give_up_recordings(settings: Settings) -> int:
    """Wait no longer for recordings that a restore still owes; how many there were."""
    names = Outstanding(settings.blobs_path).give_up()
    _record_recordings(settings, "given up", len(names))
    return len(names)


def _record_recordings(settings: Settings, act: str, count: int) -> None:
    detail: dict[str, str | int | float | bool | None] = {"recordings": act, "count": count}
    record_act(settings, AuditName.BACKUP_RESTORED, subject_type="backup", detail=detail, outcome=Outcome.OK)


def delete_again(settings: Settings) -> int:
    """Delete meetings that had been deleted after the moment that was gone back to; how many."""
    try:
        lines = (settings.backups.folder / SHREDDED).read_text("ascii").split("\n")
    except (OSError, UnicodeDecodeError):
        return 0
    deleted = 0
    known = {tuple(line.split(" ")) for line in lines if line.count(" ") == 1}
    with open_services(settings, DatabaseRole.WEB) as services:
        for tenant, meeting in _still_there(settings, known):
            services.meetings.delete(operator(tenant), meeting)
            deleted += 1
    return deleted


def _still_there(settings: Settings, known: set[tuple[Any, ...]]) -> list[tuple[TenantId, MeetingId]]:
    with open_database(open_server(settings), DatabaseRole.OWNER) as owner, owner.reading(None) as tx:
        return [
            (one.tenant_id, one.meeting_id)
            for one in queries.readable(tx)
            if (str(one.tenant_id), str(one.meeting_id)) in known
        ]


def _report(settings: Settings, plan: Plan, done: Restored, detail: Mapping[str, Any]) -> None:
    at = SystemClock().now()
    payload = {**detail, "at": moment(at), "steps_s": dict(done.steps_s), "lost": list(done.recordings.missing)[:1000]}
    reports = settings.backups.folder / "reports"
    reports.mkdir(exist_ok=True)
    path = reports / f"restore-{set_id(at)}.json"
    write_whole(path, open_signer(settings).sign(REPORT_KIND, payload))
    _own(reports, "postgres")


def _own(folder: Path, account: str) -> None:
    subprocess.run(
        ["chown", "--recursive", "--no-dereference", f"{account}:{account}", str(folder)],
        check=True,
        stdin=subprocess.DEVNULL,
    )


def parse_moment(text: str) -> datetime:
    """A time as people type it; without a zone it is this machine's.

    Raises:
        NoBackup: it is none.
    """
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError as error:
        raise NoBackup(wanted=f"lead to {text!r}, which is no time") from error
