"""Minutes of a few words, and of sounds that are no words."""

import pytest

from appliance.adapters.fake_language import FakeLanguageModel
from appliance.minutes.errors import NothingSaid
from appliance.minutes.exports import to_markdown
from appliance.minutes.model import Minutes, Origin
from appliance.minutes.writing import MinutesWriter, Progress
from tests.factories.minutes import ScriptedModel, a_transcript, saying


def minutes_of(*turns: str, language: str = "en", model: ScriptedModel | None = None) -> Minutes:
    return MinutesWriter(model or FakeLanguageModel()).write(a_transcript(*turns, language=language)).minutes


def test_one_sentence_is_its_own_summary_and_has_no_topics() -> None:
    """Nobody words it again, and the minutes say that nothing was decided in one line."""
    model = ScriptedModel(saying(title="Railways", summary="The railway timetable was approved.", text="Travel"))
    turn = "A: The train to Szeged leaves at nine."
    minutes = minutes_of(turn, model=model)
    assert [(one.text, one.origin) for one in minutes.summary] == [
        ("The train to Szeged leaves at nine.", Origin.EXTRACT)
    ]
    assert (minutes.topics, minutes.decisions, minutes.actions, minutes.rejected) == ((), (), (), ())
    assert model.prompts == []
    text = to_markdown(minutes, a_transcript(turn))
    assert "No decision, no task and no open question was found." in text
    assert "None was found." not in text


def test_a_promise_in_a_few_words_is_a_task_and_not_told_twice() -> None:
    """What is listed as a task is no summary as well."""
    minutes = minutes_of("A: Okay, I'll bring the cake tomorrow.")
    assert [(one.task, one.owner, one.due) for one in minutes.actions] == [("Bring the cake tomorrow", "A", "tomorrow")]
    assert minutes.summary == ()


def test_a_decision_in_a_few_words_is_a_decision() -> None:
    """Brief is no reason to miss what binds."""
    minutes = minutes_of("A: Shall we go?", "B: We have decided to close the office on Friday.")
    assert [one.text for one in minutes.decisions] == ["We have decided to close the office on Friday."]


@pytest.mark.parametrize(
    ("language", "turn"),
    [
        ("en", "A: Thank you very much."),
        ("en", "A: Good morning, I'll just try this microphone."),
        ("hu", "A: Jó napot, csak kipróbálom a felvételt."),
        ("en", "A: Hm, hm."),
    ],
)
def test_greetings_and_tests_of_the_microphone_make_empty_minutes(language: str, turn: str) -> None:
    """No claims and no evidence, rather than a title made of a greeting."""
    minutes = minutes_of(turn, language=language)
    assert list(minutes.claims) == []
    assert "[1]" not in to_markdown(minutes, a_transcript(turn, language=language))


def test_signs_for_music_are_no_words() -> None:
    """A recogniser that writes notes for music has heard nothing that was said."""
    with pytest.raises(NothingSaid):
        minutes_of("A: ♪ ♪", "B: …")


def test_brief_minutes_are_done_at_once() -> None:
    """Whoever watches sees the end."""
    fractions: list[float] = []
    MinutesWriter(FakeLanguageModel()).write(
        a_transcript("A: I'll bring the cake tomorrow."), progress=Progress(told=fractions.append)
    )
    assert fractions[-1] == 1.0
