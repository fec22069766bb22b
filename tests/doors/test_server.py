"""The portal on the network: TLS, HTTP/2, being ready, being stopped, being killed. A process of its own each time."""

import base64
import hashlib
import json
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from appliance.entry import provision
from appliance.settings import Settings
from tests.factories.identity import PASSWORD
from tests.factories.meetings import recording_bytes
from tests.factories.portal_process import PortalProcess, portal_process

pytestmark = pytest.mark.slow

DATA = recording_bytes(3_000_000)
LONG = DATA * 12
"""More than what sockets and the server hold: somebody who does not read it keeps the answer open."""


@pytest.fixture(scope="module")
def data_dir(scratch: Path) -> Path:
    """A data folder that was set up as ``hangjegyzet db init`` does it."""
    folder = scratch / "served"
    folder.mkdir(mode=0o711)
    provision.initialise(Settings(data_dir=folder), organisation="Kékfa Egyesület")
    return folder


@pytest.fixture(scope="module")
def served(data_dir: Path) -> Iterator[PortalProcess]:
    """One portal for the tests that leave it running."""
    with portal_process(data_dir) as portal:
        yield portal


def context_for(portal: PortalProcess) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(portal.certificate))


@contextmanager
def client_of(portal: PortalProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=portal.url, verify=context_for(portal), timeout=30) as client:
        answer = client.post("/api/v1/sessions", json={"email": portal.email, "password": PASSWORD})
        assert answer.status_code == 201, answer.text
        client.headers["x-csrf-token"] = answer.json()["csrf_token"]
        yield client


def send_slice(client: httpx.Client, upload: str, offset: int, piece: bytes) -> httpx.Response:
    digest = base64.b64encode(hashlib.sha256(piece).digest()).decode()
    headers = {"content-digest": f"sha-256=:{digest}:"}
    return client.put(f"/api/v1/uploads/{upload}", params={"offset": offset}, content=piece, headers=headers)


def new_upload(client: httpx.Client, data: bytes = DATA) -> str:
    answer = client.post("/api/v1/uploads", json={"filename": "a.wav", "size_bytes": len(data)})
    assert answer.status_code == 201, answer.text
    upload = answer.json()["id"]
    assert isinstance(upload, str)
    return upload


def handshake(portal: PortalProcess, *, highest: ssl.TLSVersion, alpn: list[str] | None = None) -> ssl.SSLSocket:
    context = context_for(portal)
    context.maximum_version = highest
    if alpn:
        context.set_alpn_protocols(alpn)
    host, port = portal.url.removeprefix("https://").split(":")
    return context.wrap_socket(socket.create_connection((host, int(port)), timeout=10), server_hostname=host)


def test_only_the_newest_tls_is_spoken(served: PortalProcess) -> None:
    """1.3 connects, 1.2 is turned away."""
    with handshake(served, highest=ssl.TLSVersion.TLSv1_3) as connection:
        assert connection.version() == "TLSv1.3"
    with pytest.raises(ssl.SSLError):
        handshake(served, highest=ssl.TLSVersion.TLSv1_2)


def test_browsers_get_http_2(served: PortalProcess) -> None:
    """Offered both, the portal takes the newer."""
    with handshake(served, highest=ssl.TLSVersion.TLSv1_3, alpn=["h2", "http/1.1"]) as connection:
        assert connection.selected_alpn_protocol() == "h2"


def test_a_recording_goes_in_and_comes_out_over_the_network(served: PortalProcess) -> None:
    """The whole way of a client: declare, send, complete, hear a part of it."""
    with client_of(served) as client:
        upload = new_upload(client)
        slice_bytes = client.get("/api/v1/uploads/limits").json()["slice_bytes"]
        for offset in range(0, len(DATA), slice_bytes):
            assert send_slice(client, upload, offset, DATA[offset : offset + slice_bytes]).status_code == 200
        meeting = client.post(f"/api/v1/uploads/{upload}/complete").json()["meeting_id"]
        part = client.get(f"/api/v1/meetings/{meeting}/audio", headers={"range": "bytes=1000000-2000000"})
        assert (part.status_code, part.content) == (206, DATA[1_000_000:2_000_001])


def test_a_connection_that_breaks_costs_less_than_a_chunk(served: PortalProcess) -> None:
    """What arrived in whole chunks is kept, and the client goes on from there."""
    with client_of(served) as client:
        upload = new_upload(client)
        sent = 1_000_000
        request = client.build_request("PUT", f"/api/v1/uploads/{upload}?offset=0", content=b"")
        head = [f"PUT /api/v1/uploads/{upload}?offset=0 HTTP/1.1", f"content-length: {len(DATA)}"]
        head += [f"{name}: {value}" for name, value in request.headers.items() if name != "content-length"]
        with handshake(served, highest=ssl.TLSVersion.TLSv1_3) as connection:
            connection.sendall("\r\n".join([*head, "", ""]).encode() + DATA[:sent])
            time.sleep(1)
        deadline = time.monotonic() + 20
        while (offset := client.get(f"/api/v1/uploads/{upload}").json()["offset"]) == 0:
            assert time.monotonic() < deadline, "nothing was kept"
            time.sleep(0.1)
        assert sent - 65536 < offset <= sent
        assert offset % 65536 == 0
        assert send_slice(client, upload, offset, DATA[offset:]).json() == {"offset": len(DATA)}


def test_a_portal_that_is_told_to_stop_ends_streams_and_goes(data_dir: Path) -> None:
    """With an event stream open, in well under the limit; its client sees an orderly end."""
    with portal_process(data_dir) as portal, client_of(portal) as client:
        upload = new_upload(client)
        send_slice(client, upload, 0, DATA)
        job = client.post(f"/api/v1/uploads/{upload}/complete").json()["job_id"]
        seen: list[str] = []
        opened = threading.Event()

        def follow() -> None:
            with client.stream("GET", f"/api/v1/jobs/{job}/events") as answer:
                for line in answer.iter_lines():
                    seen.append(line)
                    if line.startswith("data: "):
                        opened.set()

        follower = threading.Thread(target=follow)
        follower.start()
        assert opened.wait(10)
        begun = time.monotonic()
        portal.process.send_signal(signal.SIGTERM)
        assert portal.process.wait(15) == 0
        assert time.monotonic() - begun < 8
        follower.join(5)
        assert not follower.is_alive()
    first = next(line for line in seen if line.startswith("data: "))
    assert json.loads(first.removeprefix("data: "))["state"] == "queued"


def test_connections_on_which_nothing_is_answered_delay_no_stop(data_dir: Path) -> None:
    """Idle, opened ahead of need, half a question, and a recording that a paused player holds open: the portal goes."""
    with portal_process(data_dir) as portal, client_of(portal) as client, ExitStack() as held:
        upload = new_upload(client, LONG)
        for offset in range(0, len(LONG), 1 << 23):
            assert send_slice(client, upload, offset, LONG[offset : offset + (1 << 23)]).status_code == 200
        meeting = client.post(f"/api/v1/uploads/{upload}/complete").json()["meeting_id"]
        head = f"GET /api/v1/meetings/{meeting}/audio HTTP/1.1\r\nhost: portal\r\n"
        head += f"cookie: {'; '.join(f'{name}={value}' for name, value in client.cookies.items())}\r\n\r\n"
        whole = "GET /health/live HTTP/1.1\r\nhost: portal\r\n\r\n"
        for said in ("", whole[:30], whole, head):
            connection = held.enter_context(handshake(portal, highest=ssl.TLSVersion.TLSv1_3, alpn=["http/1.1"]))
            connection.sendall(said.encode())
        assert connection.recv(12) == b"HTTP/1.1 200"
        begun = time.monotonic()
        portal.process.send_signal(signal.SIGTERM)
        assert portal.process.wait(15) == 0
        assert time.monotonic() - begun < 8  # the stop of the database included


def test_a_portal_that_is_told_to_stop_while_it_starts_goes_as_well(data_dir: Path) -> None:
    """However early the signal comes, no process stays behind."""
    for delay_s in (0.3, 1.0, 2.0, 3.0):
        ready = data_dir / "early.ready"
        ready.unlink(missing_ok=True)
        command = ["-m", "tests.factories.portal_process", "--data", str(data_dir), "--ready", str(ready)]
        process = subprocess.Popen([sys.executable, *command], cwd=Path(__file__).parents[2])
        time.sleep(delay_s)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            pytest.fail(f"still there after SIGTERM at {delay_s} s")


def test_an_upload_survives_the_portal_being_killed(data_dir: Path) -> None:
    """The next process knows the offset that was answered, and the rest is sent to it."""
    with portal_process(data_dir) as portal, client_of(portal) as client:
        upload = new_upload(client)
        assert send_slice(client, upload, 0, DATA[: 1 << 20]).json() == {"offset": 1 << 20}
        portal.process.kill()
        portal.process.wait()
    with portal_process(data_dir) as portal, client_of(portal) as client:
        assert client.get(f"/api/v1/uploads/{upload}").json()["offset"] == 1 << 20
        assert send_slice(client, upload, 1 << 20, DATA[1 << 20 :]).status_code == 200
        assert client.post(f"/api/v1/uploads/{upload}/complete").status_code == 201


def test_a_session_survives_a_restart(data_dir: Path) -> None:
    """It is in the database, not in the process."""
    with portal_process(data_dir) as portal, client_of(portal) as client:
        cookies = dict(client.cookies)
    with (
        portal_process(data_dir) as portal,
        httpx.Client(base_url=portal.url, verify=context_for(portal), cookies=cookies) as client,
    ):
        assert client.get("/api/v1/sessions/current").status_code == 200
