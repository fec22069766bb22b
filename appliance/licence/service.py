"""Use cases of the licence: install it, show how the machine stands, and let a new recording begin, or not."""

import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import structlog

from appliance.kernel.clock import Clock
from appliance.kernel.durable import write_durably
from appliance.kernel.errors import HangJegyzetError
from appliance.licence.errors import LicenceMissing, LicenceOlder, LicenceUnreadable
from appliance.licence.model import MAX_BYTES, Licence, Standing, State, standing
from appliance.licence.verification import read_licence
from appliance.meetings.errors import LicenceEnded
from appliance.releases.model import instant
from appliance.releases.trust import load_trust

log = structlog.get_logger()

LICENCE_FILE = Path("/etc/hangjegyzet/license.json")
MODE = 0o644
"""Nothing in it is secret, and the portal reads it."""
_REMEMBERED_S = 60.0
_NOTED_S = 3600


class LicenceService:
    """The licence of one machine.

    Args:
        file: where it lies.
        trust_folder: root keys that vouch for whoever signed it.
        mark_file: the latest time that was seen; in the appliance's data, since its processes note it.
    """

    def __init__(self, file: Path, *, trust_folder: Path, mark_file: Path, clock: Clock) -> None:
        self._file = file
        self._trust_folder = trust_folder
        self._mark_file = mark_file
        self._clock = clock
        self._known: tuple[float, Standing | None] | None = None

    def install(self, source: Path) -> Licence:
        """Check a file and put it into place.

        Raises:
            LicenceUnreadable, LicenceForged, LicenceOlder: it is refused; what was there stays.
            TrustMissing, TrustInvalid: this machine trusts nobody.
        """
        data = _read(source)
        licence = read_licence(data, load_trust(self._trust_folder), source=source.name)
        try:
            present = self.present()
        except HangJegyzetError:  # one that cannot be used is replaced
            present = None
        if present is not None and instant(licence.issued_at) < instant(present.issued_at):
            raise LicenceOlder(source=source.name, issued=licence.issued_at, present=present.issued_at)
        write_durably(self._file, data, mode=MODE)
        log.info("licence_installed", until=licence.valid_until)
        return licence

    def present(self) -> Licence | None:
        """The licence on this machine; None when there is none.

        Raises:
            LicenceUnreadable, LicenceForged: what lies there is none.
            TrustMissing, TrustInvalid: this machine trusts nobody.
        """
        try:
            data = _read(self._file)
        except LicenceMissing:
            return None
        return read_licence(data, load_trust(self._trust_folder), source=self._file.name)

    def standing(self) -> Standing:
        """How this machine stands now; the time is noted, so that a clock that is set back later is seen through.

        Raises:
            as ``present``.
        """
        licence, now, seen = self.present(), self._clock.now(), self._seen()
        if licence is not None and (seen is None or (now - seen).total_seconds() >= _NOTED_S):
            self._note(now)
        return standing(licence, now=now, seen=seen)

    def require_new_recordings(self) -> None:
        """Let a new recording begin.

        A file that cannot be used stops nobody: somebody's work is worth more than a damaged file, and health tells.

        Raises:
            LicenceEnded: it ended, and its grace too.
        """
        found = self.known()
        if found is not None and found.state is State.ENDED and found.licence is not None:
            raise LicenceEnded(ended=found.licence.valid_until[:10])

    def known(self) -> Standing | None:
        """How this machine stands, as it was a minute ago at most; None while the file cannot be used."""
        if self._known is None or time.monotonic() - self._known[0] > _REMEMBERED_S:
            try:
                self._known = (time.monotonic(), self.standing())
            except HangJegyzetError as error:
                log.warning("licence_unusable", code=error.code)
                self._known = (time.monotonic(), None)
        return self._known[1]

    def _seen(self) -> datetime | None:
        try:
            found = msgspec.json.decode(self._mark_file.read_bytes(), type=datetime)
        except (OSError, ValueError):
            return None
        return found.astimezone(UTC) if found.tzinfo else None

    def _note(self, now: datetime) -> None:
        try:
            self._mark_file.parent.mkdir(parents=True, exist_ok=True)
            write_durably(self._mark_file, msgspec.json.encode(now), mode=MODE)
        except OSError as error:  # a full or foreign disk is told by checks of its own
            log.warning("licence_time_not_noted", kind=type(error).__name__)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise LicenceMissing from None
    except OSError as error:
        raise LicenceUnreadable(source=path.name, reason=error.strerror or "it cannot be read") from error
