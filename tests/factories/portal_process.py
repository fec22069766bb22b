"""A portal in a process of its own, over a data folder that was set up: for tests and measurements of the server.

python -m tests.factories.portal_process --data DIR --ready FILE [--plain]
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from appliance.adapters.portal_certificate import certificate_for
from appliance.adapters.postgres import open_server
from appliance.adapters.root_key import FileKeyProvider
from appliance.database.engine import Database
from appliance.database.roles import DatabaseRole
from appliance.kernel.clock import SystemClock
from appliance.keyring.service import KeyRing
from appliance.settings import Settings
from appliance.tenants.queries import first_tenant
from tests.factories.portal import portal_services
from web.app import create_app
from web.server import Listener, listener_for, serve

EMAIL = "anna@example.org"
_START_LIMIT_S = 60.0


@dataclass(frozen=True)
class PortalProcess:
    """A running portal; ``email`` with the builders' password may sign in."""

    url: str
    pid: int
    data_dir: Path
    process: "subprocess.Popen[bytes]"
    email: str = EMAIL

    @property
    def certificate(self) -> Path:
        """What a client has to trust."""
        return self.data_dir / "tls" / "portal.pem"

    def rss_mib(self) -> float:
        """Memory of the process right now."""
        return self._status("VmRSS")

    def peak_mib(self) -> float:
        """The most memory that it ever had."""
        return self._status("VmHWM")

    def cpu_s(self) -> float:
        """Seconds that its threads have computed so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _status(self, field: str) -> float:
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field + ":"))


@contextmanager
def portal_process(data_dir: Path, *, plain: bool = False) -> Iterator[PortalProcess]:
    """A portal over ``data_dir`` until the end of the block; ``plain`` speaks HTTP without TLS."""
    ready = data_dir / "portal.ready"
    ready.unlink(missing_ok=True)
    command = [sys.executable, "-m", __name__, "--data", str(data_dir), "--ready", str(ready)]
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": str(root)}
    process = subprocess.Popen([*command, *(["--plain"] if plain else [])], cwd=root, env=environment)
    try:
        deadline = time.monotonic() + _START_LIMIT_S
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the portal did not start")
            time.sleep(0.05)
        yield PortalProcess(ready.read_text().strip(), process.pid, data_dir, process)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def main() -> None:
    """The process itself."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--ready", type=Path, required=True)
    parser.add_argument("--plain", action="store_true")
    arguments = parser.parse_args()
    settings = Settings(data_dir=arguments.data)
    server = open_server(settings)
    with server.running():
        database = Database(server.url(DatabaseRole.WEB), pool_size=settings.database.pool_size)
        clock = SystemClock()
        with database.reading(None) as tx:
            tenant = first_tenant(tx)
        keyring = KeyRing(FileKeyProvider(settings.root_key_path), clock)
        services, people = portal_services(database, clock=clock, keyring=keyring, tenant=tenant, settings=settings)
        if services.identity.awaits_first_administrator(tenant):
            people.administrator(EMAIL)
        certificate = None
        if not arguments.plain:
            certificate = certificate_for(settings.web, arguments.data / "tls", now=clock.now())

        def ready(listener: Listener) -> None:
            partial = arguments.ready.with_suffix(".partial")
            partial.write_text(listener.url)
            partial.replace(arguments.ready)

        try:
            serve(create_app(services), listener_for("127.0.0.1", 0, certificate), ready=ready)
        finally:
            services.job_listener.close()
            database.dispose()


if __name__ == "__main__":
    main()
