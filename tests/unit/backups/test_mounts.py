"""Shares that hang, refuse or went stale: told in words, within a time, and without waiting for them."""

from pathlib import Path

import pytest

from appliance.adapters.rclone import RcloneTarget, place
from appliance.backups import mounts
from appliance.backups.errors import TargetUnreachable

LIST = """\
22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw
30 22 8:2 / /var/backups/hangjegyzet rw - ext4 /dev/sdb1 rw
31 22 0:50 / /mnt/nas rw - nfs4 nas:/export rw,hard
32 22 0:51 / /mnt/with\\040space rw - cifs //nas/share rw
33 31 8:3 / /mnt/nas/disk rw - ext4 /dev/sdc1 rw
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/var/backups/hangjegyzet", False),
        ("/mnt/nas/hangjegyzet", True),
        ("/mnt/nas/disk/x", False),
        ("/mnt/nasal", False),
        ("/mnt/with space", True),
    ],
)
def test_the_kernel_says_what_is_a_share(tmp_path: Path, path: str, *, expected: bool) -> None:
    """The innermost mount counts; the place itself is not touched, which could hang."""
    (tmp_path / "mountinfo").write_text(LIST)
    assert mounts.is_share(Path(path), mounts=tmp_path / "mountinfo") is expected


def test_a_share_that_hangs_holds_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whoever would send a backup there is told so after our patience, and the probe is gone."""
    monkeypatch.setattr(mounts, "PATIENCE_S", 0.5)
    monkeypatch.setattr(mounts, "_PROBE", "import time; time.sleep(3600)")
    monkeypatch.setattr(mounts, "is_share", lambda _: True)
    with pytest.raises(TargetUnreachable, match="does not answer"):
        RcloneTarget(place("nas", f"file://{tmp_path}")).send_new(tmp_path, since=None)
    assert not mounts.answers(tmp_path)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ("unmounted", "not on a disk"),
        ("EACCES", "root_squash"),
        ("EROFS", "read-only"),
        ("ESTALE", "stale"),
    ],
)
def test_what_is_wrong_is_said_in_words(found: str, words: str) -> None:
    """With what to do; a full place is told by whoever writes."""
    assert words in mounts.in_words(Path("/mnt/nas"), found)
    assert mounts.in_words(Path("/mnt/nas"), "ENOSPC") == ""
