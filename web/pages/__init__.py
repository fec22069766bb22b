"""The pages of the portal, one folder per room."""

from collections.abc import Sequence

from litestar.types import ControllerRouterHandler

from web.pages.patterns import router as patterns
from web.pages.problems import problem_page

ROUTE_HANDLERS: Sequence[ControllerRouterHandler] = (*patterns.ROUTE_HANDLERS,)

__all__ = ["ROUTE_HANDLERS", "problem_page"]
