"""The ceremony: three custodians, two of whom vouch for a release key; by the command that they type."""

import os
import stat
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from appliance.releases.contents import open_contents
from appliance.releases.errors import TooFewRootSignatures
from appliance.releases.model import Grade, KeyStatement, read_document
from appliance.releases.trust import load_trust
from appliance.releases.verification import verify_bundle
from images.bundle.sealing import Signer
from images.release_keys.__main__ import app
from images.release_keys.development import PASSPHRASE_FILE, ensure_development_keys
from images.release_keys.keyring import KeyFileExists, KeyUnreadable, PassphraseTooShort, open_key
from images.release_keys.statements import NotThatRootKey, folder_trust
from tests.factories.bundles import NOW, a_bundle

WORDS = "correct horse battery staple tray lamp"


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["keys", *map(str, words)], catch_exceptions=False)


@pytest.fixture
def ceremony(tmp_path: Path) -> Path:
    """A stick after three custodians have made their keys and a release key waits for signatures."""
    (tmp_path / "words").write_text(f"{WORDS}\n")
    stick = tmp_path / "stick"
    for number in (1, 2, 3):
        assert run("root", stick, "--number", number, "--passphrase-file", tmp_path / "words").exit_code == 0
    assert run("release", stick, "--days", 400, "--passphrase-file", tmp_path / "words").exit_code == 0
    return stick


def sign(stick: Path, number: int, *, key: int | None = None) -> Result:
    root_key = stick / f"root-{key or number}.key"
    words = stick.parent / "words"
    return run(
        "sign-release", stick / "release.json", "--root-key", root_key, "--number", number, "--passphrase-file", words,
        "--yes",
    )  # fmt: skip


def test_two_custodians_make_a_key_that_machines_believe(ceremony: Path, tmp_path: Path):
    """The second signature is the one that counts, and a machine with the three root keys takes what it signs."""
    sign(ceremony, 3)
    assert '"release.json is enough": false' in run("show", ceremony, "--json").stdout
    sign(ceremony, 1)
    assert '"release.json signed by": "1, 3"' in run("show", ceremony, "--json").stdout
    signer = Signer.of(ceremony, WORDS)
    bundle = a_bundle(tmp_path / "bundle", signer=signer)
    with open_contents(bundle) as contents:
        assert verify_bundle(contents, trust=load_trust(ceremony), now=NOW).manifest.version == "0.2.0"


def test_one_custodian_alone_makes_nothing(ceremony: Path, tmp_path: Path):
    """Machines refuse what a key signed for which one custodian vouches."""
    sign(ceremony, 2)
    bundle = a_bundle(tmp_path / "bundle", signer=Signer.of(ceremony, WORDS))
    with open_contents(bundle) as contents, pytest.raises(TooFewRootSignatures):
        verify_bundle(contents, trust=load_trust(ceremony), now=NOW)


def test_a_custodian_cannot_sign_as_another(ceremony: Path):
    """A mix-up is noticed at the ceremony and not at the customer's."""
    with pytest.raises(NotThatRootKey):
        sign(ceremony, 1, key=2)


def test_a_custodian_sees_what_is_signed_and_can_say_no(ceremony: Path):
    """Nothing is signed unseen or by default."""
    words = [
        "sign-release",
        str(ceremony / "release.json"),
        "--root-key",
        str(ceremony / "root-1.key"),
        "--number",
        "1",
    ]
    answer = CliRunner().invoke(app, ["keys", *words], input="\n")
    assert answer.exit_code == 1
    assert "production" in answer.stdout
    assert not (ceremony / "release.json.root-1.sig").exists()


def test_private_keys_are_their_owner_s_under_a_passphrase(ceremony: Path):
    """Whoever finds the stick finds nothing to use, and openssl can read the keys too."""
    key = ceremony / "root-1.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert b"ENCRYPTED PRIVATE KEY" in key.read_bytes()
    with pytest.raises(KeyUnreadable):
        open_key(key, "another passphrase")
    command = ["openssl", "pkey", "-in", str(key), "-passin", f"pass:{WORDS}", "-pubout"]
    assert subprocess.run(command, capture_output=True, check=True).stdout == (ceremony / "root-1.pem").read_bytes()


def test_a_key_is_never_overwritten(ceremony: Path):
    """A second run of the same step does not destroy the first."""
    with pytest.raises(KeyFileExists):
        run("root", ceremony, "--number", 1, "--passphrase-file", ceremony.parent / "words")


def test_a_short_passphrase_is_refused(tmp_path: Path):
    """The stick may be found."""
    (tmp_path / "words").write_text("secret\n")
    with pytest.raises(PassphraseTooShort):
        run("root", tmp_path / "stick", "--number", 1, "--passphrase-file", tmp_path / "words")


def test_a_revocation_is_signed_like_a_key(ceremony: Path, tmp_path: Path):
    """Lists follow one another, and machines read them once two custodians have signed."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    run("revoke", first, "ab" * 32, "--reason", "the laptop was stolen")
    for number in (1, 2, 3):
        (first / f"root-{number}.pem").write_bytes((ceremony / f"root-{number}.pem").read_bytes())
        run(
            "sign-release", first / "revoked.json", "--root-key", ceremony / f"root-{number}.key", "--number", number,
            "--passphrase-file", ceremony.parent / "words", "--yes",
        )  # fmt: skip
    trust = load_trust(first)
    assert trust.revocations is not None
    assert trust.revocations.find("ab" * 32).reason == "the laptop was stolen"
    second.mkdir()
    run("revoke", second, "cd" * 32, "--reason", "so was the next", "--previous", first / "revoked.json")
    assert '"serial": 2' in (second / "revoked.json").read_text()


def test_development_keys_say_what_they_are(tmp_path: Path):
    """They work at once, stay the same, and no machine can take them for the real ones."""
    folder = ensure_development_keys(tmp_path / "keys")
    fingerprint = folder_trust(folder).fingerprint
    assert ensure_development_keys(folder) == folder
    assert folder_trust(folder).fingerprint == fingerprint
    assert read_document((folder / "release.json").read_bytes(), KeyStatement).grade is Grade.DEVELOPMENT
    assert Signer.of(folder, (folder / PASSPHRASE_FILE).read_text().strip()).public_files


def test_the_command_runs_by_itself(tmp_path: Path):
    """From any folder, by its path."""
    command = Path(__file__).parents[3] / "images" / "hangjegyzet-release"
    done = subprocess.run(
        [command, "keys", "--help"], cwd=tmp_path, capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert "sign-release" in done.stdout
