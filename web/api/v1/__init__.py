"""HTTP API, version 1: one module per room; ``openapi.json`` describes it."""

from litestar import Router
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin

from web.access import public
from web.api.v1 import codes, documents, edits, jobs, meetings, models, sessions, uploads, users

PREFIX = "/api/v1"


def api_router() -> Router:
    """All routes of the API."""
    rooms = (sessions, codes, users, uploads, meetings, documents, edits, jobs, models)
    return Router(PREFIX, route_handlers=[handler for room in rooms for handler in room.ROUTE_HANDLERS])


def openapi_config() -> OpenAPIConfig:
    """The API's description, as JSON only: viewers would fetch scripts from elsewhere."""
    return OpenAPIConfig(
        title="HangJegyzet",
        version="1",
        use_handler_docstrings=True,
        openapi_router=Router(
            f"{PREFIX}/schema",
            route_handlers=[],
            include_in_schema=False,
            **public("the description holds nothing that belongs to anybody"),
        ),
        render_plugins=[JsonRenderPlugin()],
    )
