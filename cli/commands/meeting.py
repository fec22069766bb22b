"""``hangjegyzet meeting``: send recordings in and take records out, from the machine's own shell."""

import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, BinaryIO
from uuid import UUID

import typer

from appliance.bootstrap import Services, open_services
from appliance.database.roles import DatabaseRole
from appliance.entry.provision import operator
from appliance.jobs.model import JobState
from appliance.kernel.actor import Actor
from appliance.kernel.ids import MeetingId
from appliance.kernel.units import format_bytes, format_clock
from appliance.meetings.errors import MeetingNotFound, UploadFinished
from appliance.meetings.model import MeetingRow, MeetingView
from appliance.meetings.uploads import StartedMeeting
from appliance.models.errors import NoActivePack
from appliance.models.model import PackKind
from appliance.search.model import Hit
from appliance.settings import Settings
from appliance.transcripts.model import Removed
from cli.commands.meeting_exports import EXPORTS, Export
from cli.exit_codes import ExitCode
from cli.files import recording_argument
from cli.output import print_fields, print_json, print_table, progress_bar, talk
from cli.waiting import follow

app = typer.Typer(name="meeting", help="Meetings: add a recording, list, show, export, delete.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Id = Annotated[str, typer.Argument(metavar="MEETING", help="The meeting's id.")]
Words = Annotated[
    list[str] | None,
    typer.Option("--words", metavar="WORDS", help="Names and terms to expect, separated by commas; may be repeated."),
]


@app.command()
def add(
    file: Annotated[Path, recording_argument()],
    title: Annotated[str | None, typer.Option(help="Title of the meeting; unset is the file's name.")] = None,
    language: Annotated[str | None, typer.Option(help="What is spoken, as hu or en; unset recognises it.")] = None,
    speakers: Annotated[int | None, typer.Option(min=1, help="How many people speak, when it is known.")] = None,
    words: Words = None,
    owner: Annotated[
        str | None,
        typer.Option("--for", metavar="EMAIL", help="Whose meeting it is; unset shows it to operators only."),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Stay until the minutes are there; exit code 1 if they fail.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Send a recording in; it is encrypted as it is read."""
    with _services() as (services, actor):
        sender = _on_behalf(services, actor, owner)
        _warn_of(language, services)
        started = _send(services, sender, file, title=title, language=language, speakers=speakers, words=words or ())
        job = (
            follow(services, sender, started.job_id)
            if wait
            else services.jobs.show(actor=sender, job_id=started.job_id)
        )
    answer = {"meeting_id": str(started.meeting_id), "job_id": str(started.job_id), "state": job.state.value}
    if job.failure is not None:
        answer |= {"code": job.failure.code, "message": job.failure.message, "remedy": job.failure.remedy}
    if as_json:
        print_json(answer)
    else:
        print_fields(answer)
    if wait and job.state is not JobState.DONE:
        raise typer.Exit(ExitCode.FAILED)


@app.command("list")
def show_list(
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="Go on where the last page ended.")] = None,
    as_json: AsJson = False,
) -> None:
    """List meetings, newest first."""
    with _services() as (services, actor):
        page = services.meetings.page(actor, cursor=cursor, limit=limit)
    if as_json:
        print_json({"meetings": [_row(meeting) for meeting in page.meetings], "next_cursor": page.next_cursor})
        return
    rows = [
        (
            meeting.id,
            meeting.created_at.strftime("%Y-%m-%d %H:%M"),
            _length(meeting.duration_s),
            meeting.state,
            meeting.title,
        )
        for meeting in page.meetings
    ]
    print_table(("id", "created (UTC)", "length", "state", "title"), rows, empty="No meetings yet.")
    if page.next_cursor:
        talk.print(f"There are more: hangjegyzet meeting list --cursor {page.next_cursor}", style="dim")


@app.command()
def show(meeting: Id, as_json: AsJson = False) -> None:
    """Show one meeting."""
    with _services() as (services, actor):
        view = services.meetings.get(actor, _meeting_id(meeting))
    if as_json:
        print_json(_fields(view))
    else:
        print_fields({**_fields(view), "documents": ", ".join(view.documents), "recording": _recording_line(view)})


@app.command()
def search(
    words: Annotated[list[str], typer.Argument(help="Words that must all have been said, in any inflection.")],
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many passages.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Find what was said, the newest meetings first."""
    with _services() as (services, actor):
        hits = services.search.find(actor, " ".join(words), limit=limit)
    if as_json:
        print_json([_hit(hit) for hit in hits])
        return
    rows = [
        (hit.meeting_id, hit.meeting_title, format_clock(hit.start_s), hit.speaker, hit.snippet.text) for hit in hits
    ]
    print_table(("id", "meeting", "at", "speaker", "words"), rows, empty="Nobody said that.")


@app.command()
def words(
    meeting: Id,
    wanted: Annotated[
        list[str] | None, typer.Argument(metavar="[WORDS]...", help="Names and terms to expect from now on.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show or set the names and terms that the next transcription of a meeting expects.

    They are heard when its job is tried again: hangjegyzet job retry JOB --from-step transcribe
    """
    with _services() as (services, actor):
        meeting_id, transcripts = _meeting_id(meeting), services.transcripts
        kept = (
            transcripts.expect_words(actor, meeting_id, wanted)
            if wanted
            else transcripts.expected_words(actor, meeting_id)
        )
    if as_json:
        print_json({"words": list(kept)})
    else:
        print_fields({"words": ", ".join(kept)})


@app.command()
def restore(
    meeting: Id,
    number: Annotated[int | None, typer.Argument(help="Which one to put back; unset lists them.")] = None,
    as_json: AsJson = False,
) -> None:
    """List what was removed from a transcript as invented, each with its reason, or put one of them back."""
    with _services() as (services, actor):
        meeting_id, transcripts = _meeting_id(meeting), services.transcripts
        transcript = (
            transcripts.get(actor, meeting_id) if number is None else transcripts.restore(actor, meeting_id, number)
        )
    if as_json:
        print_json({"removed": [_removed(place, cut) for place, cut in enumerate(transcript.removed)]})
        return
    rows = [
        (place, format_clock(cut.start_s), cut.reason.value, cut.text) for place, cut in enumerate(transcript.removed)
    ]
    print_table(("number", "at", "reason", "text"), rows, empty="Nothing is removed.")


@app.command()
def rename(meeting: Id, title: Annotated[str, typer.Argument(help="New title.")], as_json: AsJson = False) -> None:
    """Give a meeting another title."""
    with _services() as (services, actor):
        view = services.meetings.rename(actor, _meeting_id(meeting), title)
    if as_json:
        print_json(_fields(view))
    else:
        print_fields({"id": view.id, "title": view.title})


@app.command()
def export(
    meeting: Id,
    what: Annotated[Export, typer.Argument(metavar="WHAT", help=f"One of: {', '.join(Export)}.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File or folder to write to; unset writes to stdout.")
    ] = None,
) -> None:
    """Write a meeting's transcript, minutes or recording, decrypted."""
    with _services() as (services, actor):
        meeting_id = _meeting_id(meeting)
        parts = EXPORTS[what](services, actor, meeting_id)
        first = next(parts, b"")  # whatever is refused is refused before a file is touched
        with _target(output, what, meeting_id) as target:
            target.write(first)
            for part in parts:
                target.write(part)


@app.command()
def delete(
    meeting: Id,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Destroy a meeting: its key first, so that recording, transcript and minutes can never be read again."""
    with _services() as (services, actor):
        meeting_id = _meeting_id(meeting)
        if not yes:
            view = services.meetings.get(actor, meeting_id)
            typer.confirm(f"Destroy “{view.title}” for good?", abort=True, err=True)
        services.meetings.delete(actor, meeting_id)
    if as_json:
        print_json({"meeting_id": str(meeting_id), "deleted": True})
    else:
        talk.print("Destroyed.")


def _warn_of(language: str | None, services: Services) -> None:
    """Say what the portal's form says: that the model in use gets this language mostly wrong, or that there is none."""
    if language is None:
        return
    try:
        speech = services.models.fitness(PackKind.SPEECH, language)
    except NoActivePack as none:
        talk.print(f"{none} The recording waits until then.", style="yellow")
        return
    if speech.needs_warning:
        note = f" ({speech.note})" if speech.note else ""
        talk.print(
            f"The model {speech.pack} is not fit for this language: {language}{note}. Most of the transcript would be"
            " wrong; an administrator can import a larger model and do the work again: hangjegyzet models import FILE",
            style="yellow",
        )


def _send(
    services: Services,
    actor: Actor,
    file: Path,
    *,
    title: str | None,
    language: str | None,
    speakers: int | None,
    words: Sequence[str],
) -> StartedMeeting:
    size_bytes = file.stat().st_size
    meetings, digest = services.meetings, hashlib.sha256()
    upload = meetings.start_upload(
        actor,
        filename=file.name,
        size_bytes=size_bytes,
        title=title,
        language=language,
        speakers=speakers,
        words=words,
    )
    slice_bytes, offset = meetings.limits().slice_bytes, 0
    try:
        with file.open("rb") as source, progress_bar(f"encrypting {file.name}") as progress:
            while piece := source.read(slice_bytes):
                digest.update(piece)
                with meetings.append(actor, upload.id, offset=offset, length=len(piece)) as writer:
                    writer.write(piece)
                    offset = writer.finish()
                progress(offset / size_bytes)
        return meetings.complete(actor, upload.id, sha256=digest.digest())
    except BaseException:
        with suppress(UploadFinished):
            meetings.abandon(actor, upload.id)
        raise


@contextmanager
def _services() -> Iterator[tuple[Services, Actor]]:
    with open_services(Settings(), DatabaseRole.WEB) as services:
        yield services, operator(services.home_tenant)


def _on_behalf(services: Services, actor: Actor, email: str | None) -> Actor:
    """The operator, acting for somebody: the meeting is theirs, the trail names both."""
    if email is None:
        return actor
    person = services.accounts.find(actor, email)
    return replace(actor, user_id=person.id, name=f"{actor.name} for {person.email}")


def _meeting_id(text: str) -> MeetingId:
    try:
        return MeetingId(UUID(text))
    except ValueError as wrong:
        raise MeetingNotFound(meeting_id=text) from wrong


@contextmanager
def _target(output: Path | None, what: Export, meeting_id: MeetingId) -> Iterator[BinaryIO]:
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = output / f"{meeting_id}.{what}" if output.is_dir() else output
    # Decrypted content is for whoever asked for it, and for nobody else on this machine.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        yield file
    talk.print(f"Written: {path}")


def _row(meeting: MeetingRow) -> dict[str, Any]:
    return {
        "id": str(meeting.id),
        "title": meeting.title,
        "state": meeting.state.value,
        "created_at": meeting.created_at.isoformat(),
        "duration_s": meeting.duration_s,
        "size_bytes": meeting.size_bytes,
        "language": meeting.language,
        "owner_id": str(meeting.owner_id) if meeting.owner_id else None,
        "job_id": str(meeting.job_id) if meeting.job_id else None,
    }


def _fields(view: MeetingView) -> dict[str, Any]:
    recording = view.recording
    return {
        "id": str(view.id),
        "title": view.title,
        "state": view.state.value,
        "created_at": view.created_at.isoformat(),
        "language": view.language,
        "speakers": view.speakers,
        "owner_id": str(view.owner_id) if view.owner_id else None,
        "job_id": str(view.job_id) if view.job_id else None,
        "documents": list(view.documents),
        "recording": None
        if recording is None
        else {
            "filename": recording.filename,
            "size_bytes": recording.size_bytes,
            "duration_s": recording.duration_s,
            "container": recording.container,
            "codec": recording.codec,
            "channels": recording.channels,
            "sample_rate": recording.sample_rate,
            "has_video": recording.has_video,
        },
    }


def _removed(number: int, removed: Removed) -> dict[str, Any]:
    return {
        "number": number,
        "start_s": removed.start_s,
        "end_s": removed.end_s,
        "text": removed.text,
        "reason": removed.reason.value,
    }


def _hit(hit: Hit) -> dict[str, Any]:
    return {
        "meeting_id": str(hit.meeting_id),
        "title": hit.meeting_title,
        "segment": hit.segment_id,
        "start_s": hit.start_s,
        "speaker": hit.speaker,
        "text": hit.snippet.text,
        "marks": hit.snippet.marks,
    }


def _recording_line(view: MeetingView) -> str:
    recording = view.recording
    if recording is None:
        return ""
    known = (recording.filename, format_bytes(recording.size_bytes), _length(recording.duration_s), recording.codec)
    return ", ".join(part for part in known if part)


def _length(duration_s: float | None) -> str:
    return "" if duration_s is None else format_clock(duration_s)
