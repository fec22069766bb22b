"""NVIDIA's cards, asked through the driver's own tool, since nothing else works with every driver."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from appliance.health.checks.gpu import Card, Graphics

PATIENCE_S = 15.0
FIELDS = "index,name,driver_version,memory.total,memory.used,temperature.gpu,ecc.errors.uncorrected.volatile.total"
PCI_DEVICES = Path("/sys/bus/pci/devices")
NVIDIA = "0x10de"
DISPLAY = ("0x0300", "0x0302")
"""Classes of the bus: a display, and a processor without one."""
LONGEST = 200


def graphics(*, wanted: bool, pci: Path = PCI_DEVICES, tool: str = "nvidia-smi") -> Graphics:
    """What this machine has, and what its driver says."""
    present = _on_the_bus(pci)
    command = [tool, f"--query-gpu={FIELDS}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=PATIENCE_S, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError:
        return Graphics(wanted, present, (), f"{tool} is not installed" if present or wanted else "")
    except subprocess.TimeoutExpired:
        return Graphics(wanted, present, (), f"{tool} did not answer within {PATIENCE_S:.0f} s")
    cards = read_cards(done.stdout) if done.returncode == 0 else ()
    problem = "" if cards else " ".join((done.stdout + done.stderr).split())[:LONGEST]
    return Graphics(wanted, present, cards, problem)


def read_cards(text: str) -> Sequence[Card]:
    """From the tool's table; a line that is none is left out."""
    return tuple(card for line in text.splitlines() if (card := _read_card(line)) is not None)


def _read_card(line: str) -> Card | None:
    parts = [part.strip() for part in line.split(",")]
    if len(parts) < 7:
        return None
    # A name may hold a comma; what comes after it never does.
    index, name, (driver, total, used, temperature, errors) = parts[0], ", ".join(parts[1:-5]), parts[-5:]
    numbers = [_number(one) for one in (index, total, used)]
    if any(number is None for number in numbers):
        return None
    first, memory, taken = (number or 0 for number in numbers)
    return Card(first, name, driver, memory, taken, _number(temperature), _number(errors))


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _on_the_bus(pci: Path) -> bool:
    if not pci.is_dir():
        return False
    return any(_says(device / "vendor", (NVIDIA,)) and _says(device / "class", DISPLAY) for device in pci.iterdir())


def _says(file: Path, beginnings: Sequence[str]) -> bool:
    try:
        return file.read_text(encoding="ascii").startswith(tuple(beginnings))
    except (OSError, ValueError):
        return False
