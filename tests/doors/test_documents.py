"""Transcripts and minutes over HTTP: read where one is, or taken away as files."""

from uuid import UUID

import msgspec
import pytest

from appliance.kernel.actor import Actor
from appliance.kernel.ids import MeetingId
from appliance.minutes.exports import to_json
from appliance.minutes.model import Minutes
from appliance.transcripts.documents import TranscriptStore
from appliance.transcripts.model import Reason, removal
from tests.factories.meetings import a_meeting
from tests.factories.portal import Browser, Portal
from tests.factories.transcripts import transcript, words

SAID = transcript(("Speaker 1", "Megnyitom az ülést."), ("Speaker 2", "Elfogadjuk a költségvetést."), language="hu")
MINUTES = Minutes(language="hu", summary=(), topics=(), decisions=(), actions=(), questions=(), model="test")


@pytest.fixture
def path(portal: Portal, anna: Browser) -> str:
    """A meeting of Anna's with both documents."""
    signed_in = portal.services.identity.resume(anna.http.cookies["__Host-hangjegyzet"])
    assert signed_in is not None
    return f"/api/v1/meetings/{with_documents(portal, signed_in.actor)}"


def with_documents(portal: Portal, owner: Actor) -> MeetingId:
    services = portal.services
    meeting_id = a_meeting(services.meetings, owner, title='"Új" költségvetés / 2026', data=b"x").meeting_id
    with services.database.transaction(owner.tenant_id) as tx:
        TranscriptStore(services.documents).put(tx, meeting_id, SAID)
        services.documents.put(tx, meeting_id, "minutes", to_json(MINUTES))
    return meeting_id


def test_words_to_expect_are_told_and_read_back(portal: Portal, anna: Browser, path: str) -> None:
    """Tidied up for their owner, too many refused with a code, and nobody else's business."""
    assert anna.http.get(f"{path}/words").json() == {"words": []}
    told = anna.http.put(f"{path}/words", json={"words": ["Őrség,  Zsigmond Kft."]}, headers=anna.unsafe)
    assert told.status_code == 200
    assert anna.http.get(f"{path}/words").json() == told.json() == {"words": ["Őrség", "Zsigmond Kft."]}
    refused = anna.http.put(f"{path}/words", json={"words": ["x" * 401]}, headers=anna.unsafe)
    assert (refused.status_code, refused.json()["code"]) == (422, "vocabulary.too_long")
    portal.people.person("bela@example.org")
    with portal.browser() as bela:
        bela.sign_in("bela@example.org")
        assert bela.http.get(f"{path}/words").status_code == 404
        assert bela.http.put(f"{path}/words", json={"words": ["x"]}, headers=bela.unsafe).status_code == 404


def test_a_transcript_is_read_as_json(anna: Browser, path: str) -> None:
    """With its words and their times."""
    answer = anna.http.get(f"{path}/transcript")
    assert answer.headers["content-type"] == "application/json"
    assert [segment["text"] for segment in answer.json()["segments"]] == [s.text for s in SAID.segments]
    assert "content-disposition" not in answer.headers


@pytest.mark.parametrize(
    ("format_name", "media_type", "begins"),
    [
        ("vtt", "text/vtt; charset=utf-8", "WEBVTT"),
        ("txt", "text/plain; charset=utf-8", "[00:00:00] Speaker 1: Megnyitom az ülést."),
        ("rttm", "text/plain; charset=utf-8", "SPEAKER meeting 1"),
    ],
)
def test_a_transcript_is_taken_away_under_the_meetings_name(
    anna: Browser, path: str, format_name: str, media_type: str, begins: str
) -> None:
    """A name that every file system takes, in the reader's language."""
    answer = anna.http.get(f"{path}/transcript", params={"format": format_name}, headers={"accept-language": "hu"})
    assert answer.headers["content-type"] == media_type
    assert answer.text.startswith(begins)
    name = f"_%C3%9Aj_%20k%C3%B6lts%C3%A9gvet%C3%A9s%20_%202026%20-%20leirat.{format_name}"
    assert answer.headers["content-disposition"].endswith(f"filename*=UTF-8''{name}")


def test_minutes_are_read_and_taken_away(anna: Browser, path: str) -> None:
    """As JSON in place, as Markdown as a file."""
    assert anna.http.get(f"{path}/minutes").json()["language"] == "hu"
    document = anna.http.get(f"{path}/minutes", params={"format": "md"}, headers={"accept-language": "en"})
    assert document.headers["content-type"] == "text/markdown; charset=utf-8"
    assert document.headers["content-disposition"].endswith("-%20minutes.md")


def test_a_document_that_did_not_change_is_not_sent_again(anna: Browser, path: str) -> None:
    """304 for the ETag that the client has; no cache on the way may keep a copy."""
    first = anna.http.get(f"{path}/transcript")
    again = anna.http.get(f"{path}/transcript", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert "private" in first.headers["cache-control"]


@pytest.mark.parametrize("document", ["transcript", "minutes"])
def test_an_unknown_format_is_refused(anna: Browser, path: str, document: str) -> None:
    """422, and the text names those that exist."""
    answer = anna.http.get(f"{path}/{document}", params={"format": "docx"})
    assert answer.status_code == 422
    assert "json" in answer.text


@pytest.mark.parametrize("document", ["transcript", "minutes", "transcript/removed/0/restore"])
def test_documents_of_others_do_not_exist(portal: Portal, anna: Browser, document: str) -> None:
    """Neither for an administrator."""
    bela = portal.people.person("bela@example.org").signed_in.actor
    url = f"/api/v1/meetings/{with_documents(portal, bela)}/{document}"
    answer = anna.http.post(url, headers=anna.unsafe) if document.endswith("restore") else anna.http.get(url)
    assert answer.status_code == 404


def test_a_meeting_without_documents_says_so(portal: Portal, anna: Browser) -> None:
    """404 with a code of its own: it is not ready yet."""
    signed_in = portal.services.identity.resume(anna.http.cookies["__Host-hangjegyzet"])
    assert signed_in is not None
    meeting_id = a_meeting(portal.services.meetings, signed_in.actor, data=b"x").meeting_id
    for document in ("transcript", "minutes"):
        answer = anna.http.get(f"/api/v1/meetings/{meeting_id}/{document}")
        assert answer.status_code == 404
        assert answer.json()["code"].startswith(document)


def test_a_removed_passage_is_put_back(portal: Portal, anna: Browser, path: str) -> None:
    """The answer is the new transcript, with the passage in its place and nothing removed any more."""
    services, meeting_id = portal.services, MeetingId(UUID(path.rpartition("/")[2]))
    cut = removal(words("Köszönöm a figyelmet!", start_s=9.0), Reason.HALLUCINATION)
    with services.database.transaction(services.home_tenant) as tx:
        TranscriptStore(services.documents).put(tx, meeting_id, msgspec.structs.replace(SAID, removed=(cut,)))
    answer = anna.http.post(f"{path}/transcript/removed/0/restore", headers=anna.unsafe)
    assert answer.status_code == 200
    assert [segment["text"] for segment in answer.json()["segments"]][-1] == "Köszönöm a figyelmet!"
    assert answer.json()["removed"] == []
    assert anna.http.get(f"{path}/transcript").json() == answer.json()


def test_there_is_nothing_to_restore_where_nothing_was_removed(anna: Browser, path: str) -> None:
    """Counted from zero."""
    answer = anna.http.post(f"{path}/transcript/removed/0/restore", headers=anna.unsafe)
    assert answer.status_code == 404
