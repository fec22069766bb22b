"""Signing in and out, and one's own sessions."""

from datetime import datetime
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post
from litestar.params import FromPath, JSONBody

from appliance.identity.errors import NotSignedIn
from appliance.identity.model import NewSession, SessionView, SignedIn
from appliance.identity.permissions import Permission
from appliance.kernel.ids import SessionId
from web.access import allow, public
from web.api.v1.users import UserOut, user_out
from web.request import PortalRequest
from web.security.client import client_of
from web.security.sessions import ended_session_cookie, session_cookies


class SignInIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who wants to sign in."""

    email: str
    password: str

    def __repr__(self) -> str:
        return f"SignInIn({self.email!r})"


class SessionOut(msgspec.Struct, frozen=True, kw_only=True):
    """The session of this request."""

    user: UserOut
    csrf_token: str
    expires_at: datetime


class OwnSessionOut(msgspec.Struct, frozen=True, kw_only=True):
    """One of one's own sessions."""

    id: UUID
    current: bool
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    origin: str
    user_agent: str


class EndedOut(msgspec.Struct, frozen=True):
    """How many sessions were ended."""

    ended: int


def signed_in_response(request: PortalRequest, session: NewSession) -> Response[SessionOut]:
    """201 with the cookies of a session just opened."""
    return Response(
        session_out(session.signed_in),
        status_code=201,
        cookies=session_cookies(session, now=request.services.clock.now()),
    )


def session_out(signed_in: SignedIn) -> SessionOut:
    """A session as the API tells it."""
    return SessionOut(
        user=user_out(signed_in.user), csrf_token=signed_in.csrf_token, expires_at=signed_in.session.expires_at
    )


@post("/sessions", sync_to_thread=True, tags=["sessions"], **public("signing in is how one stops being a stranger"))
def sign_in(request: PortalRequest, data: JSONBody[SignInIn]) -> Response[SessionOut]:
    """Sign in; sets the session cookie. A session that the browser had before ends."""
    identity = request.services.identity
    session = identity.sign_in(
        email=data.email, password=data.password, client=client_of(request), replaces=request.context.signed_in
    )
    return signed_in_response(request, session)


@get("/sessions", sync_to_thread=True, tags=["sessions"], **allow(Permission.ACCOUNT_OWN))
def own_sessions(request: PortalRequest) -> list[OwnSessionOut]:
    """One's own sessions, the latest used first."""
    current = request.actor.session_id
    return [_own_session_out(session, current) for session in request.services.identity.own_sessions(request.actor)]


@get("/sessions/current", sync_to_thread=False, tags=["sessions"], **allow(Permission.ACCOUNT_OWN))
def current_session(request: PortalRequest) -> SessionOut:
    """Who is signed in, and the token that changes need in ``X-CSRF-Token``."""
    if (signed_in := request.context.signed_in) is None:
        raise NotSignedIn
    return session_out(signed_in)


@delete("/sessions/current", sync_to_thread=True, tags=["sessions"], **allow(Permission.ACCOUNT_OWN))
def sign_out(request: PortalRequest) -> Response[None]:
    """Sign out: the session ends on the server and its cookie is removed."""
    request.services.identity.sign_out(request.actor)
    return Response(None, status_code=204, cookies=[ended_session_cookie()], headers={"clear-site-data": '"cache"'})


@delete("/sessions", sync_to_thread=True, status_code=200, tags=["sessions"], **allow(Permission.ACCOUNT_OWN))
def end_other_sessions(request: PortalRequest) -> EndedOut:
    """End all of one's own sessions but this one."""
    return EndedOut(request.services.identity.end_other_sessions(request.actor))


@delete("/sessions/{session_id:uuid}", sync_to_thread=True, tags=["sessions"], **allow(Permission.ACCOUNT_OWN))
def end_session(request: PortalRequest, session_id: FromPath[UUID]) -> None:
    """End one of one's own sessions."""
    request.services.identity.end_session(request.actor, SessionId(session_id))


def _own_session_out(session: SessionView, current: SessionId | None) -> OwnSessionOut:
    return OwnSessionOut(
        id=session.id,
        current=session.id == current,
        created_at=session.created_at,
        last_seen_at=session.last_seen_at,
        expires_at=session.expires_at,
        origin=session.origin,
        user_agent=session.user_agent,
    )


ROUTE_HANDLERS = (sign_in, own_sessions, current_session, sign_out, end_other_sessions, end_session)
