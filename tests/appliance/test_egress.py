"""Silence on the wire, heard from outside: somebody at the other end of the box's only cable listens all the time.

One box for the whole file; the tests stand on one another, in order.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.quality.samples import sample_meeting
from tests.appliance.box import Box
from tests.appliance.machines import Stick, media_with, took, visit
from tests.appliance.outside import Outside

pytestmark = [pytest.mark.slow, pytest.mark.thorough, pytest.mark.models, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def box(installed: Path, stick: Stick, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A machine that is ready for use."""
    folder = tmp_path_factory.mktemp("boxes")
    with Box.new("hj-egress", folder, base=installed, media=media_with(stick)) as running:
        yield running


@pytest.fixture(scope="module")
def outside(box: Box, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    """The world, to which the box's default routes lead."""
    with Outside(box, tmp_path_factory.mktemp("outside")) as world:
        yield world


def test_nothing_is_heard_while_a_meeting_becomes_minutes(box: Box, outside: Outside) -> None:
    """Upload, speech, speakers, minutes, export: no packet of any protocol arrives outside."""
    visit(box)
    sent = visit(box, "--send", sample_meeting("en").audio)
    assert visit(box, "--follow", sent["job"])["state"] == "done"
    assert json.loads(visit(box, "--fetch", sent["meeting"])["minutes.json"])["decisions"]
    assert outside.heard() == {}


def test_every_attempt_is_stopped_and_reported(box: Box, outside: Outside) -> None:
    """As root, as each account, inside each process's sandbox, by every protocol; outside nobody hears of it."""
    started = time.monotonic()
    report = json.loads(box.run("hangjegyzet", "egress", "report", "--out", "/var/tmp/egress.json", "--json").stdout)
    took["egress report"] = time.monotonic() - started
    assert report["verdict"] == "silent", report["reasons"]
    askers = {one["asker"] for one in report["attempts"]}
    assert askers >= {"root", "account hangjegyzet", "account postgres", "hangjegyzet-web.service"}
    assert {one["outcome"] for one in report["attempts"]} <= {"refused", "no-answer", "no-socket"}
    workers = {one["outcome"] for one in report["attempts"] if "worker" in one["asker"]}
    assert workers == {"no-socket"}
    assert report["counted"] >= 20
    assert report["rules"]["as_declared"] is True
    assert report["network"]["gateways"]
    assert report["filter_enforced"] is True
    assert outside.heard() == {}


def test_the_report_is_checked_without_us(box: Box) -> None:
    """By our command, and with openssl alone; one with a better verdict than was signed is refused."""
    assert "CSEND" in box.run("hangjegyzet", "egress", "verify", "/var/tmp/egress.json", "--language", "hu").stdout
    commands = (
        """sed 's/^{"signed"://; s/,"signature":"[^"]*"}$//' /var/tmp/egress.json | tr -d '\\n' >/tmp/statement;"""
        """sed 's/.*,"signature":"\\([^"]*\\)"}$/\\1/' /var/tmp/egress.json | base64 --decode >/tmp/signature;"""
        "openssl pkeyutl -verify -pubin -inkey /etc/hangjegyzet/trust/appliance.pem -rawin"
        " -in /tmp/statement -sigfile /tmp/signature"
    )
    assert "Verified" in box.run("sh", "-euc", commands).stdout
    box.run("sh", "-c", "sed 's/silent/leaks/' /var/tmp/egress.json >/var/tmp/forged.json")
    assert box.run("hangjegyzet", "egress", "verify", "/var/tmp/forged.json", check=False).returncode == 6


def test_the_trail_says_that_it_was_reported(box: Box) -> None:
    """With the verdict and the file's name."""
    exported = box.run("hangjegyzet", "audit", "export").stdout
    assert "egress:report:made" in exported


def test_without_the_firewall_it_is_heard_and_told(box: Box, outside: Outside) -> None:
    """The same attempts arrive outside by every protocol, so the silence before was the firewall's; all doors tell."""
    outside.forget()
    box.run("nft", "flush", "ruleset")
    failed = box.run("hangjegyzet", "egress", "report", "--json", check=False)
    assert failed.returncode == 1
    report = json.loads(failed.stdout)
    assert report["verdict"] == "leaks"
    assert {reason["ground"] for reason in report["reasons"]} >= {"frames", "got-out", "no-table"}
    heard = outside.heard()
    assert set(heard) == {"tcp", "udp", "icmp"}
    assert report["frames"] >= 20
    assert box.run("hangjegyzet", "health", "egress", check=False).returncode == 1


def test_the_remedy_brings_the_silence_back(box: Box, outside: Outside) -> None:
    """``health --fix`` loads the rules; then nothing is heard again."""
    assert "loaded" in box.run("hangjegyzet", "health", "--fix", "egress").stderr
    outside.forget()
    assert json.loads(box.run("hangjegyzet", "egress", "test", "--json").stdout)["verdict"] == "silent"
    assert outside.heard() == {}


def test_a_rule_that_somebody_slipped_in_is_found(box: Box) -> None:
    """The kernel is asked, and not the file: the opening is named, and that it is nobody's declaration."""
    box.run("nft", "insert", "rule", "inet", "hangjegyzet", "output", "ip", "daddr", "198.51.100.7", "accept")
    failed = box.run("hangjegyzet", "egress", "test", "--json", check=False)
    report = json.loads(failed.stdout)
    assert (failed.returncode, report["verdict"]) == (1, "unproven")
    assert report["rules"]["openings"] == ["ip daddr 198.51.100.7 accept"]
    assert {reason["ground"] for reason in report["reasons"]} == {"not-as-declared"}
    box.run("hangjegyzet", "health", "--fix", "egress")
