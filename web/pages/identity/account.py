"""One's own account: where one is signed in, password, language and look."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, URLEncodedBody

from appliance.identity.model import PASSWORD_MIN_CHARACTERS, SessionView, Theme
from appliance.identity.permissions import Permission
from appliance.kernel.errors import HangJegyzetError
from appliance.kernel.ids import SessionId
from web.access import allow
from web.i18n import translations
from web.pages.forms import Form, FormProblem, local_path, problem_in, see
from web.request import LOCALES, PortalRequest
from web.security.client import client_of

_BROWSERS: Final = (("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS: Final = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True, slots=True)
class SessionLine:
    """One session as the page shows it."""

    id: SessionId
    browser: str
    origin: str
    last_seen_at: datetime
    expires_at: datetime
    is_this: bool


@get("/account", sync_to_thread=True, **allow(Permission.ACCOUNT_OWN))
def account_page(request: PortalRequest) -> Response[str]:
    """One's sessions and password."""
    _ = translations(request.context.locale).gettext
    told = {
        "password": _("Your password is changed. You are signed out everywhere else."),
        "sessions": _("Signed out there."),
    }
    return _page(request, done=told.get(request.query_params.get("done", ""), ""))


@post("/account/password", sync_to_thread=True, **allow(Permission.ACCOUNT_OWN))
def change_password(request: PortalRequest, data: URLEncodedBody[Form]) -> Response[Any]:
    """Change one's own password."""
    try:
        request.services.identity.change_password(
            request.actor, current=data.get("current", ""), new=data.get("new", ""), client=client_of(request)
        )
    except HangJegyzetError as error:
        return _page(request, problem=problem_in(request, error))
    return see("/account?done=password")


@post("/account/sessions/{session_id:uuid}/end", sync_to_thread=True, **allow(Permission.ACCOUNT_OWN))
def end_session(request: PortalRequest, session_id: FromPath[UUID]) -> Response[Any]:
    """End one of one's own sessions."""
    request.services.identity.end_session(request.actor, SessionId(session_id))
    return see("/account?done=sessions")


@post("/account/sessions/end-others", sync_to_thread=True, **allow(Permission.ACCOUNT_OWN))
def end_other_sessions(request: PortalRequest) -> Response[Any]:
    """End all of one's sessions but this one."""
    request.services.identity.end_other_sessions(request.actor)
    return see("/account?done=sessions")


@post("/preferences", sync_to_thread=True, **allow(Permission.ACCOUNT_OWN))
def set_preferences(request: PortalRequest, data: URLEncodedBody[Form]) -> Response[Any]:
    """Choose a language or a theme; what the form does not name stays."""
    context = request.context
    stored = context.user.locale if context.user else None
    locale = next((known for known in LOCALES if known == data.get("locale")), stored)
    theme = next((known for known in Theme if known == data.get("theme")), context.theme)
    request.services.identity.set_preferences(request.actor, locale=locale, theme=theme)
    return see(local_path(data.get("back")))


def _page(request: PortalRequest, *, done: str = "", problem: FormProblem | None = None) -> Response[str]:
    sessions = request.services.identity.own_sessions(request.actor)
    return request.renderer.page(
        request,
        "pages/identity/account.html",
        status=problem.status if problem else 200,
        sessions=[_line(session, request) for session in sessions],
        password_min=PASSWORD_MIN_CHARACTERS,
        done=done,
        problem=problem,
    )


def _line(session: SessionView, request: PortalRequest) -> SessionLine:
    return SessionLine(
        id=session.id,
        browser=browser_name(session.user_agent) or translations(request.context.locale).gettext("A script"),
        origin=session.origin,
        last_seen_at=session.last_seen_at,
        expires_at=session.expires_at,
        is_this=session.id == request.actor.session_id,
    )


def browser_name(user_agent: str) -> str:
    """Browser and system as a person knows them: ``Firefox, Windows``; a program by its own name; empty for nothing."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    if browser:
        return f"{browser}, {system}" if system else browser
    return re.split(r"[/ ]", user_agent, maxsplit=1)[0][:60]


ROUTE_HANDLERS = (account_page, change_password, end_session, end_other_sessions, set_preferences)
