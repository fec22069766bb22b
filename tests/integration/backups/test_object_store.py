"""Backups in an S3-compatible store: one that runs elsewhere, named by HANGJEGYZET_TEST_S3.

::

    moto_server -H 127.0.0.1 -p 5443 --ssl-cert cert.pem --ssl-key key.pem &
    HANGJEGYZET_TEST_S3=s3://127.0.0.1:5443/backups/box HANGJEGYZET_TEST_S3_CA=cert.pem pytest FILE

The bucket has to be there; HANGJEGYZET_TEST_S3_KEY holds key id and secret, with a space between them.
"""

import os
from pathlib import Path

import pytest

from appliance.adapters.rclone import RcloneTarget, place
from appliance.backups.errors import TargetUnreachable

STORE = os.environ.get("HANGJEGYZET_TEST_S3", "")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not STORE, reason="HANGJEGYZET_TEST_S3 names no store")]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Folders with what the store asks for: key id and secret, and the authority of its certificate."""
    (tmp_path / "target-store").write_text(os.environ.get("HANGJEGYZET_TEST_S3_KEY", "key secret"))
    (tmp_path / "trust").mkdir()
    (tmp_path / "trust/target-store").write_bytes(Path(os.environ["HANGJEGYZET_TEST_S3_CA"]).read_bytes())
    return tmp_path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of backups with something of everything."""
    made = tmp_path / "to-copy"
    for name in (
        "pgbackrest/archive/hangjegyzet/15-1/seg-1.zst",
        "blobs/ab/0000-ab",
        "sets/20261123T013000Z/backup.json",
    ):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(name)
    (made / "blobs/ab/0000-big").write_bytes(os.urandom(12 << 20))
    return made


def names(folder: Path) -> set[str]:
    """Files of a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_store_gets_everything_and_gives_it_back(files: Path, folder: Path, tmp_path: Path) -> None:
    """Byte for byte, and forgets what is to be forgotten."""
    target = RcloneTarget(place("store", STORE, secrets=files, trust=files / "trust"))
    target.send_all(folder, forget=True)
    assert target.set_ids() == ["20261123T013000Z"]
    target.send_new(folder, since=None)
    target.fetch(tmp_path / "back")
    assert names(tmp_path / "back") == names(folder)
    assert (tmp_path / "back/blobs/ab/0000-big").read_bytes() == (folder / "blobs/ab/0000-big").read_bytes()
    (folder / "blobs/ab/0000-big").unlink()
    target.send_all(folder, forget=True)
    target.fetch(tmp_path / "again")
    assert "blobs/ab/0000-big" not in names(tmp_path / "again")


def test_a_store_with_another_certificate_is_refused(files: Path, folder: Path) -> None:
    """Somebody in between is not handed a backup."""
    (files / "trust/target-store").unlink()
    target = RcloneTarget(place("store", STORE, secrets=files, trust=files / "trust"))
    with pytest.raises(TargetUnreachable, match="certificate"):
        target.send_all(folder, forget=False)
