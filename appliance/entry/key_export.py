"""The root key handed out: sealed to somebody's age key, when two people approved it."""

from pathlib import Path

from appliance.adapters.age import Age
from appliance.adapters.root_key import read_root_key
from appliance.approvals.model import Verb
from appliance.audit.model import AuditName
from appliance.entry.approvals import require
from appliance.entry.machine_trail import record_act
from appliance.kernel.durable import write_durably
from appliance.settings import Settings
from appliance.support.errors import ExportExists, RecipientInvalid
from appliance.support.service import is_recipient


def export_root_key(settings: Settings, target: Path, *, recipient: str) -> None:
    """Write the root key to a file that ``recipient`` alone can open; nothing unsealed touches a disk.

    Raises:
        RecipientInvalid, ExportExists: nothing was done.
        RootKeyMissing, RootKeyExposed, RootKeyMisshapen: there is no key that could be handed out.
        as ``appliance.entry.approvals.require``.
    """
    if not is_recipient(recipient):
        raise RecipientInvalid(recipient=recipient[:80])
    if target.exists():
        raise ExportExists(path=target)
    key = read_root_key(settings.root_key_path)
    require(settings, Verb.EXPORT_KEY, {"key": "root", "recipient": recipient})
    record_act(settings, AuditName.ROOT_KEY_EXPORTED, subject_type="key", detail={"recipient": recipient})
    write_durably(target, Age().seal(key, [recipient]), mode=0o600)
