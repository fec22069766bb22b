"""The pages of the portal, one folder per room."""

from collections.abc import Sequence

from litestar.types import ControllerRouterHandler

from web.pages.identity import account, sign_in, users
from web.pages.meetings import overview
from web.pages.models import router as models
from web.pages.patterns import router as patterns
from web.pages.problems import problem_page

ROUTE_HANDLERS: Sequence[ControllerRouterHandler] = (
    *sign_in.ROUTE_HANDLERS,
    *account.ROUTE_HANDLERS,
    *users.ROUTE_HANDLERS,
    *overview.ROUTE_HANDLERS,
    *models.ROUTE_HANDLERS,
    *patterns.ROUTE_HANDLERS,
)

__all__ = ["ROUTE_HANDLERS", "problem_page"]
