"""Sign-in, one-time codes, sign-out; and the language of somebody who has not signed in."""

from typing import Any, Final

from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.params import URLEncodedBody

from appliance.identity.model import PASSWORD_MIN_CHARACTERS, NewSession
from appliance.identity.permissions import Permission
from appliance.kernel.errors import HangJegyzetError
from web.access import allow, public
from web.pages.forms import HOME, Form, FormProblem, local_path, problem_in, see
from web.request import LOCALES, PortalRequest
from web.security.client import client_of
from web.security.sessions import ended_session_cookie, session_cookies

_YEAR_S: Final = 365 * 24 * 3600


@get("/", sync_to_thread=True, **public("it only leads to the right page"))
def home(request: PortalRequest) -> Response[Any]:
    """The meetings, the sign-in page, or the first step of an appliance that nobody administers yet."""
    if request.context.user is not None:
        return see(HOME)
    services = request.services
    return see(
        "/first-administrator" if services.identity.awaits_first_administrator(services.home_tenant) else "/sign-in"
    )


@get("/sign-in", sync_to_thread=True, **public("signing in is how one stops being a stranger"))
def sign_in_page(request: PortalRequest) -> Response[Any]:
    """The form; somebody who is signed in already goes on."""
    onward = local_path(request.query_params.get("next"))
    if request.context.user is not None:
        return see(onward)
    return _sign_in_page(request, onward=onward, ended="ended" in request.query_params)


@post("/sign-in", sync_to_thread=True, **public("signing in is how one stops being a stranger"))
def sign_in(request: PortalRequest, data: URLEncodedBody[Form]) -> Response[Any]:
    """Open a session and go on to the page that was asked for."""
    onward = local_path(data.get("next"))
    email = data.get("email", "")
    try:
        session = request.services.identity.sign_in(
            email=email,
            password=data.get("password", ""),
            client=client_of(request),
            replaces=request.context.signed_in,
        )
    except HangJegyzetError as error:
        return _sign_in_page(request, onward=onward, email=email, problem=problem_in(request, error))
    return _enter(request, session, onward)


@get("/first-administrator", sync_to_thread=True, **public("the one-time code is the proof"))
def first_administrator_page(request: PortalRequest) -> Response[Any]:
    """The form by which an appliance gets its first administrator."""
    services = request.services
    if not services.identity.awaits_first_administrator(services.home_tenant):
        return see("/sign-in")
    return _code_page(request, first=True)


@post("/first-administrator", sync_to_thread=True, **public("the one-time code is the proof"))
def become_first_administrator(request: PortalRequest, data: URLEncodedBody[Form]) -> Response[Any]:
    """Make the first administrator and sign them in."""
    try:
        session = request.services.identity.become_first_administrator(
            code=data.get("code", ""),
            email=data.get("email", ""),
            name=data.get("name", ""),
            password=data.get("password", ""),
            client=client_of(request),
        )
    except HangJegyzetError as error:
        return _code_page(request, first=True, form=data, problem=problem_in(request, error))
    return _enter(request, session, HOME)


@get("/one-time-code", sync_to_thread=True, **public("the one-time code is the proof"))
def one_time_code_page(request: PortalRequest) -> Response[Any]:
    """The form by which somebody chooses their password."""
    return _code_page(request, first=False)


@post("/one-time-code", sync_to_thread=True, **public("the one-time code is the proof"))
def set_password(request: PortalRequest, data: URLEncodedBody[Form]) -> Response[Any]:
    """Set a password with an administrator's code, and sign in."""
    try:
        session = request.services.identity.set_password_with_code(
            code=data.get("code", ""), password=data.get("password", ""), client=client_of(request)
        )
    except HangJegyzetError as error:
        return _code_page(request, first=False, form=data, problem=problem_in(request, error))
    return _enter(request, session, HOME)


@post("/sign-out", sync_to_thread=True, **allow(Permission.ACCOUNT_OWN))
def sign_out(request: PortalRequest) -> Response[Any]:
    """End the session, and make the browser forget the pages it kept."""
    request.services.identity.sign_out(request.actor)
    response = see("/sign-in", cookies=[ended_session_cookie()])
    response.headers["clear-site-data"] = '"cache"'
    return response


@post("/language", sync_to_thread=False, **public("a stranger may choose a language too"))
def choose_language(request: PortalRequest, data: URLEncodedBody[Form]) -> Response[Any]:
    """Remember a language for a browser that nobody has signed in with."""
    chosen = data.get("locale")
    cookies = [_preference("locale", locale) for locale in LOCALES if locale == chosen]
    return see(local_path(data.get("back"), otherwise="/"), cookies=cookies)


def _preference(name: str, value: str) -> Cookie:
    return Cookie(key=name, value=value, path="/", max_age=_YEAR_S, secure=True, httponly=True, samesite="lax")


def _enter(request: PortalRequest, session: NewSession, onward: str) -> Response[Any]:
    return see(onward, cookies=session_cookies(session, now=request.services.clock.now()))


def _sign_in_page(
    request: PortalRequest, *, onward: str, email: str = "", ended: bool = False, problem: FormProblem | None = None
) -> Response[str]:
    return request.renderer.page(
        request,
        "pages/identity/sign_in.html",
        status=problem.status if problem else 200,
        next=onward,
        email=email,
        ended=ended,
        problem=problem,
    )


def _code_page(
    request: PortalRequest, *, first: bool, form: Form | None = None, problem: FormProblem | None = None
) -> Response[str]:
    filled = form or {}
    return request.renderer.page(
        request,
        "pages/identity/one_time_code.html",
        status=problem.status if problem else 200,
        first=first,
        code=filled.get("code", ""),
        name=filled.get("name", ""),
        email=filled.get("email", ""),
        password_min=PASSWORD_MIN_CHARACTERS,
        problem=problem,
    )


ROUTE_HANDLERS = (
    home,
    sign_in_page,
    sign_in,
    first_administrator_page,
    become_first_administrator,
    one_time_code_page,
    set_password,
    sign_out,
    choose_language,
)
