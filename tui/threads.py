"""Ask something that blocks, and go on drawing meanwhile."""

import asyncio
import threading
from collections.abc import Callable
from typing import Final, TypeVar

PATIENCE_S: Final = 20.0
"""PostgreSQL's own limit for a connection and a moment more: a page says that nobody answers, and asks again."""

T = TypeVar("T")


async def in_thread(ask: Callable[[], T], *, patience_s: float = PATIENCE_S) -> T:
    """What ``ask`` returns or raises, from a thread that stops nobody from leaving.

    Raises:
        TimeoutError: it took longer than ``patience_s``; the thread is left to itself.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def settle(set_it: Callable[[], None]) -> None:
        if not answer.done():
            set_it()

    def work() -> None:
        try:
            found = ask()
        except Exception as error:  # noqa: BLE001  # handed to whoever awaits the answer
            told = error
            _tell(loop, lambda: settle(lambda: answer.set_exception(told)))
        else:
            _tell(loop, lambda: settle(lambda: answer.set_result(found)))

    threading.Thread(target=work, daemon=True, name="console-question").start()
    return await asyncio.wait_for(answer, patience_s)


def _tell(loop: asyncio.AbstractEventLoop, news: Callable[[], None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(news)
