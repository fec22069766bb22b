"""Backups in an S3-compatible store: moto's server behind TLS on loopback, or one that HANGJEGYZET_TEST_S3 names.

::

    HANGJEGYZET_TEST_S3=s3://10.0.0.5:9000/backups/box HANGJEGYZET_TEST_S3_CA=ca.pem pytest FILE

The bucket of such a store has to be there; HANGJEGYZET_TEST_S3_KEY holds key id and secret, with a space between them.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.adapters.rclone import RcloneTarget, place
from appliance.backups.errors import TargetUnreachable

STORE = os.environ.get("HANGJEGYZET_TEST_S3", "")
START_S = 60
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("rclone") is None, reason="not installed: rclone"),
]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the store's certificate and key."""
    folder = tmp_path_factory.mktemp("store")
    if STORE:
        shutil.copy(os.environ["HANGJEGYZET_TEST_S3_CA"], folder / "cert.pem")
        return folder
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=store", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem",
         "-out", folder / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def store(authority: Path) -> Iterator[str]:
    """The address of a store with a bucket."""
    if STORE:
        yield STORE
        return
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    command += ["-c", str(authority / "cert.pem"), "-k", str(authority / "key.pem")]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await_port(port)
        yield f"s3://127.0.0.1:{port}/backups/box"
    finally:
        server.kill()
        server.wait(10)


def _await_port(port: int) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail("the store did not start")


@pytest.fixture
def files(tmp_path: Path, authority: Path) -> Path:
    """Folders with what the store asks for: key id and secret, and the authority of its certificate."""
    (tmp_path / "target-store").write_text(os.environ.get("HANGJEGYZET_TEST_S3_KEY", "key secret"))
    (tmp_path / "trust").mkdir()
    (tmp_path / "trust/target-store").write_bytes((authority / "cert.pem").read_bytes())
    return tmp_path


@pytest.fixture
def target(store: str, files: Path) -> RcloneTarget:
    """The store as backups reach it; its bucket is there."""
    there = place("store", store, secrets=files, trust=files / "trust")
    if not STORE:
        environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **there.environment}
        made = ["rclone", "mkdir", "place:backups", "--config=/dev/null"]
        subprocess.run(made, check=True, capture_output=True, env=environment)
    return RcloneTarget(there)


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


def test_a_store_gets_everything_and_gives_it_back(target: RcloneTarget, folder: Path, tmp_path: Path) -> None:
    """Byte for byte, and forgets what is to be forgotten."""
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


def test_a_store_with_another_certificate_is_refused(store: str, files: Path, folder: Path) -> None:
    """Somebody in between is not handed a backup."""
    (files / "trust/target-store").unlink()
    target = RcloneTarget(place("store", store, secrets=files, trust=files / "trust"))
    with pytest.raises(TargetUnreachable, match="certificate"):
        target.send_all(folder, forget=False)


def test_a_bucket_that_is_not_there_is_said_to_be_away(store: str, files: Path, folder: Path) -> None:
    """Asked what it holds, a place that does not exist is no empty one."""
    if STORE:
        pytest.skip("somebody else's store may have any bucket")
    elsewhere = store.replace("/backups/", "/nowhere/")
    with pytest.raises(TargetUnreachable):
        RcloneTarget(place("store", elsewhere, secrets=files, trust=files / "trust")).set_ids()
