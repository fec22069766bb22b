"""Sending recordings: several at once, refused beforehand, interrupted in every way, and complete in the end."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from appliance.identity.model import NewSession
from appliance.kernel.ids import MeetingId
from appliance.kernel.units import KIB, MIB
from appliance.models.model import PackKind
from appliance.settings import UploadSettings
from tests.browser.conftest import Watch
from tests.browser.looking import axe_violations, wait_until
from tests.factories.database import TestDatabase
from tests.factories.packs import a_folder, a_pack, members
from tests.factories.site import Site, a_site

SLICE = 128 * KIB
ARecording = Callable[[str, int], Path]


@pytest.fixture(scope="module")
def site(site_db: TestDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A portal that takes small slices and no large files, with a speech model that is not fit for Hungarian."""
    upload = UploadSettings(slice_bytes=SLICE, max_bytes=4 * MIB)
    folder = tmp_path_factory.mktemp("site")
    with a_site(site_db, folder, upload=upload) as site:
        pack = a_pack(kind=PackKind.SPEECH)
        site.services.models.import_pack(a_folder(folder / "pack", members(pack)))
        yield site


@pytest.fixture
def a_recording(tmp_path: Path) -> ARecording:
    """Makes files that are as long as recordings; nobody listens to them."""

    def make(name: str, size_bytes: int) -> Path:
        path = tmp_path / name
        path.write_bytes(random.Random(name).randbytes(size_bytes))
        return path

    return make


@pytest.fixture
def form(page: Page) -> Page:
    """The form for a new meeting."""
    page.goto("/meetings/new")
    return page


def _choose(page: Page, *files: Path) -> None:
    page.get_by_label("Choose recordings").set_input_files(list(files))


def _row(page: Page, name: str) -> Locator:
    return page.get_by_role("listitem").filter(has_text=name)


def _arrived(site: Site, session: NewSession, title: str) -> bytes:
    """The recording of the meeting of that title, as the appliance gives it back."""
    meetings, actor = site.services.meetings, session.signed_in.actor
    found = next(row for row in meetings.page(actor).meetings if row.title == title)
    with meetings.open_audio(actor, MeetingId(found.id)) as reader:
        return reader.read()


def test_one_recording_is_sent_and_its_progress_opens(
    form: Page, site: Site, anna: NewSession, a_recording: ARecording
) -> None:
    """Byte for byte, under the title that was given, with the words to expect; then the page of the meeting opens."""
    file = a_recording("budget_2027.m4a", 5 * SLICE + 321)
    _choose(form, file)
    expect(form.get_by_label("Title of the meeting")).to_have_value("budget 2027")
    form.get_by_label("Title of the meeting").fill("Budget, first reading")
    form.get_by_label("Names and terms to expect").fill(" Őrség,  Zsigmond Kft. ")
    assert axe_violations(form) == []
    form.get_by_role("button", name="Send the recording").click()
    expect(form.get_by_role("heading", name="Budget, first reading")).to_be_visible()
    expect(form.get_by_role("heading", name="Waiting for its turn")).to_be_visible()
    assert _arrived(site, anna, "Budget, first reading") == file.read_bytes()
    told = form.request.get(f"/api/v1{urlsplit(form.url).path}/words").json()
    assert told == {"words": ["Őrség", "Zsigmond Kft."]}


def test_several_recordings_are_sent_one_after_the_other(
    form: Page, site: Site, anna: NewSession, a_recording: ARecording
) -> None:
    """Each becomes a meeting of its own."""
    files = [a_recording(f"part {number}.mp3", SLICE + number) for number in (1, 2, 3)]
    _choose(form, *files)
    form.get_by_role("button", name="Send 3 recordings").click()
    for file in files:
        expect(_row(form, file.name).get_by_text("Arrived", exact=True)).to_be_visible()
        assert _arrived(site, anna, file.stem) == file.read_bytes()
    expect(form.get_by_role("link", name="Open")).to_have_count(3)


def test_files_can_be_dropped(form: Page, site: Site, anna: NewSession) -> None:
    """The whole form takes them."""
    dropped = form.evaluate_handle(
        """() => { const all = new DataTransfer();
        all.items.add(new File(['a dropped sound'], 'dropped.ogg')); return all; }"""
    )
    form.locator(".dropzone").dispatch_event("drop", {"dataTransfer": dropped})
    form.get_by_role("button", name="Send the recording").click()
    expect(form.get_by_role("heading", name="dropped")).to_be_visible()
    assert _arrived(site, anna, "dropped") == b"a dropped sound"


def test_what_cannot_be_sent_is_told_before_the_first_byte(form: Page, a_recording: ARecording) -> None:
    """Empty and too large files are refused by the page itself; nothing is asked of the appliance."""
    asked: list[str] = []
    form.on("request", lambda request: asked.append(request.url) if "/api/" in request.url else None)
    _choose(form, a_recording("empty.wav", 0), a_recording("long.wav", 5 * MIB))
    expect(_row(form, "empty.wav")).to_contain_text("The file is empty: it holds no bytes at all.")
    expect(_row(form, "long.wav")).to_contain_text("The file has 5 MiB; the limit is 4 MiB.")
    expect(form.get_by_role("button", name="Send the recording")).to_be_disabled()
    assert asked == []


def test_a_lost_connection_only_delays(
    form: Page, site: Site, anna: NewSession, a_recording: ARecording, watch: Watch
) -> None:
    """The page says so, waits, and goes on by itself from where the appliance stands."""
    watch.expected.append("net::ERR_INTERNET_DISCONNECTED")
    file = a_recording("train.wav", 6 * SLICE)
    cut = _after_slices(form, 2, lambda: form.context.set_offline(True))
    _choose(form, file)
    form.get_by_role("button", name="Send the recording").click()
    expect(_row(form, file.name)).to_contain_text("The connection is lost.")
    form.unroute("**/api/v1/uploads/**", cut)
    form.context.set_offline(False)
    expect(form.get_by_role("heading", name="train")).to_be_visible()
    assert _arrived(site, anna, "train") == file.read_bytes()


def test_a_paused_upload_goes_on_where_it_stopped(
    form: Page, site: Site, anna: NewSession, a_recording: ARecording
) -> None:
    """Nothing is sent twice."""
    file = a_recording("paused.wav", 6 * SLICE)
    held: list[Route] = []
    hold = _after_slices(form, 2, lambda: None, held=held)
    _choose(form, file)
    form.get_by_role("button", name="Send the recording").click()
    _wait_for_percent(form, "33%")
    form.get_by_role("button", name="Pause").click()
    expect(_row(form, file.name)).to_contain_text("Paused")
    form.unroute("**/api/v1/uploads/**", hold)
    offsets: list[int] = []
    form.on("request", lambda request: offsets.append(_offset(request.url)) if request.method == "PUT" else None)
    form.get_by_role("button", name="Go on").click()
    expect(form.get_by_role("heading", name="paused")).to_be_visible()
    assert offsets[0] == 2 * SLICE
    assert _arrived(site, anna, "paused") == file.read_bytes()


def test_a_closed_window_costs_nothing_that_had_arrived(
    form: Page, site: Site, anna: NewSession, a_recording: ARecording, watch: Watch
) -> None:
    """The next visit knows the upload; the same file, chosen again, goes on from the last byte that is safe."""
    file = a_recording("closed.wav", 6 * SLICE)
    watch.expected.append("net::ERR_INTERNET_DISCONNECTED")
    _after_slices(form, 3, lambda: form.context.set_offline(True))
    _choose(form, file)
    form.get_by_role("button", name="Send the recording").click()
    expect(_row(form, file.name)).to_contain_text("The connection is lost.")
    again = form.context.new_page()
    form.close()
    again.context.set_offline(False)
    again.goto("/meetings/new")
    expect(_row(again, "closed.wav")).to_contain_text("Choose the same file again")
    expect(_row(again, "closed.wav")).to_contain_text("50%")
    offsets: list[int] = []
    again.on("request", lambda request: offsets.append(_offset(request.url)) if request.method == "PUT" else None)
    _choose(again, file)
    expect(again.get_by_role("heading", name="closed")).to_be_visible()
    assert offsets[0] == 3 * SLICE
    assert _arrived(site, anna, "closed") == file.read_bytes()
    again.goto("/meetings/new")
    expect(again.get_by_role("listitem")).to_have_count(0)


def test_an_interrupted_upload_can_be_given_up(form: Page, a_recording: ARecording) -> None:
    """Removed from the list, it is destroyed on the appliance too."""
    file = a_recording("given_up.wav", 6 * SLICE)
    held: list[Route] = []
    hold = _after_slices(form, 1, lambda: None, held=held)
    _choose(form, file)
    form.get_by_role("button", name="Send the recording").click()
    form.get_by_role("button", name="Pause").click()
    form.unroute("**/api/v1/uploads/**", hold)
    with form.expect_response(lambda answer: answer.request.method == "DELETE") as gone:
        form.get_by_role("button", name="Remove").click()
    assert gone.value.status == 204
    form.reload()
    expect(form.get_by_role("listitem")).to_have_count(0)


def test_an_ended_session_pauses_and_says_so(form: Page, site: Site, a_recording: ARecording, watch: Watch) -> None:
    """Somebody signs in again in another window and goes on; nothing is lost."""
    watch.expected.append("status of 401")
    form.context.clear_cookies()
    _choose(form, a_recording("late.wav", SLICE))
    form.get_by_role("button", name="Send the recording").click()
    expect(_row(form, "late.wav")).to_contain_text("Your session has ended.")
    expect(form.get_by_role("button", name="Go on")).to_be_visible()


def test_hungarian_is_warned_of_when_the_model_is_not_fit_for_it(form: Page) -> None:
    """Before the first byte, for Hungarian and for a language still to be found; not for English."""
    language = form.get_by_label("Language spoken")
    expect(form.get_by_text("If people speak Hungarian, most of the transcript would be wrong.")).to_be_visible()
    language.select_option("Hungarian")
    expect(form.get_by_text("The model small-speech is not fit for this language: Hungarian")).to_be_visible()
    language.select_option("English")
    expect(form.locator(".notice-warn:visible")).to_have_count(0)


def _wait_for_percent(page: Page, percent: str) -> None:
    wait_until(page, f"document.querySelector('[data-part=percent]').textContent === '{percent}'")


def _offset(url: str) -> int:
    return int(url.rpartition("=")[2])


def _after_slices(
    page: Page, count: int, then: Callable[[], None], *, held: list[Route] | None = None
) -> Callable[[Route], None]:
    """Let ``count`` slices through, then do something; the next slice waits for ever, or goes where it can."""
    seen = 0

    def handle(route: Route) -> None:
        nonlocal seen
        if route.request.method != "PUT":
            route.continue_()
            return
        seen += 1
        if seen == count + 1:
            then()
        if seen > count and held is not None:
            held.append(route)
        else:
            route.continue_()

    page.route("**/api/v1/uploads/**", handle)
    return handle
