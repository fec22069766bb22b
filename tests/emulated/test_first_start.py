"""The first start of the disk image, from the power button to an appliance that answers, touched by nobody."""

import re
import time
from pathlib import Path

import pytest

from tests.appliance.disk_image import made_disk
from tests.appliance.machines import Stick, took
from tests.emulated.machine import Emulated, hashed, overlay

PASSWORD = "a-trial-at-the-console"
START_S = 1800.0
INSTALL_S = 7200.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(10_800)]


def test_a_machine_installs_itself(stick: Stick, tmp_path: Path) -> None:
    """With answers from its mainboard; address, fingerprint and code stand above the sign-in, and the root is good."""
    answers = {"language": "en", "keyboard": "us", "hostname": "box", "root_password_hash": hashed(PASSWORD)}
    disk = overlay(made_disk(stick), tmp_path / "disk.qcow2")
    with Emulated(tmp_path, disks=[disk], answers=answers, secure_boot=True) as machine:
        began = time.monotonic()
        machine.read_until(r"==> copying the bundle", timeout_s=START_S)
        took["emulated: first start, to the installation"] = time.monotonic() - began
        machine.read_until(r"HangJegyzet \S+ is running", timeout_s=INSTALL_S)
        took["emulated: first start, to an appliance"] = time.monotonic() - began
        said = machine.read_until(r"(?s)https://box.*?One-time code +\S+.*?box login: ", timeout_s=START_S)[0]
        assert re.search(r"([0-9A-F]{2}:){31}[0-9A-F]{2}", said)
        machine.type("\r")
        machine.sign_in(PASSWORD, timeout_s=START_S)
        assert machine.run("systemctl is-active hangjegyzet-web").split()[-1] == "active"
        machine.run("until hangjegyzet-slot status | grep -q 'running *3 left'; do sleep 2; done", timeout_s=START_S)
