"""Who may call a route: every route says so itself, and one guard holds it to that.

A route is declared with ``**allow(Permission.MEETING_READ)`` or ``**public("why anybody may")``. A route that declares
nothing is refused to everybody, and ``create_app`` refuses to start with one.
"""

from collections.abc import Iterable
from typing import Any, Final, TypedDict

from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.enums import HttpMethod
from litestar.handlers.base import BaseRouteHandler
from litestar.routes import BaseRoute, HTTPRoute

from appliance.identity.permissions import Permission, require
from web.request import PortalRequest
from web.security.csrf import refuse_forged

_PERMISSION: Final = "permission"
_PUBLIC: Final = "public"
WITHOUT_SESSION: Final = "without_session"
"""Routes that never look at a session: health and static files."""


class _RouteOptions(TypedDict):
    opt: dict[str, Any]


class UndeclaredRoute(RuntimeError):
    """A route says neither which permission it needs nor that it is public: a programming error."""


def allow(permission: Permission, **options: Any) -> _RouteOptions:
    """Handler arguments of a route for those who hold ``permission``."""
    return {"opt": {_PERMISSION: permission, **options}}


def public(why: str, **options: Any) -> _RouteOptions:
    """Handler arguments of a route for anybody, with the reason why."""
    return {"opt": {_PUBLIC: why, **options}}


def declared_permission(handler: BaseRouteHandler) -> Permission | None:
    """The permission that a route needs; None for a public one.

    Raises:
        UndeclaredRoute: the route does not say.
    """
    permission = handler.opt.get(_PERMISSION)
    if isinstance(permission, Permission):
        return permission
    if isinstance(handler.opt.get(_PUBLIC), str):
        return None
    raise UndeclaredRoute(f"{handler} ({sorted(handler.paths)}) declares neither a permission nor that it is public")


async def authorise(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Let a request through that is not forged and whose sender holds the route's permission.

    Raises:
        NotSignedIn, NotAllowed, ForgedRequest: otherwise.
    """
    permission = declared_permission(handler)
    if not isinstance(connection, PortalRequest):
        raise UndeclaredRoute(f"{handler} is not a route of requests and answers")
    await refuse_forged(connection)
    if permission is not None:
        require(connection.actor, permission)


def every_handler(app: Litestar) -> Iterable[tuple[BaseRoute, BaseRouteHandler]]:
    """All handlers of an application with their routes, OpenAPI's own included.

    Left out are Litestar's answers to OPTIONS, which name the methods of a route and reach no handler of ours.
    """
    for route in app.routes:
        for handler in route.route_handlers if isinstance(route, HTTPRoute) else [route.route_handler]:
            if getattr(handler, "http_methods", None) != {HttpMethod.OPTIONS}:
                yield route, handler
