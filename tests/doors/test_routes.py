"""Every route says who may call it, and is held to it."""

import re
from collections.abc import Iterator

import pytest
from litestar import get
from litestar.handlers.base import BaseRouteHandler

from appliance.identity.permissions import Permission
from tests.factories.portal import Browser, Portal
from web.access import UndeclaredRoute, declared_permission, every_handler
from web.app import create_app

_PLACEHOLDER = re.compile(r"\{\w+:(\w+)\}")
_SAMPLES = {"uuid": "0198c5a5-7d4e-7000-8000-000000000000", "int": "0", "str": "x", "path": "x"}

PUBLIC_ROUTES = {
    "GET /",
    "GET /api/v1/schema",
    "GET /api/v1/schema/openapi.json",
    "GET /api/v1/schema/{path:str}",
    "GET /first-administrator",
    "GET /health/live",
    "GET /health/ready",
    "GET /one-time-code",
    "GET /patterns",
    "GET /sign-in",
    "GET /static/{version:str}/{path:path}",
    "GET /{path:path}",
    "POST /api/v1/first-administrator",
    "POST /api/v1/passwords",
    "POST /api/v1/sessions",
    "POST /first-administrator",
    "POST /language",
    "POST /one-time-code",
    "POST /sign-in",
}
"""All that anybody may call, by name. Adding one is a decision that a reviewer sees here."""


def routes(portal: Portal) -> Iterator[tuple[str, str, BaseRouteHandler]]:
    for route, handler in every_handler(create_app(portal.services)):
        for method in sorted(getattr(handler, "http_methods", ())):
            yield str(method), route.path, handler


def test_every_route_is_declared(portal: Portal) -> None:
    """With a permission, or as public by a name on this list."""
    public = {f"{method} {path}" for method, path, handler in routes(portal) if declared_permission(handler) is None}
    assert public == PUBLIC_ROUTES


def test_an_undeclared_route_stops_the_portal_from_starting(portal: Portal) -> None:
    """Forgetting is a fault that is found before anybody can use it."""

    @get("/forgotten", sync_to_thread=False)
    def forgotten() -> str:
        return "everything"

    with pytest.raises(UndeclaredRoute, match="forgotten"):
        create_app(portal.services, page_handlers=[forgotten])


def test_strangers_get_nothing_but_public_routes(portal: Portal, stranger: Browser) -> None:
    """Every other route, called with every method that it has: the API answers 401, a page leads to signing in."""
    called = 0
    for method, template, handler in routes(portal):
        if declared_permission(handler) is None:
            continue
        path = _PLACEHOLDER.sub(lambda found: _SAMPLES[found[1]], template)
        answer = stranger.http.request(method, path, follow_redirects=False)
        leads_to_sign_in = answer.status_code in (302, 303) and answer.headers["location"].startswith("/sign-in")
        assert answer.status_code == 401 or leads_to_sign_in, f"{method} {path}: {answer.status_code}"
        called += 1
    assert called > 40


def test_a_role_opens_its_own_routes_alone(portal: Portal, stranger: Browser) -> None:
    """A member is told 403 where administrators go, before anything is looked up."""
    portal.people.administrator()
    member = stranger.become(portal.people.person("bela@example.org"))
    answer = member.http.get("/api/v1/users")
    assert answer.status_code == 403
    assert answer.json()["fields"] == {"permission": Permission.USER_READ.value}
