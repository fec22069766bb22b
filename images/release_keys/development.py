"""Keys of one developer's machine, made when they are first wanted: for trying bundles, never for anybody's meetings.

Their passphrase lies beside them, and their statement says what they are: install.sh warns of ``development``.
"""

import os
import secrets
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from appliance.releases.model import OF_RELEASES, Grade
from appliance.releases.trust import RELEASE_KEY_NAME, ROOTS, STATEMENT_NAME, root_name
from images.release_keys.keyring import new_key, open_key, write_new
from images.release_keys.statements import sign_document, statement_about, write_unsigned

PASSPHRASE_FILE = "passphrase"  # noqa: S105  # the name of a file
_VALID_DAYS = 365
_BACKDATED = timedelta(days=1)


def development_folder() -> Path:
    """Where they lie: with the user's own data, outside of every checkout."""
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "hangjegyzet" / "development-keys"


def ensure_development_keys(folder: Path | None = None, *, now: datetime | None = None) -> Path:
    """The folder with three root keys and a release key that two of them signed."""
    folder = folder or development_folder()
    if (folder / STATEMENT_NAME).is_file():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".making-", dir=folder.parent))
    try:
        _make(made, now or datetime.now(UTC))
        made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return folder


def _make(folder: Path, now: datetime) -> None:
    passphrase = secrets.token_urlsafe(24)
    write_new(folder / PASSPHRASE_FILE, f"{passphrase}\n".encode(), mode=0o600)
    for number in ROOTS:
        new_key(folder, root_name(number).removesuffix(".pem"), passphrase)
    release = new_key(folder, RELEASE_KEY_NAME.removesuffix(".pem"), passphrase)
    statement = statement_about(
        release, purposes=OF_RELEASES, grade=Grade.DEVELOPMENT, not_before=now - _BACKDATED, days=_VALID_DAYS
    )
    write_unsigned(folder / STATEMENT_NAME, statement)
    for number in ROOTS[:2]:
        root = open_key(folder / root_name(number).replace(".pem", ".key"), passphrase)
        sign_document(folder / STATEMENT_NAME, root, number)
