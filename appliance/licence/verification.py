"""Who vouches for a licence: the licence key signed it, and two of three root keys signed for that key."""

import msgspec

from appliance.kernel.errors import HangJegyzetError
from appliance.licence.errors import LicenceForged, LicenceUnreadable
from appliance.licence.model import MAX_BYTES, Licence, LicenceFile, decoded, write
from appliance.releases.model import Purpose, instant
from appliance.releases.trust import STATEMENT_NAME, SignedDocument, Trust, is_signed


def read_licence(data: bytes, trust: Trust, *, source: str) -> Licence:
    """The licence in a file.

    The licence key has to be valid on the day of issue; a licence outlives it. A key that was revoked since counts no
    more, whenever it signed.

    Raises:
        LicenceUnreadable: it is none, or is damaged.
        LicenceForged: somebody else signed it.
    """
    file = _read_file(data, source)
    try:
        signed, signature, statement = (decoded(one) for one in (file.licence, file.signature, file.statement))
        signatures = {int(number): decoded(one) for number, one in file.statement_signatures.items()}
        licence = msgspec.json.decode(signed, type=Licence)
        if write(licence) != signed:
            raise LicenceUnreadable(source=source, reason="it is not written as licences are")
    except (ValueError, RecursionError) as error:
        raise LicenceUnreadable(source=source, reason=str(error)) from error
    try:
        vouched = trust.read_statement(SignedDocument(STATEMENT_NAME, statement, signatures), source=source)
        key = trust.accept_release_key(
            file.key.encode(), vouched, purpose=Purpose.LICENCE, now=instant(licence.issued_at), source=source
        )
    except HangJegyzetError as error:
        raise LicenceForged(source=source, reason=str(error)) from error
    if not is_signed(key, signature, signed):
        raise LicenceForged(source=source, reason="its signature is wrong")
    return licence


def _read_file(data: bytes, source: str) -> LicenceFile:
    if len(data) > MAX_BYTES:
        raise LicenceUnreadable(source=source, reason=f"it is longer than {MAX_BYTES} bytes")
    try:
        return msgspec.json.decode(data, type=LicenceFile)
    except (ValueError, RecursionError) as error:
        raise LicenceUnreadable(source=source, reason=str(error) or "it is nested too deeply") from error
