"""A new release proves itself before people are let in: schema, health, silence, sign-in, one recording to its minutes.

Each proof is a line of JSON on stdout, ``{"proved": NAME, "what": TEXT}``; the upgrade that asked reads them.
"""

import json
import secrets
import tempfile
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

from appliance.adapters.media import SandboxedMedia
from appliance.bootstrap import open_services
from appliance.database.roles import DatabaseRole
from appliance.entry.health import open_health
from appliance.entry.provision import describe, operator
from appliance.entry.upgrades import TOLERATED
from appliance.health.model import Severity
from appliance.identity.model import OneTimeCode
from appliance.kernel.ids import UserId
from appliance.meetings.model import SAMPLE_RATE
from appliance.meetings.ports import Samples
from appliance.quality.samples import sample_meeting
from appliance.settings import Settings
from appliance.upgrades.errors import GateShut
from cli.demo.client import PortalClient

CLIP_S = 24.0
"""Long enough for two people to speak, short enough for the gate."""
PATIENCE_S = 60.0
Prove = Callable[[str, str], object]


def prove_all(settings: Settings, *, user: UserId, portal_port: int, prove: Prove) -> None:
    """Prove everything, in the order in which a failure costs least.

    Raises:
        GateShut: something is not as it must be.
        HangJegyzetError: the portal or a service said why.
    """
    prove_machine(settings, prove=prove)
    began = time.monotonic()
    _prove_recording(settings, user, portal_port, prove)
    prove("recording", f"from sound to minutes in {time.monotonic() - began:.0f} s")


def prove_machine(settings: Settings, *, prove: Prove) -> None:
    """Prove what can be proven while people work: schema, health, silence.

    Raises:
        GateShut: something is not as it must be.
    """
    report = describe(settings)
    if not report.ready:
        raise GateShut(reason=f"the database is at revision {report.revision or 'none'}, {report.needed} is needed")
    prove("schema", report.revision)
    _prove_health(settings, prove)


def say_on_stdout(name: str, what: str) -> None:
    """One line of JSON, at once."""
    print(json.dumps({"proved": name, "what": what}, ensure_ascii=False), flush=True)  # noqa: T201  # data on stdout


def _prove_health(settings: Settings, prove: Prove) -> None:
    service = open_health(settings)
    report = service.examine(quick=True)
    bad = [
        f"{one.check.title}: {one.finding.summary}"
        for one in report.examined
        if one.finding.severity is Severity.CRITICAL and one.check.id not in TOLERATED
    ]
    if bad:
        raise GateShut(reason="; ".join(bad))
    prove("health", f"{len(report.examined)} checks, none critical")
    silent = next((one.finding for one in report.examined if one.check.id == "egress"), None)
    if silent is None or silent.severity is not Severity.OK:
        raise GateShut(reason="nothing says that nothing leaves this machine")
    prove("silence", silent.summary)


def _prove_recording(settings: Settings, user: UserId, portal_port: int, prove: Prove) -> None:
    url, password = f"https://localhost:{portal_port}", secrets.token_urlsafe(24)
    with PortalClient(url, certificate=settings.certificate_path, patience_s=PATIENCE_S) as portal:
        portal.wait_until_ready(timeout_s=PATIENCE_S)
        email, code = _code_for(settings, user)
        portal.become_somebody(code, email=email, name="", password=password)
    with PortalClient(url, certificate=settings.certificate_path, patience_s=PATIENCE_S) as portal:
        portal.sign_in(email, password)
        prove("sign-in", "with a password")
        with tempfile.TemporaryDirectory(prefix="hangjegyzet-trial-") as folder:
            clip = write_clip(Path(folder))
            meeting, job = portal.send_recording(clip, title="Trial", language="en", progress=lambda _: None)
        try:
            _require_record(portal, meeting, job)
        finally:
            portal.delete_meeting(meeting)
    with open_services(settings, DatabaseRole.WEB) as services:
        services.accounts.disable(operator(services.home_tenant), user)


def _require_record(portal: PortalClient, meeting: str, job: str) -> None:
    *_, last = portal.follow_job(job)
    if last["state"] != "done":
        step = next((one["name"] for one in last["steps"] if one["state"] not in {"done", "undone"}), "")
        raise GateShut(reason=f"the recording of the trial ended as {last['state']} at {step or 'its end'}")
    transcript = json.loads(portal.fetch(meeting, "transcript", form="json"))
    if not any(segment["text"].strip() for segment in transcript["segments"]):
        raise GateShut(reason="nothing was heard in the recording of the trial")
    if not json.loads(portal.fetch(meeting, "minutes", form="json")):
        raise GateShut(reason="no minutes were written of the recording of the trial")


def write_clip(folder: Path) -> Path:
    """The beginning of our own sample meeting, as a WAV file."""
    path = folder / "trial.wav"
    with sample_meeting("en").audio.open("rb") as source, wave.open(str(path), "wb") as clip:
        clip.setnchannels(1)
        clip.setsampwidth(2)
        clip.setframerate(SAMPLE_RATE)
        for block in _first(SandboxedMedia(max_duration_s=3600).decode(source), int(CLIP_S * SAMPLE_RATE)):
            clip.writeframes(block.astype("<i2").tobytes())
    return path


def _first(blocks: Iterator[Samples], samples: int) -> Iterator[Samples]:
    """So many samples of a recording, and no more of it is decoded."""
    for block in blocks:
        yield block[:samples]
        samples -= len(block)
        if samples <= 0:
            return


def _code_for(settings: Settings, user: UserId) -> tuple[str, OneTimeCode]:
    with open_services(settings, DatabaseRole.WEB) as services:
        actor = operator(services.home_tenant)
        person = services.accounts.show(actor, user)
        if person.disabled_at is not None:  # a proof that was killed at its end is begun again
            services.accounts.enable(actor, user)
        return person.email, services.accounts.reset_password(actor, user)
