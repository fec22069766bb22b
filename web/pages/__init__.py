"""The pages of the portal, one folder per room."""

from collections.abc import Sequence

from litestar import Router
from litestar.types import ControllerRouterHandler

from web.pages import problems
from web.pages.identity import account, sign_in, users
from web.pages.meetings import activity, meeting, overview
from web.pages.models import router as models
from web.pages.patterns import router as patterns
from web.pages.problems import problem_page

# One router and not single handlers: Litestar 2.25 wraps a threaded handler twice when a second handler of the same
# path is registered after it, and then answers with a coroutine.
ROUTE_HANDLERS: Sequence[ControllerRouterHandler] = (
    Router(
        path="/",
        include_in_schema=False,
        route_handlers=[
            *sign_in.ROUTE_HANDLERS,
            *account.ROUTE_HANDLERS,
            *users.ROUTE_HANDLERS,
            *overview.ROUTE_HANDLERS,
            *activity.ROUTE_HANDLERS,
            *meeting.ROUTE_HANDLERS,
            *models.ROUTE_HANDLERS,
            *patterns.ROUTE_HANDLERS,
            *problems.ROUTE_HANDLERS,
        ],
    ),
)

__all__ = ["ROUTE_HANDLERS", "problem_page"]
