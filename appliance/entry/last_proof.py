"""The last time that a restore was rehearsed here, as this machine signed it."""

from collections.abc import Mapping
from typing import Any

from appliance.adapters.signing_key import load_public_key
from appliance.backups.depot import Depot
from appliance.backups.drill import KIND
from appliance.keyring.signing import verify
from appliance.settings import Settings


def last_proof(settings: Settings) -> Mapping[str, Any] | None:
    """What the newest report says; nothing where there was no drill.

    Raises:
        EnvelopeInvalid, EnvelopeForged, EnvelopeOfAnotherKey: it is not what this machine wrote.
    """
    reports = sorted(Depot(settings.backups.folder).reports.glob("drill-*.json"))
    if not reports:
        return None
    return verify(reports[-1].read_bytes(), load_public_key(settings.signing_public_path), kind=KIND).payload
