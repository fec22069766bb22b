"""The measurements' file: bounded, patient, and never an obstacle."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from appliance.vitals.model import Measurement
from appliance.vitals.ring import KEPT, Ring

START = datetime(2026, 11, 1, tzinfo=UTC)


def at(minutes: float) -> Measurement:
    return Measurement(START + timedelta(minutes=minutes), {"/data": 1})


def test_one_measurement_an_hour_is_kept(tmp_path: Path) -> None:
    """A display that looks every two minutes does not fill the ring."""
    ring = Ring(tmp_path / "ring.json")
    for minutes in range(0, 181, 2):
        ring.add(at(minutes))
    assert [one.at for one in ring.read()] == [START + timedelta(minutes=60 * hour) for hour in range(4)]


def test_the_oldest_goes_when_the_ring_is_full(tmp_path: Path) -> None:
    """The file has a size that it does not outgrow."""
    ring = Ring(tmp_path / "ring.json")
    for hour in range(KEPT + 5):
        ring.add(at(60 * hour))
    kept = ring.read()
    assert len(kept) == KEPT
    assert kept[0].at == START + timedelta(hours=5)


def test_a_damaged_file_is_measured_again(tmp_path: Path) -> None:
    """Half a file, after a power cut of a worse kind, stops nobody."""
    file = tmp_path / "ring.json"
    Ring(file).add(at(0))
    file.write_bytes(file.read_bytes()[:10])
    assert Ring(file).read() == ()
    assert len(Ring(file).add(at(60))) == 1


def test_a_clock_that_was_set_back_starts_anew(tmp_path: Path) -> None:
    """A trend across a jump in time would be nonsense."""
    ring = Ring(tmp_path / "ring.json")
    ring.add(at(600))
    assert [one.at for one in ring.add(at(0))] == [START]
