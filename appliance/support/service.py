"""Use cases of the support bundle: collect, look, seal. What is looked at is what leaves."""

import json
import re
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

import structlog

from appliance.kernel.clock import Clock
from appliance.kernel.durable import sync_folder, write_durably
from appliance.keyring.signing import Signer
from appliance.support.errors import (
    BundleStale,
    ExportExists,
    NoSuchItem,
    NothingCollected,
    RecipientInvalid,
    RecipientMissing,
)
from appliance.support.model import Bundle, Collector, Part
from appliance.support.redaction import Known, Redactor

log = structlog.get_logger()

_RECIPIENT = re.compile(r"age1[02-9ac-hj-np-z]{58}")
_KEPT = timedelta(hours=24)
_MODE = 0o600
KIND = "support-bundle"


class Sealing(Protocol):
    """Encrypts so that each recipient alone can open it."""

    def seal(self, plain: bytes, recipients: Sequence[str]) -> bytes:
        """The bytes, sealed."""
        ...


class SupportService:
    """The support bundle of one machine.

    Args:
        folder: where what was collected waits to be looked at; root's own.
    """

    def __init__(self, folder: Path, clock: Clock, *, version: str) -> None:
        self._file = folder / "collected.json"
        self._clock = clock
        self._version = version

    def collect(
        self,
        collectors: Sequence[Collector],
        *,
        known: Known,
        vocabulary: frozenset[str],
        keep_addresses: bool = False,
        tell: Callable[[str, float], object] = lambda *_: None,
    ) -> Bundle:
        """Collect every part, one after the other; one that breaks or takes too long is told and hides no other.

        Args:
            tell: is told each part before it begins, and the finished fraction.
        """
        key = secrets.token_bytes(32)
        parts = []
        for at, collector in enumerate(collectors):
            tell(collector.title, at / len(collectors))
            redactor = Redactor(key, vocabulary, known, keep_addresses)
            parts.append(_collect(collector, redactor))
        bundle = Bundle(self._clock.now(), self._version, keep_addresses, tuple(parts))
        self._keep(bundle)
        log.info("support_collected", parts=len(parts))
        return bundle

    def collected(self) -> Bundle:
        """What was collected last.

        Raises:
            NothingCollected: nothing was.
        """
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise NothingCollected from None
        return Bundle(
            datetime.fromisoformat(kept["at"]),
            kept["version"],
            kept["keep_addresses"],
            tuple(Part(**part) for part in kept["parts"]),
        )

    def part(self, name: str) -> Part:
        """One part of it.

        Raises:
            NothingCollected, NoSuchItem: there is none.
        """
        parts = self.collected().parts
        for part in parts:
            if part.name == name:
                return part
        raise NoSuchItem(name=name, known=", ".join(part.name for part in parts))

    def export(self, folder: Path, *, recipient: str | None, sealing: Sealing, signer: Signer) -> tuple[Path, Path]:
        """Seal what was collected to the maker and sign it; the sealed file and its signed statement.

        Raises:
            NothingCollected, BundleStale: there is nothing, or nothing of today.
            RecipientMissing, RecipientInvalid: nobody to seal it to.
            ExportExists: a file of that name is there.
        """
        bundle = self.collected()
        age = self._clock.now() - bundle.at
        if age > _KEPT:
            raise BundleStale(age_h=round(age.total_seconds() / 3600))
        if not recipient:
            raise RecipientMissing
        if not is_recipient(recipient):
            raise RecipientInvalid(recipient=recipient[:80])
        sealed = sealing.seal(bundle.archive(), [recipient])
        target = folder / f"hangjegyzet-support-{bundle.at:%Y%m%dT%H%M%SZ}.tar.age"
        statement = target.with_name(f"{target.name}.json")
        payload: Mapping[str, Any] = {
            "file": target.name,
            "sha256": sha256(sealed).hexdigest(),
            "bytes": len(sealed),
            "recipient": recipient,
            "version": bundle.version,
            "collected_at": bundle.at.isoformat(),
        }
        if taken := [path for path in (target, statement) if path.exists()]:
            raise ExportExists(path=taken[0])
        write_durably(target, sealed, mode=_MODE)
        write_durably(statement, signer.sign(KIND, payload), mode=_MODE)
        self.forget()
        log.info("support_exported", size=len(sealed))
        return target, statement

    def forget(self) -> None:
        """Remove what was collected."""
        if self._file.exists():
            self._file.unlink()
            sync_folder(self._file.parent)

    def _keep(self, bundle: Bundle) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        kept = {
            "at": bundle.at.isoformat(),
            "version": bundle.version,
            "keep_addresses": bundle.keep_addresses,
            "parts": [asdict(part) for part in bundle.parts],
        }
        write_durably(self._file, json.dumps(kept, ensure_ascii=False).encode("utf-8", "replace"), mode=_MODE)


def is_recipient(text: str) -> bool:
    """Whether ``text`` is an age key that something can be sealed to, and no option of a program."""
    return _RECIPIENT.fullmatch(text) is not None


def _collect(collector: Collector, redactor: Redactor) -> Part:
    """Run one collector within its time; its thread is left behind when it does not end."""
    outcome: list[str] = []
    trouble: list[str] = []

    def work() -> None:
        try:
            outcome.append(collector.collect(redactor))
        except Exception as error:  # noqa: BLE001  # one that breaks must not hide the others; told by its kind alone
            log.warning("support_collector_broke", part=collector.name, kind=type(error).__name__)
            trouble.append(type(error).__name__)

    started = time.monotonic()
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(collector.max_s)
    took = time.monotonic() - started
    if not outcome:
        return Part(collector.name, collector.title, "", took, trouble=trouble[0] if trouble else "took too long")
    text, cut = _last_bytes(outcome[0], collector.max_bytes)
    counts = Counter(redactor.counts)
    return Part(collector.name, collector.title, text, took, cut=cut, redacted=dict(counts))


def _last_bytes(text: str, limit: int) -> tuple[str, bool]:
    data = text.encode("utf-8", "replace")
    if len(data) <= limit:
        return data.decode(), False
    return data[-limit:].decode("utf-8", "ignore").partition("\n")[2], True
