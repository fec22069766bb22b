"""The portal of browser tests: the real application over real services, served on the loopback."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from litestar import Litestar

from appliance.adapters.root_key import MemoryKeyProvider
from appliance.bootstrap.services import Services
from appliance.kernel.clock import SystemClock
from appliance.keyring.service import KeyRing
from appliance.settings import Settings, UploadSettings
from appliance.tenants.service import TenantService
from tests.factories.database import TestDatabase
from tests.factories.identity import People
from tests.factories.portal import portal_services
from web.app import create_app
from web.server import listener_for, serve_until


@dataclass
class Site:
    """A portal that answers at ``url``, and its people."""

    url: str
    services: Services
    people: People


@contextmanager
def a_site(
    db: TestDatabase, folder: Path, *, models: Path | None = None, upload: UploadSettings | None = None, port: int = 0
) -> Iterator[Site]:
    """The portal of a new organisation in which nobody has an account."""
    clock = SystemClock()
    keyring = KeyRing(MemoryKeyProvider(), clock)
    with db.owner.transaction(None) as tx:
        tenant = TenantService(clock).found(tx, "Kékfa Egyesület")
        keyring.create_tenant_key(tx, tenant)
    settings = Settings(data_dir=folder, models_dir=models, upload=upload or UploadSettings())
    services, people = portal_services(db.web, clock=clock, keyring=keyring, tenant=tenant, settings=settings)
    with _served(create_app(services), port) as url:
        yield Site(url, services, people)
    services.job_listener.close()


@contextmanager
def _served(app: Litestar, port: int) -> Iterator[str]:
    """Serve on the loopback, in a thread of this process; port 0 takes a free one."""
    listener = listener_for("127.0.0.1", port, None)
    stop, answers = asyncio.Event(), threading.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        await serve_until(stop, app, listener, ready=lambda _: answers.set())

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="site", daemon=True)
    thread.start()
    try:
        assert answers.wait(30), "the portal does not answer"
        yield listener.url
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join(15)
        assert not thread.is_alive(), "the portal did not stop"
