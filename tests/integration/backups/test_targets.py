"""Further places for backups, against real ones: a mounted disk, and Debian's own SFTP server on loopback."""

import os
import pwd
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.adapters.rclone import RcloneTarget, place
from appliance.backups.errors import TargetFull, TargetInvalid, TargetUnreachable
from tests.factories.backups import missing_programs

SSHD = Path("/usr/sbin/sshd")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing_programs()), reason=missing_programs()),
    pytest.mark.skipif(os.geteuid() != 0, reason="mounting and serving need root"),
]


@pytest.fixture
def folder(scratch: Path) -> Iterator[Path]:
    """A folder of backups with something of everything."""
    made = scratch / "to-copy"
    for name in (
        "pgbackrest/archive/hangjegyzet/15-1/0000/seg-1.zst",
        "blobs/ab/0000-ab",
        "sets/20261123T013000Z/backup.json",
    ):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(name)
    (made / "state.json").write_text("{}")
    (made / ".lock").touch()
    yield made
    subprocess.run(["rm", "-rf", made], check=True)


@pytest.fixture
def disk(scratch: Path) -> Iterator[Path]:
    """A disk of its own, with little room."""
    mount = scratch / "disk"
    mount.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "hj", str(mount)], check=True)
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


@pytest.fixture
def sftp(scratch: Path, tmp_path: Path) -> Iterator[RcloneTarget]:
    """A real SSH server that lets one key in, for files alone."""
    if not SSHD.exists():
        pytest.skip("no SSH server is installed")
    there = scratch / "sftp"
    there.mkdir(exist_ok=True)
    for name in ("host", "target-away"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name], check=True)
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
    keys = scratch / "authorized"
    keys.write_text((tmp_path / "target-away.pub").read_text())
    configuration = tmp_path / "sshd_config"
    configuration.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {tmp_path / 'host'}\nPidFile none\nUsePAM no\n"
        f"AuthorizedKeysFile {keys}\nStrictModes no\nPermitRootLogin prohibit-password\n"
        "ForceCommand internal-sftp\nSubsystem sftp internal-sftp\n"
    )
    trust = tmp_path / "trust"
    trust.mkdir()
    kind, key, *_ = (tmp_path / "host.pub").read_text().split()
    (trust / "target-away").write_text(f"[127.0.0.1]:{port} {kind} {key}\n")
    Path("/run/sshd").mkdir(exist_ok=True)
    server = subprocess.Popen([SSHD, "-D", "-e", "-f", configuration], stderr=subprocess.DEVNULL)
    _await_port(port)
    user = pwd.getpwuid(os.geteuid()).pw_name
    yield RcloneTarget(place("away", f"sftp://{user}@127.0.0.1:{port}{there}", secrets=tmp_path, trust=trust))
    server.terminate()
    server.wait(10)


def _await_port(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail("the SSH server did not start")


def names(folder: Path) -> set[str]:
    """Files of a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_mounted_disk_gets_everything_and_gives_it_back(folder: Path, disk: Path, tmp_path: Path) -> None:
    """All but what is this machine's own; what is gone here goes there when it is to be forgotten."""
    target = RcloneTarget(place("nas", f"file://{disk}/backups"))
    target.send_all(folder, forget=False)
    assert names(disk / "backups") == names(folder) - {"state.json", ".lock"}
    assert target.set_ids() == ["20261123T013000Z"]
    (folder / "blobs/ab/0000-ab").unlink()
    target.send_all(folder, forget=True)
    assert "blobs/ab/0000-ab" not in names(disk / "backups")
    target.fetch(tmp_path / "back")
    assert names(tmp_path / "back") == names(disk / "backups")


def test_a_folder_that_is_no_mount_is_refused(folder: Path, scratch: Path) -> None:
    """A share that is not there is an empty folder on our own disk, which would fill."""
    if scratch.is_mount():
        pytest.skip("the scratch folder is a mount")
    target = RcloneTarget(place("nas", "file:///var/lib/nothing-is-mounted-here"))
    with pytest.raises(TargetUnreachable, match="mounted"):
        target.send_all(folder, forget=False)


def test_a_share_that_is_read_only_is_told_as_that(folder: Path, disk: Path) -> None:
    """Before anything is sent, and not as rclone's last line."""
    target = RcloneTarget(place("nas", f"file://{disk}"))
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(TargetUnreachable, match="read-only"):
        target.send_new(folder, since=None)


def test_a_share_of_another_account_is_told_with_ours(disk: Path) -> None:
    """As an NFS server does that hands our files to somebody else: with the number that it should belong to."""
    disk.chmod(0o700)
    program = (
        "import sys; from pathlib import Path; from appliance.backups.mounts import complaint;"
        "print(complaint(Path(sys.argv[1]), is_written=True))"
    )
    command = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--", sys.executable, "-c", program]
    asked = subprocess.run([*command, disk], capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3])
    if asked.returncode != 0:
        pytest.skip("another account cannot run this checkout's Python")
    assert f"number {pwd.getpwnam('nobody').pw_uid}" in asked.stdout
    assert "root_squash" in asked.stdout


def test_a_full_disk_is_told_as_that(folder: Path, disk: Path) -> None:
    """And what was there before stays."""
    target = RcloneTarget(place("nas", f"file://{disk}"))
    target.send_all(folder, forget=False)
    (folder / "blobs/ab/0000-big").write_bytes(os.urandom(8 << 20))
    with pytest.raises(TargetFull):
        target.send_all(folder, forget=False)
    assert "sets/20261123T013000Z/backup.json" in names(disk)


def test_an_sftp_server_gets_everything_and_gives_it_back(folder: Path, sftp: RcloneTarget, tmp_path: Path) -> None:
    """Debian's own server, with files alone and no shell."""
    sftp.send_all(folder, forget=False)
    assert sftp.set_ids() == ["20261123T013000Z"]
    (folder / "blobs/ab/0000-new").write_text("new")
    sftp.send_new(folder, since=datetime.now(UTC) - timedelta(minutes=1))
    sftp.fetch_only(tmp_path / "back", "blobs", "sets")
    assert "blobs/ab/0000-new" in names(tmp_path / "back")
    assert not (tmp_path / "back/pgbackrest").exists()


def test_a_server_with_another_key_is_refused(folder: Path, sftp: RcloneTarget, tmp_path: Path) -> None:
    """Somebody in between is not handed a backup."""
    (tmp_path / "trust/target-away").write_text(
        "\n".join(line.replace("AAAA", "AAAB") for line in (tmp_path / "trust/target-away").read_text().splitlines())
    )
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other"], check=True)
    kind, key, *_ = (tmp_path / "other.pub").read_text().split()
    host = (tmp_path / "trust/target-away").read_text().split()[0]
    (tmp_path / "trust/target-away").write_text(f"{host} {kind} {key}\n")
    with pytest.raises(TargetUnreachable):
        sftp.send_all(folder, forget=False)


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/x", "file://host/path", "sftp://10.0.0.1/path", "sftp://a@10.0.0.1", "s3://10.0.0.1"]
)
def test_what_is_no_place_is_refused(url: str) -> None:
    """A misspelt place is told before anything is copied."""
    with pytest.raises(TargetInvalid):
        place("x", url)
