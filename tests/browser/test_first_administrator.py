"""The first minute of an appliance."""

from playwright.sync_api import Page, expect

from tests.browser.looking import axe_violations
from tests.factories.identity import PASSWORD
from tests.factories.site import Site


def test_an_appliance_begins_with_its_first_administrator(stranger: Page, site: Site) -> None:
    """The code from the machine's screen makes one, and leads straight to the empty list."""
    code = site.people.identity.issue_first_code(site.people.operator).code
    stranger.goto("/")
    expect(stranger.get_by_role("heading", name="Set up this appliance")).to_be_visible()
    assert axe_violations(stranger) == []
    stranger.get_by_label("One-time code").fill(code)
    stranger.get_by_label("Your name").fill("Kovács Anna")
    stranger.get_by_label("E-mail address").fill("anna@example.org")
    stranger.get_by_label("Password").fill(PASSWORD)
    stranger.get_by_role("button", name="Create the administrator").click()
    expect(stranger.get_by_role("heading", name="No meetings yet")).to_be_visible()
