"""What the demo shows in the terminal: a bar per step, then the transcript by speaker and the minutes with evidence."""

from collections.abc import Iterable
from typing import Any, Self

from rich.console import Console, Group
from rich.padding import Padding
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from appliance.kernel.units import format_clock

STEP_TITLES = {
    "validate": "Validate and probe",
    "transcribe": "Transcribe",
    "speakers": "Who spoke when",
    "merge": "Merge words and turns",
    "minutes": "Write minutes",
    "index": "Index for search",
    "notify": "Notify",
}
_SPEAKER_STYLES = ("cyan", "magenta", "yellow", "green", "blue", "red")
_SUPPORT = {
    "supported": ("green", "✓ supported"),
    "partly": ("yellow", "◐ partly supported"),
    "unsupported": ("red", "✗ no source"),
}


class StepBars:
    """A live bar for the upload and for each step of the job."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("  {task.description:<24}"),
            BarColumn(bar_width=36),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[note]:<18}"),
            TimeElapsedColumn(),
            console=console,
        )
        self._tasks: dict[str, TaskID] = {}
        self._states: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def upload(self, fraction: float) -> None:
        """Show how much of the recording is on the appliance."""
        task = self._task("upload", "Upload, encrypted")
        self._progress.start_task(task)
        self._progress.update(task, completed=fraction, note="done" if fraction >= 1 else "sending")
        if fraction >= 1:
            self._progress.stop_task(task)

    def show(self, job: dict[str, Any]) -> None:
        """Show a job as the API gave it."""
        for step in job["steps"]:
            task = self._task(step["name"], STEP_TITLES.get(step["name"], step["name"]))
            state, before = step["state"], self._states.get(step["name"])
            if state == "running" and before != "running":
                self._progress.reset(task, start=True, total=1.0, note="")
            fraction = 1.0 if state == "done" else float(step["progress"] or 0.0)
            self._progress.update(task, completed=fraction, note=_note(step))
            if state not in {"running", "ready"}:
                self._progress.stop_task(task)
            self._states[step["name"]] = state

    def _task(self, name: str, title: str) -> TaskID:
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(title, total=1.0, start=False, note="")
        return self._tasks[name]


def _note(step: dict[str, Any]) -> str:
    if step["state"] == "running" and step.get("eta_s") is not None:
        return f"about {step['eta_s']:.0f} s left"
    return str(step["state"]).replace("_", " ")


def show_transcript(console: Console, transcript: dict[str, Any]) -> None:
    """Print who said what."""
    styles: dict[str, str] = {}
    lines: list[Text] = []
    for segment in transcript["segments"]:
        speaker = segment["speaker"] or "Unknown"
        style = styles.setdefault(speaker, _SPEAKER_STYLES[len(styles) % len(_SPEAKER_STYLES)])
        line = Text(f"{format_clock(segment['start_s'])}  ", style="dim")
        line.append(f"{speaker}: ", style=f"bold {style}")
        line.append(segment["text"], style="default not dim")
        lines.append(line)
    console.print(Panel(Group(*lines), title="Transcript", title_align="left", border_style="dim"))


def show_minutes(console: Console, minutes: dict[str, Any], transcript: dict[str, Any]) -> None:
    """Print the minutes; under every claim the words that it rests on."""
    segments = {segment.get("id", n): segment for n, segment in enumerate(transcript["segments"])}
    parts: list[Any] = []
    for heading, key, field in (
        ("Summary", "summary", "text"),
        ("Topics", "topics", "text"),
        ("Decisions", "decisions", "text"),
        ("Actions", "actions", "task"),
        ("Open questions", "questions", "text"),
    ):
        if minutes.get(key):
            parts.append(Text(f"\n{heading}", style="bold"))
            parts.extend(_claims(minutes[key], field, segments))
    console.print(Panel(Group(*parts), title="Minutes", title_align="left", border_style="dim"))


def _claims(claims: Iterable[dict[str, Any]], field: str, segments: dict[int, dict[str, Any]]) -> Iterable[Any]:
    for claim in claims:
        style, word = _SUPPORT.get(claim.get("support", "unsupported"), ("red", "✗ no source"))
        line = Text("• ")
        line.append(str(claim.get(field) or claim.get("title") or ""))
        if field == "task":
            line.append(f"  — {claim.get('owner') or 'no owner named'}", style="bold")
            line.append(f", {claim.get('due') or 'no date named'}")
        line.append(f"  {word}", style=style)
        if claim.get("origin") == "extract":
            line.append("  (extract)", style="dim")
        yield line
        for citation in claim.get("citations", ()):
            yield Padding(_evidence(citation, segments), (0, 0, 0, 4))


def _evidence(citation: dict[str, Any], segments: dict[int, dict[str, Any]]) -> Text:
    segment = segments.get(citation["segment"])
    where = f"{format_clock(segment['start_s'])} {segment['speaker'] or ''}" if segment else "?"
    return Text(f"[{where.strip()}] “{citation['quote']}”", style="dim italic")
