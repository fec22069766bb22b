"""Changes of jobs, pushed to browsers as server-sent events over HTTP.

A stream sends the job as it is, again whenever it changed, and ends by itself when the job rests. So a client that
reconnects misses nothing, whatever ``Last-Event-ID`` it sends. One LISTEN connection serves all streams of the process.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from litestar.concurrency import sync_to_thread
from litestar.response import Stream

from appliance.jobs.ports import JobNews
from appliance.kernel.errors import Unavailable
from appliance.kernel.ids import JobId, TenantId

HEARTBEAT_S: Final = 15.0
"""A comment this often keeps proxies from closing a quiet stream, and finds out that a client has gone."""
SETTLE_S: Final = 0.2
"""Changes this close together are told as one."""
STREAMS_PER_USER: Final = 12
RETRY_MS: Final = 3000


class TooManyStreams(Unavailable):
    """One person watches too much at once."""

    code = "web.too_many_streams"
    message = "You are watching {limit} jobs at once already."
    hint = "Close some of the portal's tabs."


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a stream tells: a value for JSON, and whether nothing will follow."""

    value: Any
    final: bool


class JobStreams:
    """The open streams of this process: how many a person has, and the end of all when the portal stops."""

    def __init__(self, news: JobNews, *, per_user: int = STREAMS_PER_USER) -> None:
        self._news = news
        self._per_user = per_user
        self._open: Counter[str] = Counter()
        self._wakers: set[Callable[[], None]] = set()
        self._closed = False

    def close(self) -> None:
        """End every stream, now and from now on."""
        self._closed = True
        for wake in list(self._wakers):
            wake()

    def follow(
        self, *, user: str, tenant_id: TenantId, job_id: JobId | None, read: Callable[[], Snapshot]
    ) -> AsyncIterator[bytes]:
        """The events of one stream.

        Args:
            user: whose stream it is, for the limit.
            job_id: the job to follow; None follows all of the tenant.
            read: reads what is to be told, in a thread; it decides what this person may see.

        Raises:
            TooManyStreams: before the first byte.
        """
        if self._open[user] >= self._per_user:
            raise TooManyStreams(limit=self._per_user)
        return self._events(user=user, tenant_id=tenant_id, job_id=job_id, read=read)

    async def _events(
        self, *, user: str, tenant_id: TenantId, job_id: JobId | None, read: Callable[[], Snapshot]
    ) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        changed = asyncio.Event()

        def wake() -> None:
            loop.call_soon_threadsafe(changed.set)

        with ExitStack() as held:
            held.enter_context(self._counted(user, wake))
            # In a thread: the first subscription of a process waits for its connection to listen.
            news = self._news.subscribe(tenant_id=tenant_id, job_id=job_id, wake=wake)
            await sync_to_thread(held.enter_context, news)
            yield f"retry: {RETRY_MS}\n\n".encode()
            told = b""
            while not self._closed:
                changed.clear()
                snapshot = await sync_to_thread(read)
                data = msgspec.json.encode(snapshot.value)
                if data != told:
                    told = data
                    yield b"event: job\ndata: " + data + b"\n\n"
                if snapshot.final:
                    yield b"event: end\ndata: {}\n\n"
                    return
                while not await _is_set_within(changed, HEARTBEAT_S):
                    yield b": still here\n\n"
                await asyncio.sleep(SETTLE_S)

    @contextmanager
    def _counted(self, user: str, wake: Callable[[], None]) -> Iterator[None]:
        """Count a stream from its first event to its end, and let ``close`` reach it. Runs in the event loop alone."""
        self._open[user] += 1
        self._wakers.add(wake)
        try:
            yield
        finally:
            self._wakers.discard(wake)
            self._open[user] -= 1
            if not self._open[user]:
                del self._open[user]


async def _is_set_within(event: asyncio.Event, timeout_s: float) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            return await event.wait()
    except TimeoutError:
        return False


def event_stream(events: AsyncIterator[bytes]) -> Stream:
    """An answer that stays open; no buffer on the way may hold it back."""
    return Stream(
        events, media_type="text/event-stream", headers={"cache-control": "no-store", "x-accel-buffering": "no"}
    )
