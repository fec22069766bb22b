"""How good minutes are and what they cost: ``python -m tests.bench.bench_language [--fake] [--json] [MEETING …]``.

Prints recall and precision of decisions and tasks, owners and dates, how many claims are borne out and how many the
model worded, and seconds and tokens per second; for the sample meetings, the reference meetings that the cues were
written with, and the held-out ones that they were not.
"""

import argparse
import json
import resource
import time
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

from appliance.adapters.fake_language import FakeLanguageModel
from appliance.kernel.units import MIB
from appliance.language.ports import LanguageModel
from appliance.minutes.writing import MinutesWriter
from appliance.quality.faithfulness import Faithfulness, faithfulness
from appliance.transcripts.model import Transcript
from tests.factories.minutes import DEVELOPMENT, HELD_OUT, MEETINGS, a_transcript, reference, reference_meetings

BUDGET_MIB = 2560
"""What a language worker may take with the starter model."""


def sample(language: str) -> tuple[Transcript, dict[str, Any]]:
    """The script of a sample meeting, as if every word had been recognised; speakers are only numbered."""
    script = tomllib.loads(files("appliance.quality").joinpath("samples", language, "script.toml").read_text("utf-8"))
    order = list(script["speakers"])
    turns = [f"Speaker {order.index(turn['speaker']) + 1}: {turn['text']}" for turn in script["turns"]]
    return a_transcript(*turns, language=language), script["expected"]


def meetings() -> dict[str, tuple[str, Transcript, dict[str, Any]]]:
    """Every meeting by name, with the group that it counts in."""
    found = {f"sample_{language}": ("sample", *sample(language)) for language in ("en", "hu")}
    for group, folder in (("reference", MEETINGS), ("development", DEVELOPMENT), ("held out", HELD_OUT)):
        found |= {name: (group, *reference(name, folder)) for name in reference_meetings(folder)}
    return found


def measure(model: LanguageModel, names: list[str]) -> dict[str, Any]:
    """Write the minutes of every meeting and compare."""
    rows: dict[str, Any] = {}
    groups: dict[str, Faithfulness] = {}
    for name, (group, transcript, expected) in meetings().items():
        if names and name not in names:
            continue
        started, busy = time.perf_counter(), time.process_time()
        written = MinutesWriter(model).write(transcript)
        seconds = time.perf_counter() - started
        figures = faithfulness(written.minutes, expected, turn_of=lambda segment: segment + 1)
        groups[group] = groups.get(group, Faithfulness()) + figures
        tally = written.tally
        rows[name] = row(figures) | {
            "seconds": round(seconds, 1),
            "cpu_seconds": round(time.process_time() - busy, 1),
            "questions": tally.questions,
            "read_tokens": tally.prompt_tokens - tally.cached_tokens,
            "cached_tokens": tally.cached_tokens,
            "written_tokens": tally.completion_tokens,
            "written_tokens_per_s": round(tally.completion_tokens / seconds, 1) if seconds else 0.0,
        }
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 // MIB
    return {
        "model": model.name,
        "peak_mib": peak,
        "meetings": rows,
        "groups": {name: row(figures) for name, figures in groups.items()},
    }


def row(figures: Faithfulness) -> dict[str, Any]:
    """The figures of one meeting or group, rounded."""
    return {
        "decisions_recall": round(figures.decisions.recall, 2),
        "decisions_precision": round(figures.decisions.precision, 2),
        "actions_recall": round(figures.actions.recall, 2),
        "actions_precision": round(figures.actions.precision, 2),
        "owners": round(figures.owners.recall, 2),
        "dues": round(figures.dues.recall, 2),
        "questions_recall": round(figures.questions.recall, 2),
        "claims": figures.claims,
        "supported": figures.supported,
        "partly": figures.partly,
        "by_model": figures.by_model,
        "rejected": figures.rejected,
        "missed": figures.missed,
        "invented": figures.invented,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("meetings", nargs="*", help="names; all without")
    parser.add_argument("--fake", action="store_true", help="measure the cues alone, without a model")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    started = time.perf_counter()
    model = FakeLanguageModel() if options.fake else installed_model()
    load_s = round(time.perf_counter() - started, 1)
    result = {"load_s": load_s} | measure(model, options.meetings)
    if options.json:
        print(json.dumps(result, ensure_ascii=False, indent=1))
    else:
        _print(result)


def installed_model() -> LanguageModel:
    """The model in use on this machine."""
    from appliance.bootstrap.engines import language_model
    from appliance.models.location import models_folder
    from appliance.models.service import ModelRegistry
    from appliance.settings import Settings

    settings = Settings(data_dir=Path("/nonexistent"))
    return language_model(settings, ModelRegistry(models_folder(settings)))


def _print(result: dict[str, Any]) -> None:
    print(f"model {result['model']}, loaded in {result['load_s']} s, peak {result['peak_mib']} MiB of {BUDGET_MIB} MiB")
    print(
        f"{'meeting':<18}{'decisions':>12}{'actions':>12}{'owner':>7}{'due':>6}{'quest.':>7}{'supported':>11}{'model':>7}"
        f"{'rejected':>9}{'s':>8}{'cpu s':>8}{'tok/s':>7}"
    )
    for name, one in {**result["meetings"], **{f"= {name}": one for name, one in result["groups"].items()}}.items():
        print(
            f"{name:<18}{one['decisions_recall']:>6.2f}/{one['decisions_precision']:.2f}"
            f"{one['actions_recall']:>7.2f}/{one['actions_precision']:.2f}{one['owners']:>7.2f}{one['dues']:>6.2f}"
            f"{one['questions_recall']:>7.2f}{one['supported']:>7}/{one['claims']:<3}{one['by_model']:>7}{one['rejected']:>9}"
            f"{one.get('seconds', ''):>8}{one.get('cpu_seconds', ''):>8}{one.get('written_tokens_per_s', ''):>7}"
        )
        for text in one["missed"] if not name.startswith("=") else ():
            print(f"    missed: {text}")
        for text in one["invented"] if not name.startswith("=") else ():
            print(f"    not expected: {text}")
    print("recall/precision; owner and due among the tasks found")


if __name__ == "__main__":
    main()
