"""Event streams: what they tell, how many there may be, how they end."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

import pytest

from appliance.kernel.ids import JobId, TenantId, new_uuid
from web.sse import JobStreams, Snapshot, TooManyStreams

TENANT = TenantId(new_uuid())
JOB = JobId(new_uuid())


class News:
    """News of jobs that a test tells by hand; fulfils ``JobNews``."""

    def __init__(self) -> None:
        self.listeners: set[Callable[[], None]] = set()

    @contextmanager
    def subscribe(
        self, *, tenant_id: TenantId, job_id: JobId | None = None, wake: Callable[[], None] | None = None
    ) -> Iterator[None]:
        assert wake is not None
        self.listeners.add(wake)
        try:
            yield
        finally:
            self.listeners.discard(wake)

    def tell(self) -> None:
        """From another thread, as the listening connection does."""
        for wake in list(self.listeners):
            thread = threading.Thread(target=wake)
            thread.start()
            thread.join()


def follow(streams: JobStreams, read: Callable[[], Snapshot], *, user: str = "anna") -> AsyncIterator[bytes]:
    return streams.follow(user=user, tenant_id=TENANT, job_id=JOB, read=read)


def test_a_stream_tells_the_state_then_every_change_then_the_end() -> None:
    """And nothing twice."""

    async def watch() -> list[bytes]:
        news, told = News(), []
        states = iter([Snapshot(1, False), Snapshot(1, False), Snapshot(2, False), Snapshot(3, True)])
        async for event in follow(JobStreams(news), lambda: next(states)):
            told.append(event)
            await asyncio.sleep(0.01)
            asyncio.get_running_loop().call_later(0.05, news.tell)
            asyncio.get_running_loop().call_later(0.4, news.tell)
        return told

    told = asyncio.run(asyncio.wait_for(watch(), 20))
    assert told[0].startswith(b"retry:")
    assert told[1:] == [
        b"event: job\ndata: 1\n\n",
        b"event: job\ndata: 2\n\n",
        b"event: job\ndata: 3\n\n",
        b"event: end\ndata: {}\n\n",
    ]


def test_a_quiet_stream_breathes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A comment now and then, so that nobody on the way takes the connection for dead."""
    monkeypatch.setattr("web.sse.HEARTBEAT_S", 0.05)

    async def watch() -> bytes:
        events = follow(JobStreams(News()), lambda: Snapshot(1, False))
        return [await anext(events) for _ in range(3)][-1]

    assert asyncio.run(asyncio.wait_for(watch(), 10)).startswith(b":")


def test_one_person_has_a_bounded_number_of_streams() -> None:
    """Others have their own; and a stream that ended frees its place."""

    async def watch() -> None:
        streams = JobStreams(News(), per_user=2)
        mine = [follow(streams, lambda: Snapshot(1, False)) for _ in range(2)]
        for events in mine:
            await anext(events)
        with pytest.raises(TooManyStreams):
            follow(streams, lambda: Snapshot(1, False))
        await anext(follow(streams, lambda: Snapshot(1, False), user="bela"))
        await mine[0].aclose()  # type: ignore[attr-defined]
        await anext(follow(streams, lambda: Snapshot(1, False)))

    asyncio.run(asyncio.wait_for(watch(), 10))


def test_a_client_that_goes_away_leaves_nothing_behind() -> None:
    """Neither a subscription nor a count."""

    async def watch() -> tuple[int, int]:
        news = News()
        streams = JobStreams(news)

        async def client() -> None:
            async for _ in follow(streams, lambda: Snapshot(1, False)):
                pass

        task = asyncio.create_task(client())
        await asyncio.sleep(0.2)
        assert len(news.listeners) == 1
        task.cancel()
        await asyncio.wait([task])
        return len(news.listeners), len(streams._open)

    assert asyncio.run(asyncio.wait_for(watch(), 10)) == (0, 0)


def test_closing_ends_every_stream_at_once() -> None:
    """Also those that are quiet: a portal that stops does not wait for a heartbeat."""

    async def watch() -> int:
        streams = JobStreams(News())
        count = 0

        async def client() -> None:
            nonlocal count
            async for _ in follow(streams, lambda: Snapshot(1, False)):
                pass
            count += 1

        tasks = [asyncio.create_task(client()) for _ in range(3)]
        await asyncio.sleep(0.2)
        streams.close()
        await asyncio.wait(tasks, timeout=2)
        return count

    assert asyncio.run(asyncio.wait_for(watch(), 10)) == 3
