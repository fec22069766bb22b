"""The root key's file: made once, closed to others, never half-written."""

import os
from pathlib import Path

import pytest

from appliance.adapters.root_key import create_root_key, read_root_key
from appliance.keyring.errors import RootKeyExists, RootKeyExposed, RootKeyMisshapen, RootKeyMissing


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a machine keeps its root key."""
    return tmp_path / "secrets" / "root.key"


def test_a_new_key_is_for_its_owner_alone(path: Path) -> None:
    """Mode 0400 in a folder of mode 0700, 32 bytes, and no leftovers."""
    create_root_key(path)
    assert path.stat().st_mode & 0o777 == 0o400
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert len(read_root_key(path)) == 32
    assert list(path.parent.iterdir()) == [path]


def test_a_key_is_never_overwritten(path: Path) -> None:
    """Overwriting it would make everything unreadable."""
    create_root_key(path)
    before = read_root_key(path)
    with pytest.raises(RootKeyExists):
        create_root_key(path)
    assert read_root_key(path) == before
    assert list(path.parent.iterdir()) == [path]


def test_two_machines_have_two_keys(tmp_path: Path) -> None:
    """Keys are random."""
    create_root_key(tmp_path / "a")
    create_root_key(tmp_path / "b")
    assert read_root_key(tmp_path / "a") != read_root_key(tmp_path / "b")


@pytest.mark.parametrize("mode", [0o440, 0o404, 0o420, 0o601])
def test_a_key_that_others_may_touch_is_not_used(path: Path, mode: int) -> None:
    """An exposed key is a finding, not a detail."""
    create_root_key(path)
    path.chmod(mode)
    with pytest.raises(RootKeyExposed) as refusal:
        read_root_key(path)
    assert "chmod 0400" in refusal.value.remedy


def test_a_missing_key_says_what_to_do(path: Path) -> None:
    """A new machine needs init; an old one its custodians."""
    with pytest.raises(RootKeyMissing) as refusal:
        read_root_key(path)
    assert "hangjegyzet db init" in refusal.value.remedy


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_file_of_another_size_is_no_key(path: Path, size: int) -> None:
    """A cut-off or padded file is told, not used."""
    path.parent.mkdir()
    path.write_bytes(os.urandom(size))
    path.chmod(0o400)
    with pytest.raises(RootKeyMisshapen):
        read_root_key(path)


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    """Whoever can plant a link does not choose the key."""
    create_root_key(tmp_path / "elsewhere")
    path.parent.mkdir()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RootKeyMisshapen):
        read_root_key(path)
