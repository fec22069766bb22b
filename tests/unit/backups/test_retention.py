"""Which backups stay: by days, weeks and months, whatever the gaps."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from appliance.backups.retention import Retention, to_keep

BEGIN = datetime(2026, 1, 1, 1, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Backup:
    """A set, as retention sees it."""

    ended_at: datetime

    @property
    def id(self) -> str:
        """Its name."""
        return f"{self.ended_at:%Y%m%dT%H%M%SZ}"


def daily(days: int) -> list[Backup]:
    """A backup every night."""
    return [Backup(BEGIN + timedelta(days=day)) for day in range(days)]


def test_days_weeks_and_months_keep_their_last():
    """After a year there are as many as were asked for, and the oldest is of months ago."""
    sets = daily(365)
    kept = to_keep(sets, Retention(daily=14, weekly=8, monthly=12))
    ordered = sorted(kept)
    assert ordered[-14:] == [one.id for one in sets[-14:]]
    assert "20260131T013000Z" in kept
    assert 25 <= len(kept) <= 14 + 8 + 12


def test_a_machine_that_was_off_for_long_loses_nothing_by_being_switched_on():
    """Only days that have a backup count."""
    old = daily(10)
    new = Backup(BEGIN + timedelta(days=400))
    assert to_keep([*old, new], Retention(daily=11, weekly=0, monthly=0)) == {one.id for one in [*old, new]}


def test_of_two_backups_in_a_day_the_later_stays():
    """The last of a period stands for it."""
    first, second = Backup(BEGIN), Backup(BEGIN + timedelta(hours=3))
    assert to_keep([first, second], Retention(daily=5, weekly=5, monthly=5)) == {second.id}


@given(
    st.lists(st.integers(0, 500 * 24), min_size=1, max_size=80, unique=True),
    st.integers(1, 20),
    st.integers(0, 10),
    st.integers(0, 12),
)
def test_the_newest_always_stays_and_no_more_than_promised(hours, days, weeks, months):
    """For any history and any policy."""
    sets = [Backup(BEGIN + timedelta(hours=hour)) for hour in hours]
    kept = to_keep(sets, Retention(days, weeks, months))
    assert max(sets, key=lambda one: one.ended_at).id in kept
    assert kept <= {one.id for one in sets}
    assert len(kept) <= days + weeks + months


@given(st.integers(1, 60), st.integers(1, 14))
def test_forgetting_daily_comes_to_what_forgetting_once_does_for_days(nights, days):
    """Whoever prunes every night keeps the same last days as whoever prunes at the end."""
    policy = Retention(days, 0, 0)
    there: list[Backup] = []
    for one in daily(nights):
        there = [each for each in [*there, one] if each.id in to_keep([*there, one], policy)]
    assert {one.id for one in there} == to_keep(daily(nights), policy)
