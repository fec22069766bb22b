"""Headers on every answer, whether a page, a file, an error or an unknown path."""

from typing import Final

from litestar.types import Message, Scope

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "font-src 'self'",
        "worker-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "frame-src 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types htmx",
    )
)

SECURITY_HEADERS: Final = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "strict-transport-security": "max-age=63072000",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "permissions-policy": "microphone=(self), camera=(), geolocation=(), payment=(), usb=(), display-capture=()",
    "x-robots-tag": "noindex",
}

NO_STORE: Final = "no-store"

_ON_EVERY_ANSWER: Final = tuple(
    (name.encode(), value.encode()) for name, value in {**SECURITY_HEADERS, "cache-control": NO_STORE}.items()
)


async def add_security_headers(message: Message, scope: Scope) -> None:
    """Litestar's ``before_send`` hook: runs for errors and unknown paths too, which a middleware does not."""
    if message["type"] != "http.response.start":
        return
    headers = list(message["headers"])
    given = {name.lower() for name, _ in headers}
    message["headers"] = headers + [header for header in _ON_EVERY_ANSWER if header[0] not in given]
