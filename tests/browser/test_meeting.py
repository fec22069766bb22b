"""Reading a meeting: sound, words, sources; renaming and deleting."""

import json

import pytest
from playwright.sync_api import Page, expect

from appliance.identity.model import NewSession
from appliance.kernel.ids import MeetingId
from appliance.quality.samples import sample_meeting
from appliance.transcripts.model import Segment
from tests.browser.conftest import NewPage, Watch
from tests.browser.looking import axe_violations, wait_until
from tests.factories.database import TestDatabase
from tests.factories.readings import a_read_meeting, sample_transcript
from tests.factories.site import Site
from web.formats import Formats

_POSITION = "document.querySelector('audio').currentTime"
_SPOKEN = """[...(CSS.highlights.get('spoken') ?? [])].map(({startContainer: text, startOffset: from, endOffset: to}) =>
    text.data.slice(from, to)).join()"""


SAMPLE = sample_transcript(sample_meeting("en"))
CLOCK = Formats("en").clock


def _said(words: str) -> Segment:
    """The segment of the sample in which these words are said."""
    return next(segment for segment in SAMPLE.segments if words in segment.text)


@pytest.fixture
def meeting(page: Page, read_meeting: MeetingId) -> Page:
    """The page of the sample meeting, its words and peaks loaded."""
    with page.expect_response("**/words"), page.expect_response("**/peaks"):
        page.goto(f"/meetings/{read_meeting}")
    return page


def _position(page: Page) -> float:
    return float(page.evaluate(_POSITION))


def _wait_for_position(page: Page, low: float, high: float) -> None:
    wait_until(page, f"{_POSITION} >= {low} && {_POSITION} <= {high}")


def test_who_said_what_is_readable_at_a_glance(meeting: Page) -> None:
    """Title, facts, speakers and the first sentence."""
    expect(meeting.get_by_role("heading", name="Weekly planning meeting", level=1)).to_be_visible()
    expect(meeting.get_by_text("4 speakers")).to_be_visible()
    expect(meeting.get_by_role("region", name="Transcript")).to_contain_text("Good morning everyone")


def test_a_citation_shows_the_exact_words_and_plays_them(meeting: Page) -> None:
    """Speaker, time, quotation; then eight seconds of the sound, and the spoken word is marked."""
    meeting.get_by_role("link", name="Source 5", exact=True).first.click()
    popover = meeting.get_by_role("dialog", name="Speaker 1")
    cited = _said("Then the new release date")
    expect(popover).to_contain_text(CLOCK(cited.start_s))
    expect(popover.locator("mark")).to_have_text("Then the new release date is the 17th of March")
    assert axe_violations(meeting) == []
    popover.get_by_role("button", name="Play 8 s").click()
    _wait_for_position(meeting, cited.start_s - 0.1, cited.end_s + 2)
    wait_until(meeting, f"({_SPOKEN}).length > 0")
    assert meeting.evaluate(_SPOKEN) in "Then the new release date is the 17th of March."


def test_a_citation_leads_to_its_row(meeting: Page) -> None:
    """The row comes into view and its quoted words are marked; Escape would have led back to the citation."""
    meeting.get_by_role("link", name="Source 7", exact=True).click()
    meeting.get_by_role("button", name="Show in the transcript").click()
    row = meeting.locator(".segment-cited")
    expect(row).to_contain_text("We will spend 6,000 euros on training this year")
    expect(row).to_be_in_viewport()
    assert meeting.evaluate("CSS.highlights.get('cited').size") == 1


def test_escape_closes_a_citation_and_returns_the_focus(meeting: Page) -> None:
    """Somebody who reads by keyboard stays where they were."""
    source = meeting.get_by_role("link", name="Source 1", exact=True).first
    source.focus()
    meeting.keyboard.press("Enter")
    expect(meeting.get_by_role("button", name="Play 8 s")).to_be_focused()
    meeting.keyboard.press("Escape")
    expect(source).to_be_focused()


def test_a_recording_that_cannot_be_read_just_now_says_why(meeting: Page, watch: Watch) -> None:
    """The appliance's own reason instead of a guess; once it is mended the same button plays."""
    watch.expected.append("status of 503")
    problem = {"detail": "This recording is still on the disk of the backups.", "hint": "Connect it."}
    meeting.route("**/audio", lambda route: route.fulfill(status=503, json=problem))
    meeting.get_by_role("button", name="Play", exact=True).click()
    told = meeting.get_by_text("This recording is still on the disk of the backups. Connect it.")
    expect(told).to_be_visible()
    meeting.unroute("**/audio")
    meeting.get_by_role("button", name="Play", exact=True).click()
    _wait_for_position(meeting, 0.1, 60)
    expect(told).to_be_hidden()


def test_a_time_and_a_word_seek(meeting: Page) -> None:
    """A row's time plays from there; a click on a word goes to that word."""
    greeting, questions = SAMPLE.segments[4], _said("Last month we received 42 questions")
    meeting.get_by_role("link", name=CLOCK(greeting.start_s), exact=True).click()
    _wait_for_position(meeting, greeting.start_s, greeting.start_s + 5)
    meeting.get_by_role("button", name="Play", exact=True).click()
    row = meeting.locator(f"#s{questions.id}")
    where = row.locator("p").evaluate(
        """(row) => { const range = document.createRange(); const at = row.firstChild.data.indexOf('questions') + 3;
        range.setStart(row.firstChild, at); range.setEnd(row.firstChild, at + 1);
        row.scrollIntoView({block: 'center'}); const box = range.getBoundingClientRect();
        return [box.x + 2, box.y + box.height / 2]; }"""
    )
    meeting.mouse.click(*where)
    wait_until(meeting, f"{_POSITION} > {questions.start_s + 0.5} && {_POSITION} < {questions.end_s}")


def test_the_player_works_by_keys_alone(meeting: Page) -> None:
    """From anywhere on the page; F keys and the position slider too."""
    meeting.keyboard.press("Control+Space")
    _wait_for_position(meeting, 0.1, 60)
    expect(meeting.get_by_role("button", name="Play", exact=True)).to_have_attribute("aria-pressed", "true")
    meeting.keyboard.press("Control+Space")
    expect(meeting.get_by_role("button", name="Play", exact=True)).to_have_attribute("aria-pressed", "false")
    slider = meeting.get_by_role("slider", name="Position in the recording")
    slider.focus()
    slider.press("Home")
    slider.press("PageUp")
    expect(slider).to_have_attribute("aria-valuetext", f"1:00 of {CLOCK(SAMPLE.duration_s)}")
    meeting.keyboard.press("Alt+l")
    expect(slider).to_have_attribute("aria-valuenow", "65")
    meeting.keyboard.press("Alt+j")
    meeting.keyboard.press("F1")
    expect(slider).to_have_attribute("aria-valuenow", "57")
    meeting.keyboard.press("F4")
    expect(meeting.get_by_label("Speed")).to_have_value("1.25")


def test_the_keys_are_listed(meeting: Page) -> None:
    """A question mark shows them."""
    meeting.keyboard.press("?")
    dialog = meeting.get_by_role("dialog", name="Keys")
    expect(dialog).to_contain_text("Play and pause")
    assert axe_violations(meeting) == []
    meeting.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_the_shape_of_the_sound_is_drawn(meeting: Page) -> None:
    """Bars of the peaks that the appliance computed, and a band in the colours of speakers."""
    colours = meeting.evaluate(
        """() => { const canvas = document.querySelector('.player canvas'); const context = canvas.getContext('2d');
        const all = context.getImageData(0, 0, canvas.width, canvas.height).data; const found = new Set();
        for (let i = 0; i < all.length; i += 4)
          if (all[i + 3] === 255) found.add(`${all[i]},${all[i + 1]},${all[i + 2]}`);
        return [...found]; }"""
    )
    assert {"136,204,238", "204,102,119", "221,204,119", "17,119,51"} <= set(colours)
    assert len(colours) > 5


def test_minutes_say_how_far_each_statement_is_borne_out(meeting: Page) -> None:
    """By an icon and a word, and never by colour alone; what failed its check is kept apart."""
    minutes = meeting.get_by_role("complementary", name="Minutes")
    expect(minutes.get_by_text("9 statements · 8 supported · 1 partly supported")).to_be_visible()
    partly = minutes.get_by_role("listitem").filter(has_text="Customers often ask about the backup.")
    expect(partly).to_contain_text("Partly supported")
    nobody = minutes.get_by_role("listitem").filter(has_text="Somebody must update the user manual")
    expect(nobody).to_contain_text("nobody named")
    expect(nobody).to_contain_text("Word for word")
    minutes.get_by_text("Sentences that failed their check").click()
    expect(minutes.get_by_text("not said: number 17")).to_be_visible()


def test_exports_can_be_taken_away(meeting: Page, read_meeting: MeetingId) -> None:
    """As files, named after the meeting."""
    meeting.get_by_role("button", name="Export").click()
    with meeting.expect_download() as download:
        meeting.get_by_role("link", name="Subtitles").click()
    assert download.value.path().read_text().startswith("WEBVTT")
    meeting.get_by_role("button", name="Export").click()
    with meeting.expect_download() as download:
        meeting.get_by_role("link", name="Data").first.click()
    assert json.loads(download.value.path().read_text())["decisions"]


def test_a_removed_passage_can_be_put_back(
    new_page: NewPage, site: Site, site_db: TestDatabase, anna: NewSession
) -> None:
    """It joins the transcript, sources still find their words, the minutes say that they are older; new ones follow."""
    page = new_page(anna)
    page.goto(f"/meetings/{a_read_meeting(site, site_db, anna.signed_in.actor, title='Restored')}")
    page.get_by_text("Removed passages").click()
    expect(page.get_by_text("A phrase that speech models are known to invent")).to_be_visible()
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_role("region", name="Transcript")).to_contain_text("Thank you for watching.")
    expect(page.get_by_text("The transcript was changed after these minutes were written.")).to_be_visible()
    expect(page.get_by_text("Removed passages")).to_have_count(0)
    assert axe_violations(page) == []
    page.get_by_role("button", name="Write the minutes again").click()
    expect(page.get_by_role("heading", name="Working on the recording")).to_be_visible()
    expect(page.get_by_role("button", name="Write the minutes again")).to_have_count(0)


def test_a_meeting_is_renamed_and_deleted(
    new_page: NewPage, site: Site, site_db: TestDatabase, anna: NewSession
) -> None:
    """Deleting says what it destroys, and asks."""
    page = new_page(anna)
    page.goto(f"/meetings/{a_read_meeting(site, site_db, anna.signed_in.actor, title='Old name')}")
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Rename …").click()
    page.get_by_label("Title").fill("Új név")
    page.get_by_role("button", name="Rename", exact=True).click()
    expect(page.get_by_role("heading", name="Új név")).to_be_visible()
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Delete …").click()
    dialog = page.get_by_role("dialog", name="Delete this meeting?")
    expect(dialog).to_contain_text("Új név")
    assert axe_violations(page) == []
    dialog.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_role("heading", name="Meetings", level=1)).to_be_visible()
    expect(page.get_by_role("link", name="Új név")).to_have_count(0)


def test_a_narrow_window_shows_one_pane_at_a_time(new_page: NewPage, anna: NewSession, read_meeting: MeetingId) -> None:
    """Minutes first; a source leads over to the transcript."""
    page = new_page(anna, width=390)
    page.goto(f"/meetings/{read_meeting}")
    expect(page.get_by_role("region", name="Transcript")).to_be_hidden()
    page.get_by_role("link", name="Source 7", exact=True).click()
    page.get_by_role("button", name="Show in the transcript").click()
    expect(page.locator(".segment-cited")).to_be_in_viewport()
    page.get_by_role("button", name="Minutes", exact=True).click()
    expect(page.get_by_role("heading", name="Decisions")).to_be_visible()
