"""The line about the licence on real pages: readable by everybody, in every width and theme, in nobody's way."""

import pytest

from appliance.identity.model import NewSession
from appliance.kernel.ids import MeetingId
from tests.browser.conftest import NewPage, Theme
from tests.browser.looking import axe_violations, overflows
from tests.factories.licences import Known
from tests.factories.site import Site


@pytest.mark.parametrize(
    ("days", "theme", "width", "locale"),
    [(-10, "light", 1440, "en"), (10, "dark", 1440, "hu"), (40, "dark", 320, "en"), (40, "light", 320, "hu")],
)
def test_a_page_with_the_line_is_as_good_as_without(
    site: Site,
    new_page: NewPage,
    read_meeting: MeetingId,
    anna: NewSession,
    monkeypatch: pytest.MonkeyPatch,
    *,
    days: int,
    theme: Theme,
    width: int,
    locale: str,
) -> None:
    """No violation of WCAG, no scrolling sideways, and the minutes are there."""
    monkeypatch.setitem(site.services.__dict__, "licence", Known(days))
    page = new_page(anna, theme=theme, width=width, locale=locale)
    page.goto(f"/meetings/{read_meeting}")
    line = page.locator(".banner")
    assert "hangjegyzet licence install FILE" in line.inner_text()
    assert page.locator("#minutes-title").is_visible()
    assert axe_violations(page) == []
    assert not overflows(page)
