"""The signing key's files: made once, closed to others; the public half is for everybody."""

import os
import subprocess
from pathlib import Path

import pytest

from appliance.adapters.signing_key import load_public_key, load_signing_key, provide_signing_key
from appliance.keyring.errors import SigningKeyExposed, SigningKeyMisshapen, SigningKeyMissing
from appliance.keyring.signing import fingerprint


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a machine keeps its signing key."""
    return tmp_path / "secrets" / "signing.key"


@pytest.fixture
def public_path(tmp_path: Path) -> Path:
    """Where everybody finds the public half."""
    return tmp_path / "trust" / "appliance.pem"


def test_a_new_key_is_for_its_owner_alone(path: Path, public_path: Path) -> None:
    """Mode 0400 in a folder of mode 0700; all may read the public half, and openssl says that it is that key's."""
    assert provide_signing_key(path, public_path)
    assert path.stat().st_mode & 0o777 == 0o400
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert public_path.stat().st_mode & 0o777 == 0o644
    derived = subprocess.run(["openssl", "pkey", "-in", str(path), "-pubout"], capture_output=True, check=True)
    assert derived.stdout == public_path.read_bytes()


def test_a_second_run_leaves_everything(path: Path, public_path: Path) -> None:
    """The key stays; a public half that somebody removed or changed is written again."""
    provide_signing_key(path, public_path)
    name = fingerprint(load_signing_key(path, public_path).public_key())
    public_path.write_text("something else")
    assert not provide_signing_key(path, public_path)
    assert fingerprint(load_public_key(public_path)) == name
    public_path.unlink()
    assert not provide_signing_key(path, public_path)
    assert fingerprint(load_public_key(public_path)) == name


def test_a_lost_key_is_not_replaced_in_silence(path: Path, public_path: Path) -> None:
    """Whoever removes it does not make the machine sign under another name."""
    provide_signing_key(path, public_path)
    path.unlink()
    with pytest.raises(SigningKeyMissing) as refusal:
        provide_signing_key(path, public_path)
    assert "custodians" in refusal.value.remedy


@pytest.mark.parametrize("mode", [0o440, 0o404, 0o601])
def test_a_key_that_others_may_touch_is_not_used(path: Path, public_path: Path, mode: int) -> None:
    """Anybody might have signed with it."""
    provide_signing_key(path, public_path)
    path.chmod(mode)
    with pytest.raises(SigningKeyExposed):
        load_signing_key(path, public_path)


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\n", os.urandom(5000)], ids=["no", "cut", "big"])
def test_another_file_is_no_key(path: Path, public_path: Path, content: bytes) -> None:
    """It is told, and nothing of it shows."""
    path.parent.mkdir()
    path.write_bytes(content)
    path.chmod(0o400)
    with pytest.raises(SigningKeyMisshapen):
        load_signing_key(path, public_path)
    with pytest.raises(SigningKeyMisshapen):
        load_public_key(path)


def test_a_key_of_another_kind_is_none(path: Path, public_path: Path) -> None:
    """An RSA key could sign, but nobody would check it."""
    path.parent.mkdir()
    subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-out", str(path)], capture_output=True, check=True)
    path.chmod(0o400)
    with pytest.raises(SigningKeyMisshapen):
        load_signing_key(path, public_path)
