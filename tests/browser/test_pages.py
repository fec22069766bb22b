"""Every page: accessible in both themes, as narrow as a telephone, in both languages, without a fault behind it."""

import pytest
from playwright.sync_api import Page, expect

from appliance.identity.model import NewSession
from appliance.kernel.ids import MeetingId
from tests.browser.conftest import NewPage, Watch
from tests.browser.looking import axe_violations, overflows
from tests.factories.meetings import a_meeting
from tests.factories.site import Site

STRANGERS = ("/sign-in", "/one-time-code", "/patterns")
PEOPLES = (
    "/meetings",
    "/meetings/new",
    "/activity",
    "/users",
    "/models",
    "/account",
    "/patterns",
    "/meetings/{read}",
    "/meetings/{waiting}",
)


@pytest.fixture(scope="module")
def waiting_meeting(site: Site, anna: NewSession) -> MeetingId:
    """A meeting that nobody has begun to work on."""
    return a_meeting(site.services.meetings, anna.signed_in.actor, title="Árvíztűrő tükörfúrógép").meeting_id


@pytest.fixture
def at(read_meeting: MeetingId, waiting_meeting: MeetingId) -> dict[str, MeetingId]:
    """The meetings that addresses speak of."""
    return {"read": read_meeting, "waiting": waiting_meeting}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", STRANGERS)
def test_pages_of_strangers_are_accessible(new_page: NewPage, path: str, theme: str) -> None:
    """WCAG 2.2 AA in light and dark."""
    page = new_page(theme=theme)
    page.goto(path)
    assert axe_violations(page) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", PEOPLES)
def test_pages_are_accessible(
    new_page: NewPage, anna: NewSession, at: dict[str, MeetingId], path: str, theme: str
) -> None:
    """WCAG 2.2 AA in light and dark."""
    page = new_page(anna, theme=theme)
    page.goto(path.format(**at))
    assert axe_violations(page) == []


@pytest.mark.parametrize("width", [320, 768])
@pytest.mark.parametrize("path", PEOPLES)
def test_pages_fit_narrow_windows(
    new_page: NewPage, anna: NewSession, at: dict[str, MeetingId], path: str, width: int
) -> None:
    """Nothing must be scrolled sideways, and the narrow form is as accessible as the wide one."""
    page = new_page(anna, width=width)
    page.goto(path.format(**at))
    assert not overflows(page)
    assert axe_violations(page) == []


@pytest.mark.parametrize("path", PEOPLES)
def test_pages_speak_hungarian(new_page: NewPage, anna: NewSession, at: dict[str, MeetingId], path: str) -> None:
    """The language is declared, and so it is spoken: longer words still fit a telephone."""
    page = new_page(anna, locale="hu-HU", width=320)
    page.goto(path.format(**at))
    expect(page.locator("html")).to_have_attribute("lang", "hu")
    page.get_by_role("button", name="Menü").click()
    expect(page.get_by_role("link", name="Modellek", exact=True)).to_be_visible()
    assert not overflows(page)


@pytest.mark.parametrize("path", ["/meetings/018f0000-0000-7000-8000-000000000000", "/nowhere", "/meetings/x"])
def test_an_unknown_address_is_explained(page: Page, watch: Watch, path: str) -> None:
    """In plain words, with a way on."""
    watch.expected.append("status of 404")
    page.goto(path)
    expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()
    page.get_by_role("main").get_by_role("link").click()
    expect(page.get_by_role("heading", name="Meetings", level=1)).to_be_visible()
    assert axe_violations(page) == []


def test_somebody_without_the_role_is_told_so(new_page: NewPage, site: Site, watch: Watch) -> None:
    """A member may not see the people of the appliance."""
    watch.expected.append("status of 403")
    page = new_page(site.people.person("bela@example.org"))
    page.goto("/users")
    expect(page.get_by_role("heading", name="This is not allowed")).to_be_visible()
    expect(page.get_by_role("navigation", name="Main").get_by_role("link", name="People")).to_have_count(0)


def test_somebody_elses_meeting_does_not_exist(
    new_page: NewPage, site: Site, watch: Watch, read_meeting: MeetingId
) -> None:
    """Not even its existence is told."""
    watch.expected.append("status of 404")
    page = new_page(site.people.person("cecil@example.org"))
    page.goto(f"/meetings/{read_meeting}")
    expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()


def test_the_theme_can_be_chosen_and_is_kept(new_page: NewPage, site: Site) -> None:
    """Dark in a light system, on the next page too, and without a script."""
    page = new_page(site.people.person("dora@example.org"), java_script_enabled=True)
    page.goto("/account")
    page.get_by_role("button", name="dora").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.goto("/models")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate("getComputedStyle(document.body).colorScheme") == "dark"


def test_pages_work_without_scripts(new_page: NewPage, anna: NewSession, read_meeting: MeetingId) -> None:
    """Reading needs none: a citation is a link to its row."""
    page = new_page(anna, java_script_enabled=False)
    page.goto(f"/meetings/{read_meeting}")
    page.get_by_role("link", name="Source 1", exact=True).first.click()
    assert "#s" in page.url
