"""Nothing starts on a machine whose clock, release or firewall is not in order; and somebody at night finds out why.

One box for the whole file; each test leaves it in order again.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.appliance.box import Box
from tests.appliance.machines import Stick, media_with, visit

pytestmark = [pytest.mark.slow, pytest.mark.thorough, pytest.mark.models, pytest.mark.timeout(900)]

GUARD, PORTAL = "hangjegyzet-guard.service", "hangjegyzet-web.service"
MARKS = "/var/lib/hangjegyzet-guard/clock.json"


@pytest.fixture(scope="module")
def box(installed: Path, stick: Stick, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A machine that is ready for use."""
    folder = tmp_path_factory.mktemp("boxes")
    with Box.new("hj-guard", folder, base=installed, media=media_with(stick)) as running:
        visit(running)
        yield running


def state(box: Box, unit: str) -> str:
    """What systemd says of a unit."""
    return box.run("systemctl", "is-active", unit, check=False).stdout.strip()


def refused(box: Box) -> dict[str, str]:
    """Start everything again; what the guard has against it."""
    box.run("systemctl", "restart", GUARD, check=False)
    told = json.loads(box.run("hangjegyzet", "guard", "status", "--json").stdout)["refusals"]
    return {str(check): str(reason) for check, reason in told.items()}


def test_a_machine_in_order_starts(box: Box) -> None:
    """The guard looked before the portal, and left nothing on the login screen."""
    assert (state(box, GUARD), state(box, PORTAL)) == ("active", "active")
    assert box.run("sh", "-c", "ls /run/issue.d").stdout == ""


def test_a_clock_of_the_past_stops_everything_until_it_is_mended(box: Box) -> None:
    """Also across a restart of the machine; the console says why, and what to do; the remedy starts everything."""
    box.run("sh", "-c", f"""echo '{{"seen":"2099-01-01T00:00:00Z"}}' >{MARKS}""")
    box.power_off()
    box.boot()
    assert (state(box, GUARD), state(box, PORTAL)) == ("failed", "inactive")
    told = box.run("cat", "/run/issue.d/50-hangjegyzet.issue").stdout
    for word in ("HangJegyzet is stopped", "Clock", "timedatectl set-time", "hangjegyzet health --fix guard"):
        assert word in told
    assert box.run("hangjegyzet", "health", "guard", check=False).returncode == 1
    assert box.run("hangjegyzet", "health", "--fix", "guard", check=False).returncode == 3
    assert state(box, PORTAL) == "inactive"

    box.run("hangjegyzet", "guard", "accept-clock", "--yes", "--reason", "somebody had set it to 2099")
    box.run("hangjegyzet", "health", "--fix", "guard")
    assert (state(box, GUARD), state(box, PORTAL)) == ("active", "active")
    assert "health:clock:accepted" in box.run("hangjegyzet", "audit", "export").stdout
    visit(box)


def test_an_older_release_in_the_place_of_the_current_one_does_not_start(box: Box) -> None:
    """Whoever exchanges the link to the release finds a machine that stands still."""
    high = box.run("cat", "/opt/hangjegyzet/high_seq").stdout.strip()
    box.run("sh", "-c", f"echo {int(high) + 1} >/opt/hangjegyzet/high_seq")
    assert list(refused(box)) == ["release"]
    box.run("sh", "-c", f"echo {high} >/opt/hangjegyzet/high_seq")
    assert refused(box) == {}


def test_rules_that_are_gone_are_loaded_again(box: Box) -> None:
    """What the guard can mend it mends."""
    box.run("nft", "flush", "ruleset")
    assert refused(box) == {}
    assert "policy drop" in box.run("nft", "list", "chain", "inet", "hangjegyzet", "output").stdout


def test_an_open_firewall_that_cannot_be_closed_stops_everything(box: Box) -> None:
    """Closed is what it is when in doubt: no rules, no portal."""
    box.run("sh", "-c", "cp /etc/nftables.conf /var/tmp/rules; echo nonsense >/etc/nftables.conf; nft flush ruleset")
    assert list(refused(box)) == ["egress"]
    assert state(box, PORTAL) != "active"
    box.run("sh", "-c", "cp /var/tmp/rules /etc/nftables.conf")
    started = time.monotonic()
    box.run("hangjegyzet", "health", "--fix", "guard")
    assert time.monotonic() - started < 60
    visit(box)


def test_the_guard_may_do_little(box: Box) -> None:
    """systemd rates what it could do at 1.5 or less."""
    verdict = box.run("systemd-analyze", "security", "--no-pager", GUARD).stdout
    assert float(verdict.rpartition(": ")[2].split()[0]) <= 1.5, verdict[-300:]
