"""Minutes as people read them."""

import json

import pytest

from appliance.adapters.fake_language import FakeLanguageModel
from appliance.minutes.errors import UnknownFormat
from appliance.minutes.exports import require_format, to_json, to_markdown
from appliance.minutes.writing import MinutesWriter
from tests.factories.minutes import a_transcript

TRANSCRIPT = a_transcript(
    "Anna: We have decided to buy the blue chairs.",
    "Anna: Somebody has to carry the old chairs into the cellar.",
    "Tom: I'll order the <b>blue</b> chairs | tables by Friday.",
)


def markdown() -> str:
    return to_markdown(
        MinutesWriter(FakeLanguageModel()).write(TRANSCRIPT).minutes, TRANSCRIPT, title="Chairs *and* tables"
    )


def test_json_has_the_shape_that_scripts_rely_on() -> None:
    """Every promised field is there, and empty means empty."""
    data = json.loads(to_json(MinutesWriter(FakeLanguageModel()).write(TRANSCRIPT).minutes))
    assert {"language", "summary", "topics", "decisions", "actions", "questions"} <= data.keys()
    assert data["summary"]
    for claim in (*data["summary"], *data["decisions"], *data["questions"]):
        assert {"text", "citations", "support"} <= claim.keys()
        assert {name for one in claim["citations"] for name in one} == {"segment", "quote"}
    assert {"task", "owner", "due", "citations", "support"} <= data["actions"][0].keys()
    assert {"title", "start_s", "end_s", "citations", "support"} <= data["topics"][0].keys()
    assert data["decisions"][0]["citations"] == [{"segment": 0, "quote": "We have decided to buy the blue chairs."}]
    assert [(one["owner"], one["due"]) for one in data["actions"]] == [("", ""), ("Tom", "Friday")]


def test_markdown_numbers_the_evidence_and_lists_it_once() -> None:
    """Every [n] has its line with speaker, time and words."""
    text = markdown()
    body, evidence = text.split("## Evidence")
    lines = [line for line in evidence.splitlines() if line.strip()]
    assert lines[0].startswith("1. Anna, 00:00:00: “We have decided to buy the blue chairs.”")
    for number in range(1, len(lines) + 1):
        assert f"[{number}]" in body


def test_what_people_say_is_never_markup() -> None:
    """A title or a sentence cannot forge a heading, a table cell or HTML."""
    text = markdown()
    assert "<b>" not in text.replace("\\<b\\>", "")
    assert "\\| tables" in text
    assert text.startswith("# Minutes: Chairs \\*and\\* tables")


def test_hungarian_minutes_are_hungarian() -> None:
    """Headings too."""
    transcript = a_transcript("A: Úgy döntöttünk, hogy hatezer eurót költünk oktatásra.", language="hu")
    text = to_markdown(MinutesWriter(FakeLanguageModel()).write(transcript).minutes, transcript)
    assert "## Határozatok" in text
    assert "Decisions" not in text


def test_an_unknown_format_is_refused() -> None:
    """Before anything is decrypted."""
    with pytest.raises(UnknownFormat):
        require_format("docx")
