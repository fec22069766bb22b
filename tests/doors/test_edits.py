"""Transcripts edited over HTTP: on top of a revision, taken back, and never over what somebody else did."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from appliance.kernel.ids import MeetingId
from appliance.transcripts import documents
from appliance.transcripts.documents import TranscriptStore
from tests.doors.test_documents import SAID, with_documents
from tests.factories.meetings import audit_names
from tests.factories.portal import Browser, Portal


@pytest.fixture
def path(portal: Portal, anna: Browser) -> str:
    """The transcript of a meeting of Anna's."""
    signed_in = portal.services.identity.resume(anna.http.cookies["__Host-hangjegyzet"])
    assert signed_in is not None
    return f"/api/v1/meetings/{with_documents(portal, signed_in.actor)}/transcript"


def meeting_of(path: str) -> MeetingId:
    return MeetingId(UUID(path.split("/")[4]))


def send(browser: Browser, path: str, kind: str, *, base: int = 1, **fields: Any) -> Any:
    body = {"base": base, "edit": {"kind": kind, **fields}}
    return browser.http.post(f"{path}/edits", json=body, headers=browser.unsafe)


def texts(browser: Browser, path: str) -> list[str]:
    return [segment["text"] for segment in browser.http.get(path).json()["segments"]]


def test_an_edit_is_kept_and_taken_back_and_made_again(portal: Portal, anna: Browser, path: str) -> None:
    """Each is a revision; the trail tells that Anna edited, and nothing of what."""
    done = send(anna, path, "text", segment=0, text="Bezárom az ülést.")
    assert (done.status_code, done.json()["revision"], done.json()["can_undo"]) == (200, 2, True)
    assert done.json()["segments"][0]["origin"] == "edited"
    assert texts(anna, path)[0] == "Bezárom az ülést."
    undone = anna.http.post(f"{path}/undo", headers=anna.unsafe).json()
    assert (undone["revision"], undone["can_undo"], undone["can_redo"]) == (3, False, True)
    assert texts(anna, path)[0] == SAID.segments[0].text
    assert anna.http.post(f"{path}/redo", headers=anna.unsafe).json()["revision"] == 4
    assert texts(anna, path)[0] == "Bezárom az ülést."
    assert anna.http.post(f"{path}/redo", headers=anna.unsafe).json()["code"] == "transcript.nothing_to_undo"
    names = audit_names(portal.services.database, portal.services.home_tenant, meeting_of(path))
    assert "transcripts:transcript:edited" in names


def test_a_later_edit_of_the_same_segment_is_a_conflict(anna: Browser, path: str) -> None:
    """409 carries the segment as it is now; another segment, and the speaker of this one, are no conflict."""
    send(anna, path, "text", segment=0, text="Első.")
    clash = send(anna, path, "text", segment=0, text="Második.")
    assert (clash.status_code, clash.json()["code"]) == (409, "transcript.edit_conflict")
    assert (clash.json()["revision"], clash.json()["segments"][0]["text"]) == (2, "Első.")
    assert send(anna, path, "text", segment=1, text="Másik.").status_code == 200
    assert send(anna, path, "assign", segments=[0], speaker="Speaker 2").status_code == 200
    assert texts(anna, path) == ["Első.", "Másik."]


def test_a_speaker_is_renamed_everywhere(anna: Browser, path: str) -> None:
    """The key stays; exports and the page show the name."""
    named = send(anna, path, "rename", speaker="Speaker 1", name="Kovács Márta").json()
    assert named["names"] == {"Speaker 1": {"name": "Kovács Márta", "by": "hand"}}
    assert anna.http.get(path, params={"format": "txt"}).text.startswith("[00:00:00] Kovács Márta: ")
    assert anna.http.get(path).json()["segments"][0]["speaker"] == "Speaker 1"
    page = anna.http.get(path.removeprefix("/api/v1").removesuffix("/transcript")).text
    assert "Kovács Márta" in page


def test_a_replacement_is_counted_before_it_is_made(anna: Browser, path: str) -> None:
    """Nothing changes by the preview, all of it in one edit afterwards."""
    wanted: dict[str, Any] = {"kind": "replace", "find": "AZ", "replacement": "egy", "whole_word": True}
    seen = anna.http.post(f"{path}/replace/preview", json=wanted, headers=anna.unsafe).json()
    assert (seen["count"], seen["segments"][0]["after"]) == (1, "Megnyitom egy ülést.")
    assert texts(anna, path)[0] == SAID.segments[0].text
    assert send(anna, path, **wanted).status_code == 200
    assert texts(anna, path)[0] == "Megnyitom egy ülést."


def test_split_and_merge_and_delete(anna: Browser, path: str) -> None:
    """New segments get ids that were never used; deleted ones are told as gone."""
    halves = send(anna, path, "split", segment=0, at=10).json()["segments"]
    assert [(half["id"], half["text"]) for half in halves] == [(0, "Megnyitom"), (2, "az ülést.")]
    merged = send(anna, path, "merge", base=2, segments=[0, 2]).json()
    assert ([each["id"] for each in merged["segments"]], merged["gone"]) == ([0], [2])
    assert send(anna, path, "delete", base=3, segments=[1]).json()["gone"] == [1]
    assert [half["id"] for half in send(anna, path, "split", base=4, segment=0, at=10).json()["segments"]] == [0, 3]


def test_searching_and_minutes_follow_an_edit(portal: Portal, anna: Browser, path: str) -> None:
    """The new word is found, and the minutes are older than the transcript."""
    services = portal.services
    signed_in = services.identity.resume(anna.http.cookies["__Host-hangjegyzet"])
    assert signed_in is not None
    send(anna, path, "text", segment=1, text="Elfogadjuk a zongorát.")
    (hit,) = services.search.find(signed_in.actor, "zongorát")
    assert (hit.segment_id, hit.snippet.text) == (1, "Elfogadjuk a zongorát.")
    assert services.minutes.view(signed_in.actor, meeting_of(path)).is_stale


def test_edits_are_sealed_and_folded_in(portal: Portal, anna: Browser, path: str, monkeypatch: Any) -> None:
    """No row holds a word; after enough edits the transcript is one document again, and reads the same."""
    monkeypatch.setattr(documents, "FOLD_AFTER", 3)
    for number in range(5):
        assert send(anna, path, "text", base=1 + number, segment=0, text=f"Zongora {number}.").status_code == 200
    assert texts(anna, path)[0] == "Zongora 4."
    services = portal.services
    with services.database.reading(services.home_tenant) as tx:
        rows = tx.execute(text("SELECT encode(sealed, 'escape') FROM transcript_edit WHERE kind = 'put'")).scalars()
        assert [row for row in rows if "Zongora" in row] == []
        assert services.documents.revision(tx, meeting_of(path), "transcript") == 2
    for _ in range(5):
        anna.http.post(f"{path}/undo", headers=anna.unsafe)
    assert texts(anna, path)[0] == SAID.segments[0].text


def test_a_new_transcription_keeps_what_people_did(portal: Portal, anna: Browser, path: str) -> None:
    """As a version of its own; edits of the old text are a conflict from then on."""
    send(anna, path, "text", segment=0, text="Javítva.")
    services = portal.services
    with services.database.transaction(services.home_tenant) as tx:
        assert TranscriptStore(services.documents).put(tx, meeting_of(path), SAID) == 3
        assert "transcript/version/2" in services.documents.names(tx, meeting_of(path))
    assert texts(anna, path)[0] == SAID.segments[0].text
    assert send(anna, path, "text", base=2, segment=1, text="x").status_code == 409
    assert anna.http.post(f"{path}/undo", headers=anna.unsafe).status_code == 404


@pytest.mark.parametrize(
    ("kind", "fields", "status"),
    [
        ("text", {"segment": 99, "text": "x"}, 404),
        ("text", {"segment": 0, "text": ""}, 422),
        ("explode", {}, 400),
        ("text", {"segment": 0, "text": "x", "more": 1}, 400),
    ],
)
def test_an_edit_without_sense_is_refused(
    anna: Browser, path: str, kind: str, fields: dict[str, Any], status: int
) -> None:
    """And changes nothing."""
    assert send(anna, path, kind, **fields).status_code == status
    assert anna.http.get(f"{path}/editing").json()["revision"] == 1


def test_nobody_edits_a_meeting_of_others(portal: Portal, path: str) -> None:
    """It does not exist for them, whichever way they try."""
    portal.people.person("bela@example.org")
    with portal.browser() as bela:
        bela.sign_in("bela@example.org")
        assert send(bela, path, "text", segment=0, text="x").status_code == 404
        assert bela.http.get(f"{path}/editing").status_code == 404
        for act in ("undo", "redo"):
            assert bela.http.post(f"{path}/{act}", headers=bela.unsafe).status_code == 404
        wanted = {"kind": "replace", "find": "a", "replacement": "b"}
        assert bela.http.post(f"{path}/replace/preview", json=wanted, headers=bela.unsafe).status_code == 404
