"""Taking the appliance off this machine: two people asked, keys first, everything else, looked for again, certified.

The last steps remove the release that this process runs from, and maybe Python itself; so what they need is imported
above, and nothing is printed but plain lines.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import structlog
from sqlalchemy import text

from appliance.adapters.ansible import FOLDER_PREFIX, AnsibleMachinery
from appliance.adapters.postgres import open_server
from appliance.approvals.model import Verb
from appliance.audit import queries as trails
from appliance.audit.model import AuditName
from appliance.configuration.errors import ApplyFailed
from appliance.configuration.ports import Run, Task, TaskState
from appliance.database.roles import DatabaseRole
from appliance.entry.approvals import open_approvals, require, this_host
from appliance.entry.machine import installed_release
from appliance.entry.machine_trail import record_act
from appliance.entry.operators import operator_name
from appliance.entry.provision import open_database
from appliance.entry.signing import open_signer
from appliance.erasure import packages
from appliance.erasure.certificate import CAVEATS, KEPT_CAVEATS, write_certificate
from appliance.erasure.errors import CannotErase, CertificateExists, NotConfirmed, OtherBegun
from appliance.erasure.remains import DATA, account_is_there, remains, rules_are_there, stays
from appliance.erasure.shredding import shred
from appliance.kernel.clock import SystemClock
from appliance.kernel.durable import write_durably
from appliance.kernel.errors import NotFound, Unavailable
from appliance.keyring.signing import Signer, fingerprint
from appliance.settings import Settings
from appliance.tenants import queries as tenants

log = structlog.get_logger()

INSTALL_NOTES = Path("/var/lib/hangjegyzet-install")
PACKAGES_BEFORE = INSTALL_NOTES / "packages.before"
SECRETS = Path("/etc/hangjegyzet/secrets")
NOTE = Path("/etc/hangjegyzet/uninstalling.json")
HOME = Path("/opt/hangjegyzet")
CERTIFICATES = Path("/root")
POSTGRES = ("/etc/postgresql-common", "/etc/postgresql", "/var/lib/postgresql", "/var/log/postgresql")
EMPTY = ("/etc/systemd/journald.conf.d", "/etc/pgbackrest", "/root/.ansible")
"""Folders that were made on the way; gone when nobody else put something there."""
DESTROYED_LAST = "signing.key"
"""It opens nothing; it signs the certificate."""
_KEYS = text("DELETE FROM tenant_key RETURNING tenant_id")

Tell = Callable[[str], object]


class Note(msgspec.Struct, frozen=True):
    """How far it is: kept until the end, so that a run that was cut off goes on without asking again."""

    began_at: datetime
    executor: str
    approved_by: tuple[str, ...]
    request: str
    trail: dict[str, Any]
    keep_data: bool = False
    keys: list[dict[str, Any]] = []
    organisations_keys: int | None = None


def uninstall(
    settings: Settings, *, confirmed_host: str, keep_data: bool, certificate: Path | None, tell: Tell
) -> Path:
    """Do it; the certificate, or the report of what was removed where data stays.

    Args:
        confirmed_host: what somebody typed as this machine's name.
        keep_data: recordings, database, keys, configuration and packages stay.

    Raises:
        NotConfirmed, CertificateExists: nothing was done.
        OtherBegun: one that erases was begun and this one would keep data, or the other way round; nothing was done.
        ApprovalNeeded, ...: as ``appliance.entry.approvals.require``.
        CannotErase: a step failed; the same command goes on.
    """
    host = this_host().name
    if confirmed_host != host:
        raise NotConfirmed(typed=confirmed_host[:80], host=host)
    signer = open_signer(settings)
    write_certificate(signer, {})  # whatever this needs is loaded now
    note = _begun()
    if note is not None and note.keep_data != keep_data:
        # Two people signed the one; it must not turn into the other.
        does, option = ("keeps data", " --keep-data") if note.keep_data else ("erases everything", "")
        raise OtherBegun(began=f"{note.began_at:%Y-%m-%d %H:%M} UTC", does=does, option=option)
    if note is None:
        target = (
            certificate or CERTIFICATES / f"hangjegyzet-erase-certificate-{SystemClock().now():%Y%m%dT%H%M%SZ}.json"
        )
        if target.exists():
            raise CertificateExists(path=target)
        note = _begin(settings, keep_data)
    else:
        target = certificate or CERTIFICATES / f"hangjegyzet-erase-certificate-{note.began_at:%Y%m%dT%H%M%SZ}.json"
    if not keep_data:
        tell("destroying keys")
        note = _erase_keys(settings, note)
    tell("removing processes, files and rules")
    _remove(keep_data, tell)
    removed: Sequence[str] = ()
    trouble = ""
    if not keep_data:
        tell("removing packages")
        removed, trouble = _remove_packages()
    tell("removing the release")
    _remove_release(keep_data)
    payload = _payload(note, host, signer, keep_data=keep_data, removed=removed)
    payload["packages_trouble"] = trouble
    write_durably(target, write_certificate(signer, payload), mode=0o600)
    return target


def _begun() -> Note | None:
    try:
        return msgspec.json.decode(NOTE.read_bytes(), type=Note)
    except FileNotFoundError:
        return None


def _begin(settings: Settings, keep_data: bool) -> Note:
    """Ask two people, put it into the trail, and note where the trail ends."""
    at = SystemClock().now()
    require(settings, Verb.UNINSTALL, {"keep_data": "yes" if keep_data else "no"})
    used = open_approvals().used()
    approval = used[-1][0] if used and used[-1][0].request.verb is Verb.UNINSTALL else None
    with suppress(Unavailable, NotFound):
        record_act(settings, AuditName.MACHINE_UNINSTALLED, subject_type="machine", detail={"keep_data": keep_data})
    note = Note(
        began_at=at,
        executor=operator_name(),
        approved_by=tuple(one.person for one in approval.signed) if approval else (),
        request=approval.request.nonce if approval else "",
        trail=_trail(settings),
        keep_data=keep_data,
    )
    _keep(note)
    return note


def _trail(settings: Settings) -> dict[str, Any]:
    """Where the audit chains end, so that an export can be told to be whole."""
    heads: dict[str, Any] = {}
    with suppress(Unavailable, NotFound), open_database(open_server(settings), DatabaseRole.OWNER) as database:
        with database.reading(None) as tx:
            found = tenants.list_tenants(tx)
        for organisation in found:
            with database.reading(organisation.id) as tx:
                head = trails.head(tx, organisation.id)
            if head is not None:
                heads[str(organisation.id)] = {"events": head.seq, "head": head.hash.hex()}
    return heads


def _erase_keys(settings: Settings, note: Note) -> Note:
    """Destroy the organisations' wrapped keys, then the root key and every other secret but the one that signs."""
    if note.organisations_keys is None:
        note = msgspec.structs.replace(note, organisations_keys=_delete_tenant_keys(settings))
        _keep(note)
    others = [path for path in sorted(SECRETS.iterdir()) if path.name != DESTROYED_LAST] if SECRETS.is_dir() else []
    outside = [settings.root_key_path, *([settings.web.private_key] if settings.web.private_key else [])]
    gone = shred(dict.fromkeys([settings.root_key_path, *others, *outside]))
    keys = [{"path": one.path, "bytes": one.bytes, "fingerprint": one.fingerprint} for one in gone]
    note = msgspec.structs.replace(note, keys=[*note.keys, *keys])
    _keep(note)
    return note


def _delete_tenant_keys(settings: Settings) -> int:
    """How many wrapped keys were deleted; with the root key gone the others open nothing either."""
    with (
        suppress(Unavailable, NotFound),
        open_database(open_server(settings), DatabaseRole.OWNER) as database,
        database.transaction(None) as tx,
    ):
        return len(tx.execute(_KEYS).all())
    return 0


def _remove(keep_data: bool, tell: Tell) -> None:
    release = installed_release()
    machinery = AnsibleMachinery(release.playbooks, playbook="uninstall.yml")
    run = Run({"uninstall.keep_data": keep_data}, str(release.path), release.version)
    try:
        for task in machinery.run(run):
            if task.state is TaskState.CHANGED:
                tell(f"{task.role}: {task.name}")
            _require_done(task)
    except ApplyFailed as error:
        raise CannotErase(task="Ansible", reason=str(error)) from error


def _require_done(task: Task) -> None:
    if task.state is TaskState.FAILED:
        raise CannotErase(task=task.name, reason=task.reason)


def _remove_packages() -> tuple[Sequence[str], str]:
    """What was to go, and what apt said when it did not all go."""
    try:
        going = packages.removable(packages.ours(PACKAGES_BEFORE))
    except subprocess.CalledProcessError as error:
        return (), str(error.stderr).strip()[-300:]
    return going, packages.purge(going)


def _remove_release(keep_data: bool) -> None:
    """The release itself, and last the notes and the key that signs."""
    # Ansible has ended: what lies there was left by runs that were killed.
    left = Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*")
    for path in (HOME, *left, *(() if keep_data else (INSTALL_NOTES,))):
        shutil.rmtree(path, ignore_errors=True)
    if keep_data:
        NOTE.unlink(missing_ok=True)
        return
    shred([SECRETS / DESTROYED_LAST])
    shutil.rmtree("/etc/hangjegyzet", ignore_errors=True)
    shutil.rmtree("/root/.ansible/tmp", ignore_errors=True)
    if not _has_other_clusters():
        for folder in POSTGRES:
            shutil.rmtree(folder, ignore_errors=True)
        subprocess.run(["userdel", "postgres"], capture_output=True, check=False, timeout=60, stdin=subprocess.DEVNULL)
    for folder in EMPTY:
        with suppress(OSError):
            Path(folder).rmdir()
    for command in (["journalctl", "--rotate"], ["journalctl", "--vacuum-time=1s"]):
        subprocess.run(command, capture_output=True, check=False, timeout=60, stdin=subprocess.DEVNULL)
    os.sync()


def _has_other_clusters() -> bool:
    """Whether somebody else's PostgreSQL is there: a cluster, or the package that was there before."""
    return Path("/usr/bin/pg_createcluster").exists() or any(Path("/etc/postgresql").glob("*/*/postgresql.conf"))


def _payload(note: Note, host: str, signer: Signer, *, keep_data: bool, removed: Sequence[str]) -> dict[str, Any]:
    left = remains(kept=DATA if keep_data else ())
    return {
        "host": host,
        "machine": this_host().machine,
        "version": version_of_release,
        "began_at": note.began_at.isoformat(),
        "ended_at": SystemClock().now().isoformat(),
        "executor": note.executor,
        "approved_by": list(note.approved_by),
        "request": note.request,
        "trail": note.trail,
        "data_kept": keep_data,
        "kept": list(stays()) if keep_data else [],
        "keys": note.keys,
        "organisations_keys": note.organisations_keys or 0,
        "packages_removed": list(removed),
        "signing_key": fingerprint(signer.public_key),
        "verified": {
            "files_left": list(left),
            "account_left": account_is_there() and not keep_data,
            "rules_left": rules_are_there(),
            "keys_left": [one["path"] for one in note.keys if Path(one["path"]).exists()],
        },
        "caveats": list(KEPT_CAVEATS if keep_data else CAVEATS),
    }


def _keep(note: Note) -> None:
    NOTE.parent.mkdir(parents=True, exist_ok=True)
    write_durably(NOTE, msgspec.json.encode(note), mode=0o600)


version_of_release = version("hangjegyzet")
"""Asked while its metadata is there."""
