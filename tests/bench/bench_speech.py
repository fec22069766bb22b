"""Speech measured: our words and turns against plain faster-whisper with the same weights, and the diarizer alone.

    python -m tests.bench.bench_speech [--files NAME…] [--json]

Each engine runs in a fresh process per file, so that peak memory is its own. WER by the normalisation "plain"; DER
with collar 0 and 0.25 s, overlap scored, for the turns as the diarizer heard them and as the RTTM export writes them
(breaths bridged). RTF is processing time over audio time, models loaded before; "cores" is processor time over audio
time, which a busy machine does not change.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from appliance.models.offline import go_offline
from appliance.quality.samples import sample_meeting
from appliance.quality.turns import SpokenTurn, diarization_error, read_rttm, word_speaker_accuracy
from appliance.quality.words import word_error_rate
from tests.bench.memory import MemoryWatch

AUDIO = Path(__file__).parents[3] / "shared" / "audio"
SAMPLE = "sample"
DEFAULT = (SAMPLE, "pyannote_sample", "meeting_2spk", "meeting_clean")
BUDGET_MIB = 1.3 * 1024
WER_MARGIN = 0.01


@dataclass(frozen=True)
class Recording:
    """One file with what is known of it."""

    name: str
    audio: Path
    text: str | None
    turns: tuple[SpokenTurn, ...]


def recording(name: str) -> Recording | None:
    """The named recording, None where it is not on this machine."""
    if name == SAMPLE:
        sample = sample_meeting()
        return Recording(name, sample.audio, sample.text, tuple(read_rttm(sample.rttm.read_text())))
    found = next((path for end in ("flac", "wav") if (path := AUDIO / f"{name}.{end}").is_file()), None)
    if found is None:
        return None
    rttm, words = found.with_suffix(".rttm"), found.with_suffix(".json")
    text = " ".join(turn["text"] for turn in json.loads(words.read_text())) if words.is_file() else None
    return Recording(name, found, text, tuple(read_rttm(rttm.read_text())) if rttm.is_file() else ())


def measure_ours(name: str) -> dict[str, Any]:
    """Words and turns by the product's own path: sandboxed decoder, guards, both engines side by side."""
    from appliance.entry.speech import open_speech_bench
    from appliance.settings import Settings
    from appliance.transcripts.exports import to_rttm

    known = _known(name)
    bench = open_speech_bench(Settings())
    with MemoryWatch() as memory:
        cpu_s = -time.process_time()
        heard = bench.hear(known.audio)
        cpu_s += time.process_time()
    words = [word for segment in heard.transcript.segments for word in segment.words]
    spoken = [
        (word.start_s, word.end_s, segment.speaker) for segment in heard.transcript.segments for word in segment.words
    ]
    raw = [SpokenTurn(turn.start_s, turn.end_s, turn.speaker) for turn in heard.turns]
    written = read_rttm(to_rttm(heard.transcript, heard.turns).decode())
    return {
        "timings": heard.timings,
        "rtf": heard.timings["total"] / heard.transcript.duration_s,
        "cpu": cpu_s / heard.transcript.duration_s,
        "wer": _wer(known, " ".join(word.text for word in words)),
        "removed": len(heard.transcript.removed),
        "speakers": len({turn.speaker for turn in heard.turns}),
        "der": _der(known, raw),
        "der_bridged": _der(known, written),
        "word_to_speaker": word_speaker_accuracy(known.turns, spoken)[0] if known.turns else None,
        "peak_mib": memory.peak_mib,
    }


def measure_plain(name: str) -> dict[str, Any]:
    """The peer: faster-whisper as its manual shows it, beam 5, the whole file in one go, same weights and cores."""
    from faster_whisper import WhisperModel

    from appliance.models.location import models_folder
    from appliance.models.model import PackKind
    from appliance.models.service import ModelRegistry
    from appliance.settings import Settings

    known = _known(name)
    pack = ModelRegistry(models_folder(Settings())).active(PackKind.SPEECH)
    cores = len(os.sched_getaffinity(0))
    whisper = WhisperModel(str(pack.path), device="cpu", compute_type="int8", cpu_threads=cores, local_files_only=True)
    started, cpu_before_s = time.monotonic(), time.process_time()
    segments, info = whisper.transcribe(str(known.audio), beam_size=5)
    text = " ".join(segment.text.strip() for segment in segments)
    taken_s, cpu_s = time.monotonic() - started, time.process_time() - cpu_before_s
    return {
        "rtf": taken_s / info.duration,
        "cpu": cpu_s / info.duration,
        "wer": _wer(known, text),
        "peak_mib": _peak_mib(),
    }


def measure_diarizer(name: str) -> dict[str, Any]:
    """The diarizer by itself on all cores."""
    from appliance.adapters.media import SandboxedMedia
    from appliance.bootstrap.engines import speaker_turns
    from appliance.models.location import models_folder
    from appliance.models.service import ModelRegistry
    from appliance.settings import Settings

    known = _known(name)
    cores = len(os.sched_getaffinity(0))
    engine = speaker_turns(Settings(), ModelRegistry(models_folder(Settings())), threads=cores)
    with known.audio.open("rb") as source:
        audio = np.concatenate(list(SandboxedMedia().decode(source)))
    started, cpu_before_s = time.monotonic(), time.process_time()
    turns = engine.turns(audio)
    taken_s, cpu_s = time.monotonic() - started, time.process_time() - cpu_before_s
    found = [SpokenTurn(turn.start_s, turn.end_s, turn.speaker) for turn in turns]
    duration_s = len(audio) / 16_000
    return {
        "rtf": taken_s / duration_s,
        "cpu": cpu_s / duration_s,
        "der": _der(known, found),
        "peak_mib": _peak_mib(),
    }


ENGINES = {"ours": measure_ours, "plain": measure_plain, "diarizer": measure_diarizer}


def compare(names: list[str]) -> Iterator[dict[str, Any]]:
    """One row per recording: ours, the peer and the diarizer alone, from the same run."""
    for name in names:
        known = recording(name)
        if known is None:
            yield {"file": name, "skipped": f"{AUDIO / name} is not on this machine"}
            continue
        row: dict[str, Any] = {"file": name, "ours": _run("ours", name)}
        if known.text is not None:
            row["plain"] = _run("plain", name)
        if known.turns:
            row["diarizer"] = _run("diarizer", name)
        row["kept"] = list(_promises(row))
        yield row


def _promises(row: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """What must hold, and whether it does."""
    ours = row["ours"]
    yield f"worker at most {BUDGET_MIB:.0f} MiB", ours["peak_mib"] <= BUDGET_MIB
    if "plain" in row:
        yield "WER within 1 point of plain", ours["wer"] <= row["plain"]["wer"] + WER_MARGIN
    if "diarizer" in row:
        yield "DER as good as the diarizer alone", ours["der"]["0"] <= row["diarizer"]["der"]["0"] + 1e-9


def _known(name: str) -> Recording:
    known = recording(name)
    if known is None:
        raise SystemExit(f"{name} is not on this machine")
    return known


def _wer(known: Recording, text: str) -> float | None:
    return None if known.text is None else word_error_rate(known.text, text).rate


def _der(known: Recording, turns: list[SpokenTurn]) -> dict[str, float] | None:
    if not known.turns:
        return None
    return {str(collar): diarization_error(known.turns, turns, collar_s=collar).rate for collar in (0, 0.25)}


def _peak_mib() -> float:
    """Peak of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _run(engine: str, name: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.bench_speech", "--engine", engine, name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{engine} failed on {name}:\n{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _percent(value: float | None) -> str:
    return "     -" if value is None else f"{100 * value:6.2f}"


def _both(der: dict[str, float] | None) -> str:
    return "-" if der is None else " / ".join(f"{100 * der[collar]:.1f}" for collar in ("0", "0.25"))


def _print(row: dict[str, Any]) -> None:
    if "skipped" in row:
        print(f"{row['file']:16} skipped: {row['skipped']}")
        return
    ours = row["ours"]
    print(f"{row['file']}")
    print(f"  ours      {_cost(ours)}  WER {_percent(ours['wer'])} %  DER {_both(ours['der'])} %")
    print(
        f"            word to speaker {_percent(ours['word_to_speaker'])} %, bridged DER {_both(ours['der_bridged'])} %"
    )
    if plain := row.get("plain"):
        print(f"  plain     {_cost(plain)}  WER {_percent(plain['wer'])} %")
        print(f"            ours, speakers included, takes {ours['cpu'] / plain['cpu']:.2f} of its processor time")
    if alone := row.get("diarizer"):
        print(f"  diarizer  {_cost(alone)}  DER {_both(alone['der'])} %")
    for promise, is_kept in row["kept"]:
        print(f"  {'kept  ' if is_kept else 'BROKEN'}    {promise}")


def _cost(result: dict[str, Any]) -> str:
    return f"RTF {result['rtf']:.3f}  cores {result['cpu']:.3f}  {result['peak_mib']:5.0f} MiB"


def main() -> int:
    """Measure and print; 1 when a promise is broken."""
    go_offline()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", nargs="*", default=list(DEFAULT), metavar="NAME")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--engine", choices=ENGINES, help=argparse.SUPPRESS)
    parser.add_argument("name", nargs="?", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.engine:
        print(json.dumps(ENGINES[options.engine](options.name)))
        return 0
    rows = []
    for row in compare(options.files):
        rows.append(row)
        if not options.json:
            _print(row)
    if options.json:
        print(json.dumps(rows, indent=2, default=asdict))
    return int(any(not is_kept for row in rows for _, is_kept in row.get("kept", ())))


if __name__ == "__main__":
    sys.exit(main())
