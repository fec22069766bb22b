"""When listening is worth an audit event."""

from datetime import UTC, datetime, timedelta

from appliance.meetings.access import ACCESS_WINDOW, AccessWindow

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def test_an_access_is_remembered_for_a_quarter_of_an_hour() -> None:
    """A player's hundreds of ranges are one event."""
    window = AccessWindow()
    assert not window.is_open("a", at=NOON)
    window.enter("a", at=NOON)
    assert window.is_open("a", at=NOON + ACCESS_WINDOW - timedelta(seconds=1))
    assert not window.is_open("a", at=NOON + ACCESS_WINDOW)


def test_listeners_are_told_apart() -> None:
    """Another session, or another meeting, is another event."""
    window = AccessWindow()
    window.enter(("session", 1), at=NOON)
    assert not window.is_open(("session", 2), at=NOON)


def test_memory_is_bounded() -> None:
    """What was forgotten is recorded once more, never once too few."""
    window = AccessWindow(remembered=2)
    for name in ("a", "b", "c"):
        window.enter(name, at=NOON)
    assert not window.is_open("a", at=NOON)
    assert window.is_open("c", at=NOON)
