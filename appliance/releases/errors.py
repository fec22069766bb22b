"""What can be wrong with a bundle, with who signed it, and with taking it here and now.

One class per refusal: a technician at a machine without a network has nothing but the message to go by.
"""

from appliance.kernel.errors import Corrupt, Invalid, NotFound, Refused

_ANOTHER_COPY = "Copy it again. If it stays so, do not trust where it came from; report it to the maker."


class BundleNotFound(NotFound):
    code = "releases.bundle_not_found"
    message = "There is no bundle at {source}."
    hint = "Give the .tar, its first part (.tar.001), or the folder that it was unpacked to."


class BundleUnreadable(Corrupt):
    code = "releases.bundle_unreadable"
    message = "{source} is no bundle as we make them, or is damaged: {reason}"
    hint = _ANOTHER_COPY


class BundlePartMissing(Invalid):
    code = "releases.part_missing"
    message = "{source} is one of several parts, and {part} is not beside it."
    hint = "Copy every part into the same folder."


class HostileMember(Refused):
    code = "releases.hostile_member"
    message = "{source} was refused: its member {member} {reason}."
    hint = "Bundles hold plain files in plain folders. Do not trust where this one came from."


class SumsInvalid(Corrupt):
    code = "releases.sums_invalid"
    message = "The list of checksums in {source} cannot be read: {reason}"
    hint = _ANOTHER_COPY


class BundleFileMissing(Corrupt):
    code = "releases.file_missing"
    message = "{source} lacks {path}."
    hint = _ANOTHER_COPY


class BundleFileUnlisted(Refused):
    code = "releases.file_unlisted"
    message = "{source} holds {path}, which nobody signed for."
    hint = "Somebody added it after the bundle was made. Use another copy."


class BundleFileChanged(Corrupt):
    code = "releases.file_changed"
    message = "{path} in {source} is not what was signed."
    hint = _ANOTHER_COPY


class SignatureWrong(Refused):
    code = "releases.signature_wrong"
    message = "The list of checksums in {source} was not signed by the release key that comes with it."
    hint = "The bundle was changed after it was signed. Do not install it; report it to the maker."


class TrustMissing(Refused):
    code = "releases.trust_missing"
    message = "This machine trusts no root keys yet: {folder} is empty."
    hint = "Compare the fingerprint of the root keys with the printed one, then give it: --trust SHA256"


class TrustInvalid(Refused):
    code = "releases.trust_invalid"
    message = "The root keys in {source} cannot be used: {reason}"
    hint = "There have to be three different Ed25519 public keys: root-1.pem, root-2.pem and root-3.pem."


class TrustMismatch(Refused):
    code = "releases.trust_mismatch"
    message = "The root keys in {source} have the fingerprint {found}, not {expected}."
    hint = "Do not install it. Compare both with the fingerprint that the maker printed."


class TooFewRootSignatures(Refused):
    code = "releases.too_few_root_signatures"
    message = (
        "{subject} in {source} is signed by {found} of the root keys that this machine trusts; {needed} are needed."
    )
    hint = "The bundle comes from somebody else, or it was changed. Do not install it."


class StatementInvalid(Corrupt):
    code = "releases.statement_invalid"
    message = "{subject} in {source} cannot be read: {reason}"
    hint = _ANOTHER_COPY


class ReleaseKeyMismatch(Refused):
    code = "releases.release_key_mismatch"
    message = "The release key in {source} is not the one that the root keys signed."
    hint = "The key was exchanged. Do not install it; report it to the maker."


class ReleaseKeyPurpose(Refused):
    code = "releases.release_key_purpose"
    message = "The release key in {source} may sign {allowed}, not {wanted}."
    hint = "Ask the maker for a file that was signed with the right key."


class ReleaseKeyNotYetValid(Refused):
    code = "releases.release_key_not_yet_valid"
    message = "The release key in {source} is valid from {not_before}; this machine's clock says {now}."
    hint = "Set the clock: timedatectl set-time"


class ReleaseKeyExpired(Refused):
    code = "releases.release_key_expired"
    message = "The release key in {source} was valid until {not_after}; this machine's clock says {now}."
    hint = "Check the clock. If it is right, ask the maker for a bundle that was signed with a current key."


class ReleaseKeyRevoked(Refused):
    code = "releases.release_key_revoked"
    message = "The release key in {source} was revoked on {revoked_at}: {reason}"
    hint = "Do not install it. Ask the maker for a bundle that was signed with another key."


class ReleaseManifestInvalid(Invalid):
    code = "releases.manifest_invalid"
    message = "The manifest of {source} cannot be read: {reason}"
    hint = "Ask the maker for another bundle."


class ReleaseFormatUnknown(Refused):
    code = "releases.format_unknown"
    message = "{source} is of format {found}; this version reads format {known}."
    hint = "Upgrade to the version in between that the release notes name, then to this one."


class ReleaseManifestMismatch(Corrupt):
    code = "releases.manifest_mismatch"
    message = "The manifest of {source} and its list of checksums disagree about {path}."
    hint = _ANOTHER_COPY


class WrongProduct(Refused):
    code = "releases.wrong_product"
    message = "{source} is a bundle of {found}."
    hint = "Give a bundle of hangjegyzet. Model packs are installed with: hangjegyzet models import PATH"


class WrongTarget(Refused):
    code = "releases.wrong_target"
    message = "This release is made for {wanted}; this machine is {found}."
    hint = "Ask the maker for the bundle for this system."


class ReleaseReplayed(Refused):
    code = "releases.replayed"
    message = "Release {version} has the number {found}; this machine has already had number {high}."
    hint = "An older release may hold holes that are closed by now. Install that release, or a newer one."


class UpdatesReplayed(Refused):
    code = "releases.updates_replayed"
    message = "The updates of {version} have the number {found}; this machine has already had number {high}."
    hint = "Older updates would leave holes that are closed by now. Install those, or newer ones."


class UpdatesForOthers(Refused):
    code = "releases.updates_for_others"
    message = "The updates of {version} are made for release {wanted}; this machine has {installed}."
    hint = "Ask the maker for those of this release, or upgrade the machine first: hangjegyzet upgrade run BUNDLE"


class NoRelease(Refused):
    code = "releases.no_release"
    message = "{source} holds security updates of the operating system, and no release."
    hint = "hangjegyzet updates run FILE"


class NoUpdates(Refused):
    code = "releases.no_updates"
    message = "{source} holds a release, and no security updates of the operating system."
    hint = "hangjegyzet upgrade run BUNDLE"


class ReleaseIsOlder(Refused):
    code = "releases.older"
    message = "Release {version} is older than {installed}, which is installed."
    hint = "A downgrade needs two approvers; the operator manual describes it."


class ReleaseStepTooLarge(Refused):
    code = "releases.step_too_large"
    message = "Release {version} can follow {min_from} and later; {installed} is installed."
    hint = "Install these first, in this order: {stops}"


class ReleaseSchemaUnsupported(Refused):
    code = "releases.schema_unsupported"
    message = "Release {version} takes over databases of schema {oldest} to {newest}; this one has {found}."
    hint = "Install the release that made this database, then one in between."


class HighWaterMarkDamaged(Corrupt):
    code = "releases.high_water_mark_damaged"
    message = "{path} should hold the number of the newest release that this machine has had, and does not."
    hint = "See which releases were installed with: ls /opt/hangjegyzet/releases; write the highest number back."
