"""What leaves a text: what is known to be somebody's, what looks like a secret, and every word that is not ours."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.support.journal import safe_lines, trace
from appliance.support.redaction import WITHHELD, Known, Redactor

OURS = frozenset(
    ("the", "disk", "is", "full", "job", "finished", "backup", "failed", "not", "running", "worker", "event", "portal")
)
ROOT_KEY = bytes(range(7, 39))


def redactor(known: Known | None = None, **options: bool) -> Redactor:
    return Redactor(b"k" * 32, OURS, known or Known(), **options)


@pytest.mark.parametrize(
    "secret",
    [
        "password=hunter2hunter",
        'api_key: "abc def ghi"',
        "Authorization: Bearer eyJhbGciOi",
        "jelszó: titkos",
        "postgresql://owner:geheim@db/hangjegyzet",
        "anna.kiss@example.hu",
        "anna.kiss@localhost",
        "+36 30 123 4567",
        "AGE-SECRET-KEY-1QQPQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ",
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "hjs_9Xk2mQ8vLr4Tn7Wp1Zb6",
        "10.20.30.40",
        "2001:db8:85a3::8a2e:370:7334",
        "00:1a:2b:3c:4d:5e",
        "Szivárványhíd",
        "Kovács",
    ],
)
def test_a_secret_in_a_sentence_is_gone(secret: str):
    """Nothing of it that is longer than a syllable is left."""
    told = redactor().sentence(f"the disk is full {secret} job finished")
    for part in re.split(r"[^\w]+", secret):
        name = part.casefold() in {"password", "api_key", "authorization", "jelszó", "postgresql", "begin", "end"}
        assert len(part) < 4 or name or part not in told
    assert told.startswith("the disk is full")
    assert told.endswith("job finished")


def test_what_is_known_goes_in_every_spelling():
    """The root key as hex, as base64 of both kinds; a person by each of their names; the local part of an address."""
    known = Known([ROOT_KEY, b"correct horse battery\n"], ["Dóra Szabó"], ["dora.szabo@kekfa.example"])
    text = (
        f"{ROOT_KEY.hex()} {ROOT_KEY.hex().upper()} BwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSY correct horse battery "
        "DÓRA szabó dora.szabo"
    )
    told = redactor(known).line(text).casefold()
    for secret in (ROOT_KEY.hex(), "bwgjcgsm", "correct horse", "dóra", "szabó", "dora.szabo"):
        assert secret not in told


def test_a_key_that_is_cut_off_goes_to_the_end():
    """What follows its first line may be more of it."""
    told = redactor().sentence("the disk -----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjE the job")
    assert told == "the disk ⟨key⟩"


def test_a_pseudonym_means_the_same_throughout_one_bundle():
    """Two lines about one thing can be put side by side; another bundle calls it otherwise."""
    uuid = "01a20765-800f-7594-b58b-5704ca31f5ac"
    here = redactor()
    assert here.line(uuid) == here.sentence(uuid.upper()) != Redactor(b"x" * 32, OURS).line(uuid)
    assert here.line("10.0.0.1").startswith("⟨ip4-private:")
    assert here.line("10.0.0.1") != here.line("10.0.0.2")
    assert here.line("10.0.0.0/8").endswith("/8")


def test_addresses_stay_where_they_are_the_trouble():
    """Whoever collects decides, and the report says so."""
    assert redactor(keep_addresses=True).line("10.20.30.40 fd00::1") == "10.20.30.40 fd00::1"
    assert "⟨ip4-public" in redactor().line("192.0.2.1 or 8.8.8.8")


def test_what_everybody_has_stays():
    """Loopback, times and versions are nobody's."""
    text = "127.0.0.1 ::1 2026-11-23T08:00:00Z 0.1.0 15.8"
    assert redactor().line(text) == text


def test_units_and_the_product_keep_their_names():
    """An instance of a unit is no address, and an organisation that nobody named hides nothing."""
    text = "hangjegyzet-worker@speech.service postgresql@15-hangjegyzet.service"
    assert redactor(Known(names=["HangJegyzet"])).line(text) == text
    assert "kekfa" not in redactor().line("anna@kekfa.hu anna@service.kekfa.hu")


def test_a_structure_keeps_its_numbers_and_our_words():
    """Anything else in it is treated as a sentence, keys included."""
    told = redactor().value(
        {
            "job_finished": 3,
            "ok": True,
            "who": "Katalin",
            "Panna": [1.5, None, "disk.full"],
            "nested": {"worker": "anna@x"},
        }
    )
    assert told["job_finished"] == 3
    assert told["ok"] is True
    assert "Katalin" not in json.dumps(told, ensure_ascii=False)
    assert "Panna" not in json.dumps(told, ensure_ascii=False)
    assert [1.5, None, "disk.full"] in told.values()


@given(st.text(max_size=200))
def test_no_text_breaks_it_and_only_our_words_stay(text: str):
    """Whatever it is: each word of three letters or more that is left is one of the release's, or a mark of ours."""
    told = redactor().sentence(text)
    rest = re.sub(r"⟨[a-z0-9:-]+⟩", " ", told).replace(WITHHELD, " ")
    named = re.findall(r"[\w-]*(?:passw|secret|token|key|auth|cookie|credential|jelsz)", text, re.IGNORECASE)
    words = {word.casefold() for word in re.findall(r"[^\W\d_]+", rest) if len(word) >= 3}
    schemes = {part.casefold() for part in re.findall(r"([A-Za-z][A-Za-z0-9+.-]*)://", text)}
    assert words <= OURS | schemes or named


def entry(message: object, **fields: object) -> bytes:
    return json.dumps({"MESSAGE": message, "_SYSTEMD_UNIT": "hangjegyzet-web.service", **fields}).encode()


def lines(*entries: bytes) -> str:
    return "\n".join(safe_lines(entries, redactor()))


def test_an_event_of_ours_is_told_by_its_fields():
    """Names of events and numbers stay; a text is told by its length, whatever it says."""
    told = lines(entry('timestamp=2026-11-23T08:00:00Z level=info event=job_finished job=3 worker="the disk is full"'))
    assert "event=job_finished" in told
    assert "job=3" in told
    assert "disk" not in told
    assert "[16 characters]" in told


@pytest.mark.parametrize("spoken", ["Elbocsátjuk Katalint", "the disk is full", "katalin", "event=katalin"])
def test_a_line_that_is_no_event_is_told_by_its_length(spoken: str):
    """Even when each of its words is one of ours: somebody may have said them in this order."""
    told = lines(entry(spoken), entry(list(spoken.encode())))
    assert spoken not in told
    assert "atalin" not in told


def test_of_a_traceback_places_and_kind_stay():
    """Never the words of the error: they quote what it was about."""
    text = (
        'Traceback (most recent call last):\n  File "/opt/lib/appliance/jobs/runner.py", line 12, in run\n'
        "    raise ValueError(title)\nValueError: Elbocsátjuk Katalint\n"
    )
    told = trace(text, redactor())
    assert "appliance/jobs/runner.py:12 run" in told
    assert "ValueError" in told
    assert "Katalin" not in told
    assert "title" not in told


@given(st.binary(max_size=300))
def test_no_bytes_break_the_journal(data: bytes):
    """Lines that are no JSON, or JSON of another shape, are passed over."""
    list(safe_lines([data, json.dumps({"MESSAGE": list(data)}).encode(), json.dumps([1]).encode()], redactor()))
