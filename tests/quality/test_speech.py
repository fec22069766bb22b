"""The speech engines with their starter packs: how good they must be on recordings that are known word for word."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from appliance.adapters.media import SandboxedMedia
from appliance.adapters.whisper import WhisperSpeech
from appliance.meetings.model import SAMPLE_RATE
from appliance.meetings.ports import Samples
from appliance.quality.samples import sample_meeting
from appliance.quality.turns import SpokenTurn, diarization_error, read_rttm, word_speaker_accuracy
from appliance.quality.words import word_error_rate
from appliance.speakers.model import Turn, bridge_pauses
from appliance.transcripts.dictation import NO_WISHES, Dictation, Wishes
from appliance.transcripts.merging import merge
from appliance.transcripts.model import Spoken
from tests.factories.engines import diarizer, sample_sound, whisper

pytestmark = [pytest.mark.models, pytest.mark.slow, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "audio"


def dictate(audio: Samples, wishes: Wishes = NO_WISHES) -> Spoken:
    return Dictation(whisper(), audio, wishes=wishes, progress=lambda _fraction: None).run()


@pytest.fixture(scope="module")
def spoken() -> Spoken:
    return dictate(sample_sound())


@pytest.fixture(scope="module")
def turns() -> tuple[Turn, ...]:
    return diarizer().turns(sample_sound())


def as_spoken(turns: tuple[Turn, ...]) -> list[SpokenTurn]:
    return [SpokenTurn(turn.start_s, turn.end_s, turn.speaker) for turn in turns]


def test_the_sample_meeting_is_understood(spoken: Spoken) -> None:
    """At most three words of a hundred are wrong."""
    said = " ".join(word.text for word in spoken.words)
    assert spoken.language == "en"
    assert word_error_rate(sample_meeting().text, said).rate <= 0.03


def test_the_speakers_of_the_sample_meeting_are_told_apart(turns: tuple[Turn, ...]) -> None:
    """Four people are found, without being told how many they are."""
    reference = read_rttm(sample_meeting().rttm.read_text())
    assert len({turn.speaker for turn in turns}) == 4
    assert diarization_error(reference, as_spoken(bridge_pauses(turns))).rate <= 0.04


def test_words_of_the_sample_meeting_go_to_who_said_them(spoken: Spoken, turns: tuple[Turn, ...]) -> None:
    """At least 98 of a hundred words stand with the right speaker."""
    reference = read_rttm(sample_meeting().rttm.read_text())
    segments = merge(spoken, turns).segments
    given = [(word.start_s, word.end_s, segment.speaker) for segment in segments for word in segment.words]
    accuracy, counted = word_speaker_accuracy(reference, given)
    assert counted > 400
    assert accuracy >= 0.98


def test_a_hungarian_meeting_is_heard_as_hungarian() -> None:
    """The language is recognised even where the starter model hardly understands it."""
    assert dictate(sample_sound("hu")[: 40 * SAMPLE_RATE]).language == "hu"


@pytest.mark.parametrize("kind", ["hiss", "hum", "chord", "clicks"])
def test_nothing_is_invented_over_sounds_that_are_no_speech(kind: str) -> None:
    """Half a minute of noise has no words."""
    moments = np.arange(30 * SAMPLE_RATE) / SAMPLE_RATE
    sounds = {
        "hiss": np.random.default_rng(0).standard_normal(len(moments)) * 3_000,
        "hum": np.sin(2 * np.pi * 50 * moments) * 5_000,
        "chord": sum(np.sin(2 * np.pi * tone * moments) * 2_000 for tone in (220, 277, 330, 440)),
        "clicks": (np.arange(len(moments)) % 8_000 == 0) * 20_000.0,
    }
    assert dictate(sounds[kind].astype(np.int16), Wishes(language="en")).words == ()


def test_nothing_is_invented_in_the_pauses_of_a_meeting() -> None:
    """A minute of hiss between two sentences stays empty."""
    sentence = sample_sound()[: 9 * SAMPLE_RATE]
    hiss = (np.random.default_rng(0).standard_normal(60 * SAMPLE_RATE) * 300).astype(np.int16)
    heard = dictate(np.concatenate((sentence, hiss, sentence)), Wishes(language="en"))
    assert [word.text for word in heard.words if 10.5 < word.middle_s < 68.5] == []
    assert heard.words[-1].end_s > 70


def test_a_rare_name_that_was_told_is_heard() -> None:
    """Five seconds of real speech: "Helstone" is heard as "Houston", until somebody says that it may come up."""
    recording = SHARED / "meeting_2spk.flac"
    if not recording.is_file():
        pytest.skip(f"the recordings of real speech ({SHARED}) are not on this machine")
    with recording.open("rb") as file:
        sound = np.concatenate(list(SandboxedMedia().decode(file)))[int(83.4 * SAMPLE_RATE) : int(88.7 * SAMPLE_RATE)]
    heard, expected = (
        [word.text.strip(".,") for word in dictate(sound, Wishes(language="en", vocabulary=told)).words]
        for told in ((), ("Helstone", "Mr Thornton"))
    )
    assert "Helstone" not in heard
    assert "Helstone" in expected
    assert len(expected) == len(heard), "told words are expected where they are said, and nowhere else"


def test_vocabulary_that_is_not_said_is_not_heard() -> None:
    """Names that nobody says stay out of the transcript, and do no harm to the others."""
    told = ("Zsigmond", "Featherstonehaugh", "Martin", "Peter")
    heard = dictate(sample_sound()[: 20 * SAMPLE_RATE], Wishes(language="en", vocabulary=told))
    said = " ".join(word.text for word in heard.words)
    assert "Anna" in said
    assert not {"Zsigmond", "Featherstonehaugh"} & set(said.replace(",", " ").replace(".", " ").split())


def test_more_vocabulary_than_the_engine_takes_is_shortened_by_whole_words(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Characters of which each takes several tokens: the first names stay whole, and the log counts the rest."""
    engine = whisper()
    assert isinstance(engine, WhisperSpeech)
    names = tuple(f"東京都港区{number}" for number in range(60))
    kept = engine._hotwords(names)
    assert kept
    assert tuple(kept.split(", ")) == names[: kept.count(",") + 1] != names
    assert "vocabulary_shortened" in capsys.readouterr().out + caplog.text
    assert engine._hotwords(()) is None


@pytest.mark.parametrize("name", ["pyannote_sample", "meeting_2spk"])
def test_real_speech_is_as_good_as_the_engines_by_themselves(name: str) -> None:
    """WER within a point of the same weights in plain faster-whisper, DER that of the diarizer, memory in budget."""
    if not SHARED.is_dir():
        pytest.skip(f"the recordings of real speech ({SHARED}) are not on this machine")
    command = [sys.executable, "-m", "tests.bench.bench_speech", "--json", "--files", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    (row,) = json.loads(done.stdout)
    assert row["kept"]
    assert [promise for promise, is_kept in row["kept"] if not is_kept] == [], row
    assert row["ours"]["word_to_speaker"] >= 0.97
