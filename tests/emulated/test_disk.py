"""The disk image on a machine of its own: firmware that wants signatures, the menu that counts, two roots.

One machine for the whole file; the tests are its days, in order. It is set up already and holds no release, so that its
starts take minutes and not an hour: ``test_first_start`` has the other one.
"""

import time
from collections.abc import Iterator

import pytest

from tests.appliance.disk_image import made_disk, mounted
from tests.appliance.machines import Stick, took
from tests.emulated.machine import Emulated, hashed

PASSWORD = "a-trial-at-the-console"
START_S = 1800.0
TRIES = 3

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]


@pytest.fixture(scope="module")
def machine(stick: Stick, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    """Started from the image, with Secure Boot; what the first start would have made is there."""
    folder = tmp_path_factory.mktemp("disk")
    with mounted(made_disk(stick), folder) as root:
        shadow = root / "etc/shadow"
        lines = shadow.read_text().splitlines(keepends=True)
        shadow.write_text("".join(line.replace("root:*:", f"root:{hashed(PASSWORD)}:", 1) for line in lines))
        (root / "var/lib/hangjegyzet-machine/set-up").touch()
    with Emulated(folder, disks=[folder / "disk.raw"], secure_boot=True, memory_mb=2048) as running:
        yield running


def slots(machine: Emulated) -> dict[str, str]:
    """Slot → what ``hangjegyzet-slot status`` says of it."""
    lines = machine.run("hangjegyzet-slot status").splitlines()
    return {line.split()[0]: " ".join(line.split()[1:]) for line in lines if line.strip()}


def restart(machine: Emulated) -> None:
    """Start it again and sign in."""
    machine.type("systemctl reboot\r")
    machine.sign_in(PASSWORD, timeout_s=START_S)


def await_good(machine: Emulated) -> None:
    """Wait until the running root was vouched for."""
    machine.run("until hangjegyzet-slot status | grep -q 'running *3 left'; do sleep 2; done", timeout_s=START_S)


def test_firmware_with_secure_boot_starts_it(machine: Emulated) -> None:
    """Shim, menu and kernel are signed by those whom the firmware believes."""
    began = time.monotonic()
    machine.read_until(r"Linux version", timeout_s=START_S)
    took["emulated: power button to kernel"] = time.monotonic() - began
    machine.sign_in(PASSWORD, timeout_s=START_S)
    took["emulated: power button to sign-in"] = time.monotonic() - began
    assert machine.run("od -An -tu1 -j4 /sys/firmware/efi/efivars/SecureBoot-*").split() == ["1"]
    assert "hangjegyzet.left=2" in machine.run("cat /proc/cmdline")


def test_both_roots_and_the_disk_are_as_declared(machine: Emulated) -> None:
    """The first root fills its partition and is vouched for; the second is empty; /var is shared."""
    await_good(machine)
    assert slots(machine)["a"] == "running 3 left of 3"
    assert slots(machine)["b"] == "other 0 left of 3"
    assert int(machine.run("findmnt -bno SIZE /").split()[-1]) > 5 << 30
    assert int(machine.run("findmnt -bno SIZE /var").split()[-1]) > 10 << 30
    assert machine.run("findmnt -no TARGET --target /opt").split()[-1] == "/opt"
    assert machine.run("systemctl --failed --plain --no-legend") == ""


def test_an_update_in_the_other_root_touches_nothing_that_runs(machine: Emulated) -> None:
    """What is done inside the copy is seen there alone, its package database included."""
    began = time.monotonic()
    machine.run("hangjegyzet-slot clone", timeout_s=START_S)
    took["emulated: copy a root"] = time.monotonic() - began
    machine.run("hangjegyzet-slot enter dpkg --remove --force-depends whiptail", timeout_s=START_S)
    machine.run("hangjegyzet-slot enter touch /etc/the-other-root")
    assert machine.run("dpkg-query -Wf '${db:Status-Status}' whiptail") == "installed"
    machine.run("test ! -e /etc/the-other-root && test ! -e /usr/sbin/policy-rc.d")


def test_the_other_root_is_tried_and_stays_when_the_appliance_answers(machine: Emulated) -> None:
    """The next start is the updated one, with the same /var, and it is vouched for."""
    machine.run("touch /var/kept /etc/hangjegyzet/kept && hangjegyzet-slot try")
    restart(machine)
    await_good(machine)
    assert slots(machine) == {"a": "other 3 left of 3", "b": "running 3 left of 3", "order": "b a"}
    machine.run("test -e /etc/the-other-root && test -e /var/kept && test -e /etc/hangjegyzet/kept")
    assert machine.run("dpkg-query -Wf '${db:Status-Status}' whiptail || true") != "installed"


def test_a_root_that_cannot_start_leaves_its_turn_to_the_other(machine: Emulated) -> None:
    """A kernel that panics three times, and the root before is back, untouched, and says which one it is."""
    machine.run("hangjegyzet-slot clone", timeout_s=START_S)
    # The first program of the copy is one that ends at once: the kernel panics.
    machine.run("hangjegyzet-slot enter cp --remove-destination /bin/true /usr/lib/systemd/systemd")
    machine.run("hangjegyzet-slot try")
    began = time.monotonic()
    machine.type("systemctl reboot\r")
    for attempt in range(TRIES):
        machine.read_until(rf"hangjegyzet.left={TRIES - 1 - attempt} ", timeout_s=START_S)
        machine.read_until(r"Kernel panic - not syncing", timeout_s=START_S)
    machine.sign_in(PASSWORD, timeout_s=START_S)
    took["emulated: three bad starts and back"] = time.monotonic() - began
    assert slots(machine)["a"] == "other 0 left of 3"
    assert slots(machine)["b"].startswith("running")
