"""A slice of an upload on its way from the network to the disk, with a few hundred KiB of it in memory at most.

The client's connection is the backpressure: the next part is read when the one before is encrypted and written.
"""

import asyncio
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Final, Protocol

from litestar.concurrency import sync_to_thread
from litestar.exceptions import InternalServerException

from appliance.kernel.errors import Conflict
from appliance.kernel.units import KIB
from web.request import PortalRequest

BATCH_BYTES: Final = 256 * KIB
"""Collected before a thread is asked to encrypt them: a switch per network packet would cost more than the work."""


SILENCE_S: Final = 20.0
"""A sender that says nothing for so long is gone."""


class ConnectionLost(Conflict):
    """The sender went away in the middle; what arrived in whole chunks is kept."""

    code = "web.connection_lost"
    message = "The connection ended in the middle of the slice."
    hint = "Ask where the upload stands, and go on from there."


class SliceSink(Protocol):
    """Where the bytes go; used by one thread at a time."""

    def write(self, data: bytes) -> None: ...

    def finish(self) -> int: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None: ...


async def receive_slice(request: PortalRequest, sink: SliceSink) -> int:
    """Feed the request's body to ``sink`` and finish it; returns the offset that is durable.

    Raises:
        ConnectionLost: the body ended before its announced length.
        HangJegyzetError: whatever the sink refuses.
    """
    try:
        taken = await _pump(request, sink)
        if request.content_length is not None and taken < request.content_length:
            raise ConnectionLost
        return await sync_to_thread(sink.finish)
    except InternalServerException as gone:
        raise ConnectionLost from gone
    finally:
        # Also when this task is cancelled: the sink must be closed, by a thread, before anybody else may write.
        await asyncio.shield(sync_to_thread(sink.__exit__, None, None, None))


async def _while_it_speaks(parts: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """The parts, as long as none keeps us waiting for ``SILENCE_S``.

    A client whose network went away says nothing, not even good-bye; its next request must find the upload free.
    """
    while True:
        try:
            yield await asyncio.wait_for(anext(parts), SILENCE_S)
        except StopAsyncIteration:
            return
        except TimeoutError as silent:
            raise ConnectionLost from silent


async def _pump(request: PortalRequest, sink: SliceSink) -> int:
    taken, batch = 0, bytearray()
    try:
        async for part in _while_it_speaks(request.stream()):
            batch += part
            if len(batch) >= BATCH_BYTES:
                full, batch = bytes(batch), bytearray()
                await sync_to_thread(sink.write, full)
                taken += len(full)
    except (ConnectionLost, InternalServerException):
        await sync_to_thread(sink.write, bytes(batch))  # what came before it broke is not sent again
        raise
    await sync_to_thread(sink.write, bytes(batch))
    return taken + len(batch)
