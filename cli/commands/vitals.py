"""``hangjegyzet vitals``: what the machine's own display shows."""

from pathlib import Path
from typing import Annotated

import typer

from appliance.entry.vitals import open_vitals
from appliance.kernel.units import format_bytes
from appliance.settings import Settings
from appliance.vitals.model import Glance, Gpu, Volume
from cli.output import print_fields, print_json

app = typer.Typer()


@app.command()
def vitals(
    record: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep the measurement, and write what may be shown into FILE.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show address, fingerprint, health, disk, GPU and queue at a glance, as the machine's own display does."""
    service = open_vitals(Settings())
    glance = service.look() if record is None else service.record(record)
    if as_json:
        print_json(glance)
    elif record is None:
        print_fields(_fields(glance))


def _fields(glance: Glance) -> dict[str, object]:
    queue = glance.queue
    return {
        "address": glance.place.address,
        "certificate": glance.place.fingerprint or "none yet",
        "version": glance.version,
        "health": glance.severity.value,
        "memory": f"{format_bytes(glance.memory_free_bytes)} of {format_bytes(glance.memory_total_bytes)} free",
        "load": f"{glance.load:.0%} of all cores",
        **{f"disk {volume.path}": _volume(volume) for volume in glance.volumes},
        **{f"GPU {number}": _gpu(gpu) for number, gpu in enumerate(glance.gpus, 1)},
        "queue": "not known: the database does not answer" if queue is None else f"{queue.waiting} step(s) wait",
    }


def _volume(volume: Volume) -> str:
    room = f"{format_bytes(volume.free_bytes)} of {format_bytes(volume.total_bytes)} free"
    if volume.days_left is not None:
        return f"{room}, full in about {volume.days_left:.0f} days"
    return f"{room}, not filling" if volume.has_history else f"{room}, trend not known yet"


def _gpu(gpu: Gpu) -> str:
    return f"{gpu.name}, {format_bytes(gpu.used_bytes)} of {format_bytes(gpu.total_bytes)} used"
