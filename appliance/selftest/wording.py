"""The page in Hungarian and English."""

from collections.abc import Mapping
from typing import Final, Literal

from appliance.selftest.model import SelftestReport, Trial, Verdict

Language = Literal["hu", "en"]

_TRIALS: Final[Mapping[Language, Mapping[Trial, str]]] = {
    "en": {
        Trial.HEALTH: "Nothing is critical",
        Trial.SILENCE: "Nothing leaves the machine",
        Trial.SIGN_IN: "Somebody signs in over HTTPS",
        Trial.UPLOAD: "A recording is sent",
        Trial.SPEECH: "Speech becomes text",
        Trial.SPEAKERS: "Speakers are told apart",
        Trial.MINUTES: "Minutes are written",
        Trial.EXPORT: "Transcript and minutes are exported",
        Trial.SHREDDING: "Deleting destroys the key",
        Trial.BACKUP: "A backup is taken",
        Trial.DRILL: "The backup is restored, as a rehearsal",
    },
    "hu": {
        Trial.HEALTH: "Nincs kritikus lelet",
        Trial.SILENCE: "Semmi nem hagyja el a gépet",
        Trial.SIGN_IN: "Valaki HTTPS-en bejelentkezik",
        Trial.UPLOAD: "Egy felvétel beérkezik",
        Trial.SPEECH: "A beszédből szöveg lesz",
        Trial.SPEAKERS: "A beszélők szétválnak",
        Trial.MINUTES: "Jegyzőkönyv készül",
        Trial.EXPORT: "A leirat és a jegyzőkönyv letölthető",
        Trial.SHREDDING: "A törlés megsemmisíti a kulcsot",
        Trial.BACKUP: "Mentés készül",
        Trial.DRILL: "A mentés próbaképp visszaáll",
    },
}
_WORDS: Final[Mapping[Language, Mapping[str, str]]] = {
    "en": {
        "title": "Self-test",
        "machine": "Machine",
        "release": "Release",
        "made": "Made",
        "models": "Models",
        "sample": "Sample",
        "key": "Signed with",
        "verdict": "VERDICT",
        "passed": "passed",
        "warned": "WARNING",
        "failed": "FAILED",
        "not-tried": "not tried",
        "whole-passed": "PASSED: everything that was tried works",
        "whole-warned": "PASSED WITH A WARNING: all of it works, and not all of it well",
        "whole-failed": "FAILED",
        "whole-not-tried": "INCOMPLETE: what was tried works, and something was not tried",
    },
    "hu": {
        "title": "Önteszt",
        "machine": "Gép",
        "release": "Kiadás",
        "made": "Készült",
        "models": "Modellek",
        "sample": "Minta",
        "key": "Aláírta",
        "verdict": "ÍTÉLET",
        "passed": "megfelelt",
        "warned": "FIGYELEM",
        "failed": "HIBÁS",
        "not-tried": "kimaradt",
        "whole-passed": "MEGFELELT: minden működik",
        "whole-warned": "FENNTARTÁSSAL FELELT MEG: minden működik, de nem minden jól",
        "whole-failed": "HIBÁS",
        "whole-not-tried": "HIÁNYOS: amit kipróbált, működik, de valami kimaradt",
    },
}


def title_of(trial: Trial, language: Language) -> str:
    """What is tried, in words."""
    return _TRIALS[language][trial]


def as_text(report: SelftestReport, language: Language, *, key: str = "") -> str:
    """The page.

    Args:
        key: fingerprint of the key that signed it.
    """
    say = _WORDS[language]
    lines = [say["title"], "=" * len(say["title"]), ""]
    lines += [f"{say['machine']:<12} {report.host}", f"{say['release']:<12} {report.release}"]
    lines += [f"{say['made']:<12} {report.began_at} ({report.took_s:.0f} s)"]
    lines += [f"{say['models']:<12} {', '.join(report.models)}", f"{say['sample']:<12} {report.sample}"]
    lines += [f"{say['key']:<12} {key}"] if key else []
    lines += ["", f"{say['verdict']:<12} {say[f'whole-{report.verdict}']}", ""]
    width = max(len(title) for title in _TRIALS[language].values())
    marks = {Verdict.PASSED: "✓", Verdict.WARNED: "!", Verdict.FAILED: "✗", Verdict.NOT_TRIED: "–"}
    for line in report.lines:
        title = title_of(line.trial, language)
        lines.append(f"{marks[line.verdict]} {title:<{width}}  {say[line.verdict]:<10} {line.took_s:>7.1f} s")
        figures = ", ".join(f"{name}: {value}" for name, value in line.figures.items())
        lines += [f"    {told}" for told in (line.why, figures) if told]
    return "\n".join(lines) + "\n"
