"""Getting in and out: passwords, a colleague with a code, an ended session, the keyboard alone."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage, Watch
from tests.browser.looking import axe_violations
from tests.factories.identity import PASSWORD
from tests.factories.site import Site

pytestmark = pytest.mark.usefixtures("anna")


def _sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_a_wrong_password_is_told_and_the_address_is_kept(stranger: Page, watch: Watch) -> None:
    """The summary has the focus, so that a screen reader says it; the password field is empty again."""
    watch.expected.append("status of 401")
    stranger.goto("/sign-in")
    _sign_in(stranger, "anna@example.org", "not this one at all")
    summary = stranger.get_by_role("alert")
    expect(summary).to_contain_text("The e-mail address or the password is not right.")
    expect(summary).to_be_focused()
    expect(stranger.get_by_label("E-mail address")).to_have_value("anna@example.org")
    expect(stranger.get_by_label("Password")).to_have_value("")
    assert axe_violations(stranger) == []


def test_signing_in_leads_to_the_page_that_was_asked_for(stranger: Page) -> None:
    """A link from a colleague works after signing in."""
    stranger.goto("/models")
    assert stranger.url.endswith("/sign-in?next=/models")
    _sign_in(stranger, "anna@example.org")
    expect(stranger.get_by_role("heading", name="Models", level=1)).to_be_visible()


def test_the_keyboard_alone_is_enough(stranger: Page) -> None:
    """Tab and Enter sign in and open the form for a new meeting."""
    stranger.goto("/sign-in")
    expect(stranger.get_by_label("E-mail address")).to_be_focused()
    stranger.keyboard.type("anna@example.org")
    stranger.keyboard.press("Tab")
    stranger.keyboard.type(PASSWORD)
    stranger.keyboard.press("Enter")
    expect(stranger.get_by_role("heading", name="Meetings", level=1)).to_be_visible()
    stranger.keyboard.press("Tab")
    expect(stranger.get_by_role("link", name="Skip to the content")).to_be_focused()
    for _ in range(2):
        stranger.keyboard.press("Tab")
    stranger.keyboard.press("Enter")
    expect(stranger.get_by_role("heading", name="New meeting", level=1)).to_be_visible()


def test_a_colleague_comes_in_by_a_code_from_the_administrator(new_page: NewPage, site: Site) -> None:
    """The code is shown once, works once, and lets them choose their own password."""
    anna = new_page()
    anna.goto("/sign-in?next=/users")
    _sign_in(anna, "anna@example.org")
    anna.get_by_label("Name").fill("Őry Ödön")
    anna.get_by_label("E-mail address").fill("odon@example.org")
    anna.get_by_role("button", name="Add", exact=True).click()
    code = anna.locator(".code-large").inner_text()
    expect(anna.get_by_role("row", name="Őry Ödön")).to_contain_text("Invited")
    odon = new_page()
    odon.goto("/sign-in")
    odon.get_by_role("link", name="I have a one-time code").click()
    odon.get_by_label("One-time code").fill(code)
    odon.get_by_label("Password").fill("a hall of nine blue herons")
    odon.get_by_role("button", name="Save and sign in").click()
    expect(odon.get_by_role("heading", name="Meetings", level=1)).to_be_visible()


def test_a_refused_form_keeps_what_was_filled_in(new_page: NewPage, watch: Watch) -> None:
    """Nobody types a name twice because an address was taken."""
    watch.expected.append("status of 409")
    page = new_page()
    page.goto("/sign-in?next=/users")
    _sign_in(page, "anna@example.org")
    page.get_by_label("Name").fill("Second Anna")
    page.get_by_label("E-mail address").fill("anna@example.org")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("There is an account with the address anna@example.org already.")
    expect(page.get_by_label("Name")).to_have_value("Second Anna")


def test_sessions_can_be_seen_and_ended(new_page: NewPage, watch: Watch) -> None:
    """Ending one's session elsewhere sends that browser to the sign-in page, and says why."""
    here, there = new_page(), new_page()
    for page in (here, there):
        page.goto("/sign-in?next=/account")
        _sign_in(page, "anna@example.org")
        expect(page.get_by_role("heading", name="Account and sessions")).to_be_visible()
    here.reload()
    here.get_by_role("button", name="Sign out everywhere else").click()
    expect(here.get_by_text("Signed out there.")).to_be_visible()
    there.goto("/meetings")
    expect(there.get_by_text("Your session has ended")).to_be_visible()
    _sign_in(there, "anna@example.org")
    expect(there.get_by_role("heading", name="Meetings", level=1)).to_be_visible()


def test_signing_out_ends_the_session(new_page: NewPage) -> None:
    """The way back shows nothing any more."""
    page = new_page()
    page.goto("/sign-in")
    _sign_in(page, "anna@example.org")
    page.get_by_role("button", name="Kovács Anna").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto("/meetings")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_stranger_can_choose_the_language(stranger: Page) -> None:
    """Before anybody knows who they are."""
    stranger.goto("/sign-in")
    stranger.get_by_role("button", name="Magyar").click()
    expect(stranger.get_by_role("heading", name="Bejelentkezés")).to_be_visible()
    assert axe_violations(stranger) == []


def test_a_link_from_elsewhere_finds_the_session(new_page: NewPage, site: Site) -> None:
    """The cookie does not travel with a link from an e-mail; the portal asks once more and knows who it is."""
    page = new_page()
    page.goto("/sign-in")
    _sign_in(page, "anna@example.org")
    expect(page.get_by_role("heading", name="Meetings", level=1)).to_be_visible()
    page.goto("about:blank")
    page.set_content(f'<a href="{site.url}/models?from=mail">The models</a>')
    page.get_by_role("link", name="The models").click()
    expect(page.get_by_role("heading", name="Models", level=1)).to_be_visible()
    assert page.url == f"{site.url}/models?from=mail"
