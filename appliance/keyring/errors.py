"""What can go wrong with keys and with what they seal. No error carries a key or a piece of content."""

from appliance.kernel.errors import Conflict, Corrupt, NotFound, Refused, Unavailable


class KeyMissing(NotFound):
    code = "keyring.key_missing"
    message = "There is no key for {subject}."


class KeyDestroyed(NotFound):
    code = "keyring.key_destroyed"
    message = "The key of meeting {meeting_id} was destroyed; its content is gone for good."


class KeyExists(Conflict):
    code = "keyring.key_exists"
    message = "There is a key for {subject} already."


class KeyDamaged(Corrupt):
    code = "keyring.key_damaged"
    message = "The key of {subject} can't be unwrapped: the key above it is another one, or the stored key was changed."
    hint = (
        "Check that this machine's root key is the one the database was made with; else put the custodians' copy back."
    )


class SealBroken(Corrupt):
    code = "keyring.seal_broken"
    message = "The sealed {purpose} of meeting {meeting_id} failed its check: it was changed, or belongs elsewhere."
    hint = "Restore it from a backup."


class StreamDamaged(Corrupt):
    code = "keyring.stream_damaged"
    message = "Chunk {chunk} of the recording of meeting {meeting_id} failed its check: changed, swapped or cut off."
    hint = "Restore the recording from a backup."


class StreamTruncated(Corrupt):
    code = "keyring.stream_truncated"
    message = "The recording of meeting {meeting_id} does not end where it was sealed to end."
    hint = "Restore the recording from a backup."


class RootKeyMissing(Unavailable):
    code = "keyring.root_key_missing"
    message = "There is no root key at {path}."
    hint = "New machine: hangjegyzet db init. Otherwise put the custodians' copy back: nothing opens without it."


class RootKeyExists(Conflict):
    code = "keyring.root_key_exists"
    message = "There is a root key at {path} already; it is never overwritten."


class RootKeyExposed(Unavailable):
    code = "keyring.root_key_exposed"
    message = "The root key at {path} can be read or written by others (mode {mode})."
    hint = "Run: chmod 0400 {path}. Then think about who may have read it."


class RootKeyMisshapen(Corrupt):
    code = "keyring.root_key_misshapen"
    message = "The root key at {path} is not a file of {expected} bytes."
    hint = "Put the custodians' copy back."


class SigningKeyMissing(Unavailable):
    code = "keyring.signing_key_missing"
    message = "There is no signing key at {path}."
    hint = (
        "New machine: hangjegyzet db init. Otherwise put the custodians' copy back. If it is lost for good, move "
        "{public_path} elsewhere, where older reports stay checkable, and make a new one: hangjegyzet db init"
    )


class SigningKeyExposed(Unavailable):
    code = "keyring.signing_key_exposed"
    message = "The signing key at {path} can be read or written by others (mode {mode})."
    hint = "Run: chmod 0400 {path}. Then think about who may have signed with it."


class SigningKeyMisshapen(Corrupt):
    code = "keyring.signing_key_misshapen"
    message = "The file {path} is not the Ed25519 key that it should be."
    hint = "Put the custodians' copy back."


class EnvelopeInvalid(Corrupt):
    code = "keyring.envelope_invalid"
    message = "This is no signed document of an appliance, or it is damaged: {reason}."
    hint = "Copy it again."


class EnvelopeOfAnotherKey(Refused):
    code = "keyring.envelope_of_another_key"
    message = "It was signed with the key {found}, not with {expected}."
    hint = "Check it with the public key of the machine that made it: --key FILE"


class EnvelopeForged(Corrupt):
    code = "keyring.envelope_forged"
    message = "It was changed after it was signed."
    hint = "Do not rely on it. Ask for it again, and keep this copy."


class EnvelopeOfAnotherKind(Refused):
    code = "keyring.envelope_of_another_kind"
    message = "It is a signed document, but of the kind {found} and not {expected}."
