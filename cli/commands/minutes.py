"""``hangjegyzet minutes``: write minutes of a transcript with the engine alone, without a database."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from appliance.bootstrap.engines import language_model
from appliance.minutes.errors import NoTranscript
from appliance.minutes.exports import to_markdown
from appliance.minutes.writing import MinutesWriter, Progress
from appliance.models.location import models_folder
from appliance.models.service import ModelRegistry
from appliance.settings import Settings
from appliance.transcripts.model import Segment, Transcript, Word
from cli.output import print_json, progress_bar, talk

app = typer.Typer(help="Write minutes.", no_args_is_help=True)


class _WordIn(msgspec.Struct):
    start_s: float
    end_s: float
    text: str
    probability: float = 1.0


class _SegmentIn(msgspec.Struct):
    start_s: float
    end_s: float
    text: str
    speaker: str | None = None
    id: int | None = None
    words: list[_WordIn] = []


class _TranscriptIn(msgspec.Struct):
    """What ``speech run --json`` prints, as far as minutes need it."""

    language: str
    duration_s: float
    segments: list[_SegmentIn]
    engine: str = ""


@app.command()
def run(
    transcript: Annotated[Path, typer.Argument(help="Transcript as JSON, as speech run --json prints it.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole minutes as JSON.")] = False,
    as_language: Annotated[
        str | None, typer.Option("--language", help="Language of the meeting, if it is wrong.")
    ] = None,
) -> None:
    """Write the minutes of a transcript: engine only, nothing is stored."""
    text = read_transcript(transcript, language=as_language)
    with progress_bar("Write minutes") as told:
        settings = Settings()
        model = language_model(settings, ModelRegistry(models_folder(settings)))
        written = MinutesWriter(model).write(text, progress=Progress(told=told))
    if as_json:
        print_json(written.minutes)
    else:
        typer.echo(to_markdown(written.minutes, text))
    tally = written.tally
    if tally.duration_s >= 1:
        speed = tally.completion_tokens / tally.duration_s
        talk.print(f"{tally.questions} questions in {tally.duration_s:.0f} s, {speed:.1f} tokens/s", style="dim")


def read_transcript(file: Path, *, language: str | None = None) -> Transcript:
    """A transcript from a file.

    Raises:
        NoTranscript: the file cannot be read, or holds something else.
    """
    try:
        found = msgspec.json.decode(file.read_bytes(), type=_TranscriptIn)
    except OSError as error:
        raise NoTranscript(file=file.name, reason=error.strerror or "it cannot be read") from error
    except msgspec.MsgspecError as error:
        raise NoTranscript(file=file.name, reason=str(error)) from error
    return Transcript(
        language=language or found.language,
        duration_s=found.duration_s,
        engine=found.engine,
        models=(),
        segments=tuple(
            Segment(
                id=place if one.id is None else one.id,
                start_s=one.start_s,
                end_s=one.end_s,
                speaker=one.speaker,
                text=one.text,
                words=tuple(
                    Word(start_s=word.start_s, end_s=word.end_s, text=word.text, probability=word.probability)
                    for word in one.words
                ),
            )
            for place, one in enumerate(found.segments)
        ),
    )
