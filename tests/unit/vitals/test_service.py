"""The glance: everything that the display shows, and nothing that is nobody's business."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from appliance.health.model import Severity
from appliance.kernel.clock import FixedClock
from appliance.kernel.units import GIB
from appliance.vitals.model import CheckGlance, Gpu, Place, QueueGlance, Volume
from appliance.vitals.ring import Ring
from appliance.vitals.service import VitalsService, published

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


class Machine:
    """A machine with one disk, that loses a GiB an hour."""

    free = 100 * GIB

    def place(self) -> Place:
        return Place("box", "https://192.0.2.7", ("eth0 192.0.2.7/24",), "AA:BB", NOW)

    def volumes(self) -> list[Volume]:
        return [Volume("/data", 200 * GIB, self.free)]

    def gpus(self) -> list[Gpu]:
        return []

    def memory(self) -> tuple[int, int]:
        return 16 * GIB, 8 * GIB

    def up_and_load(self) -> tuple[float, float]:
        return 3600.0, 0.25


class House:
    """A house in which one check has a complaint."""

    def checks(self) -> list[CheckGlance]:
        return [CheckGlance("queue", "Queue", Severity.WARNING)]

    def queue(self) -> QueueGlance | None:
        return None

    def restore_proven_at(self) -> datetime | None:
        return None


def service(tmp_path: Path, machine: Machine, clock: FixedClock) -> VitalsService:
    return VitalsService(
        gauges=machine, sources=House(), ring=Ring(tmp_path / "ring.json"), clock=clock, version="1.2.3"
    )


def test_a_glance_that_was_published_is_the_one_that_is_read(tmp_path: Path) -> None:
    """Display and recorder speak of the same things."""
    vitals = service(tmp_path, Machine(), FixedClock(NOW))
    glance = vitals.record(tmp_path / "glance.json")
    assert published(tmp_path / "glance.json") == glance
    assert glance.severity is Severity.WARNING
    assert (tmp_path / "glance.json").stat().st_mode & 0o777 == 0o644


def test_the_trend_comes_from_what_was_recorded(tmp_path: Path) -> None:
    """Two days of looking tell how many are left."""
    machine, clock = Machine(), FixedClock(NOW)
    vitals = service(tmp_path, machine, clock)
    for _ in range(48):
        vitals.record(tmp_path / "glance.json")
        clock.advance(timedelta(hours=1))
        machine.free -= GIB
    (volume,) = vitals.look().volumes
    assert volume.days_left is not None
    assert 2.0 < volume.days_left < 2.4


def test_a_file_that_is_no_glance_is_none(tmp_path: Path) -> None:
    """The display says that nothing is known, and does not fall over."""
    (tmp_path / "glance.json").write_text("{")
    assert published(tmp_path / "glance.json") is None
    assert published(tmp_path / "missing.json") is None
