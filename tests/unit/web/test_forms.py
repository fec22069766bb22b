"""Where a form leads is always a page of this portal."""

import pytest

from web.pages.forms import HOME, local_path
from web.pages.identity.account import browser_name


@pytest.mark.parametrize("path", ["/meetings", "/meetings/1?x=2#s3", "/users"])
def test_own_addresses_are_kept(path: str) -> None:
    """Somebody who had to sign in comes back to where they were."""
    assert local_path(path) == path


@pytest.mark.parametrize("path", [None, "", "//evil.example", "/\\evil.example", "https://evil.example", "x", "/a\nb"])
def test_addresses_that_could_lead_elsewhere_are_not(path: str | None) -> None:
    """A link into the sign-in page cannot send anybody to another site."""
    assert local_path(path) == HOME


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Windows"),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150 Safari/537.36",
            "Chrome, Linux",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/150 Safari/537.36 Edg/150", "Edge, Windows"),
        ("curl/8.5.0", "curl"),
        ("", ""),
    ],
)
def test_a_session_is_named_by_browser_and_system(agent: str, name: str) -> None:
    """People know their own devices again."""
    assert browser_name(agent) == name
