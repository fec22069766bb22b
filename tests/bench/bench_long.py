"""Hours of speech through the speech engines: what the length of a meeting costs in memory and in quality.

    python -m tests.bench.bench_long [--hours H…] [--json]

The recordings whose words and speakers are known are played one after the other, again and again, until so many hours
are full, and written to a FLAC in a temporary folder. Each length runs in a fresh process along the product's own path:
jailed decoder, both engines side by side, guards, merge. Peak memory is that process with its decoders. WER and DER
are those of ``bench_speech``; the reference of the loop is that of its parts, moved in time. Twelve hours of vectors,
notes and words are real, although the voices repeat.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import av
import numpy as np

from appliance.adapters.media import SandboxedMedia
from appliance.meetings.ports import Samples
from appliance.models.offline import go_offline
from appliance.quality.turns import SpokenTurn, diarization_error
from appliance.quality.words import word_error_rate
from tests.bench.bench_speech import BUDGET_MIB, SAMPLE, Recording, recording
from tests.bench.memory import MemoryWatch

PARTS = (SAMPLE, "meeting_clean", "meeting_2spk")
SAMPLE_RATE = 16_000
SHORT_HOURS = 1 / 3
FLAT = 1.1
"""Peak memory of the longest over that of the shortest."""


@dataclass(frozen=True)
class Loop:
    """A long recording with what is known of it."""

    duration_s: float
    text: str
    turns: tuple[SpokenTurn, ...]


def write_loop(path: Path, hours: float) -> Loop:
    """Fill a FLAC file with whole recordings until ``hours`` are reached."""
    parts = [known for name in PARTS if (known := recording(name)) is not None]
    sounds = [_sound(part) for part in parts]
    samples, texts, turns = 0, [], []
    with av.open(str(path), "w", format="flac") as container:
        stream = container.add_stream("flac", rate=SAMPLE_RATE, layout="mono")
        for part, sound in cycle(list(zip(parts, sounds, strict=True))):
            start_s = samples / SAMPLE_RATE
            if start_s >= hours * 3600:
                break
            for block in np.array_split(sound, len(sound) // SAMPLE_RATE):
                frame = av.AudioFrame.from_ndarray(block[np.newaxis], format="s16", layout="mono")
                frame.rate, frame.pts = SAMPLE_RATE, samples
                container.mux(stream.encode(frame))
                samples += len(block)
            texts.append(part.text or "")
            turns.extend(SpokenTurn(turn.start_s + start_s, turn.end_s + start_s, turn.speaker) for turn in part.turns)
        container.mux(stream.encode(None))
    return Loop(samples / SAMPLE_RATE, " ".join(texts), tuple(turns))


def measure(hours: float) -> dict[str, Any]:
    """One length, in this process."""
    from appliance.entry.speech import open_speech_bench
    from appliance.settings import Settings

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "loop.flac"
        known = write_loop(file, hours)
        bench = open_speech_bench(Settings())
        with MemoryWatch() as memory:
            cpu_s = -time.process_time()
            heard = bench.hear(file)
            cpu_s += time.process_time()
            peak_mib = memory.peak_mib
    said = " ".join(word.text for segment in heard.transcript.segments for word in segment.words)
    found = [SpokenTurn(turn.start_s, turn.end_s, turn.speaker) for turn in heard.turns]
    return {
        "hours": known.duration_s / 3600,
        "rtf": heard.timings["total"] / known.duration_s,
        "cpu": cpu_s / known.duration_s,
        "timings": heard.timings,
        "wer": word_error_rate(known.text, said).rate,
        "der": diarization_error(known.turns, found, collar_s=0.25).rate,
        "speakers": len({turn.speaker for turn in heard.turns}),
        "removed": len(heard.transcript.removed),
        "peak_mib": peak_mib,
    }


def promises(rows: list[dict[str, Any]]) -> Iterator[tuple[str, bool]]:
    """What must hold, and whether it does."""
    yield f"worker at most {BUDGET_MIB:.0f} MiB", all(row["peak_mib"] <= BUDGET_MIB for row in rows)
    if len(rows) > 1:
        shortest, longest = (pick(rows, key=lambda row: row["hours"]) for pick in (min, max))
        yield f"memory grows by less than {FLAT - 1:.0%}", longest["peak_mib"] <= FLAT * shortest["peak_mib"]


def _sound(known: Recording) -> Samples:
    media = SandboxedMedia()
    with known.audio.open("rb") as source:
        sound = np.concatenate(list(media.decode(source)))
    media.close()
    return sound


def _run(hours: float) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.bench_long", "--one", str(hours)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{hours} h failed:\n{done.stderr}")
    row: dict[str, Any] = json.loads(done.stdout)
    return row


def main() -> int:
    """Measure and print; 1 when a promise is broken."""
    go_offline()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", nargs="*", type=float, default=[SHORT_HOURS, 1.0], metavar="H")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        print(json.dumps(measure(options.one)))
        return 0
    rows = []
    for hours in options.hours:
        row = _run(hours)
        rows.append(row)
        if not options.json:
            print(
                f"{row['hours']:5.2f} h  {row['peak_mib']:5.0f} MiB  RTF {row['rtf']:.3f}  cores {row['cpu']:.3f}"
                f"  WER {100 * row['wer']:5.2f} %  DER (0.25 s) {100 * row['der']:4.1f} %  {row['speakers']} speakers",
                flush=True,
            )
    kept = list(promises(rows))
    if options.json:
        print(json.dumps({"rows": rows, "kept": kept}, indent=2))
    else:
        for promise, is_kept in kept:
            print(f"{'kept  ' if is_kept else 'BROKEN'}  {promise}")
    return int(not all(is_kept for _, is_kept in kept))


if __name__ == "__main__":
    sys.exit(main())
