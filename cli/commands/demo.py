"""``hangjegyzet demo``: a whole appliance on this machine, and a meeting that goes through it."""

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from appliance.kernel.errors import Unavailable
from appliance.quality.samples import sample_meeting
from cli.demo import stage
from cli.demo.client import PortalClient
from cli.demo.display import StepBars, show_minutes, show_transcript
from cli.output import talk

app = typer.Typer()

RESULTS = (
    ("transcript", "json"),
    ("transcript", "vtt"),
    ("transcript", "rttm"),
    ("minutes", "json"),
    ("minutes", "md"),
)
READY_LIMIT_S = 120.0


class DemoJobFailed(Unavailable):
    code = "demo.job_failed"
    message = "The recording did not get through: {reason}"
    hint = "{remedy}"


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="Stop after the meeting instead of staying open.")] = False,
    file: Annotated[Path | None, typer.Option(help="Another recording than the sample meeting.", exists=True)] = None,
    language: Annotated[str | None, typer.Option(help="Its language (hu, en); unset lets Whisper decide.")] = None,
    folder: Annotated[Path, typer.Option(help="Where the appliance and the results are kept.")] = Path(".demo"),
    port: Annotated[int | None, typer.Option(help="Port of the portal; unset takes web.port, or any free one.")] = None,
) -> None:
    """Start a whole appliance, send a meeting through it over HTTP, show transcript and minutes."""
    started = time.monotonic()
    sample = sample_meeting("en")
    recording, title = (file, file.stem) if file else (sample.audio, sample.title)
    folder.mkdir(parents=True, exist_ok=True)
    talk.print("[bold]HangJegyzet[/]: starting the appliance …")
    with stage.set_up(folder.absolute() / "state", port=port) as running:
        with PortalClient(running.url, certificate=running.certificate) as portal:
            portal.wait_until_ready(timeout_s=READY_LIMIT_S)
            portal.become_somebody(running.code, email=stage.EMAIL, name=stage.NAME, password=running.password)
            meeting_id = _send(portal, recording, title, language)
            results = {f"{what}.{form}": portal.fetch(meeting_id, what, form=form) for what, form in RESULTS}
        _keep(folder, results)
        _show(results)
        talk.print(f"From nothing to minutes in {time.monotonic() - started:.0f} s. Results: {folder}/")
        if not once:
            _stay_open(running, meeting_id)


def _send(portal: PortalClient, recording: Path, title: str, language: str | None) -> str:
    """Send the recording and follow its job; returns the meeting's id."""
    with StepBars(talk) as bars:
        meeting_id, job_id = portal.send_recording(recording, title=title, language=language, progress=bars.upload)
        for job in portal.follow_job(job_id):
            bars.show(job)
    if job["state"] != "done":
        failure = job.get("failure") or {}
        raise DemoJobFailed(reason=failure.get("message") or job["state"], remedy=failure.get("remedy") or "")
    return meeting_id


def _keep(folder: Path, results: dict[str, bytes]) -> None:
    """Write the results where a person can look at them: the one place where the demo lets content onto a disk."""
    for name, content in results.items():
        (folder / name).write_bytes(content)


def _show(results: dict[str, bytes]) -> None:
    transcript: dict[str, Any] = json.loads(results["transcript.json"])
    console = Console(highlight=False)
    show_transcript(console, transcript)
    show_minutes(console, json.loads(results["minutes.json"]), transcript)


def _stay_open(running: stage.Stage, meeting_id: str) -> None:
    talk.print(
        f"\nThe portal is open: [bold]{running.url}/meetings/{meeting_id}[/]\n"
        f"  sign in as {stage.EMAIL}, password {running.password}\n"
        "  the certificate is the appliance's own, so the browser asks; Ctrl-C ends it all"
    )
    try:
        while True:
            time.sleep(1.0)
    except KeyboardInterrupt:
        talk.print("Stopping …")
