"""A visitor on the box's own wire: becomes the first administrator or signs in, sends a meeting, fetches what came out.

::

    python -m tests.appliance.visit URL CERTIFICATE [--code CODE] [--send FILE] [--follow JOB] [--fetch MEETING]

Runs as a program, because it has to start inside the box's network namespace. Prints one JSON object.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from appliance.identity.model import CodePurpose, OneTimeCode
from appliance.kernel.clock import SystemClock
from cli.demo.client import PortalClient, PortalSilent

EMAIL, NAME, PASSWORD = "dora@hangjegyzet.example", "Dóra", "correct horse battery staple"
READY_ATTEMPTS = 60
FORMS = (("transcript", "json"), ("transcript", "vtt"), ("minutes", "json"), ("minutes", "md"))


def await_ready(url: str, certificate: Path) -> None:
    """Wait for the portal; its certificate is read anew each time, since a machine with a new name makes a new one."""
    for attempt in range(READY_ATTEMPTS, 0, -1):
        try:
            with PortalClient(url, certificate=certificate) as portal:
                portal.wait_until_ready(timeout_s=2)
        except PortalSilent:
            if attempt == 1:
                raise
        else:
            return


def main() -> None:
    """Do what was asked, in order."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("certificate", type=Path)
    parser.add_argument("--code")
    parser.add_argument("--send", type=Path)
    parser.add_argument("--follow")
    parser.add_argument("--fetch")
    asked = parser.parse_args()
    told: dict[str, Any] = {}
    await_ready(asked.url, asked.certificate)
    with PortalClient(asked.url, certificate=asked.certificate, patience_s=60) as portal:
        if asked.code:
            code = OneTimeCode(asked.code, CodePurpose.FIRST_ADMINISTRATOR, SystemClock().now())
            portal.become_somebody(code, email=EMAIL, name=NAME, password=PASSWORD)
        else:
            portal.sign_in(EMAIL, PASSWORD)
        if asked.send:
            meeting, job = portal.send_recording(
                asked.send, title="Költségvetés", language="en", progress=lambda _: None
            )
            told |= {"meeting": meeting, "job": job}
        if asked.follow:
            *_, last = portal.follow_job(asked.follow)
            told |= {"state": last["state"], "failure": last.get("failure")}
        if asked.fetch:
            told |= {f"{what}.{form}": portal.fetch(asked.fetch, what, form=form).decode() for what, form in FORMS}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
