"""One command at the end of an installation says on one page whether everything works; a listener outside agrees.

One box for the whole file; the tests stand on one another, in order.
"""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.appliance.box import Box
from tests.appliance.machines import Stick, media_with, took
from tests.appliance.outside import Outside

pytestmark = [pytest.mark.slow, pytest.mark.thorough, pytest.mark.models, pytest.mark.timeout(1800)]

LIMIT_S = 1500.0
PAGE = "/var/tmp/selftest.json"


@pytest.fixture(scope="module")
def box(installed: Path, stick: Stick, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A machine that is ready for use, with two people who keep the keys of its backups."""
    folder = tmp_path_factory.mktemp("boxes")
    with Box.new("hj-selftest", folder, base=installed, media=media_with(stick)) as running:
        people = [custodian(folder / name) for name in ("first", "second")]
        running.run("hangjegyzet", "config", "set", "backups.custodians", json.dumps(people))
        yield running


def custodian(file: Path) -> str:
    """The public half of a key that somebody made elsewhere."""
    subprocess.run(["age-keygen", "-o", file], check=True, capture_output=True)
    return subprocess.run(["age-keygen", "-y", file], check=True, capture_output=True, text=True).stdout.strip()


def test_everything_works_and_nothing_is_heard_outside(box: Box, tmp_path: Path) -> None:
    """Each line passes or says why it was not tried; meanwhile no packet of any protocol arrives outside."""
    started = time.monotonic()
    with Outside(box, tmp_path) as outside:
        done = box.run("hangjegyzet", "selftest", "--json", "--out", PAGE, check=False, timeout_s=LIMIT_S)
        took["selftest"] = time.monotonic() - started
        assert outside.heard() == {}
    report = json.loads(done.stdout)
    lines = {line["trial"]: (line["verdict"], line["why"]) for line in report["lines"]}
    assert {trial: line for trial, line in lines.items() if line[0] != "passed"} == {}, done.stderr[-2000:]
    assert done.returncode == 0
    figures = {line["trial"]: line["figures"] for line in report["lines"]}
    assert figures["speech"]["word_error_rate"] < 0.2, "the English sample, which a small model hears well"
    assert figures["minutes"]["decisions"] + figures["minutes"]["tasks"] > 0
    assert figures["silence"]["attempts"] > 50


def test_the_backups_stay_those_of_the_database_servers_account(box: Box) -> None:
    """The next pass and the next backup can write where the self-test has."""
    foreign = box.run("find", "/var/backups/hangjegyzet", "-mindepth", "1", "-not", "-user", "postgres").stdout
    assert foreign == ""
    box.run("systemctl", "start", "hangjegyzet-follow.service")


def test_it_leaves_nothing_behind(box: Box) -> None:
    """No meeting and nobody who could sign in; the trail keeps that it was run."""
    assert json.loads(box.run("hangjegyzet", "meeting", "list", "--json").stdout)["meetings"] == []
    accounts = json.loads(box.run("hangjegyzet", "user", "list", "--json").stdout)
    assert [one["state"] for one in accounts if "selftest" in one["email"]] == ["disabled"]
    assert "selftest:report:made" in box.run("hangjegyzet", "audit", "export").stdout


def test_the_page_can_be_kept_as_proof(box: Box) -> None:
    """openssl alone checks the signature."""
    commands = (
        f"""sed 's/^{{"signed"://; s/,"signature":"[^"]*"}}$//' {PAGE} | tr -d '\\n' >/tmp/statement;"""
        f"""sed 's/.*,"signature":"\\([^"]*\\)"}}$/\\1/' {PAGE} | base64 --decode >/tmp/signature;"""
        "openssl pkeyutl -verify -pubin -inkey /etc/hangjegyzet/trust/appliance.pem -rawin"
        " -in /tmp/statement -sigfile /tmp/signature"
    )
    assert "Verified" in box.run("sh", "-euc", commands).stdout


def test_a_broken_machine_fails_it(box: Box) -> None:
    """With the line that says what is broken, in words; the others are tried all the same."""
    box.run("systemctl", "stop", "hangjegyzet-web")
    without = ("--without", "backup", "--without", "drill", "--without", "silence")
    failed = box.run("hangjegyzet", "selftest", "--language", "hu", *without, check=False, timeout_s=LIMIT_S)
    assert failed.returncode == 1
    assert "HIBÁS" in failed.stdout
    assert "hangjegyzet-web.service" in failed.stdout
    box.run("systemctl", "start", "hangjegyzet-web")
