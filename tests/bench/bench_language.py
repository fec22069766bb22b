"""How good minutes are and what they cost: ``python -m tests.bench.bench_language [--fake] [--json] [MEETING …]``.

For the sample meetings, the reference meetings that are understood completely, those that cues are developed with, and
For the sample meetings, the reference meetings that are understood completely, those that cues are developed with and
how many are false, and what the model's share was; then memory against its budget, tokens per second and seconds per
minute of meeting. What is missed or wrong in a held-out meeting is not told: whoever reads it begins to write cues for
it. Groups can be named in place of meetings: ``sample``, ``reference``, ``development``, ``held-out``.
"""

import argparse
import json
import resource
import sys
import time
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

from appliance.adapters.fake_language import FakeLanguageModel
from appliance.kernel.units import MIB
from appliance.language.ports import LanguageModel
from appliance.minutes.asking import Tally
from appliance.minutes.writing import MinutesWriter
from appliance.quality.faithfulness import Faithfulness, faithfulness
from appliance.transcripts.model import Transcript
from tests.factories.minutes import DEVELOPMENT, HELD_OUT, MEETINGS, a_transcript, reference, reference_meetings

BUDGET_MIB = 2560
"""What a language worker may take with the starter model."""

_HELD_OUT = "held-out"
_FOLDERS = {"reference": MEETINGS, "development": DEVELOPMENT, _HELD_OUT: HELD_OUT}


def sample(language: str) -> tuple[Transcript, dict[str, Any]]:
    """The script of a sample meeting, as if every word had been recognised; speakers are only numbered."""
    script = tomllib.loads(files("appliance.quality").joinpath("samples", language, "script.toml").read_text("utf-8"))
    order = list(script["speakers"])
    turns = [f"Speaker {order.index(turn['speaker']) + 1}: {turn['text']}" for turn in script["turns"]]
    return a_transcript(*turns, language=language), script["expected"]


def meetings() -> dict[str, tuple[str, Transcript, dict[str, Any]]]:
    """Every meeting by name, with the group that it counts in."""
    found = {f"sample_{language}": ("sample", *sample(language)) for language in ("en", "hu")}
    for group, folder in _FOLDERS.items():
        found |= {name: (group, *reference(name, folder)) for name in reference_meetings(folder)}
    return found


def measure(model: LanguageModel, wanted: list[str], *, quiet: bool) -> dict[str, Any]:
    """Write the minutes of every meeting and compare."""
    rows: dict[str, Any] = {}
    groups: dict[str, Faithfulness] = {}
    total, spoken_s = Tally(), 0.0
    for name, (group, transcript, expected) in meetings().items():
        if wanted and name not in wanted and group not in wanted:
            continue
        busy = time.process_time()
        written = MinutesWriter(model).write(transcript)
        figures = faithfulness(written.minutes, expected, turn_of=lambda segment: segment + 1)
        groups[group] = groups.get(group, Faithfulness()) + figures
        total = total + written.tally
        spoken_s += transcript.duration_s
        rows[name] = row(figures, told=group != _HELD_OUT) | {"cpu_seconds": round(time.process_time() - busy, 1)}
        if not quiet:
            _print_row(name, rows[name])
    return {
        "model": model.name,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 // MIB,
        "meetings": rows,
        "groups": {name: row(figures, told=False) for name, figures in groups.items()},
        "cost": cost(total, spoken_s),
    }


def row(figures: Faithfulness, *, told: bool) -> dict[str, Any]:
    """The figures of one meeting or group, rounded; with what is missed and wrong where that is ``told``."""
    numbers = {
        "decisions_recall": round(figures.decisions.recall, 2),
        "decisions_precision": round(figures.decisions.precision, 2),
        "actions_recall": round(figures.actions.recall, 2),
        "actions_precision": round(figures.actions.precision, 2),
        "owners": round(figures.owners.recall, 2),
        "dues": round(figures.dues.recall, 2),
        "questions_recall": round(figures.questions.recall, 2),
        "questions_precision": round(figures.questions.precision, 2),
        "claims": figures.claims,
        "supported": figures.supported,
        "partly": figures.partly,
        "unsupported": figures.claims - figures.supported - figures.partly,
        "false": figures.false_claims,
        "by_model": figures.by_model,
        "rejected": figures.rejected,
    }
    details = {"missed": figures.missed, "invented": figures.invented, "wrong": figures.wrong}
    return numbers | (details if told else {})


def cost(tally: Tally, spoken_s: float) -> dict[str, float]:
    """What the answers took, by wall clock: worth comparing on a quiet machine only."""
    read = tally.prompt_tokens - tally.cached_tokens
    writing_s = tally.duration_s - tally.reading_s
    return {
        "questions": tally.questions,
        "read_tokens": read,
        "cached_tokens": tally.cached_tokens,
        "written_tokens": tally.completion_tokens,
        "read_tokens_per_s": round(read / tally.reading_s, 1) if tally.reading_s else 0.0,
        "written_tokens_per_s": round(tally.completion_tokens / writing_s, 1) if writing_s else 0.0,
        "seconds_per_meeting_minute": round(tally.duration_s / (spoken_s / 60), 2) if spoken_s else 0.0,
    }


def installed_model() -> LanguageModel:
    """The model in use on this machine."""
    from appliance.bootstrap.engines import language_model
    from appliance.models.location import models_folder
    from appliance.models.service import ModelRegistry
    from appliance.settings import Settings

    settings = Settings(data_dir=Path("/nonexistent"))
    return language_model(settings, ModelRegistry(models_folder(settings)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("meetings", nargs="*", help="names of meetings or groups; all without")
    parser.add_argument("--fake", action="store_true", help="measure the cues alone, without a model")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    started = time.perf_counter()
    model = FakeLanguageModel() if options.fake else installed_model()
    load_s = round(time.perf_counter() - started, 1)
    if not options.json:
        print(f"model {model.name}, loaded in {load_s} s")
        _print_head()
    result = {"load_s": load_s} | measure(model, options.meetings, quiet=options.json)
    if options.json:
        print(json.dumps(result, ensure_ascii=False, indent=1))
    else:
        _print_sums(result)
    return 0 if result["peak_mib"] <= BUDGET_MIB else 1


def _print_head() -> None:
    print(
        f"{'meeting':<20}{'decisions':>12}{'tasks':>12}{'questions':>12}{'owner':>6}{'due':>6}"
        f"{'claims':>8}{'supp.':>7}{'partly':>7}{'unsup.':>7}{'false':>6}{'model':>6}{'reject.':>8}{'cpu s':>7}"
    )


def _print_row(name: str, one: dict[str, Any]) -> None:
    binds = "".join(
        f"{one[f'{kind}_recall']:>7.2f}/{one[f'{kind}_precision']:.2f}"
        for kind in ("decisions", "actions", "questions")
    )
    print(
        f"{name:<20}{binds}{one['owners']:>6.2f}{one['dues']:>6.2f}{one['claims']:>8}{one['supported']:>7}"
        f"{one['partly']:>7}{one['unsupported']:>7}{one['false']:>6}{one['by_model']:>6}{one['rejected']:>8}"
        f"{one.get('cpu_seconds', ''):>7}",
        flush=True,
    )
    for kind, said in (("missed", "missed"), ("invented", "not expected"), ("wrong", "wrong")):
        for text in one.get(kind, ()):
            print(f"    {said}: {text}")


def _print_sums(result: dict[str, Any]) -> None:
    for name, one in result["groups"].items():
        _print_row(f"= {name}", one)
    print("recall/precision; owner and due: right among the tasks found; model: worded by it; reject.: its untrue ones")
    spent = result["cost"]
    print(
        f"{spent['questions']} questions: {spent['read_tokens']} tokens read at {spent['read_tokens_per_s']}/s, "
        f"{spent['cached_tokens']} from the cache, {spent['written_tokens']} written at "
        f"{spent['written_tokens_per_s']}/s; {spent['seconds_per_meeting_minute']} s for a minute of meeting"
    )
    verdict = "kept" if result["peak_mib"] <= BUDGET_MIB else "BROKEN"
    print(f"peak memory of the process {result['peak_mib']} MiB of {BUDGET_MIB} MiB: {verdict}")


if __name__ == "__main__":
    sys.exit(main())
