"""What install.sh wants of a machine before it touches it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.appliance.box import Box
from tests.appliance.machines import INSTALL_LIMIT_S, STICK, Stick, finding

BACKUPS = "/var/backups/hangjegyzet"

pytestmark = [pytest.mark.slow, pytest.mark.thorough, pytest.mark.timeout(1800)]


@pytest.fixture
def box(stick: Stick, tmp_path: Path) -> Iterator[Box]:
    """A bare machine with one disk alone."""
    with Box.new("hj-install", tmp_path, media={STICK: stick.folder}) as running:
        running.run("umount", BACKUPS)
        yield running


def test_backups_without_a_disk_of_their_own_are_a_decision(box: Box, stick: Stick) -> None:
    """Nothing is installed until somebody says that it is a trial; health then goes on saying so."""
    command = (f"{STICK}/install.sh", "--trust", stick.fingerprint)
    refused = box.run(*command, check=False)
    assert refused.returncode == 5
    assert f"{BACKUPS} has no disk of its own" in refused.stderr
    assert not (box.root / "opt/hangjegyzet/current").is_symlink()
    assert "One-time code" in box.run(*command, "--same-disk", timeout_s=INSTALL_LIMIT_S).stdout
    assert box.run("hangjegyzet", "config", "get", "backups.same_disk").stdout.strip() == "true"
    assert finding(box, "backups")["severity"] != "ok"
