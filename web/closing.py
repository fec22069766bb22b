"""The requests under way, so that a stopping portal waits for them and for nothing else.

Idle connections, connections that a browser opened ahead of need, and requests whose head never ends do not count:
nobody is being answered on them.
"""

import asyncio
from typing import Any, Final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

RESUMABLE: Final = "resumable"
"""A route's option: whoever asks it goes on from where it broke off, so that a stop need not wait for its end."""


class OpenRequests:
    """The application as the server calls it, and what of it is under way. Lives in the event loop alone."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._open: dict[asyncio.Task[Any], Scope] = {}
        self._none = asyncio.Event()
        self._none.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        task = asyncio.current_task()
        if scope["type"] != ScopeType.HTTP or task is None:  # the lifespan call lasts as long as the server
            await self._app(scope, receive, send)
            return
        self._open[task] = scope
        self._none.clear()
        try:
            await self._app(scope, receive, send)
        finally:
            del self._open[task]
            if not self._open:
                self._none.set()

    def break_off(self) -> None:
        """End those that their clients resume: slices of uploads, and recordings that a paused player holds open."""
        for task, scope in list(self._open.items()):
            handler = scope.get("route_handler")
            if handler is not None and handler.opt.get(RESUMABLE):
                task.cancel()

    async def ended(self, *, within_s: float) -> bool:
        """Whether all others have come to their end in time."""
        try:
            async with asyncio.timeout(within_s):
                await self._none.wait()
        except TimeoutError:
            return False
        return True
