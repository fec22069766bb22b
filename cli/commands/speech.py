"""``hangjegyzet speech``: the speech engines by themselves, without database, keys or jobs."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from appliance.meetings.vocabulary import clean_vocabulary
from appliance.settings import Settings
from appliance.speakers.model import ANY_NUMBER, SpeakerCount
from appliance.transcripts.dictation import Wishes
from appliance.transcripts.exports import export
from cli.files import recording_argument
from cli.output import print_json, progress_bar, talk

app = typer.Typer(name="speech", help="Speech to text, for one file; nothing is kept.", no_args_is_help=True)


class Format(StrEnum):
    """What ``speech run`` writes."""

    TXT = "txt"
    JSON = "json"
    VTT = "vtt"
    RTTM = "rttm"


@app.callback()
def speech() -> None:
    """Speech to text, for one file; nothing is kept."""


@app.command()
def run(
    file: Annotated[Path, recording_argument()],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; the same as --format json.")] = False,
    form: Annotated[Format, typer.Option("--format", help="What to print.")] = Format.TXT,
    language: Annotated[str | None, typer.Option(help="What is spoken, as hu or en; unset recognises it.")] = None,
    speakers: Annotated[int | None, typer.Option(min=1, max=50, help="How many people speak, when known.")] = None,
    words: Annotated[
        list[str] | None,
        typer.Option(
            "--words", metavar="WORDS", help="Names and terms to expect, separated by commas; may be repeated."
        ),
    ] = None,
) -> None:
    """Print who says what in FILE."""
    # Imported here: it brings the audio library, for which nobody who asks for help shall wait.
    from appliance.entry.speech import open_speech_bench

    settings = Settings()
    wishes = Wishes(language=language, vocabulary=clean_vocabulary(words or ()))
    count = SpeakerCount.exactly(speakers) if speakers else ANY_NUMBER
    bench = open_speech_bench(settings)
    with progress_bar(file.name) as tell:
        heard = bench.hear(file, wishes=wishes, count=count, progress=tell)
    if as_json or form is Format.JSON:
        print_json(heard.report)
    else:
        data, _ = export(heard.transcript, heard.turns, form.value)
        sys.stdout.write(data.decode())
    total_s, duration_s = heard.timings["total"], heard.transcript.duration_s
    talk.print(f"{duration_s:.0f} s of sound in {total_s:.1f} s (RTF {total_s / duration_s:.3f})", style="dim")
