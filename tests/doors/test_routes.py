"""Every route says who may call it, and is held to it."""

import pytest
from litestar import get

from appliance.identity.permissions import Permission
from tests.factories.portal import Browser, Portal
from web.access import UndeclaredRoute, declared_permission, every_handler
from web.app import create_app

PUBLIC_ROUTES = {
    "/api/v1/sessions",
    "/api/v1/first-administrator",
    "/api/v1/passwords",
    "/api/v1/schema",
    "/api/v1/schema/openapi.json",
    "/api/v1/schema/{path:str}",
    "/health/live",
    "/health/ready",
    "/static/{version:str}/{path:path}",
}
"""Routes of the API and the house that anybody may call; the pages list theirs beside them."""


def test_every_route_is_declared(portal: Portal) -> None:
    """With a permission, or as public by a name on this list."""
    for route, handler in every_handler(create_app(portal.services, page_handlers=())):
        if declared_permission(handler) is None:
            assert route.path in PUBLIC_ROUTES, f"{route.path} is public and not on the list"


def test_an_undeclared_route_stops_the_portal_from_starting(portal: Portal) -> None:
    """Forgetting is a fault that is found before anybody can use it."""

    @get("/forgotten", sync_to_thread=False)
    def forgotten() -> str:
        return "everything"

    with pytest.raises(UndeclaredRoute, match="forgotten"):
        create_app(portal.services, page_handlers=[forgotten])


def test_strangers_get_nothing_but_public_routes(portal: Portal, stranger: Browser) -> None:
    """Every other route, called with every method that it has, answers 401."""
    sample = "0198c5a5-7d4e-7000-8000-000000000000"
    for route, handler in every_handler(create_app(portal.services, page_handlers=())):
        if declared_permission(handler) is None:
            continue
        path = route.path
        for name in ("user_id", "session_id", "meeting_id", "upload_id", "job_id"):
            path = path.replace(f"{{{name}:uuid}}", sample)
        for method in sorted(getattr(handler, "http_methods", ())):
            answer = stranger.http.request(method, path)
            assert answer.status_code == 401, f"{method} {path}: {answer.status_code}"


def test_a_role_opens_its_own_routes_alone(portal: Portal, stranger: Browser) -> None:
    """A member is told 403 where administrators go, before anything is looked up."""
    portal.people.administrator()
    member = stranger.become(portal.people.person("bela@example.org"))
    answer = member.http.get("/api/v1/users")
    assert answer.status_code == 403
    assert answer.json()["fields"] == {"permission": Permission.USER_READ.value}
