"""The portal: the API and the pages behind one Litestar application.

``web.pages`` hands in ``ROUTE_HANDLERS`` and ``problem_page``. A page is a handler in a thread that asks services and
renders:

    @get("/meetings", sync_to_thread=True, **allow(Permission.MEETING_READ))
    def meetings_page(request: PortalRequest) -> Response[str]:
        listed = request.services.meetings.list(request.actor, ...)
        return request.renderer.page(request, "pages/meetings/list.html", meetings=listed)
"""

from collections.abc import Sequence
from ipaddress import ip_network
from typing import Any

from litestar import Litestar
from litestar.datastructures import State
from litestar.types import ControllerRouterHandler

from web import pages
from web.access import authorise, declared_permission, every_handler
from web.api.v1 import api_router, openapi_config
from web.assets import StaticFiles, static_file
from web.errors import ErrorHandlers, ProblemPage
from web.health import live, ready
from web.rendering import Renderer
from web.request import PortalRequest
from web.security.headers import add_security_headers
from web.security.sessions import SessionMiddleware
from web.services import WebServices
from web.sse import JobStreams

_MAX_BODY_BYTES = 256 * 1024
"""Of a form or a JSON body; uploads lift it on their own route."""


def create_app(
    services: WebServices,
    *,
    page_handlers: Sequence[ControllerRouterHandler] = pages.ROUTE_HANDLERS,
    problem_page: ProblemPage = pages.problem_page,
) -> Litestar:
    """The portal over ``services``, ready to be served or called by a test client.

    Raises:
        UndeclaredRoute: a route says neither which permission it needs nor that it is public.
    """
    static_files = StaticFiles()
    state: dict[str, Any] = {
        "services": services,
        "trusted_proxies": [ip_network(network) for network in services.settings.web.trusted_proxies],
        "static_files": static_files,
        "streams": JobStreams(services.job_listener),
        "renderer": Renderer(static_files),
    }
    app = Litestar(
        route_handlers=[api_router(), static_file, live, ready, *page_handlers],
        request_class=PortalRequest,
        request_max_body_size=_MAX_BODY_BYTES,
        middleware=[SessionMiddleware()],
        guards=[authorise],
        before_send=[add_security_headers],
        exception_handlers=ErrorHandlers(problem_page).as_mapping(),
        openapi_config=openapi_config(),
        state=State(state, deep_copy=False),
        logging_config=None,
    )
    for _, handler in every_handler(app):
        declared_permission(handler)
    return app
