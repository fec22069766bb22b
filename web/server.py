"""The portal on the network: granian in this one process, TLS 1.3 alone, HTTP/1.1 and HTTP/2.

granian's embedded server is used instead of its supervisor: one process instead of two keeps the budget, and signals,
readiness and the order of stopping are ours. (Its own supervisor hangs on a SIGTERM that comes while the application
starts.)
"""

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server.embed import Server
from litestar import Litestar

from appliance.adapters.portal_certificate import Certificate
from appliance.kernel.errors import Unavailable
from web.closing import OpenRequests
from web.metering import counter, metered

log = structlog.get_logger(__name__)

STOP_LIMIT_S: Final = 10.0
"""How long open requests may take to end once the portal is told to stop."""
EVERYWHERE: Final = frozenset({"::", "0.0.0.0"})  # noqa: S104  # compared with, not bound
"""Hosts that mean every address of this machine."""
_FLUSH_LIMIT_S: Final = 0.5
"""How long the last bytes of finished answers may take to leave."""
_READY_LIMIT_S: Final = 30.0


class PortUnavailable(Unavailable):
    """The portal can't listen there."""

    code = "web.port_unavailable"
    message = "The portal cannot listen on {host}:{port}: {reason}"
    hint = "Stop what listens there, or set web.port."


@dataclass(frozen=True, slots=True)
class Listener:
    """Where the portal listens; without a certificate it speaks plain HTTP, for tests and measurements alone."""

    host: str
    port: int
    certificate: Certificate | None

    @property
    def url(self) -> str:
        """Address to open in a browser on this machine."""
        scheme = "https" if self.certificate else "http"
        host = "localhost" if self.host in EVERYWHERE else f"[{self.host}]" if ":" in self.host else self.host
        port = "" if (scheme, self.port) in {("https", 443), ("http", 80)} else f":{self.port}"
        return f"{scheme}://{host}{port}"


def listener_for(host: str, port: int, certificate: Certificate | None) -> Listener:
    """A listener whose port is free right now; 0 picks one.

    Raises:
        PortUnavailable: somebody listens there already, or may not be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as fault:
            raise PortUnavailable(host=host, port=port, reason=fault.strerror or str(fault)) from fault
        return Listener(host, probe.getsockname()[1], certificate)


def serve(app: Litestar, listener: Listener, *, ready: Callable[[Listener], None]) -> None:
    """Serve until SIGTERM or SIGINT; returns when open requests have ended or ``STOP_LIMIT_S`` is over.

    Args:
        ready: called once, when the portal answers.
    """
    gc.collect()
    gc.freeze()  # what is there now stays: no collection during a request has to walk through it
    asyncio.run(serve_until_told(app, listener, ready=ready))


async def serve_until_told(app: Litestar, listener: Listener, *, ready: Callable[[Listener], None]) -> None:
    """As ``serve``, in a running loop of the main thread."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await serve_until(stop, app, listener, ready=ready)


async def serve_until(
    stop: asyncio.Event, app: Litestar, listener: Listener, *, ready: Callable[[Listener], None]
) -> None:
    """Serve until ``stop`` is set; then end what is endless, wait for what is not, and leave idle connections alone.

    Args:
        ready: called once, when the portal answers.
    """
    requests = OpenRequests(metered(app, counter()))
    server = _server(requests, listener)
    serving = asyncio.create_task(server.serve())
    announcing = asyncio.create_task(_announce(listener, ready))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        announcing.cancel()
        stopping.cancel()
        await _end(serving, server, requests, app)
    with contextlib.suppress(asyncio.CancelledError):
        await serving


async def _end(serving: "asyncio.Task[None]", server: Server, requests: OpenRequests, app: Litestar) -> None:
    app.state["streams"].close()
    server.stop()  # type: ignore[no-untyped-call]  # granian leaves it untyped
    requests.break_off()
    if not await requests.ended(within_s=STOP_LIMIT_S):
        log.warning("stop_limit_reached", limit_s=STOP_LIMIT_S)
    # granian would wait for every connection, those included on which nobody has asked for anything.
    done, _ = await asyncio.wait({serving}, timeout=_FLUSH_LIMIT_S)
    if not done:
        serving.cancel()


def _server(app: OpenRequests, listener: Listener) -> Server:
    certificate = listener.certificate
    return Server(
        app,
        address=listener.host,
        port=listener.port,
        interface=Interfaces.ASGI,
        http=HTTPModes.auto,
        websockets=False,
        backlog=1024,
        log_enabled=False,
        log_level=LogLevels.warning,
        ssl_cert=certificate.chain if certificate else None,
        ssl_key=certificate.private_key if certificate else None,
    )


async def _announce(listener: Listener, ready: Callable[[Listener], None]) -> None:
    """Call ``ready`` as soon as connections are taken."""
    deadline = asyncio.get_running_loop().time() + _READY_LIMIT_S
    while asyncio.get_running_loop().time() < deadline:
        try:
            _, writer = await asyncio.open_connection(listener.host, listener.port)
        except OSError:
            await asyncio.sleep(0.02)
            continue
        writer.close()
        ready(listener)
        return
    log.error("portal_not_ready", url=listener.url, limit_s=_READY_LIMIT_S)
