"""A technician in front of an installed machine: the board, the sign-in, the console, and what is done with it.

One box for the whole file; the tests go on from one another.
"""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.appliance.box import Box
from tests.appliance.displays import Terminal, attach_display
from tests.appliance.machines import Stick, media_with, took
from tests.factories.approvers import Person

PASSWORD = "not-in-any-dictionary-7"

pytestmark = [pytest.mark.slow, pytest.mark.thorough, pytest.mark.models, pytest.mark.timeout(2400)]


@pytest.fixture(scope="module")
def box(installed: Path, stick: Stick, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """An installed machine on which root has a password."""
    folder = tmp_path_factory.mktemp("boxes")
    with Box.new("hj-console", folder, base=installed, media=media_with(stick)) as running:
        running.run("chpasswd", given=f"root:{PASSWORD}\n")
        yield running


def console(box: Box, *options: str, size: tuple[int, int] = (80, 24), term: str = "linux") -> Terminal:
    """The console of the box in a terminal."""
    return Terminal(box, "hangjegyzet", "console", *options, size=size, term=term)


def test_figures_are_published_and_name_nobody(box: Box) -> None:
    """The recorder's file is there within moments of the start, for everybody to read; its measurements are root's."""
    box.run("hangjegyzet", "health", "--quick", "--keep", check=False)
    box.run("systemctl", "start", "hangjegyzet-vitals.service")
    glance = json.loads(box.run("cat", "/run/hangjegyzet-vitals/glance.json").stdout)
    assert len(glance["place"]["fingerprint"]) == 95
    assert {check["id"]: check["severity"] for check in glance["checks"]}["database"] == "ok"
    assert "@" not in json.dumps(glance)
    assert box.run("stat", "-c", "%a", "/run/hangjegyzet-vitals/glance.json").stdout.strip() == "644"
    assert box.run("stat", "-c", "%a", "/var/lib/hangjegyzet-vitals/ring.json").stdout.strip() == "600"
    shown = box.run("systemctl", "show", "-P", "CPUUsageNSec", "hangjegyzet-vitals.service").stdout.strip()
    took["one look at the vitals (CPU)"] = int(shown) / 1e9


def test_the_first_screen_is_there_at_once(box: Box) -> None:
    """Address, fingerprint, health and space on the smallest screen, from one small file while the rest is asked."""
    started = time.monotonic()
    with console(box) as screen:
        screen.wait_for("Ujjlenyomat", "hangjegyzet vitals")
        took["console's first screen"] = time.monotonic() - started
        text = screen.wait_for("Verzió", "Memória", "Sor ")
        assert max(len(line) for line in text.splitlines()) <= 80
        screen.press("F10")
        screen.wait_until(lambda _: not screen.is_open)


@pytest.mark.parametrize("language", ["hu", "en"])
def test_every_page_answers_on_a_real_machine(box: Box, language: str) -> None:
    """Ten pages over the machine's own services: none with a fault."""
    words = {
        "1": ("https://",),
        "2": ("job list",),
        "3": ("Adatbázis", "health --quick") if language == "hu" else ("Database", "health --quick"),
        "4": ("firewall.ssh_from",),
        "5": ("dora@hangjegyzet.example",),
        "6": ("whisper-base",),
        "7": ("backup list",),
        "8": ("upgrade status",),
        "9": ("identity:",),
        "0": ("power",),
    }
    with console(box, "--language", language, size=(120, 40), term="xterm-256color") as screen:
        for digit, expected in words.items():
            screen.press(digit)
            text = screen.wait_for(*expected)
            time.sleep(1)
            text = screen.text()
            for fault in ("Váratlan hiba", "unexpected happened", "Traceback"):
                assert fault not in text, text


def test_a_person_is_created_and_the_trail_says_from_where(box: Box) -> None:
    """The code is on the screen once; the account is there, and the trail names the console."""
    with console(box, "--language", "en") as screen:
        screen.press("5")
        screen.wait_for("dora@hangjegyzet.example")
        screen.press("n")
        screen.wait_for("A new account")
        screen.type("bela@hangjegyzet.example", "Enter")
        screen.type("Szűcs Béla", "Enter")
        screen.wait_for("Shown once")
        screen.press("Enter", "9")
        screen.wait_for("identity:user:created")
        screen.wait_for("(console)")
    people = json.loads(box.run("hangjegyzet", "user", "list", "--json").stdout)
    assert {person["email"]: person["name"] for person in people}["bela@hangjegyzet.example"] == "Szűcs Béla"


def test_nothing_dangerous_happens_without_its_word(box: Box) -> None:
    """Another word leaves the account as it is; the word ends it."""
    with console(box, "--language", "en") as screen:
        screen.press("5")
        screen.wait_for("bela@hangjegyzet.example")
        screen.press("Down", "d")
        screen.wait_for("Keep bela@hangjegyzet.example out?", "Type disable")
        screen.type("yes", "Enter")
        assert "disabled" not in box.run("hangjegyzet", "user", "list").stdout
        screen.type("disable", "Enter")
        screen.wait_for("disabled")
    assert "disabled" in box.run("hangjegyzet", "user", "list").stdout


def test_work_outlives_the_console_that_began_it(box: Box) -> None:
    """A comparison is begun, the terminal is torn away, and another console reads all of it."""
    with console(box, "--language", "en") as screen:
        screen.press("4")
        screen.wait_for("firewall.ssh_from")
        screen.press("d")
        screen.wait_for("hangjegyzet apply --check --diff", "under way")
    with console(box, "--language", "en") as screen:
        screen.wait_for("Fingerprint")
        screen.press("F9")
        screen.wait_for("hangjegyzet apply --check --diff")
        screen.wait_for("done", limit_s=900)
        screen.press("Enter")
        screen.wait_for("exit code 0", "changed: 0")


def test_a_bundle_on_a_stick_is_found_checked_and_refused(box: Box) -> None:
    """The release that this machine has already: listed as such, and refused after every byte was checked."""
    with console(box, "--language", "en", size=(120, 40)) as screen:
        screen.press("8")
        screen.wait_for("never upgraded")
        screen.press("u")
        screen.wait_for("/media/usb", "in use already")
        screen.press("Enter")
        text = screen.wait_for("It cannot be taken", limit_s=300)
        assert "is installed already" in text


def test_a_restore_is_approved_by_two_and_outlives_the_console(
    box: Box, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Backed up, asked for, signed twice, begun by its word; its terminal is torn away, and another sees its end."""
    folder = tmp_path_factory.mktemp("people")
    people = Person("dora", folder), Person("bela", folder)
    (box.root / "srv/people").write_text("".join(person.line for person in people))
    box.run(
        "hangjegyzet", "config", "set", "backups.custodians", json.dumps([custodian(folder / name) for name in "ab"])
    )
    with console(box, "--language", "en") as screen:
        screen.press("7")
        screen.wait_for("No backup yet")
        screen.press("b")
        screen.wait_for("hangjegyzet backup run", "exit code 0", limit_s=600)
    box.run("hangjegyzet", "approval", "enrol", "/srv/people")
    with console(box, "--language", "en", size=(100, 30)) as screen:
        screen.press("7")
        screen.wait_for("taken", "full")
        screen.press("r")
        screen.wait_for("What it goes back to")
        screen.press("Enter")
        screen.wait_for("nobody was asked: A")
        screen.press("a")
        screen.wait_for("One sentence for them")
        screen.type("somebody deleted too much", "Tab", "C-u")
        screen.type("/srv", "Enter")
        screen.wait_for("They can be asked now")
        (asked,) = (box.root / "srv").glob("approve-*.json")
        for number, person in enumerate(people, 1):
            (box.root / f"srv/{person.name}.sig").write_bytes(person.sign(asked.read_bytes()))
            screen.press("Enter")
            screen.wait_for("hand in a signature")
            screen.press("s")
            screen.wait_for("What ssh-keygen wrote")
            screen.press("C-u")
            screen.type(f"/srv/{person.name}.sig", "Enter")
            screen.wait_for(f"{person.name} approves it.")
            assert number == 1 or "That did not work" not in screen.text()
        screen.press("Enter")
        screen.wait_for("given: Enter goes on", "bela, dora")
        screen.press("Enter")
        screen.wait_for("Type restore to go on")
        screen.type("restore", "Enter")
        screen.wait_for("hangjegyzet restore run", "under way")
        units = box.run("systemctl", "list-units", "--plain", "--no-legend", "hangjegyzet-errand-*.scope").stdout
        assert "restore-run" in units
    with console(box, "--language", "en", size=(100, 30)) as screen:
        screen.wait_for("Fingerprint")
        screen.press("F9")
        screen.wait_for("hangjegyzet restore run --yes")
        screen.press("Enter")
        text = screen.wait_for("exit code 0", limit_s=900)
        assert "taking the database back" in text
    trail = box.run("hangjegyzet", "audit", "export").stdout
    assert "approvals:request:used" in trail
    assert "backups:set:restored" in trail
    assert "bela@hangjegyzet.example" in box.run("hangjegyzet", "user", "list").stdout


def custodian(key: Path) -> str:
    """The public half of a key that somebody made elsewhere."""
    subprocess.run(["age-keygen", "-o", key], check=True, capture_output=True)
    return subprocess.run(["age-keygen", "-y", key], check=True, capture_output=True, text=True).stdout.strip()


def test_a_database_that_is_down_is_told_and_takes_nothing_else_along(box: Box) -> None:
    """This is the moment for which the console is there."""
    with console(box, "--language", "en") as screen:
        screen.wait_for("Fingerprint")
        box.run("systemctl", "stop", "postgresql@15-hangjegyzet.service")
        screen.press("2")
        screen.wait_for("not answer", "hangjegyzet db status")
        screen.press("6")
        screen.wait_for("whisper-base")
        screen.press("3")
        screen.wait_for("critical", "Database")
        box.run("systemctl", "start", "postgresql@15-hangjegyzet.service")
        screen.press("2")
        screen.wait_for("No jobs yet")


def test_the_display_shows_the_board_and_asks_who_wants_to_act(box: Box) -> None:
    """Nobody is named before the sign-in; a wrong password brings nobody in; the right one brings the console."""
    with attach_display(box) as screen:
        box.run("systemctl", "start", "hangjegyzet-console.service")
        text = screen.wait_for("Ujjlenyomat", "Enter")
        assert "@" not in text
        assert box.run("systemctl", "show", "-P", "DynamicUser", "hangjegyzet-console.service").stdout.strip() == "yes"
        screen.press("F2")
        screen.wait_for("Fingerprint")
        screen.press("Enter")
        screen.wait_for("login:")
        screen.type("root", "Enter")
        screen.wait_for("Password:")
        screen.type("wrong", "Enter")
        screen.wait_for("Login incorrect")
        screen.type("root", "Enter")
        screen.wait_for("Password:")
        screen.type(PASSWORD, "Enter")
        screen.wait_for("Áttekintés", "Ujjlenyomat", "hangjegyzet vitals")
        screen.press("F10")
        screen.wait_for("Enter", "belépés a gép rendszergazdájaként")


def test_what_stands_in_front_of_the_machine_may_do_almost_nothing(box: Box) -> None:
    """systemd rates both processes at 1.5 or less."""
    exposure = {
        unit: float(
            box.run("systemd-analyze", "security", "--no-pager", f"{unit}.service")
            .stdout.rpartition(": ")[2]
            .split()[0]
        )
        for unit in ("hangjegyzet-console", "hangjegyzet-vitals")
    }
    assert max(exposure.values()) <= 1.5, exposure
