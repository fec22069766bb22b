"""Sending a recording in over HTTP, however the connection behaves."""

import base64
import hashlib
from typing import Any

import httpx
import pytest

from tests.factories.meetings import recording_bytes
from tests.factories.portal import Browser, Portal
from web.api.v1.uploads import BadDigest, content_digest

DATA = recording_bytes(2_500_000)
SLICE = 1 << 20


def digest_of(piece: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(piece).digest()).decode()}:"


def declare(browser: Browser, **changes: Any) -> httpx.Response:
    body = {"filename": "értekezlet.wav", "size_bytes": len(DATA), "title": "Vezetői értekezlet"} | changes
    return browser.http.post("/api/v1/uploads", json=body, headers=browser.unsafe)


def put(browser: Browser, upload: str, offset: int, piece: bytes, *, digest: str | None = None) -> httpx.Response:
    headers = browser.unsafe | {
        "content-type": "application/octet-stream",
        "content-digest": digest or digest_of(piece),
    }
    return browser.http.put(f"/api/v1/uploads/{upload}", params={"offset": offset}, content=piece, headers=headers)


def send_all(browser: Browser, upload: str, data: bytes = DATA) -> None:
    for offset in range(0, len(data), SLICE):
        answer = put(browser, upload, offset, data[offset : offset + SLICE])
        assert answer.status_code == 200, answer.text
        assert answer.json() == {"offset": min(offset + SLICE, len(data))}


def complete(browser: Browser, upload: str, **body: str) -> httpx.Response:
    return browser.http.post(f"/api/v1/uploads/{upload}/complete", json=body, headers=browser.unsafe)


def test_a_refusal_speaks_the_language_that_is_asked_for(anna: Browser) -> None:
    """A page's script shows it to its reader; a program that asks for none gets English."""
    declared = {"filename": "a.wav", "size_bytes": 0}
    told = {}
    for language in ("hu-HU,hu;q=0.9", "en", None):
        headers = anna.unsafe | ({"accept-language": language} if language else {})
        told[language] = anna.http.post("/api/v1/uploads", json=declared, headers=headers).json()
    assert {problem["code"] for problem in told.values()} == {"media.empty"}
    assert told["hu-HU,hu;q=0.9"]["detail"].startswith("A fájl üres")
    assert told["hu-HU,hu;q=0.9"]["hint"].startswith("Nézze meg a felvevő eszközön")
    assert told["en"]["detail"] == told[None]["detail"] == "The file is empty: it holds no bytes at all."


def test_limits_are_told_before_the_first_byte(anna: Browser) -> None:
    """A browser can refuse a file itself."""
    limits = anna.http.get("/api/v1/uploads/limits").json()
    assert limits["max_bytes"] == 10_000_000
    assert limits["slice_bytes"] == SLICE
    assert limits["free_bytes"] > 0


def test_a_recording_that_is_too_large_is_refused_at_its_declaration(anna: Browser) -> None:
    """Nothing is sent in vain."""
    answer = declare(anna, size_bytes=10_000_001)
    assert answer.status_code == 422
    assert answer.json()["code"] == "upload.too_large"


def test_words_to_expect_come_with_the_declaration(anna: Browser) -> None:
    """They belong to the meeting from its first moment on; too many are refused before the first byte."""
    refused = declare(anna, words=["Szentgotthárd " * 40])
    assert (refused.status_code, refused.json()["code"]) == (422, "vocabulary.too_long")
    upload = declare(anna, words=["Őrség, Zsigmond Kft."]).json()
    send_all(anna, upload["id"])
    assert complete(anna, upload["id"]).status_code == 201
    words = anna.http.get(f"/api/v1/meetings/{upload['meeting_id']}/words").json()
    assert words == {"words": ["Őrség", "Zsigmond Kft."]}


def test_a_recording_becomes_a_meeting_with_a_job(anna: Browser) -> None:
    """Declared, sent in slices, completed; then it is in the list."""
    upload = declare(anna)
    assert upload.status_code == 201
    assert upload.json()["offset"] == 0
    assert upload.json()["slice_bytes"] == SLICE
    send_all(anna, upload.json()["id"])
    started = complete(anna, upload.json()["id"], sha256=hashlib.sha256(DATA).hexdigest())
    assert started.status_code == 201
    listed = anna.http.get("/api/v1/meetings").json()["meetings"]
    assert [m["id"] for m in listed] == [started.json()["meeting_id"]]
    assert listed[0]["title"] == "Vezetői értekezlet"
    assert anna.http.get(f"/api/v1/jobs/{started.json()['job_id']}").json()["state"] == "queued"


def test_completing_twice_gives_the_same_meeting(anna: Browser) -> None:
    """A client that lost the answer asks again."""
    upload = declare(anna).json()["id"]
    send_all(anna, upload)
    assert complete(anna, upload).json() == complete(anna, upload).json()


def test_a_slice_at_the_wrong_place_is_answered_with_the_right_one(anna: Browser) -> None:
    """409 names the offset, so that the client goes on from there."""
    upload = declare(anna).json()["id"]
    put(anna, upload, 0, DATA[:SLICE])
    answer = put(anna, upload, 0, DATA[:SLICE])
    assert answer.status_code == 409
    assert answer.json()["fields"]["offset"] == SLICE
    assert anna.http.get(f"/api/v1/uploads/{upload}").json()["offset"] == SLICE


def test_a_slice_that_was_changed_on_the_way_is_refused(anna: Browser) -> None:
    """Nothing of it is kept."""
    upload = declare(anna).json()["id"]
    answer = put(anna, upload, 0, DATA[:SLICE], digest=digest_of(b"something else"))
    assert answer.status_code == 422
    assert answer.json()["code"] == "upload.slice_damaged"
    assert anna.http.get(f"/api/v1/uploads/{upload}").json()["offset"] == 0


def test_an_incomplete_upload_does_not_become_a_meeting(anna: Browser) -> None:
    """It waits for the rest."""
    upload = declare(anna).json()["id"]
    put(anna, upload, 0, DATA[:SLICE])
    answer = complete(anna, upload)
    assert answer.status_code == 409
    assert answer.json()["code"] == "upload.incomplete"


def test_an_upload_that_is_given_up_is_gone(anna: Browser) -> None:
    """With everything that was sent."""
    upload = declare(anna).json()["id"]
    put(anna, upload, 0, DATA[:SLICE])
    assert anna.http.delete(f"/api/v1/uploads/{upload}", headers=anna.unsafe).status_code == 204
    assert anna.http.get(f"/api/v1/uploads/{upload}").status_code == 404


def test_nobody_sends_into_somebody_elses_upload(portal: Portal, anna: Browser) -> None:
    """It does not exist for them; not even for an administrator."""
    portal.people.person("bela@example.org")
    with portal.browser() as bela:
        bela.sign_in("bela@example.org")
        upload = declare(bela).json()["id"]
        assert put(anna, upload, 0, DATA[:SLICE]).status_code == 404
        assert put(bela, upload, 0, DATA[:SLICE]).status_code == 200


def test_a_slice_without_the_sessions_token_is_refused_before_it_is_read(anna: Browser) -> None:
    """The header is checked first; no other site can send into an upload."""
    upload = declare(anna).json()["id"]
    answer = anna.http.put(f"/api/v1/uploads/{upload}", params={"offset": 0}, content=DATA[:SLICE])
    assert answer.status_code == 403
    assert anna.http.get(f"/api/v1/uploads/{upload}").json()["offset"] == 0


def test_a_digest_is_read_as_the_standard_writes_it() -> None:
    """RFC 9530, also beside another algorithm; and None where there is none."""
    digest = hashlib.sha256(b"x").digest()
    assert content_digest(digest_of(b"x")) == digest
    assert content_digest(f"sha-512=:AAAA:, {digest_of(b'x')}") == digest
    assert content_digest(None) is None


@pytest.mark.parametrize("header", ["", "sha-256=abc", "sha-256=:not base64!:", "sha-256=:AAAA:", "md5=:AAAA:"])
def test_a_digest_that_cannot_be_read_is_refused(header: str) -> None:
    """Better than not checking what was meant to be checked."""
    with pytest.raises(BadDigest):
        content_digest(header)
