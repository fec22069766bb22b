"""What happened in the meetings that one may see: over HTTP and as a page."""

from uuid import UUID

from appliance.audit.model import AuditName
from appliance.kernel.actor import Actor
from tests.factories.meetings import a_meeting
from tests.factories.portal import Browser, Portal

DATA = b"x" * 10


def actor_of(portal: Portal, browser: Browser) -> Actor:
    """Whose browser it is, as services see them."""
    signed_in = portal.services.identity.resume(browser.http.cookies["__Host-hangjegyzet"])
    assert signed_in is not None
    return signed_in.actor


def reads(portal: Portal, actor: Actor, meeting_id: UUID) -> None:
    """Somebody read the minutes of a meeting, as the trail tells it."""
    with portal.services.database.transaction(actor.tenant_id) as tx:
        portal.services.audit.record(
            tx, AuditName.MINUTES_READ, actor=actor, subject_type="meeting", subject_id=meeting_id
        )


def test_the_feed_tells_who_did_what(portal: Portal, anna: Browser) -> None:
    """Newest first, by name, with the title as it is now."""
    meeting_id = a_meeting(portal.services.meetings, actor_of(portal, anna), title="Régi", data=DATA).meeting_id
    anna.http.patch(f"/api/v1/meetings/{meeting_id}", json={"title": "Új"}, headers=anna.unsafe)
    told = anna.http.get("/api/v1/activity").json()["happenings"]
    assert [one["name"] for one in told] == [AuditName.MEETING_RENAMED, AuditName.UPLOAD_COMPLETED]
    assert {one["meeting_title"] for one in told} == {"Új"}
    assert {one["person"] for one in told} == {actor_name(portal)}


def actor_name(portal: Portal) -> str:
    """The display name of the only person."""
    (person,) = portal.services.accounts.list(portal.people.operator)
    return person.name


def test_meetings_of_others_do_not_show(portal: Portal, anna: Browser) -> None:
    """Neither on the page nor in the API; the administrator is no exception."""
    bela = portal.people.person("bela@example.org").signed_in.actor
    a_meeting(portal.services.meetings, bela, title="Titkos ügy", data=DATA)
    assert anna.http.get("/api/v1/activity").json() == {"happenings": [], "next_before": None}
    page = anna.http.get("/activity").text
    assert "Titkos ügy" not in page
    assert "Még nem történt semmi" in page


def test_reading_is_told_of_others_alone(portal: Portal, anna: Browser) -> None:
    """One's own would be most of the list."""
    actor = actor_of(portal, anna)
    bela = portal.people.person("bela@example.org").signed_in.actor
    meeting_id = a_meeting(portal.services.meetings, actor, data=DATA).meeting_id
    for reader in (actor, bela):
        reads(portal, reader, meeting_id)
    told = anna.http.get("/api/v1/activity").json()["happenings"]
    assert [one["name"] for one in told] == [AuditName.MINUTES_READ, AuditName.UPLOAD_COMPLETED]
    assert told[0]["person"] != told[1]["person"]


def test_a_deleted_meeting_is_told_of_no_longer(portal: Portal, anna: Browser) -> None:
    """Its title went with its key."""
    meeting_id = a_meeting(portal.services.meetings, actor_of(portal, anna), data=DATA).meeting_id
    assert anna.http.get("/api/v1/activity").json()["happenings"]
    anna.http.delete(f"/api/v1/meetings/{meeting_id}", headers=anna.unsafe)
    assert anna.http.get("/api/v1/activity").json()["happenings"] == []


def test_pages_of_the_feed_hold_everything_once(portal: Portal, anna: Browser) -> None:
    """Each goes on where the one before ended."""
    for number in range(5):
        a_meeting(portal.services.meetings, actor_of(portal, anna), title=f"{number}", data=DATA)
    seen: list[str] = []
    before = None
    while True:
        params = {"limit": 2} | ({"before": before} if before else {})
        page = anna.http.get("/api/v1/activity", params=params).json()
        seen += [one["meeting_title"] for one in page["happenings"]]
        if (before := page["next_before"]) is None:
            break
    assert seen == ["4", "3", "2", "1", "0"]


def test_a_number_that_is_none_shows_the_newest(portal: Portal, anna: Browser) -> None:
    """An address that somebody typed ends in no error."""
    a_meeting(portal.services.meetings, actor_of(portal, anna), title="Értekezlet", data=DATA)
    for asked in ("x", "-1", "9" * 40, "²"):
        page = anna.http.get("/activity", params={"before": asked})
        assert page.status_code == 200
        assert "Értekezlet" in page.text
