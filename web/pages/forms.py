"""What pages with forms share: where to go on, and a refusal shown above the form that caused it."""

from dataclasses import dataclass
from typing import Any, Final

from litestar import Response
from litestar.datastructures import Cookie
from litestar.response import Redirect
from litestar.status_codes import HTTP_303_SEE_OTHER

from appliance.kernel.errors import HangJegyzetError
from web.errors import problem_of
from web.rendering import error_text
from web.request import PortalRequest

Form = dict[str, str]
"""The fields of a posted form."""

HOME: Final = "/meetings"


@dataclass(frozen=True, slots=True)
class FormProblem:
    """Why a form was not accepted, in the reader's language."""

    message: str
    hint: str
    status: int


def problem_in(request: PortalRequest, error: HangJegyzetError) -> FormProblem:
    """An expected failure as the summary above a form."""
    message, hint = error_text(error, request.context.locale)
    return FormProblem(message, hint, problem_of(error).status)


def local_path(address: str | None, *, otherwise: str = HOME) -> str:
    """An address of this portal; anything that could lead elsewhere becomes ``otherwise``."""
    if address is None or not address.startswith("/") or address.startswith(("//", "/\\")) or not address.isprintable():
        return otherwise
    return address


def see(path: str, *, cookies: list[Cookie] | None = None) -> Response[Any]:
    """Send the browser on after a change, so that reloading repeats nothing."""
    return Redirect(path, status_code=HTTP_303_SEE_OTHER, cookies=cookies)
