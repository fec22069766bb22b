"""Requests that another site made somebody's browser send.

Three things stand in the way, each enough in a current browser: the session cookie is ``SameSite=Strict``; the browser
says where a request comes from (``Sec-Fetch-Site``, ``Origin``); and a change needs a token bound to the session, in a
header or a form field, which no other site can read.
"""

import hmac
from typing import Final
from urllib.parse import urlsplit

from litestar.enums import RequestEncodingType

from appliance.kernel.errors import Refused
from web.request import PortalRequest

HEADER: Final = "x-csrf-token"
FIELD: Final = "csrf_token"
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class ForgedRequest(Refused):
    """The request did not come from the portal's own pages."""

    code = "web.forged_request"
    message = "This request did not come from a page of this portal ({reason})."
    hint = "Reload the page and try again."


async def refuse_forged(request: PortalRequest) -> None:
    """Refuse a change that the portal's own page, or a script with a session of its own, did not send.

    Raises:
        ForgedRequest: it comes from another site, or lacks the session's token.
    """
    if request.method in _SAFE_METHODS:
        return
    _refuse_other_sites(request)
    if expected := request.context.csrf_token:
        given = request.headers.get(HEADER) or await _form_token(request)
        if not hmac.compare_digest(given.encode(), expected.encode()):
            raise ForgedRequest(reason="the token of your session is missing or wrong")


def _refuse_other_sites(request: PortalRequest) -> None:
    site = request.headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        raise ForgedRequest(reason="another site sent it")
    origin = request.headers.get("origin")
    if origin is not None and not _is_own_origin(request, origin):
        raise ForgedRequest(reason="another site sent it")


def _is_own_origin(request: PortalRequest, origin: str) -> bool:
    """Whether ``origin`` is the host that the request went to, or the portal's public address."""
    own = {request.headers.get("host", "").casefold()}
    if public_url := request.services.settings.web.public_url:
        own.add(urlsplit(public_url).netloc.casefold())
    parts = urlsplit(origin)
    return parts.scheme in ("https", "http") and parts.netloc.casefold() in own - {""}


async def _form_token(request: PortalRequest) -> str:
    """The token from a form's field; only small URL-encoded forms are read for it."""
    if request.content_type[0] != RequestEncodingType.URL_ENCODED:
        return ""
    form = await request.form()
    token = form.get(FIELD)
    return token if isinstance(token, str) else ""
