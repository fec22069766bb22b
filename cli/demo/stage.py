"""The demo's stage: a fresh or resumed appliance, all its processes, and somebody who may sign in."""

import os
import secrets
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from appliance.bootstrap import Services, open_services
from appliance.database.roles import DatabaseRole
from appliance.entry.provision import initialise, operator
from appliance.entry.supervisor import ProcessSpec, Supervisor
from appliance.identity.model import OneTimeCode
from appliance.jobs.model import Queue
from appliance.kernel.errors import Unavailable
from appliance.models.location import models_folder
from appliance.settings import Settings

EMAIL = "demo@hangjegyzet.example"
NAME = "Demo Dóra"
ORGANISATION = "Demo"
START_LIMIT_S = 60.0


class PortalNotStarted(Unavailable):
    code = "demo.portal_not_started"
    message = "The portal did not start within {limit_s:.0f} seconds."
    hint = "Read its log: {log}"


@dataclass(frozen=True)
class Stage:
    """A running appliance."""

    url: str
    certificate: Path
    password: str
    supervisor: Supervisor
    code: OneTimeCode
    """With this the demo's user chooses ``password``."""


@contextmanager
def set_up(data_dir: Path, *, port: int | None) -> Iterator[Stage]:
    """Provision the appliance in ``data_dir``, start all processes, and stop them at the end of the block.

    A second run in the same folder goes on where the first stopped: its meetings are there, unfinished jobs continue.

    Raises:
        PortalNotStarted: the web process did not answer; its log says why.
        BinariesMissing, NoServerAccount, …: there is no usable PostgreSQL.
    """
    environment = _environment(data_dir, port)
    os.environ.update(environment)
    settings = Settings()
    initialise(settings, organisation=ORGANISATION)
    with open_services(settings, DatabaseRole.WEB) as services:
        address = data_dir / "portal.url"
        supervisor = Supervisor(_processes(address), environment=environment, log_dir=data_dir / "log")
        supervisor.start()
        try:
            url = _await_address(address, supervisor)
            yield Stage(url, settings.certificate_path, secrets.token_urlsafe(12), supervisor, _one_time_code(services))
        finally:
            supervisor.stop()


def _one_time_code(services: Services) -> OneTimeCode:
    """A code for the demo's user; made after the portal started, which makes one itself on a fresh appliance."""
    actor = operator(services.home_tenant)
    if services.identity.awaits_first_administrator(services.home_tenant):
        return services.identity.issue_first_code(actor)
    return services.accounts.reset_password(actor, services.accounts.find(actor, EMAIL).id)


def _environment(data_dir: Path, port: int | None) -> Mapping[str, str]:
    """What this process and its children are told; what the caller has set already stays."""
    settings = Settings()
    wanted = {"HANGJEGYZET_MODELS_DIR": str(models_folder(settings))}
    given = {name: value for name, value in wanted.items() if name not in os.environ}
    chosen = settings.web.port if port is None else port
    if chosen == 0 or (port is None and not _is_free(settings.web.host, chosen)):
        chosen = _free_port(settings.web.host)
    return {**given, "HANGJEGYZET_WEB__PORT": str(chosen), "HANGJEGYZET_DATA_DIR": str(data_dir)}


def _is_free(host: str, port: int) -> bool:
    with socket.socket(_family(host)) as probe:
        return probe.connect_ex((host, port)) != 0


def _free_port(host: str) -> int:
    """A port that nobody has now; chosen here, so that a portal that is started again keeps its address."""
    with socket.socket(_family(host)) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _processes(address: Path) -> tuple[ProcessSpec, ...]:
    program = (sys.executable, "-m", "cli.launch")
    workers = (ProcessSpec(f"worker-{queue}", (*program, "worker", "--queue", queue.value)) for queue in Queue)
    return (ProcessSpec("web", (*program, "serve", "--ready-file", str(address))), *workers)


def _await_address(address: Path, supervisor: Supervisor) -> str:
    address.unlink(missing_ok=True)
    deadline = time.monotonic() + START_LIMIT_S
    while not address.exists():
        if time.monotonic() > deadline:
            raise PortalNotStarted(limit_s=START_LIMIT_S, log=supervisor.log_file("web"))
        time.sleep(0.05)
    return address.read_text(encoding="utf-8").strip()
