"""In which language a stranger is greeted, and which names a process listens under."""

import socket
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.settings import Settings
from web.request import PortalRequest, preferred_locale
from web.server import Listener, PortUnavailable, listener_for


@dataclass
class Asking:
    """As much of a request as the choice of a language looks at."""

    headers: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    language: str = "hu"

    @property
    def app(self) -> Any:
        settings = Settings(language=self.language)  # type: ignore[arg-type]
        return SimpleNamespace(state={"services": SimpleNamespace(settings=settings)})


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("en-GB,en;q=0.9,hu;q=0.8", "en"),
        ("de,hu;q=0.3,en;q=0.7", "en"),
        ("HU", "hu"),
        ("fr, de;q=0.5", "hu"),
        ("en;q=0, hu;q=0.1", "hu"),
        ("en;q=lots", "hu"),
        ("", "hu"),
        ("," * 5000, "hu"),
    ],
)
def test_the_browsers_first_language_that_we_speak_wins(header: str, expected: str) -> None:
    """By weight; what cannot be read counts nothing; else the appliance's own language."""
    assert preferred_locale(Asking(headers={"accept-language": header})) == expected  # type: ignore[arg-type]


def test_a_choice_made_before_signing_in_wins() -> None:
    """And a made-up one does not."""
    assert preferred_locale(Asking(cookies={"locale": "en"})) == "en"  # type: ignore[arg-type]
    assert preferred_locale(Asking(cookies={"locale": "xx"}, language="en")) == "en"  # type: ignore[arg-type]


def test_api_and_pages_are_told_apart_by_their_path() -> None:
    """A failure of the API is never a page."""
    for path, expected in (("/api/v1/jobs", False), ("/meetings", True), ("/apiary", True)):
        scope: Any = {"type": "http", "path": path, "headers": [], "method": "GET"}
        assert PortalRequest(scope).wants_html is expected


def test_a_port_that_is_taken_is_an_error_with_a_remedy() -> None:
    """Instead of a portal that seems to run."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(PortUnavailable, match="in use") as refusal:
            listener_for("127.0.0.1", taken.getsockname()[1], None)
    assert "web.port" in refusal.value.remedy


def test_port_0_picks_a_free_one() -> None:
    """For demos and tests."""
    assert listener_for("127.0.0.1", 0, None).port > 1024


def test_an_ipv6_address_is_written_as_urls_want_it() -> None:
    """In brackets."""
    assert Listener("::1", 8443, None).url == "http://[::1]:8443"
    assert Listener("::", 8443, None).url == "http://localhost:8443"
    assert Listener("10.1.2.3", 80, None).url == "http://10.1.2.3"
