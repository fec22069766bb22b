"""A bundle is believed if every byte is what two root keys' word covers, and refused with its own reason otherwise."""

import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from appliance.releases import errors
from appliance.releases.contents import open_contents
from appliance.releases.model import Purpose, write_document
from appliance.releases.sums import SUMS_NAME, read_sums
from appliance.releases.trust import Trust, load_trust, root_name
from appliance.releases.verification import (
    MANIFEST_NAME,
    VerifiedBundle,
    bundled_trust,
    verify_bundle,
    verify_signed,
)
from images.bundle.sealing import hash_files
from tests.factories.bundles import FILES, NOW, Maker, a_manifest, archived

MAKER = Maker()


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return MAKER.bundle(tmp_path / "bundle")


def verify(source: Path, *, trust: Trust | None = None, now: datetime = NOW) -> VerifiedBundle:
    with open_contents(source) as contents:
        return verify_bundle(contents, trust=trust or MAKER.trust, now=now)


@pytest.mark.parametrize("form", ["folder", "archive", "parts"])
def test_a_whole_bundle_is_believed(bundle: Path, form: str):
    """As a folder, as an archive and in parts it is the same release, and every byte is looked at."""
    source = {
        "folder": lambda: bundle,
        "archive": lambda: archived(bundle),
        "parts": lambda: archived(bundle, part_bytes=1000),
    }[form]()
    read: list[int] = []
    with open_contents(source) as contents:
        found = verify_bundle(contents, trust=MAKER.trust, now=NOW, progress=read.append)
        assert sum(read) == sum(contents.sizes()[path] for path in found.signed.sums)
        assert found.signed.read("LICENSE", limit_bytes=100) == FILES["LICENSE"]
    assert found.manifest.version == "0.2.0"
    assert found.manifest.files.keys() >= FILES.keys()
    assert found.signed.statement == MAKER.statement


def test_gnu_tar_and_ours_unpack_the_same(bundle: Path, tmp_path: Path):
    """Somebody else's reader sees the files, owners and modes that we wrote."""
    with tarfile.open(archived(bundle)) as archive:
        members = archive.getmembers()
    (tmp_path / "out").mkdir()
    subprocess.run(["tar", "-xf", str(bundle.with_suffix(".tar")), "-C", str(tmp_path / "out")], check=True)
    assert {(member.uid, member.gid, member.mtime) for member in members} == {(0, 0, 1_795_400_000)}
    assert {member.name for member in members if member.mode == 0o755} == {"hangjegyzet-0.2.0/install.sh"}
    assert verify(tmp_path / "out" / "hangjegyzet-0.2.0").manifest.release_seq == 7


@pytest.mark.parametrize("path", [*FILES, MANIFEST_NAME])
def test_a_changed_file_is_found(bundle: Path, path: str):
    """Not one bit of one file can change, nor its length."""
    data = bytearray((bundle / path).read_bytes() or b"grown")
    data[-1] ^= 1
    (bundle / path).write_bytes(data)
    with pytest.raises(errors.BundleFileChanged) as refusal:
        verify(bundle)
    assert refusal.value.fields["path"] == path


def test_a_missing_file_is_found(bundle: Path):
    """What was signed has to be there."""
    (bundle / "docs" / "empty.md").unlink()
    with pytest.raises(errors.BundleFileMissing):
        verify(bundle)


def test_a_file_that_nobody_signed_is_refused(bundle: Path):
    """Nothing can be smuggled in beside what was signed."""
    (bundle / "debs" / "more.deb").write_bytes(b"!<arch>\n")
    with pytest.raises(errors.BundleFileUnlisted):
        verify(bundle)


@pytest.mark.parametrize("name", [SUMS_NAME, "SHA256SUMS.sig", "keys/release.pem", "keys/release.json", MANIFEST_NAME])
def test_what_carries_the_signature_cannot_be_left_out(bundle: Path, name: str):
    """Each link of the chain has to be there."""
    (bundle / name).unlink()
    with pytest.raises(errors.BundleFileMissing):
        verify(bundle)


def test_a_list_changed_after_signing_is_refused(bundle: Path):
    """A new checksum in the list does not make a changed file right."""
    (bundle / "LICENSE").write_bytes(b"Another licence\n")
    sums = bundle / SUMS_NAME
    sums.write_bytes(sums.read_bytes().replace(b"a", b"b", 1))
    with pytest.raises(errors.SignatureWrong):
        verify(bundle)


def test_the_signature_of_another_bundle_is_refused(bundle: Path, tmp_path: Path):
    """A right signature over another list is a wrong signature."""
    other = MAKER.bundle(tmp_path / "other", files={**FILES, "LICENSE": b"else\n"})
    shutil.copy(other / "SHA256SUMS.sig", bundle / "SHA256SUMS.sig")
    with pytest.raises(errors.SignatureWrong):
        verify(bundle)


def test_one_root_signature_is_not_enough(tmp_path: Path):
    """A single custodian cannot make a release key."""
    with pytest.raises(errors.TooFewRootSignatures) as refusal:
        verify(replace(MAKER, root_signatures=(2,)).bundle(tmp_path / "bundle"))
    assert refusal.value.fields["found"] == 1


def test_the_same_root_signature_twice_counts_once(bundle: Path):
    """A signature under another custodian's name is none."""
    shutil.copy(bundle / "keys" / "release.json.root-1.sig", bundle / "keys" / "release.json.root-3.sig")
    with pytest.raises(errors.TooFewRootSignatures):
        verify(bundle)


def test_another_maker_s_bundle_is_refused(tmp_path: Path):
    """A bundle that brings its own root keys convinces nobody who trusts others."""
    with pytest.raises(errors.TooFewRootSignatures) as refusal:
        verify(Maker().bundle(tmp_path / "bundle"))
    assert refusal.value.fields["found"] == 0


def test_another_release_key_under_a_right_statement_is_refused(bundle: Path):
    """The statement names one key and no other."""
    (bundle / "keys" / "release.pem").write_bytes(Maker().release_pem)
    with pytest.raises(errors.ReleaseKeyMismatch):
        verify(bundle)


def test_a_changed_statement_is_refused(bundle: Path):
    """A key cannot be given a longer life."""
    path = bundle / "keys" / "release.json"
    path.write_bytes(path.read_bytes().replace(b'"2027', b'"2037').replace(b'"2028', b'"2038'))
    with pytest.raises(errors.TooFewRootSignatures):
        verify(bundle)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC), errors.ReleaseKeyNotYetValid),
        (datetime(2026, 1, 1, tzinfo=UTC), None),
        (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=730, seconds=-1), None),
        (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=730), errors.ReleaseKeyExpired),
    ],
)
def test_a_release_key_has_its_time(bundle: Path, now: datetime, expected: type[Exception] | None):
    """Before and after it, nothing that it signed is taken."""
    if expected is None:
        assert verify(bundle, now=now).manifest.version == "0.2.0"
    else:
        with pytest.raises(expected):
            verify(bundle, now=now)


def test_a_key_for_models_signs_no_release(tmp_path: Path):
    """A release key is good for what its statement says."""
    with pytest.raises(errors.ReleaseKeyPurpose):
        verify(replace(MAKER, purposes=(Purpose.MODELS,)).bundle(tmp_path / "bundle"))


def test_a_pack_of_models_passes_for_no_release(tmp_path: Path):
    """Files without a manifest are no release, whoever signed them."""
    with pytest.raises(errors.BundleFileMissing):
        verify(MAKER.pack(tmp_path / "pack", {"pack.toml": b"format = 1\n"}))


def test_a_revoked_key_is_refused_by_a_machine_that_knows(bundle: Path):
    """What the machine has heard of once, no bundle makes it forget."""
    trust = MAKER.trust.with_revocations(MAKER.revoking(MAKER).revocations)
    with pytest.raises(errors.ReleaseKeyRevoked) as refusal:
        verify(bundle, trust=trust)
    assert refusal.value.fields["reason"] == "lost"


def test_a_bundle_tells_of_revocations(tmp_path: Path):
    """A machine without a network hears of a lost key from the next bundle."""
    lost = replace(MAKER, release=Maker().release)
    found = verify(MAKER.revoking(lost).bundle(tmp_path / "bundle"))
    with pytest.raises(errors.ReleaseKeyRevoked):
        verify(lost.bundle(tmp_path / "lost"), trust=MAKER.trust.with_revocations(found.signed.revocations))


def test_an_older_list_of_revocations_takes_nothing_back(tmp_path: Path):
    """The list with the highest serial counts, in whatever order they arrive."""
    first = MAKER.revoking(Maker()).revocations
    second = MAKER.revoking(Maker(), after=first).revocations
    trust = MAKER.trust.with_revocations(second).with_revocations(first, None)
    assert trust.revocations == second
    assert len(second.revoked) == 2


def test_revocations_that_root_keys_did_not_sign_are_refused(bundle: Path):
    """Nobody else can make a machine distrust a key, or carry a list in vain."""
    MAKER.sign(bundle, read_sums((bundle / SUMS_NAME).read_bytes()))
    (bundle / "keys" / "revoked.json").write_bytes(write_document(MAKER.revoking(MAKER).revocations))
    with pytest.raises(errors.TooFewRootSignatures):
        verify(bundle)


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda text: text.replace('"format": 1', '"format": 2'), errors.ReleaseFormatUnknown),
        (lambda text: text.replace('"product": "hangjegyzet"', '"product": "else"'), errors.WrongProduct),
        (lambda text: text.replace('"models"', '"modules"'), errors.ReleaseManifestInvalid),
        (lambda text: text.replace('"release_seq": 7', '"release_seq": 0'), errors.ReleaseManifestInvalid),
        (lambda text: text.replace('"min_from": "0.1.0"', '"min_from": "0.3.0"'), errors.ReleaseManifestInvalid),
        (lambda text: text.replace("T04:30", "T29:30"), errors.ReleaseManifestInvalid),
        (lambda text: text.replace('"version"', '"version": "9.9.9",\n  "version"'), errors.ReleaseManifestInvalid),
        (lambda text: text.replace('  "', '   "', 1), errors.ReleaseManifestInvalid),
        (lambda text: text.replace('"LICENSE"', '"../LICENSE"'), errors.ReleaseManifestInvalid),
        (lambda text: text.replace('"bytes": 15', '"bytes": 16'), errors.ReleaseManifestMismatch),
        (lambda _: "[" * 100_000, errors.ReleaseManifestInvalid),
        (lambda _: "{}", errors.ReleaseManifestInvalid),
    ],
    ids=range(12),
)
def test_a_signed_manifest_is_still_read_strictly(bundle: Path, spoil: Callable[[str], str], expected: type[Exception]):
    """A mistake of the maker's is no reason to guess."""
    path = bundle / MANIFEST_NAME
    path.write_text(spoil(path.read_text()))
    MAKER.sign(bundle, _sums(bundle))
    with pytest.raises(expected):
        verify(bundle)


def test_manifest_and_list_have_to_agree_on_the_files(tmp_path: Path):
    """A manifest that names fewer files than were signed is none."""
    with pytest.raises(errors.ReleaseManifestMismatch):
        verify(MAKER.bundle(tmp_path / "bundle", manifest=a_manifest()))


def test_a_link_in_a_folder_is_refused(bundle: Path):
    """A name that leads elsewhere could be made to lead to something else later."""
    (bundle / "LICENSE").rename(bundle.parent / "LICENSE")
    (bundle / "LICENSE").symlink_to(bundle.parent / "LICENSE")
    with pytest.raises(errors.HostileMember):
        verify(bundle)


def test_a_pipe_in_a_folder_is_refused(bundle: Path):
    """Reading it would wait for ever."""
    os.mkfifo(bundle / "docs" / "pipe")
    with pytest.raises(errors.HostileMember):
        verify(bundle)


def test_a_file_that_cannot_be_read_is_a_damaged_bundle(bundle: Path, monkeypatch: pytest.MonkeyPatch):
    """A stick with bad sectors is said to be one."""

    def fail(*_: object, **__: object) -> int:
        raise OSError(5, "Input/output error")

    with open_contents(bundle) as contents:
        monkeypatch.setattr(os, "open", fail)
        with pytest.raises(errors.BundleUnreadable, match="Input/output error"):
            verify_bundle(contents, trust=MAKER.trust, now=NOW)


def test_what_is_exchanged_after_the_check_is_noticed(bundle: Path):
    """A small file is compared again when it is used."""
    with open_contents(bundle) as contents:
        signed = verify_signed(contents, purpose=Purpose.BUNDLE, trust=MAKER.trust, now=NOW)
        (bundle / "LICENSE").write_bytes(b"Beerware License")
        with pytest.raises(errors.BundleFileChanged):
            signed.read("LICENSE", limit_bytes=100)
        with pytest.raises(errors.BundleFileMissing):
            signed.read("NOTICE", limit_bytes=100)
        (bundle / "LICENSE").write_bytes(bytes(101))
        with pytest.raises(errors.BundleUnreadable):
            signed.read("LICENSE", limit_bytes=100)


def test_trust_is_what_lies_in_the_machine_s_folder(tmp_path: Path):
    """Three keys that somebody confirmed, and the revocations seen since."""
    with pytest.raises(errors.TrustMissing):
        load_trust(tmp_path / "none")
    signer = MAKER.revoking(Maker()).signer(tmp_path / "trust")
    trust = load_trust(tmp_path / "trust")
    assert trust.pems == MAKER.trust.pems
    assert trust.revocations is not None
    assert signer.public_files
    (tmp_path / "trust" / root_name(3)).unlink()
    with pytest.raises(errors.TrustInvalid):
        load_trust(tmp_path / "trust")


def test_trust_that_may_not_be_read_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Whoever is not root is told so, and not that there is none."""

    def forbid(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", forbid)
    with pytest.raises(errors.TrustInvalid, match="as root"):
        load_trust(tmp_path)


def test_a_fingerprint_is_compared_as_a_person_writes_it(bundle: Path):
    """Blanks, colons and capitals do not matter; one digit does."""
    with open_contents(bundle) as contents:
        found = bundled_trust(contents)
    groups = " ".join(found.fingerprint[at : at + 8].upper() for at in range(0, 64, 8))
    assert found.require_fingerprint(groups, source="test") is found
    wrong = ("0" if found.fingerprint[0] != "0" else "1") + found.fingerprint[1:]
    with pytest.raises(errors.TrustMismatch):
        found.require_fingerprint(wrong, source="test")


def test_root_keys_are_three_different_plain_keys():
    """One key in three files is one custodian; other algorithms and appended text are refused."""
    first, second, third = MAKER.trust.pems
    other = generate_private_key(SECP256R1()).public_key()
    weak = other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for pems in ([first, second], [first, second, second], [first, second, third + first], [first, second, weak]):
        with pytest.raises(errors.TrustInvalid):
            Trust.of(pems, source="test")


def test_nothing_there_is_said_plainly(tmp_path: Path):
    """No bundle, no archive, an empty archive, and an archive in parts with one missing."""
    with pytest.raises(errors.BundleNotFound):
        verify(tmp_path / "none.tar")
    (tmp_path / "noise.tar").write_bytes(b"noise" * 1000)
    with pytest.raises(errors.HostileMember):
        verify(tmp_path / "noise.tar")
    (tmp_path / "empty.tar").write_bytes(bytes(10240))
    with pytest.raises(errors.BundleUnreadable):
        verify(tmp_path / "empty.tar")


@pytest.mark.parametrize("lost", ["002", "last"])
def test_a_lost_part_is_noticed(bundle: Path, lost: str):
    """In the middle by its number, at the end because the archive breaks off."""
    first = archived(bundle, part_bytes=1500)
    parts = sorted(bundle.parent.glob("bundle.tar.*"))
    (parts[-1] if lost == "last" else parts[1]).unlink()
    with pytest.raises(errors.BundleUnreadable if lost == "last" else errors.BundlePartMissing):
        verify(first)


def _sums(bundle: Path) -> dict[str, str]:
    return {path: sha256 for path, sha256 in hash_files(bundle).items() if not path.startswith(SUMS_NAME)}
