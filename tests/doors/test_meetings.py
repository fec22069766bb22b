"""Meetings, their recordings and jobs over HTTP."""

import threading
from collections.abc import Iterator

import pytest

from appliance.kernel.actor import Actor
from appliance.meetings.uploads import StartedMeeting
from tests.factories.meetings import a_meeting, recording_bytes
from tests.factories.portal import Browser, Portal
from web.downloads import content_disposition
from web.media_types import media_type_of

DATA = recording_bytes(300_000)


@pytest.fixture
def owner(portal: Portal, anna: Browser) -> Actor:
    """Anna, as services see her."""
    token = anna.http.cookies["__Host-hangjegyzet"]
    signed_in = portal.services.identity.resume(token)
    assert signed_in is not None
    return signed_in.actor


@pytest.fixture
def meeting(portal: Portal, owner: Actor) -> StartedMeeting:
    """One of Anna's meetings, whose job waits."""
    return a_meeting(portal.services.meetings, owner, filename='A "titkos" ügy.wav', data=DATA)


def test_the_list_goes_on_where_the_page_before_ended(portal: Portal, anna: Browser, owner: Actor) -> None:
    """Every meeting once, newest first."""
    made = [str(a_meeting(portal.services.meetings, owner, title=f"{n}", data=b"x" * 10).meeting_id) for n in range(5)]
    seen, cursor = [], None
    while True:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = anna.http.get("/api/v1/meetings", params=params).json()
        seen += [m["id"] for m in page["meetings"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == made[::-1]


@pytest.mark.parametrize(
    ("params", "status"), [({"cursor": "rubbish"}, 422), ({"limit": 0}, 400), ({"limit": 1000}, 400)]
)
def test_a_page_that_cannot_be_is_refused(anna: Browser, params: dict[str, str], status: int) -> None:
    """Instead of answering something else."""
    assert anna.http.get("/api/v1/meetings", params=params).status_code == status


def test_a_meeting_can_be_renamed(anna: Browser, meeting: StartedMeeting) -> None:
    """The new title is there at once."""
    path = f"/api/v1/meetings/{meeting.meeting_id}"
    answer = anna.http.patch(path, json={"title": "Másik cím"}, headers=anna.unsafe)
    assert answer.json()["title"] == "Másik cím"
    assert anna.http.get(path).json()["title"] == "Másik cím"


def test_a_deleted_meeting_is_gone_and_deleting_again_changes_nothing(anna: Browser, meeting: StartedMeeting) -> None:
    """204 both times."""
    path = f"/api/v1/meetings/{meeting.meeting_id}"
    assert anna.http.delete(path, headers=anna.unsafe).status_code == 204
    assert anna.http.get(path).status_code == 404
    assert anna.http.get(f"{path}/audio").status_code == 404
    assert anna.http.delete(path, headers=anna.unsafe).status_code == 204


def test_the_recording_comes_back_as_it_was_sent(anna: Browser, meeting: StartedMeeting) -> None:
    """Decrypted on the way, with its name and headers for a player."""
    answer = anna.http.get(f"/api/v1/meetings/{meeting.meeting_id}/audio")
    assert answer.status_code == 200
    assert answer.content == DATA
    assert answer.headers["accept-ranges"] == "bytes"
    assert "filename*=UTF-8''A%20_titkos_%20%C3%BCgy.wav" in answer.headers["content-disposition"]
    assert "no-store" in answer.headers["cache-control"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_player_gets_the_part_that_it_asks_for(anna: Browser, meeting: StartedMeeting) -> None:
    """Across a boundary of chunks."""
    path = f"/api/v1/meetings/{meeting.meeting_id}/audio"
    answer = anna.http.get(path, headers={"range": "bytes=65000-66000"})
    assert (answer.status_code, answer.content) == (206, DATA[65000:66001])
    assert answer.headers["content-range"] == f"bytes 65000-66000/{len(DATA)}"
    head = anna.http.head(path)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(len(DATA)), b"")
    assert anna.http.get(path, headers={"range": "bytes=300000-"}).status_code == 416
    again = anna.http.get(path, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_nobody_hears_somebody_elses_meeting(portal: Portal, anna: Browser) -> None:
    """Not even an administrator: reading all meetings is no part of running the appliance."""
    bela = portal.people.person("bela@example.org").signed_in.actor
    theirs = a_meeting(portal.services.meetings, bela, data=DATA)
    for path in ("", "/audio", "/peaks"):
        assert anna.http.get(f"/api/v1/meetings/{theirs.meeting_id}{path}").status_code == 404
    assert anna.http.get("/api/v1/meetings").json()["meetings"] == []


def test_a_job_is_listed_shown_and_cancelled(anna: Browser, meeting: StartedMeeting) -> None:
    """With its steps, whose shares add up to one."""
    job = anna.http.get("/api/v1/jobs", params={"state": "queued"}).json()["jobs"][0]
    assert job["id"] == str(meeting.job_id)
    assert job["queue_position"] == 1
    assert sum(step["share"] for step in job["steps"]) == pytest.approx(1, abs=0.01)
    cancelled = anna.http.post(f"/api/v1/jobs/{meeting.job_id}/cancel", headers=anna.unsafe)
    assert cancelled.status_code == 202
    assert cancelled.json()["state"] in ("cancelling", "cancelled")


def test_a_job_that_waits_cannot_be_retried(anna: Browser, meeting: StartedMeeting) -> None:
    """409 with what can be done instead."""
    answer = anna.http.post(f"/api/v1/jobs/{meeting.job_id}/retry", json={}, headers=anna.unsafe)
    assert answer.status_code == 409
    assert answer.json()["code"] == "jobs.not_retryable"


def test_jobs_of_others_do_not_exist(portal: Portal, anna: Browser, meeting: StartedMeeting) -> None:
    """For a member; the administrator of the appliance sees that somebody's job waits."""
    portal.people.person("bela@example.org")
    with portal.browser() as bela:
        bela.sign_in("bela@example.org")
        for path in ("", "/events"):
            assert bela.http.get(f"/api/v1/jobs/{meeting.job_id}{path}").status_code == 404
        assert bela.http.post(f"/api/v1/jobs/{meeting.job_id}/cancel", headers=bela.unsafe).status_code == 404


def events_of(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, line.removeprefix("data: ")


def test_changes_of_a_job_arrive_until_it_rests(
    portal: Portal, anna: Browser, owner: Actor, meeting: StartedMeeting
) -> None:
    """First how it is, then what changes, and an end: nothing is left to wait for."""
    cancel = threading.Timer(0.5, lambda: portal.services.jobs.cancel(actor=owner, job_id=meeting.job_id))
    cancel.start()
    with anna.http.stream("GET", f"/api/v1/jobs/{meeting.job_id}/events", headers={"last-event-id": "7"}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        events = list(events_of(answer.iter_lines()))
    cancel.join()
    assert events[0][0] == "job"
    assert '"state":"queued"' in events[0][1]
    assert events[-1] == ("end", "{}")
    assert '"state":"cancelled"' in events[-2][1]


def test_models_are_listed(anna: Browser) -> None:
    """None is installed in this portal."""
    assert anna.http.get("/api/v1/models").json() == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.wav", "attachment; filename=\"a.wav\"; filename*=UTF-8''a.wav"),
        ("../../etc/passwd", "attachment; filename=\"_.._etc_passwd\"; filename*=UTF-8''_.._etc_passwd"),
        ("ő\r\nX: y", "attachment; filename=\"__X_ y\"; filename*=UTF-8''%C5%91_X_%20y"),
        ("", "attachment; filename=\"download\"; filename*=UTF-8''download"),
    ],
)
def test_a_files_name_can_break_nothing(name: str, expected: str) -> None:
    """No header, no folder; and accents arrive."""
    assert content_disposition(name) == expected


@pytest.mark.parametrize(
    ("container", "video", "expected"),
    [
        ("mov,mp4,m4a,3gp,3g2,mj2", False, "audio/mp4"),
        ("matroska,webm", True, "video/webm"),
        (None, False, "application/octet-stream"),
        ("text/html", False, "application/octet-stream"),
    ],
)
def test_a_recording_is_named_for_players_and_never_as_a_page(
    container: str | None, video: bool, expected: str
) -> None:
    """What is unknown is bytes."""
    assert media_type_of(container, has_video=video) == expected
