"""What a one-time code is good for: becoming the first administrator, choosing a password."""

import msgspec
from litestar import Response, post
from litestar.params import JSONBody

from web.access import public
from web.api.v1.sessions import SessionOut, signed_in_response
from web.request import PortalRequest
from web.security.client import client_of


class FirstAdministratorIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who wants to administer this appliance."""

    code: str
    email: str
    name: str
    password: str

    def __repr__(self) -> str:
        return f"FirstAdministratorIn({self.email!r})"


class PasswordIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A code from an administrator, and the password chosen with it."""

    code: str
    password: str

    def __repr__(self) -> str:
        return "PasswordIn(…)"


@post("/first-administrator", sync_to_thread=True, tags=["sessions"], **public("the one-time code is the proof"))
def become_first_administrator(request: PortalRequest, data: JSONBody[FirstAdministratorIn]) -> Response[SessionOut]:
    """Make the first administrator with the code that the machine printed, and sign them in."""
    session = request.services.identity.become_first_administrator(
        code=data.code, email=data.email, name=data.name, password=data.password, client=client_of(request)
    )
    return signed_in_response(request, session)


@post("/passwords", sync_to_thread=True, tags=["sessions"], **public("the one-time code is the proof"))
def set_password(request: PortalRequest, data: JSONBody[PasswordIn]) -> Response[SessionOut]:
    """Choose one's password with a code from an administrator, and sign in."""
    session = request.services.identity.set_password_with_code(
        code=data.code, password=data.password, client=client_of(request)
    )
    return signed_in_response(request, session)


ROUTE_HANDLERS = (become_first_administrator, set_password)
