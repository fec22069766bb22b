"""The test's own machine is what it claims to be: real systemd, and no way out."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.appliance.box import Box

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    media = tmp_path / "stick"
    media.mkdir()
    (media / "hello").write_text("from outside\n")
    with Box.new("hj-box", tmp_path, media={"/media/usb": media}) as running:
        yield running


def test_a_box_is_bare_and_alone(box: Box) -> None:
    """systemd runs; there is no Python and no PostgreSQL, only a loopback interface, and no route."""
    assert box.run("ps", "-p", "1", "-o", "comm=").stdout.strip() == "systemd"
    assert box.run("sh", "-c", "command -v python3 postgres nft", check=False).stdout == ""
    assert [line.split()[0] for line in box.run("ip", "-brief", "link").stdout.splitlines()] == ["lo"]
    assert box.run("ip", "route", "show", "table", "all", "default").stdout == ""
    assert box.run("cat", "/media/usb/hello").stdout == "from outside\n"


def test_a_power_cut_leaves_the_disk_and_nothing_else(box: Box) -> None:
    """What was on the disk is there again; what was in memory is not."""
    box.run("sh", "-c", "echo kept >/var/kept; sync; echo lost >/run/lost")
    box.power_cut()
    assert not box.is_on
    box.boot()
    assert box.run("cat", "/var/kept").stdout == "kept\n"
    assert box.run("test", "-e", "/run/lost", check=False).returncode == 1
