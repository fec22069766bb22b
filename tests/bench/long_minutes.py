"""A meeting of many hours, killed on the way: ``python -m tests.bench.long_minutes [--hours 8] [--fake]``.

The transcript is made of the reference meetings over and over, each time with other names, numbers and weekdays, at the
pace of people talking. A child process writes its minutes and is killed with SIGKILL after some answers; a second one
goes on from its checkpoint. Printed: memory of both, questions asked twice (none), tokens and seconds, and how much of
what binds is found in comparison with the same meetings alone.
"""

import argparse
import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from appliance.adapters.fake_language import FakeLanguageModel
from appliance.kernel.units import MIB
from appliance.language.ports import LanguageModel
from appliance.minutes.writing import MinutesWriter, Progress
from appliance.transcripts.model import Transcript
from tests.bench.bench_language import BUDGET_MIB, installed_model
from tests.factories.minutes import DEVELOPMENT, MEETINGS, a_transcript, reference, reference_meetings

_NUMBERS: Final = ("eleven", "twelve", "fourteen", "seventeen", "twenty", "thirty", "forty", "sixty", "eighty")
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
_NAMES: Final = ("Ada", "Chidi", "Dora", "Emil", "Fatima", "Greta", "Hugo", "Imre", "Kofi", "Lena", "Milan", "Paula")


def long_transcript(hours: float, *, seed: int = 8) -> Transcript:
    """Varied English talk of that length; no two rounds have the same people, numbers and days."""
    chance = random.Random(seed)
    known = [
        reference(name, folder)[0]
        for folder in (MEETINGS, DEVELOPMENT)
        for name in reference_meetings(folder)
        if name.startswith("en_")
    ]
    turns: list[str] = []
    length_s = 0.0
    while length_s < hours * 3600:
        meeting = chance.choice(known)
        people = sorted({segment.speaker or "" for segment in meeting.segments})
        called = dict(zip(people, chance.sample(_NAMES, len(people)), strict=True))
        vary = _varying(called, chance)
        turns += [f"{called[segment.speaker or '']}: {vary(segment.text)}" for segment in meeting.segments]
        length_s += meeting.duration_s
    return a_transcript(*turns)


def _varying(called: dict[str, str], chance: random.Random) -> Callable[[str], str]:
    """Other people, numbers and days for one round."""
    changed = called | {old: chance.choice(_NUMBERS) for old in _NUMBERS} | {old: chance.choice(_DAYS) for old in _DAYS}
    pattern = re.compile(r"\b(" + "|".join(map(re.escape, sorted(changed, key=len, reverse=True))) + r")\b")
    return lambda text: pattern.sub(lambda match: changed[match[1]], text)


def child(folder: Path, *, hours: float, fake: bool) -> None:
    """Write the minutes, leaving checkpoints; what ``measure`` starts and kills."""
    transcript = long_transcript(hours)
    model: LanguageModel = FakeLanguageModel(context_tokens=4096) if fake else installed_model()
    notebook = folder / "checkpoint.json"
    asked = folder / "asked"
    started, busy = time.perf_counter(), time.process_time()

    def checkpoint(data: bytes) -> None:
        partial = notebook.with_suffix(".new")
        partial.write_bytes(data)
        partial.replace(notebook)
        with asked.open("a") as journal:
            journal.write(f"{os.getpid()} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}\n")

    written = MinutesWriter(model).write(
        transcript,
        resume=notebook.read_bytes() if notebook.exists() else None,
        progress=Progress(checkpoint=checkpoint),
    )
    minutes, tally = written.minutes, written.tally
    result = {
        "hours": round(transcript.duration_s / 3600, 2),
        "words": sum(len(segment.text.split()) for segment in transcript.segments),
        "topics": len(minutes.topics),
        "summary": len(minutes.summary),
        "decisions": len(minutes.decisions),
        "actions": len(minutes.actions),
        "supported": sum(claim.support == "supported" for claim in minutes.claims),
        "claims": len(list(minutes.claims)),
        "read_tokens": tally.prompt_tokens - tally.cached_tokens,
        "written_tokens": tally.completion_tokens,
        "seconds": round(time.perf_counter() - started, 1),
        "cpu_seconds": round(time.process_time() - busy, 1),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 // MIB,
    }
    (folder / "result.json").write_text(json.dumps(result))


def measure(*, hours: float, fake: bool, kill_after: int) -> dict[str, Any]:
    """Kill the first child after ``kill_after`` answers and let the second one finish."""
    with tempfile.TemporaryDirectory(prefix="long-meeting-") as name:
        folder = Path(name)
        command = [sys.executable, "-m", "tests.bench.long_minutes", "--child", name, "--hours", str(hours)]
        command += ["--fake"] if fake else []
        first = subprocess.Popen(command)
        while first.poll() is None and len(_journal(folder)) < kill_after:
            time.sleep(0.02)
        first.send_signal(signal.SIGKILL)
        first.wait()
        before = len(_journal(folder))
        kept = len(json.loads((folder / "checkpoint.json").read_bytes()))
        subprocess.run(command, check=True)
        result: dict[str, Any] = json.loads((folder / "result.json").read_text())
        journal = _journal(folder)
        answers = len(json.loads((folder / "checkpoint.json").read_bytes()))
        return result | {
            "killed_after": before,
            "kept": kept,
            "answers": answers,
            "asked_twice": len(journal) - answers,
            "first_peak_mib": max(int(line.split()[1]) for line in journal[:before]),
        }


def _journal(folder: Path) -> list[str]:
    path = folder / "asked"
    return path.read_text().splitlines() if path.exists() else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=8.0)
    parser.add_argument("--fake", action="store_true", help="without a model: the method alone")
    parser.add_argument("--kill-after", type=int, default=40, help="answers")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, hours=options.hours, fake=options.fake)
        return
    result = measure(hours=options.hours, fake=options.fake, kill_after=options.kill_after)
    print(
        f"{result['hours']} h, {result['words']} words: {result['topics']} topics, {result['decisions']} decisions, "
        f"{result['actions']} tasks, a summary of {result['summary']} sentences; "
        f"{result['supported']} of {result['claims']} claims supported"
    )
    print(
        f"killed after {result['killed_after']} of {result['answers']} answers, of which {result['kept']} were kept; "
        f"{result['asked_twice']} asked twice"
    )
    print(
        f"second process: {result['read_tokens']} tokens read, {result['written_tokens']} written, "
        f"{result['seconds']} s, {result['cpu_seconds']} s of processor time"
    )
    print(f"peak memory {result['first_peak_mib']} and {result['peak_mib']} MiB of {BUDGET_MIB} MiB")


if __name__ == "__main__":
    main()
