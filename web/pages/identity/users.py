"""People with an account: who there is, adding somebody, a new one-time code."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, URLEncodedBody

from appliance.identity.model import OneTimeCode, UserView
from appliance.identity.permissions import Permission, Role, allows
from appliance.kernel.errors import HangJegyzetError
from appliance.kernel.ids import UserId
from web.access import allow
from web.pages.forms import Form, FormProblem, problem_in
from web.request import PortalRequest
from web.texts import Texts


@dataclass(frozen=True, slots=True)
class CodeLine:
    """A one-time code to hand over, and for whom it is."""

    email: str
    code: str
    expires_at: datetime


@get("/users", sync_to_thread=True, **allow(Permission.USER_READ))
def users_page(request: PortalRequest) -> Response[str]:
    """Everybody, by name."""
    return _page(request)


@post("/users", sync_to_thread=True, **allow(Permission.USER_MANAGE))
def add_user(request: PortalRequest, data: URLEncodedBody[Form]) -> Response[Any]:
    """Add somebody; the code is shown in the answer and nowhere else, so there is no redirect."""
    role = next((known for known in Role if known == data.get("role")), Role.MEMBER)
    try:
        user, code = request.services.accounts.create(
            request.actor, email=data.get("email", ""), name=data.get("name", ""), role=role
        )
    except HangJegyzetError as error:
        return _page(request, form=data, problem=problem_in(request, error))
    return _page(request, code=_code_line(user, code))


@post("/users/{user_id:uuid}/code", sync_to_thread=True, **allow(Permission.USER_MANAGE))
def new_code(request: PortalRequest, user_id: FromPath[UUID]) -> Response[Any]:
    """Give somebody a new one-time code; their password and sessions end now."""
    accounts = request.services.accounts
    user = accounts.show(request.actor, UserId(user_id))
    try:
        code = accounts.reset_password(request.actor, user.id)
    except HangJegyzetError as error:
        return _page(request, problem=problem_in(request, error))
    return _page(request, code=_code_line(user, code))


def _code_line(user: UserView, code: OneTimeCode) -> CodeLine:
    return CodeLine(user.email, code.code, code.expires_at)


def _page(
    request: PortalRequest,
    *,
    code: CodeLine | None = None,
    form: Form | None = None,
    problem: FormProblem | None = None,
) -> Response[str]:
    texts = Texts(request.context.locale)
    roles = {role: texts.role(role) for role in Role}
    users = request.services.accounts.list(request.actor)
    return request.renderer.page(
        request,
        "pages/identity/users.html",
        status=problem.status if problem else 200,
        users=sorted(users, key=lambda user: texts.formats.sort_key(user.name)),
        roles=roles,
        role_options=[(role.value, roles[role]) for role in (Role.MEMBER, Role.ADMINISTRATOR, Role.AUDITOR)],
        can_manage=allows(request.actor, Permission.USER_MANAGE),
        code=code,
        form={"name": "", "email": "", "role": Role.MEMBER.value, **(form or {})},
        problem=problem,
    )


ROUTE_HANDLERS = (users_page, add_user, new_code)
