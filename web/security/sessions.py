"""The session cookie: how a request becomes somebody's request."""

from datetime import datetime
from typing import Final

from litestar.concurrency import sync_to_thread
from litestar.datastructures import Cookie
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from appliance.identity.model import NewSession, SignedIn
from web.access import WITHOUT_SESSION
from web.request import LOCALES, Locale, PortalRequest, RequestContext, anonymous_context
from web.security.client import DEVICE_COOKIE

COOKIE: Final = "__Host-hangjegyzet"
_DEVICE_MAX_AGE_S: Final = 180 * 24 * 3600


class SessionMiddleware(ASGIMiddleware):
    """Looks the session up once per request, in a thread, and remembers who asks."""

    scopes = (ScopeType.HTTP,)
    exclude_opt_key = WITHOUT_SESSION

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        request = PortalRequest(scope)
        token = request.cookies.get(COOKIE)
        signed_in = await sync_to_thread(request.services.identity.resume, token) if token else None
        request.remember(context_for(request, signed_in))
        await next_app(scope, receive, send)


def context_for(request: PortalRequest, signed_in: SignedIn | None) -> RequestContext:
    """The request's context; what the person has chosen wins over what the browser says."""
    anonymous = anonymous_context(request)
    if signed_in is None:
        return anonymous
    return RequestContext(
        signed_in=signed_in,
        address=anonymous.address,
        locale=_known_locale(signed_in.user.locale) or anonymous.locale,
        theme=signed_in.user.theme,
    )


def _known_locale(locale: str | None) -> Locale | None:
    return next((known for known in LOCALES if known == locale), None)


def session_cookies(session: NewSession, *, now: datetime) -> list[Cookie]:
    """The cookies of somebody who has just signed in.

    ``__Host-`` makes the browser insist on Secure, on Path=/ and on no Domain, so that no sibling host can set them.
    """
    lifetime = int((session.signed_in.session.expires_at - now).total_seconds())
    return [
        _cookie(COOKIE, session.token, max_age=lifetime),
        _cookie(DEVICE_COOKIE, session.device_token, max_age=_DEVICE_MAX_AGE_S),
    ]


def ended_session_cookie() -> Cookie:
    """Removes the session cookie; the device stays known."""
    return _cookie(COOKIE, "", max_age=0)


def _cookie(name: str, value: str, *, max_age: int) -> Cookie:
    return Cookie(key=name, value=value, path="/", max_age=max_age, secure=True, httponly=True, samesite="strict")
