"""Failures as pages: what happened and what to do now, in plain words and in the reader's language."""

from typing import Any, Final
from urllib.parse import quote

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect

from appliance.kernel.errors import HangJegyzetError
from web import hx
from web.access import public
from web.errors import Problem
from web.i18n import translations
from web.rendering import error_text
from web.request import PortalRequest

_NOT_SIGNED_IN: Final = "identity.not_signed_in"


def problem_page(request: PortalRequest, problem: Problem, error: HangJegyzetError | None) -> Response[Any]:
    """A failure as a page; a session that has ended leads to the sign-in page and back."""
    if problem.code == _NOT_SIGNED_IN:
        return _ask_again(request) if _comes_from_elsewhere(request) else _to_sign_in(request)
    title, text, hint = _words(request, problem, error)
    return request.renderer.page(
        request,
        "pages/problem.html",
        status=problem.status,
        title=title,
        text=text,
        hint=hint,
        status_code=problem.status,
        reference=problem.reference,
    )


@get("/{path:path}", sync_to_thread=False, **public("it only says that there is nothing"))
def nothing_here(path: FromPath[str]) -> None:
    """An address that no page has; as a route, so that somebody who is signed in is known and keeps their frame."""
    raise NotFoundException


def _comes_from_elsewhere(request: PortalRequest) -> bool:
    """Whether somebody followed a link from an e-mail or another site: the session's cookie stays behind then."""
    return request.method == "GET" and request.headers.get("sec-fetch-site") in ("cross-site", "same-site")


def _ask_again(request: PortalRequest) -> Response[Any]:
    """A page of ours that asks for the same address at once: this time the cookie comes along, if there is one."""
    query = request.url.query
    address = request.scope["path"] + (f"?{query}" if query else "")
    return request.renderer.page(request, "pages/again.html", address=address)


def _to_sign_in(request: PortalRequest) -> Response[Any]:
    """Where to come back to is the page that was asked for, when looking at it again changes nothing."""
    back = request.scope["path"] if request.method == "GET" else "/meetings"
    had_session = "__Host-hangjegyzet" in request.cookies
    address = f"/sign-in?next={quote(back, safe='/')}{'&ended=1' if had_session else ''}"
    if hx.wants_fragment(request.headers):
        return Response(b"", status_code=401, headers=hx.redirect(address))
    return Redirect(address)


def _words(request: PortalRequest, problem: Problem, error: HangJegyzetError | None) -> tuple[str, str, str]:
    locale = request.context.locale
    _ = translations(locale).gettext
    titles = {
        401: _("Sign in first"),
        403: _("This is not allowed"),
        404: _("There is no such page"),
        405: _("This is not how it works"),
        409: _("Something changed in the meantime"),
        413: _("This is too large"),
        422: _("Something is not right yet"),
        429: _("Too many attempts"),
        503: _("Not available right now"),
    }
    if error is not None:
        text, hint = error_text(error, locale)
        return titles.get(problem.status, _("Something went wrong")), text, hint
    if problem.status == 404:
        return titles[404], _("The address may be mistyped, or what was here has been deleted."), ""
    if problem.reference:
        hint = _("It was written to the log. Tell your administrator this reference; it leads to the cause.")
        return (
            _("Something went wrong"),
            _("The fault is the appliance's, not yours. Nothing that was stored is lost."),
            hint,
        )
    return (
        titles.get(problem.status, _("Something went wrong")),
        _("The appliance does not understand this request."),
        "",
    )


ROUTE_HANDLERS = (nothing_here,)
