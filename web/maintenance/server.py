"""One small answer to every request, over TLS: 503, when to ask again, and a page or a problem document.

Standard library alone and nothing of the appliance but its settings and certificate: it has to come up in a moment, on
a machine between two releases.
"""

import asyncio
import contextlib
import json
import signal
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader

from web.maintenance.notice import Notice

_FOLDER: Final = Path(__file__).parent
MAX_HEAD_BYTES: Final = 16 << 10
MAX_CONNECTIONS: Final = 256
PATIENCE_S: Final = 10.0
EVERYWHERE: Final = "::"

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Strict-Transport-Security": "max-age=63072000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "X-Robots-Tag": "noindex",
    "Cache-Control": "no-store",
    "Connection": "close",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back."""

    status: int
    media_type: str
    body: bytes
    headers: Mapping[str, str]

    def as_bytes(self, *, with_body: bool) -> bytes:
        """As HTTP/1.1 writes it."""
        phrase = {200: "OK", 400: "Bad Request", 503: "Service Unavailable"}[self.status]
        fields = {
            "Content-Type": self.media_type,
            "Content-Length": str(len(self.body)),
            **self.headers,
            **HEADERS,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"HTTP/1.1 {self.status} {phrase}\r\n{head}\r\n".encode("ascii") + (self.body if with_body else b"")


class Maintenance:
    """What is answered to whom.

    Args:
        notice: tells what people are to know, asked for every request.
    """

    def __init__(self, notice: Callable[[], Notice], now: Callable[[], datetime]) -> None:
        self._notice = notice
        self._now = now
        pages = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True, trim_blocks=True, lstrip_blocks=True)
        self._page = pages.get_template("page.html")
        self._style = (_FOLDER / "page.css").read_bytes()

    def answer(self, head: bytes) -> bytes:
        """The answer to the request with this head; anything else than HTTP is told so."""
        words = head.partition(b"\r\n")[0].split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            return Answer(400, "text/plain; charset=utf-8", b"This is no request.\n", {}).as_bytes(with_body=True)
        method, path = words[0], words[1].partition(b"?")[0]
        return self._answer_to(method, path).as_bytes(with_body=method != b"HEAD")

    def _answer_to(self, method: bytes, path: bytes) -> Answer:
        if path == b"/maintenance.css":
            return Answer(200, "text/css; charset=utf-8", self._style, {})
        notice, now = self._notice(), self._now()
        wait = {"Retry-After": str(notice.retry_after_s(now)), "Date": format_datetime(now, usegmt=True)}
        if path.startswith((b"/api/", b"/health/")):
            return Answer(503, "application/problem+json", _problem(notice), wait)
        refresh = {"Refresh": str(notice.retry_after_s(now))} if method == b"GET" else {}
        return Answer(503, "text/html; charset=utf-8", self._rendered(notice, now), wait | refresh)

    def _rendered(self, notice: Notice, now: datetime) -> bytes:
        local = notice.until.astimezone() if notice.until else None
        return self._page.render(
            late=notice.is_late(now),
            minutes=notice.minutes_left(now),
            until=notice.until.isoformat(timespec="minutes") if notice.until else "",
            clock=f"{local:%H:%M %Z}" if local else "",
        ).encode()


def _problem(notice: Notice) -> bytes:
    told = {
        "type": "urn:hangjegyzet:error:web.maintenance",
        "title": "Not available",
        "status": 503,
        "code": "web.maintenance",
        "detail": "The appliance is being upgraded; nothing is lost.",
        "hint": "Ask again after the time in Retry-After.",
        "fields": {"until": notice.until.isoformat() if notice.until else None},
    }
    return json.dumps(told).encode() + b"\n"


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections, on every address of both families when ``host`` is ``::``."""
    if host == EVERYWHERE and socket.has_dualstack_ipv6():
        return socket.create_server((host, port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=MAX_CONNECTIONS)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=MAX_CONNECTIONS)


def context_for(chain: Path, private_key: Path) -> ssl.SSLContext:
    """TLS 1.3 alone, as the portal."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(chain, private_key)
    return context


async def serve(maintenance: Maintenance, listening: socket.socket, context: ssl.SSLContext) -> None:
    """Answer until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    gate = asyncio.Semaphore(MAX_CONNECTIONS)

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with gate:
            await _converse(maintenance, reader, writer)

    server = await asyncio.start_server(
        met,
        sock=listening,
        limit=MAX_HEAD_BYTES,
        ssl=context,
        ssl_handshake_timeout=PATIENCE_S,
        ssl_shutdown_timeout=1.0,
    )
    await stop.wait()
    server.close()


async def _converse(maintenance: Maintenance, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One request, one answer, good-bye; whoever is slow or says too much is left."""
    with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        async with asyncio.timeout(PATIENCE_S):
            head = await reader.readuntil(b"\r\n\r\n")
            writer.write(maintenance.answer(head))
            await writer.drain()
    writer.close()
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            await writer.wait_closed()
