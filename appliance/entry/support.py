"""The support bundle of this machine: what is collected, what must not be in it, to whom it is sealed."""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from appliance.adapters.age import Age
from appliance.adapters.postgres import open_server
from appliance.audit.model import AuditName
from appliance.configuration.model import Value
from appliance.database.roles import DatabaseRole
from appliance.entry.health import open_health
from appliance.entry.machine import STATE_DIR as APPLY_DIR
from appliance.entry.machine import installed_release, open_configuration
from appliance.entry.machine_trail import record_act
from appliance.entry.provision import describe, open_database
from appliance.entry.signing import open_signer
from appliance.kernel.clock import SystemClock
from appliance.kernel.errors import HangJegyzetError, NotFound, Unavailable
from appliance.settings import Settings
from appliance.support import queries
from appliance.support.collectors import system_collectors
from appliance.support.model import Bundle, Collector
from appliance.support.redaction import Known, Redactor
from appliance.support.service import SupportService
from appliance.support.vocabulary import words_of

FOLDER = Path("/var/lib/hangjegyzet-support")
SECRETS = Path("/etc/hangjegyzet/secrets")
STATES = (
    Path("/var/lib/hangjegyzet-upgrade"),
    Path("/var/lib/hangjegyzet-backup"),
    APPLY_DIR / "upgrade.json",
)
RECIPIENT_NAME = "support-key.txt"
_MAX_SECRET_BYTES = 16 * 1024
_HIDDEN = ("url", "host", "name", "user", "recipient", "address", "endpoint", "key", "path", "file", "dir")
"""Ends of the names of settings whose text is told only as that there is one."""


def open_support() -> SupportService:
    """The service over this machine's folder."""
    return SupportService(FOLDER, SystemClock(), version=version("hangjegyzet"))


def collect(settings: Settings, *, keep_addresses: bool, tell: Callable[[str, float], object]) -> Bundle:
    """Collect everything that is on the list, redacted; nothing leaves the machine by that."""
    bundle = open_support().collect(
        collectors(settings),
        known=known(settings),
        vocabulary=words_of(_texts()),
        keep_addresses=keep_addresses,
        tell=tell,
    )
    _record(settings, AuditName.SUPPORT_COLLECTED, {"parts": len(bundle.parts), "addresses_kept": keep_addresses})
    return bundle


def export(settings: Settings, folder: Path) -> tuple[Path, Path]:
    """Seal what was collected to the maker, signed by this machine; the sealed file and what vouches for it.

    Raises:
        NothingCollected, BundleStale, RecipientMissing, RecipientInvalid, ExportExists: as the service says.
        SigningKeyMissing: this machine has no key of its own.
    """
    to = recipient(settings)
    sealed, statement = open_support().export(folder, recipient=to, sealing=Age(), signer=open_signer(settings))
    _record(
        settings, AuditName.SUPPORT_EXPORTED, {"file": sealed.name, "recipient": to, "bytes": sealed.stat().st_size}
    )
    return sealed, statement


def recipient(settings: Settings) -> str | None:
    """The key that bundles are sealed to: the configured one, or the one that came with the release."""
    shipped = installed_release().path / "docs" / RECIPIENT_NAME
    return settings.support.recipient or (shipped.read_text(encoding="ascii").strip() if shipped.is_file() else None)


def collectors(settings: Settings) -> Sequence[Collector]:
    """Everything that may be collected."""
    folders = (Path("/"), settings.data_dir, Path("/var/lib/postgresql"), Path("/var/backups/hangjegyzet"))
    return (
        Collector("release.json", "The release and its schema", lambda redactor: _release(redactor, settings)),
        Collector("health.json", "What health finds", lambda redactor: _health(redactor, settings), max_s=300),
        Collector("configuration.json", "Settings, without texts of yours", _configuration),
        Collector("work.json", "Figures about work, without titles", lambda redactor: _jobs(redactor, settings)),
        *system_collectors(folders, STATES),
    )


def known(settings: Settings) -> Known:
    """What must not be in any part, wherever it stands: keys of this machine, and the people who use it."""
    secrets = []
    if SECRETS.is_dir():
        files = [path for path in sorted(SECRETS.iterdir()) if path.is_file()]
        secrets = [path.read_bytes() for path in files if path.stat().st_size <= _MAX_SECRET_BYTES]
    names: list[str] = []
    emails: list[str] = []
    with (
        suppress(Unavailable, NotFound),  # without a database its people are not known; words of theirs still go
        open_database(open_server(settings), DatabaseRole.OWNER) as database,
        database.reading(None) as tx,
    ):
        names, emails = queries.people(tx)
    return Known(secrets, names, emails)


def _texts() -> tuple[Path, ...]:
    """Where the words of this release are: its packages, playbooks and documents."""
    house = Path(__file__).resolve().parents[2]
    release = installed_release().path
    return (house / "appliance", house / "cli", house / "web", release / "ansible", release / "docs")


def _release(redactor: Redactor, settings: Settings) -> str:
    manifest = installed_release().path / "manifest.json"
    told = json.loads(manifest.read_bytes()) if manifest.is_file() else {}
    database = describe(settings)
    facts = {
        "version": version("hangjegyzet"),
        "release_seq": told.get("release_seq"),
        "built_at": redactor.line(str(told.get("built_at"))),
        "revision": database.revision,
        "revision_needed": database.needed,
        "database": redactor.line(database.server.version),
        "database_runs": database.server.running,
    }
    return json.dumps(facts, indent=1) + "\n"


def _health(redactor: Redactor, settings: Settings) -> str:
    report = open_health(settings).examine()
    told = [
        {
            "id": one.check.id,
            "severity": one.finding.severity.value,
            "took_s": round(one.took_s, 3),
            "summary": redactor.sentence(one.finding.summary),
            "evidence": redactor.value(dict(one.finding.evidence)),
        }
        for one in report.examined
    ]
    return json.dumps({"at": report.at.isoformat(), "checks": told}, indent=1, ensure_ascii=False) + "\n"


def _configuration(redactor: Redactor) -> str:
    service = open_configuration()
    settings = {key: _setting(key, value, redactor) for key, value in service.values().items()}
    waiting = [change.key for change in service.pending()]
    return json.dumps({"settings": settings, "not_in_force": waiting}, indent=1, ensure_ascii=False) + "\n"


def _setting(key: str, value: Value, redactor: Redactor) -> object:
    if isinstance(value, str) and key.rpartition(".")[2].endswith(_HIDDEN):
        return redactor.withheld(value)
    return redactor.value(value)


def _jobs(redactor: Redactor, settings: Settings) -> str:
    with open_database(open_server(settings), DatabaseRole.WORKER) as database, database.reading(None) as tx:
        figures = queries.job_figures(tx)
    return json.dumps(redactor.value(figures), indent=1, ensure_ascii=False) + "\n"


def _record(settings: Settings, name: AuditName, detail: dict[str, str | int | float | bool | None]) -> None:
    with suppress(HangJegyzetError):  # a machine whose database is broken is just the one that needs help
        record_act(settings, name, subject_type="support", detail=detail)
