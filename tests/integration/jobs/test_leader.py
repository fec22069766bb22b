"""One process of all does the chores."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from appliance.entry.scheduler import Chore, Leader
from tests.factories.database import TestDatabase

SOON_S = 10.0


def until(condition: Callable[[], bool]) -> bool:
    """Whether something comes true soon."""
    deadline = time.monotonic() + SOON_S
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


@pytest.fixture
def offer(db: TestDatabase) -> Iterator[Callable[[Callable[[], object]], Leader]]:
    """Lets a process offer itself, with one chore."""
    with ExitStack() as ended:

        def make(run: Callable[[], object]) -> Leader:
            leader = Leader(db.worker, [Chore("count", 0.05, run)], settle_s=0.0, look_s=0.05)
            leader.start()
            ended.callback(leader.end)
            return leader

        yield make


def test_only_one_leads(offer: Callable[[Callable[[], object]], Leader]) -> None:
    """Chores are not done twice because there are two workers."""
    done: list[str] = []
    first = offer(lambda: done.append("first"))
    assert until(lambda: first.is_leading)
    second = offer(lambda: done.append("second"))
    assert until(lambda: len(done) >= 3)
    assert not second.is_leading
    assert set(done) == {"first"}


def test_another_takes_over_when_the_leader_goes(offer: Callable[[Callable[[], object]], Leader]) -> None:
    """The lock is free as soon as its holder is gone."""
    first = offer(lambda: None)
    assert until(lambda: first.is_leading)
    second = offer(lambda: None)
    first.end()
    assert until(lambda: second.is_leading)


def test_a_leader_that_lost_its_connection_steps_down(
    offer: Callable[[Callable[[], object]], Leader], db: TestDatabase
) -> None:
    """Without its lock it does nothing more, until it has the lock again."""
    leader = offer(lambda: None)
    assert until(lambda: leader.is_leading)
    with db.connect(db.superuser_url) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
            " WHERE l.locktype = 'advisory' AND d.datname = current_database()"
        )
    assert until(lambda: not leader.is_leading)
    assert until(lambda: leader.is_leading)


def test_a_chore_that_fails_is_tried_again(offer: Callable[[Callable[[], object]], Leader]) -> None:
    """One bad moment does not end what must be done for ever."""
    times: list[int] = []

    def fails_once() -> None:
        times.append(len(times))
        if len(times) == 1:
            raise RuntimeError("a bad moment")

    offer(fails_once)
    assert until(lambda: len(times) >= 3)
