"""Signing in over HTTP: cookies, forged requests, headers, problems."""

from dataclasses import replace

import httpx
import pytest

from appliance.database.engine import Database
from appliance.kernel.clock import FixedClock
from appliance.kernel.ids import TenantId, new_uuid
from appliance.keyring.service import KeyRing
from appliance.settings import Settings
from tests.factories.identity import PASSWORD
from tests.factories.portal import ORIGIN, Browser, Portal, portal_services
from web.security.client import DEVICE_COOKIE
from web.security.sessions import COOKIE


def cookie_attributes(answer: httpx.Response, name: str) -> set[str]:
    for header in answer.headers.get_list("set-cookie"):
        if header.startswith(f"{name}="):
            return {part.strip().casefold().split("=")[0] for part in header.split(";")[1:]} | {
                part.strip().casefold() for part in header.split(";")[1:]
            }
    raise AssertionError(f"no cookie {name}")


def test_the_first_administrator_comes_in_by_the_code(portal: Portal, stranger: Browser) -> None:
    """The way that the demo and every fresh appliance take."""
    code = portal.people.identity.issue_first_code(portal.people.operator).code
    answer = stranger.http.post(
        "/api/v1/first-administrator",
        json={"code": code, "email": "anna@example.org", "name": "Kovács Anna", "password": PASSWORD},
    )
    assert answer.status_code == 201
    assert answer.json()["user"]["role"] == "administrator"
    current = stranger.http.get("/api/v1/sessions/current")
    assert current.json()["user"]["name"] == "Kovács Anna"
    assert current.json()["csrf_token"] == answer.json()["csrf_token"]


def test_signing_in_sets_cookies_that_scripts_and_other_sites_cannot_use(portal: Portal, stranger: Browser) -> None:
    """__Host-, Secure, HttpOnly, SameSite=Strict, for the whole portal and no other host."""
    portal.people.administrator()
    answer = stranger.http.post("/api/v1/sessions", json={"email": "anna@example.org", "password": PASSWORD})
    for name in (COOKIE, DEVICE_COOKIE):
        assert name.startswith("__Host-")
        assert {"secure", "httponly", "samesite=strict", "path=/"} <= cookie_attributes(answer, name)
        assert "domain" not in cookie_attributes(answer, name)


def test_a_wrong_password_is_a_problem_that_says_no_more(portal: Portal, stranger: Browser) -> None:
    """401 in the shape of RFC 9457, with a code for programs and a hint for people."""
    portal.people.administrator()
    answer = stranger.http.post("/api/v1/sessions", json={"email": "anna@example.org", "password": "wrong"})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "identity.wrong_credentials"
    assert answer.json()["hint"]
    assert "set-cookie" not in answer.headers


def test_too_many_attempts_are_answered_with_the_time_to_wait(portal: Portal, stranger: Browser) -> None:
    """429 with Retry-After in seconds."""
    portal.people.administrator()
    wrong = {"email": "anna@example.org", "password": "wrong"}
    answers = [stranger.http.post("/api/v1/sessions", json=wrong) for _ in range(9)]
    assert [a.status_code for a in answers] == [401] * 8 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0


def test_signing_out_removes_cookie_and_session(anna: Browser) -> None:
    """The next request is a stranger's, even with the old cookie."""
    token = anna.http.cookies[COOKIE]
    answer = anna.http.delete("/api/v1/sessions/current", headers=anna.unsafe)
    assert answer.status_code == 204
    assert "max-age=0" in cookie_attributes(answer, COOKIE)
    anna.http.cookies.set(COOKIE, token, domain="portal.test", path="/")
    assert anna.http.get("/api/v1/sessions/current").status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-csrf-token": "wrong"},
        {"x-csrf-token": "OWN", "origin": "https://evil.example"},
        {"x-csrf-token": "OWN", "origin": "null"},
        {"x-csrf-token": "OWN", "origin": f"{ORIGIN}.evil.example"},
        {"x-csrf-token": "OWN", "sec-fetch-site": "cross-site"},
        {"x-csrf-token": "OWN", "sec-fetch-site": "same-site"},
    ],
)
def test_a_change_that_another_site_could_have_sent_is_refused(anna: Browser, headers: dict[str, str]) -> None:
    """Without the session's token, or from elsewhere: 403, and nothing happens."""
    sent = {name: value.replace("OWN", anna.csrf_token) for name, value in headers.items()}
    answer = anna.http.delete("/api/v1/sessions/current", headers=sent)
    assert answer.status_code == 403
    assert answer.json()["code"] == "web.forged_request"
    assert anna.http.get("/api/v1/sessions/current").status_code == 200


def test_signing_in_from_another_site_is_refused(portal: Portal, stranger: Browser) -> None:
    """Nobody is signed in as somebody else without noticing."""
    portal.people.administrator()
    answer = stranger.http.post(
        "/api/v1/sessions",
        json={"email": "anna@example.org", "password": PASSWORD},
        headers={"origin": "https://evil.example"},
    )
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_a_public_address_behind_a_proxy_counts_as_own(portal: Portal) -> None:
    """The browser names the address that people type, not the one that we listen on."""
    web = portal.services.settings.web.model_copy(update={"public_url": "https://jegyzet.example"})
    settings = portal.services.settings.model_copy(update={"web": web})
    portal.services = replace(portal.services, settings=settings)
    with portal.browser() as browser:
        browser.become(portal.people.administrator())
        headers = browser.unsafe | {"origin": "https://jegyzet.example"}
        assert browser.http.delete("/api/v1/sessions/current", headers=headers).status_code == 204


def test_people_list_and_end_their_sessions(portal: Portal, anna: Browser) -> None:
    """The one of this request is marked."""
    with portal.browser() as elsewhere:
        elsewhere.sign_in("anna@example.org")
        listed = anna.http.get("/api/v1/sessions").json()
        assert [s["current"] for s in listed].count(True) == 1
        other = next(s["id"] for s in listed if not s["current"])
        assert anna.http.delete(f"/api/v1/sessions/{other}", headers=anna.unsafe).status_code == 204
        assert elsewhere.http.get("/api/v1/sessions/current").status_code == 401


def test_all_other_sessions_end_at_once(portal: Portal, anna: Browser) -> None:
    """After a suspicion, one request; this session goes on."""
    with portal.browser() as elsewhere:
        elsewhere.sign_in("anna@example.org")
        assert anna.http.delete("/api/v1/sessions", headers=anna.unsafe).json() == {"ended": 1}
        assert elsewhere.http.get("/api/v1/sessions/current").status_code == 401
    assert anna.http.get("/api/v1/sessions/current").status_code == 200


def test_without_a_database_everybody_is_told_to_come_back(
    clock: FixedClock, keyring: KeyRing, settings: Settings
) -> None:
    """503, as JSON for programs and as a page for people; the process lives, and says that it is not ready."""
    gone = Database("postgresql+psycopg://hangjegyzet_web@/hangjegyzet?host=/nowhere", pool_size=1)
    services, people = portal_services(
        gone, clock=clock, keyring=keyring, tenant=TenantId(new_uuid()), settings=settings
    )
    with Portal(services, people).browser() as browser:
        assert browser.http.get("/health/live").status_code == 200
        assert browser.http.get("/health/ready").json() == {"status": "unavailable", "missing": ["database"]}
        browser.http.cookies.set(COOKIE, "a token", domain="portal.test", path="/")
        answer = browser.http.get("/api/v1/meetings")
        assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
        page = browser.http.get("/meetings")
        assert page.status_code == 503
        assert page.headers["content-type"].startswith("text/html")


def test_an_administrator_creates_changes_and_resets_people(portal: Portal, anna: Browser) -> None:
    """The whole life of an account over the API."""
    created = anna.http.post(
        "/api/v1/users", json={"email": "bela@example.org", "name": "Béla"}, headers=anna.unsafe
    ).json()
    user_id = created["user"]["id"]
    assert created["user"]["awaits_password"] is True
    with portal.browser() as bela:
        answer = bela.http.post("/api/v1/passwords", json={"code": created["code"]["code"], "password": PASSWORD})
        assert answer.status_code == 201
        changed = anna.http.patch(f"/api/v1/users/{user_id}", json={"role": "auditor"}, headers=anna.unsafe)
        assert changed.json()["role"] == "auditor"
        assert bela.http.get("/api/v1/users").status_code == 200
        code = anna.http.post(f"/api/v1/users/{user_id}/code", headers=anna.unsafe).json()["code"]
        assert bela.http.get("/api/v1/sessions/current").status_code == 401
        assert bela.http.post("/api/v1/passwords", json={"code": code, "password": PASSWORD}).status_code == 201
        anna.http.patch(f"/api/v1/users/{user_id}", json={"disabled": True}, headers=anna.unsafe)
        assert bela.http.get("/api/v1/sessions/current").status_code == 401


def test_input_that_does_not_fit_names_the_field(anna: Browser) -> None:
    """A misspelt field is an error and not ignored."""
    answer = anna.http.post("/api/v1/users", json={"email": "x@y.hu", "nmae": "X"}, headers=anna.unsafe)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert "nmae" in answer.text or "name" in answer.text


def test_a_body_that_is_too_large_is_refused(anna: Browser) -> None:
    """Forms and JSON are small; only uploads may be large, on their own route."""
    body = {"email": "x@y.hu", "name": "x" * 300_000}
    assert anna.http.post("/api/v1/users", json=body, headers=anna.unsafe).status_code == 413


@pytest.mark.parametrize("path", ["/api/v1/sessions/current", "/api/v1/nothing", "/health/live", "/nothing"])
def test_every_answer_carries_the_security_headers(stranger: Browser, path: str) -> None:
    """Refusals and unknown addresses too."""
    headers = stranger.http.get(path).headers
    policy = headers["content-security-policy"]
    for directive in (
        "default-src 'self'",
        "frame-ancestors 'none'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
    ):
        assert directive in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["strict-transport-security"].startswith("max-age=")
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "microphone=(self)" in headers["permissions-policy"]
    assert headers["cache-control"] == "no-store"


def test_an_unknown_address_of_the_api_is_a_problem(stranger: Browser) -> None:
    """404 as JSON, never a page."""
    answer = stranger.http.get("/api/v1/nothing")
    assert answer.status_code == 404
    assert answer.json()["code"] == "http.404"


def test_a_fault_of_ours_shows_a_reference_and_nothing_else(portal: Portal) -> None:
    """The log has the trace; the answer has no path, no text of the exception."""
    with portal.browser() as browser:

        def broken(*_: object) -> None:
            raise RuntimeError("secret detail")

        portal.services.identity.sign_in = broken  # type: ignore[method-assign,assignment]
        answer = browser.http.post("/api/v1/sessions", json={"email": "a@b.hu", "password": "x"})
    assert answer.status_code == 500
    assert answer.json()["reference"]
    assert "secret detail" not in answer.text


def test_the_api_describes_itself_without_fetching_anything(stranger: Browser) -> None:
    """JSON only; viewers would load scripts from elsewhere."""
    answer = stranger.http.get("/api/v1/schema/openapi.json")
    assert answer.status_code == 200
    described = answer.json()
    assert "/api/v1/sessions" in described["paths"]
    assert "cdn" not in answer.text


def test_health_says_whether_requests_can_be_served(stranger: Browser) -> None:
    """Live and ready."""
    assert stranger.http.get("/health/live").json()["status"] == "ok"
    assert stranger.http.get("/health/ready").status_code == 200
