"""What every language model must keep; the fake, and llama.cpp with the starter model."""

import pytest

from appliance.adapters.fake_language import FakeLanguageModel
from appliance.language.errors import AnswerCutShort, PromptTooLong
from appliance.language.model import Prompt
from appliance.language.ports import LanguageModel
from tests.factories.language import llama

LINES = (
    "Anna: The release is on the seventeenth of March.",
    "David: I will run the backup test by Friday.",
    "Martin: The user guide does not explain how to delete a recording.",
)
SYSTEM = "You answer in JSON."
MATERIAL = "\n".join(LINES)
TEXT = {
    "type": "object",
    "properties": {"text": {"type": "string", "maxLength": 120}},
    "required": ["text"],
    "additionalProperties": False,
}
MIXED = {
    "type": "object",
    "properties": {
        "line": {"type": "integer"},
        "kind": {"enum": ["plan", "task", "problem"]},
        "sure": {"type": "boolean"},
        "words": {"type": "array", "items": {"type": "string", "maxLength": 20}, "minItems": 1, "maxItems": 2},
    },
    "required": ["line", "kind", "sure", "words"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module", params=["fake", pytest.param("llama", marks=[pytest.mark.models, pytest.mark.slow])])
def model(request: pytest.FixtureRequest) -> LanguageModel:
    return FakeLanguageModel(context_tokens=2048) if request.param == "fake" else llama()


def asked(question: str) -> Prompt:
    return Prompt(SYSTEM, MATERIAL, question)


def test_an_answer_has_the_form_that_was_asked_for(model: LanguageModel) -> None:
    """Fields, types, choices and lengths are not up to the model."""
    value = model.complete_json(asked("Describe line 2 as JSON."), schema=MIXED, max_tokens=80).value
    assert set(value) == {"line", "kind", "sure", "words"}
    assert isinstance(value["line"], int)
    assert value["kind"] in {"plan", "task", "problem"}
    assert isinstance(value["sure"], bool)
    assert 1 <= len(value["words"]) <= 2
    assert all(len(word) <= 20 for word in value["words"])


def test_the_same_question_has_the_same_answer(model: LanguageModel) -> None:
    """Whatever was asked in between: a resumed job equals an uninterrupted one."""
    first = model.complete_json(asked('What does David do? {"text": "..."}'), schema=TEXT, max_tokens=60)
    model.complete_json(Prompt("Other.", "Other.", "Other?"), schema=TEXT, max_tokens=60)
    again = model.complete_json(asked('What does David do? {"text": "..."}'), schema=TEXT, max_tokens=60)
    assert again.value == first.value


def test_a_second_question_about_the_same_material_reads_it_from_the_cache(model: LanguageModel) -> None:
    """Many narrow questions cost little more than one."""
    model.complete_json(asked("Who speaks first?"), schema=TEXT, max_tokens=60)
    second = model.complete_json(asked("Who speaks last?"), schema=TEXT, max_tokens=60)
    assert second.cached_tokens >= model.count_tokens(MATERIAL)


def test_tokens_are_counted_before_anything_is_asked_and_nothing_is_cut(model: LanguageModel) -> None:
    """A prompt that does not fit together with its answer is refused with the figures."""
    long = Prompt(SYSTEM, MATERIAL * 200, "What is it about?")
    with pytest.raises(PromptTooLong) as refusal:
        model.complete_json(long, schema=TEXT, max_tokens=60)
    assert refusal.value.fields == {
        "needed": model.prompt_tokens(long) + 60,
        "available": model.context_tokens,
        "model": model.name,
    }


def test_counting_grows_with_the_text(model: LanguageModel) -> None:
    """Parts of a meeting are cut by these numbers."""
    assert model.count_tokens("") == 0
    assert 0 < model.count_tokens(LINES[0]) < model.count_tokens(MATERIAL) < model.prompt_tokens(asked("Why?"))


def test_an_answer_that_does_not_end_is_no_answer(model: LanguageModel) -> None:
    """Half a JSON object is never completed by guessing."""
    with pytest.raises(AnswerCutShort):
        model.complete_json(asked("Repeat everything."), schema=TEXT, max_tokens=2)


def test_the_work_ends_when_somebody_calls_stop(model: LanguageModel) -> None:
    """Cancelling takes effect between tokens, and the next question is answered as ever."""
    question = asked("What is missing?")
    expected = model.complete_json(question, schema=TEXT, max_tokens=60).value

    class Stopped(Exception):
        pass

    def stop() -> None:
        raise Stopped

    with pytest.raises(Stopped):
        model.complete_json(asked("Tell a long story."), schema=TEXT, max_tokens=60, between_tokens=stop)
    assert model.complete_json(question, schema=TEXT, max_tokens=60).value == expected
