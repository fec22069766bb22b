"""This machine's own signature, for whatever leaves a report."""

from appliance.adapters.signing_key import load_signing_key
from appliance.kernel.clock import Clock, SystemClock
from appliance.keyring.signing import Signer
from appliance.settings import Settings


def open_signer(settings: Settings, clock: Clock | None = None) -> Signer:
    """Signs with this machine's key; needs the right to read it: root, or a unit that was handed it as a credential.

    Raises:
        SigningKeyMissing, SigningKeyExposed, SigningKeyMisshapen: the file is not as it must be.
    """
    key = load_signing_key(settings.signing_key_path, settings.signing_public_path)
    return Signer(key, clock or SystemClock())
