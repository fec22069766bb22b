"""Make a sample meeting's audio and references from its script; run by hand when the script changes.

::

    python -m images.sample.regenerate [en|hu …]

Writes ``audio.opus``, ``words.json`` (who said what, when) and ``speakers.rttm`` beside ``script.toml``. The pauses
come from a fixed seed, so that the same synthesizers give the same meeting again.
"""

import json
import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from images.sample.voices import SAMPLE_RATE, Audio, speak

SAMPLES = Path(__file__).resolve().parents[2] / "appliance" / "quality" / "samples"
SEED = 2026
PAUSE_S = (0.35, 0.9)
SENTENCE_PAUSE_S = (0.4, 0.65)
HESITATION_S = (0.12, 0.3)
LEAD_S = 0.8
ROOM_NOISE = 10 ** (-62 / 20)
BIT_RATE = 24_000


@dataclass(frozen=True, slots=True)
class Turn:
    """One uninterrupted stretch of one speaker."""

    speaker: str
    start_s: float
    end_s: float
    text: str


def main() -> None:
    """Regenerate the named samples, or all."""
    for language in sys.argv[1:] or sorted(path.parent.name for path in SAMPLES.glob("*/script.toml")):
        regenerate(SAMPLES / language)


def regenerate(folder: Path) -> None:
    """Speak the script in ``folder`` and write the audio and its references."""
    script = tomllib.loads((folder / "script.toml").read_text(encoding="utf-8"))
    audio, turns = perform(script)
    encode(audio, folder / "audio.opus")
    duration_s = round(len(audio) / SAMPLE_RATE, 3)
    words = {
        "title": script["title"],
        "language": script["language"],
        "duration_s": duration_s,
        "turns": as_json(turns),
    }
    (folder / "words.json").write_text(json.dumps(words, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    (folder / "speakers.rttm").write_text("".join(rttm_line(turn) for turn in turns), encoding="utf-8")
    size_kib = (folder / "audio.opus").stat().st_size / 1024
    sys.stdout.write(f"{folder.name}: {duration_s:.1f} s, {len(turns)} turns, {size_kib:.0f} KiB\n")


def perform(script: dict[str, object]) -> tuple[Audio, list[Turn]]:
    """The whole meeting and who spoke when."""
    random = np.random.default_rng(SEED)
    speakers = as_tables(script["speakers"])
    pieces: list[Audio] = [silence(LEAD_S)]
    turns: list[Turn] = []
    at = len(pieces[0])
    for line in as_rows(script["turns"]):
        voice = speakers[line["speaker"]]
        spoken = say(line["text"], voice, random)
        end = at + len(spoken)
        turns.append(Turn(voice["name"], round(at / SAMPLE_RATE, 3), round(end / SAMPLE_RATE, 3), line["text"]))
        # A short answer comes quicker than a speech.
        pause = silence(random.uniform(*(HESITATION_S if len(line["text"]) < 40 else PAUSE_S)))
        pieces += [spoken, pause]
        at = end + len(pause)
    audio = np.concatenate([*pieces, silence(LEAD_S)])
    noise = random.standard_normal(len(audio)).astype(np.float32) * ROOM_NOISE
    return np.asarray(audio + noise, dtype=np.float32), turns


def say(text: str, voice: dict[str, str], random: np.random.Generator) -> Audio:
    """One turn, sentence by sentence: the synthesizers hardly pause between sentences, people do."""
    pieces: list[Audio] = []
    for sentence in re.split(r"(?<=[.?!]) ", text):
        pieces.append(speak(sentence, synthesizer=voice["synthesizer"], voice=voice["voice"]))
        pieces.append(silence(random.uniform(*SENTENCE_PAUSE_S)))
    return np.concatenate(pieces[:-1])


def silence(duration_s: float) -> Audio:
    """Nothing, for a while."""
    return np.zeros(int(duration_s * SAMPLE_RATE), dtype=np.float32)


def encode(audio: Audio, target: Path) -> None:
    """Write Ogg Opus, voice tuned, mono."""
    # Without bitexact the stream would get a random serial number.
    with av.open(str(target), "w", format="ogg", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libopus", rate=48_000, options={"application": "voip", "vbr": "on"})
        stream.bit_rate = BIT_RATE
        stream.layout = "mono"
        resampler = av.AudioResampler(format="s16", layout="mono", rate=48_000)
        pcm = (audio * 32767).astype(np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))


def as_json(turns: list[Turn]) -> list[dict[str, object]]:
    """The turns as plain values."""
    return [{"speaker": t.speaker, "start_s": t.start_s, "end_s": t.end_s, "text": t.text} for t in turns]


def rttm_line(turn: Turn) -> str:
    """One line of NIST's Rich Transcription Time Marked format."""
    return f"SPEAKER sample 1 {turn.start_s:.3f} {turn.end_s - turn.start_s:.3f} <NA> <NA> {turn.speaker} <NA> <NA>\n"


def as_tables(value: object) -> dict[str, dict[str, str]]:
    """A table of tables, as the script has it."""
    assert isinstance(value, dict)  # noqa: S101  # the script is ours
    return value


def as_rows(value: object) -> list[dict[str, str]]:
    """A list of tables, as the script has it."""
    assert isinstance(value, list)  # noqa: S101  # the script is ours
    return value


if __name__ == "__main__":
    main()
