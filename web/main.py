"""The portal's process: services, certificate, application, network."""

from collections.abc import Callable
from pathlib import Path

from appliance.adapters.portal_certificate import Certificate, certificate_for
from appliance.bootstrap import Services, open_services
from appliance.database.roles import DatabaseRole
from appliance.entry.provision import operator
from appliance.entry.telemetry import trace_this_process
from appliance.settings import Settings
from web.app import create_app
from web.server import Listener, listener_for, serve


def run_portal(
    settings: Settings, *, say: Callable[[str], object], to_a_person: bool, ready_file: Path | None = None
) -> None:
    """Serve until told to stop; the database's own launcher is started first where it is the embedded one.

    Args:
        say: takes lines for the person who started it.
        to_a_person: whether they are read as they are said and not kept; only then a secret is among them.
        ready_file: gets the address once the portal answers, for a parent process that waits for it.

    Raises:
        CertificateUnusable, PortUnavailable, DatabaseUnavailable, NotInitialised: before anything is served.
    """
    trace_this_process(settings, "web")
    with open_services(settings, DatabaseRole.WEB) as services:
        certificate = certificate_for(settings.web, settings.data_dir / "tls", now=services.clock.now())
        listener = listener_for(settings.web.host, settings.web.port, certificate)
        app = create_app(services)

        def ready(listening: Listener) -> None:
            url = settings.web.public_url or listening.url
            say(f"The portal answers at {url}")
            _say_fingerprint(certificate, say)
            _say_who_administers(services, url, say, to_a_person=to_a_person)
            if ready_file is not None:
                _write_whole(ready_file, listening.url)

        try:
            serve(app, listener, ready=ready)
        finally:
            if ready_file is not None:
                ready_file.unlink(missing_ok=True)


def _say_fingerprint(certificate: Certificate, say: Callable[[str], object]) -> None:
    say(f"Certificate until {certificate.not_after:%Y-%m-%d}, SHA-256 {certificate.fingerprint}")


def _say_who_administers(services: Services, url: str, say: Callable[[str], object], *, to_a_person: bool) -> None:
    """On a fresh appliance, the code that makes its reader the first administrator; a log gets the way to it."""
    if not services.identity.awaits_first_administrator(services.home_tenant):
        return
    if to_a_person:
        code = services.identity.issue_first_code(operator(services.home_tenant))
        say(f"Nobody administers this appliance yet. Open {url}/first-administrator with the code {code.code}")
    else:
        say("Nobody administers this appliance yet. For the code that changes it: hangjegyzet user first-code")


def _write_whole(file: Path, text: str) -> None:
    """Write a file that is there with all its text or not at all."""
    partial = file.with_name(file.name + ".partial")
    partial.write_text(text + "\n")
    partial.replace(file)
