"""Requests, counted by route and status, for the page of metrics and for traces; by pattern, never by address.

Counted only where metrics are on: the library keeps its figures in files that the telling process reads.
"""

import os
import time
from collections.abc import Callable
from typing import Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from appliance.kernel.tracing import span

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
UNKNOWN = "none"
"""What no route knows: its address would be whatever somebody typed."""

Count = Callable[[str, str, int, float], None]


def counter() -> Count | None:
    """Takes method, route, status and seconds of each request; None where metrics are off."""
    if not os.environ.get(FOLDER):
        return None
    from prometheus_client import CollectorRegistry, Counter, Histogram  # reads its folder when it is imported

    registry = CollectorRegistry()
    requests = Counter(
        "hangjegyzet_requests", "Requests to the portal.", ("method", "route", "status"), registry=registry
    )
    seconds = Histogram("hangjegyzet_request_seconds", "Time until the answer began.", ("route",), registry=registry)

    def count(method: str, route: str, status: int, took_s: float) -> None:
        requests.labels(method, route, str(status)).inc()
        seconds.labels(route).observe(took_s)

    return count


def metered(app: ASGIApp, count: Count | None) -> ASGIApp:
    """The application, with each request counted and traced."""

    async def outer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        method = str(scope["method"])
        started, answered = time.perf_counter(), False

        async def watching(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start" and not answered:
                answered = True
                if count is not None:
                    took_s = time.perf_counter() - started
                    count(method, route_of(scope), message["status"], took_s)
            await send(message)

        with span("request", method=method):
            await app(scope, receive, watching)

    return outer


def route_of(scope: Any) -> str:
    """The pattern of the route, such as ``/api/v1/meetings/{meeting_id:uuid}``."""
    return str(scope.get("path_template") or UNKNOWN)
