"""The pages of the portal, one folder per room."""

from collections.abc import Sequence
from typing import Any

from litestar import Response
from litestar.types import ControllerRouterHandler

from appliance.kernel.errors import HangJegyzetError
from web.errors import Problem
from web.request import PortalRequest

ROUTE_HANDLERS: Sequence[ControllerRouterHandler] = ()


def problem_page(request: PortalRequest, problem: Problem, error: HangJegyzetError | None) -> Response[Any]:
    """A failure as a page."""
    return Response(f"{problem.title}: {problem.detail}", status_code=problem.status, media_type="text/plain")
