"""A browser that looks at the portal, and fails every test in which something goes wrong behind the page."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, Request, sync_playwright

from appliance.adapters.postgres import EmbeddedServer
from appliance.identity.model import NewSession
from appliance.kernel.ids import MeetingId
from tests.browser.looking import AXE
from tests.factories.database import TestDatabase, new_database
from tests.factories.readings import a_read_meeting
from tests.factories.site import Site, a_site
from web.security.sessions import COOKIE

CHROMIUM = Path("/usr/bin/chromium")
VENDOR = Path(__file__).parents[2] / "web" / "static" / "vendor" / "manifest.json"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
)

_WATCH = """
globalThis.__violations = [];
addEventListener("securitypolicyviolation", (event) =>
  __violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));
"""

Theme = Literal["light", "dark"]
NewPage = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder drives Chromium."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for a module: Playwright keeps an event loop in this thread, beside which no test can run its own."""
    if not CHROMIUM.exists():
        pytest.fail(f"{CHROMIUM} is missing: apt-get install chromium, or images/setup.sh --dev")
    if not (AXE.exists() and VENDOR.exists()):
        pytest.fail("the portal's browser code is not built: images/build-web.sh")
    with sync_playwright() as playwright:
        browser = _launch(playwright)
        yield browser
        browser.close()


def _launch(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(ARGUMENTS))


@pytest.fixture(scope="module")
def site_db(postgres_server: EmbeddedServer) -> Iterator[TestDatabase]:
    """The database of a module's portal."""
    with new_database(postgres_server, template="hangjegyzet_template") as db:
        yield db


@pytest.fixture(scope="module")
def site(site_db: TestDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A portal of one organisation, shared by the tests of a module."""
    with a_site(site_db, tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture(scope="module")
def anna(site: Site) -> NewSession:
    """The session of the first administrator."""
    return site.people.administrator("anna@example.org")


@pytest.fixture(scope="module")
def read_meeting(site: Site, site_db: TestDatabase, anna: NewSession) -> MeetingId:
    """A meeting of hers with transcript and minutes."""
    return a_read_meeting(site, site_db, anna.signed_in.actor)


class Watch:
    """Everything that went wrong behind the pages of one test."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.faults: list[str] = []
        self.expected: list[str] = []
        """Parts of messages that the test is about, such as the status of an error page."""

    def request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.origin}/", "blob:", "data:", "about:")):
            self.faults.append(f"request to another origin: {request.url}")

    def console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.faults.append(f"console error: {message.text}")

    def page(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.faults.append(f"uncaught: {error}"))
        page.on("console", self.console)

    def unexpected(self) -> list[str]:
        return [fault for fault in self.faults if not any(part in fault for part in self.expected)]


@pytest.fixture(autouse=True)
def watch(site: Site, chromium: Browser) -> Iterator[Watch]:
    """Fail a test on a request elsewhere, a violated policy, an error in the console or an unhandled rejection."""
    watch = Watch(site.url)
    yield watch
    assert watch.unexpected() == []


@pytest.fixture
def new_page(site: Site, chromium: Browser, watch: Watch) -> Iterator[NewPage]:
    """Opens pages: of a stranger, or of the owner of a session."""
    contexts: list[BrowserContext] = []

    def open_page(
        session: NewSession | None = None,
        *,
        theme: Theme = "light",
        width: int = 1440,
        locale: str = "en-GB",
        **options: Any,
    ) -> Page:
        context = chromium.new_context(
            base_url=site.url,
            color_scheme=theme,
            viewport={"width": width, "height": 900},
            locale=locale,
            reduced_motion="reduce",
            **options,
        )
        contexts.append(context)
        context.set_default_timeout(20_000)
        context.add_init_script(_WATCH)
        context.on("request", watch.request)
        context.on("page", watch.page)
        if session is not None:
            context.add_cookies(
                [
                    {
                        "name": COOKIE,
                        "value": session.token,
                        "url": site.url.replace("http:", "https:"),
                        "secure": True,
                        "httpOnly": True,
                    }
                ]
            )
        return context.new_page()

    yield open_page
    for context in contexts:
        for page in context.pages:
            if page.url.startswith(site.url):
                watch.faults += [f"policy violated: {text}" for text in page.evaluate("globalThis.__violations ?? []")]
        context.close()


@pytest.fixture
def page(new_page: NewPage, anna: NewSession) -> Page:
    """A page of the administrator."""
    return new_page(anna)


@pytest.fixture
def stranger(new_page: NewPage) -> Page:
    """A page of somebody who has not signed in."""
    return new_page()
