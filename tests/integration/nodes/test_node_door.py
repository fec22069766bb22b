"""The door for other machines, over real TLS: who gets in, and what they are given."""

import http.client
import os
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from appliance.adapters.blobs import LocalBlobs
from appliance.adapters.node_client import BLOCK_BYTES, DoorClient, RemoteBlobs, RemotePack, fetch_authority
from appliance.entry.node_door import BODY_LIMIT_BYTES, DoorParts, NodeDoor
from appliance.jobs.model import Queue
from appliance.kernel.clock import SystemClock
from appliance.kernel.ids import MeetingId, new_uuid
from appliance.models.service import ModelRegistry
from appliance.nodes.authority import private_pem
from appliance.nodes.errors import AuthorityDiffers, DoorUnavailable, MainBoxRefuses, OtherRelease, TokenRefused
from appliance.nodes.keys import LeasedKeyRing
from tests.factories.jobs import Workshop, saga_map
from tests.factories.nodes import ADDRESS, HOST, RELEASE, Machine, MainBox
from tests.fakes.steps import recording_saga

BLOB = "0190a1b2c3d4"


@pytest.fixture
def door(main_box: MainBox, tmp_path: Path) -> Iterator[NodeDoor]:
    """The door of the main box, open on this machine's loopback."""
    key = Machine(tmp_path).key
    issued = main_box.authority.issue(
        key.public_key(), name="hangjegyzet", addresses=(ADDRESS,), now=main_box.clock.now(), days=1
    )
    pair = main_box.folder / "door.pem", main_box.folder / "door.key"
    pair[0].write_bytes(issued.pem)
    pair[1].write_bytes(private_pem(key))
    parts = DoorParts(
        main_box.service,
        LocalBlobs(tmp_path / "blobs"),
        ModelRegistry(tmp_path / "models"),
        main_box.folder / "authority.pem",
    )
    with NodeDoor((ADDRESS, 0), parts, certificate=pair) as listening:
        threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield listening
        listening.shutdown()


@pytest.fixture
def port(door: NodeDoor) -> int:
    return int(door.server_address[1])


def join(main_box: MainBox, machine: Machine, port: int, **said: str) -> DoorClient:
    """Go in with a token, as `hangjegyzet node join` does; the way in from then on."""
    token = main_box.service.invite(main_box.operator, "lathe", address=ADDRESS)
    authority = machine.folder / "authority.pem"
    authority.write_bytes(fetch_authority(ADDRESS, port, fingerprint=token.authority))
    knock = machine.knock(token.secret)
    fields = {"secret": token.secret, "request": knock.request.decode(), "host": HOST, "release": RELEASE, **said}
    told = DoorClient(ADDRESS, port, authority=authority).ask("POST", "/v1/join", fields)
    certificate, key = machine.keep(told["certificate"])
    return DoorClient(ADDRESS, port, authority=authority, certificate=certificate, key=key)


def test_a_machine_goes_in_and_is_known(main_box: MainBox, machine: Machine, port: int) -> None:
    """From the token alone to mutual TLS."""
    client = join(main_box, machine, port)
    assert client.ask("GET", "/v1/self") == {"name": "lathe", "draining": False}
    main_box.service.drain(main_box.operator, "lathe")
    assert client.is_draining()


def test_a_machine_in_between_is_found_before_anything_is_told_to_it(
    main_box: MainBox, machine: Machine, port: int
) -> None:
    """The token names the authority; another one ends the attempt."""
    with pytest.raises(AuthorityDiffers):
        fetch_authority(ADDRESS, port, fingerprint="00" * 32)
    other = machine.folder / "other.pem"
    main_box.folder = machine.folder / "elsewhere"
    main_box.folder.mkdir()
    main_box.authority.create(name="other", now=main_box.clock.now())
    other.write_bytes(main_box.authority.pem)
    with pytest.raises(AuthorityDiffers):
        DoorClient(ADDRESS, port, authority=other).ask("GET", "/v1/self")


def test_a_wrong_token_is_refused_and_the_trail_says_so(main_box: MainBox, machine: Machine, port: int) -> None:
    """Nobody is told what was wrong with it."""
    with pytest.raises(TokenRefused):
        join(main_box, machine, port, secret="a" * 32)
    assert main_box.events() == ["nodes:node:invited", "nodes:node:refused"]


def test_another_release_is_told_which(main_box: MainBox, machine: Machine, port: int) -> None:
    """Both versions are named, so that the technician knows which bundle to take."""
    with pytest.raises(OtherRelease) as other:
        join(main_box, machine, port, release="9.9.9")
    assert other.value.fields == {"own": "9.9.9", "main": RELEASE}


def test_without_a_certificate_there_is_nothing(main_box: MainBox, machine: Machine, port: int) -> None:
    """Only the authority and the way in with a token are open."""
    join(main_box, machine, port)
    nobody = DoorClient(ADDRESS, port, authority=machine.folder / "authority.pem")
    for path in ("/v1/self", f"/v1/keys/{new_uuid()}", f"/v1/blobs/{BLOB}", "/v1/models", "/v1/models/a/b"):
        with pytest.raises(MainBoxRefuses):
            nobody.ask("GET", path)


def test_a_removed_machine_stands_outside_at_once(main_box: MainBox, machine: Machine, port: int) -> None:
    """Also on the connection that it has open."""
    client = join(main_box, machine, port)
    assert not client.is_draining()
    main_box.service.remove(main_box.operator, "lathe", lock_out=lambda _: None)
    with pytest.raises(MainBoxRefuses):
        client.is_draining()


def test_old_protocols_are_not_spoken(machine: Machine, main_box: MainBox, port: int) -> None:
    """TLS 1.2 is refused, whatever the client offers."""
    join(main_box, machine, port)
    context = ssl.create_default_context(cafile=str(machine.folder / "authority.pem"))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        http.client.HTTPSConnection(ADDRESS, port, context=context, timeout=5).request("GET", "/v1/authority")


def test_recordings_are_read_as_ciphertext_while_a_step_is_under_way(
    main_box: MainBox, machine: Machine, door: NodeDoor, port: int
) -> None:
    """Any stretch of it, over the ends of what one question brings; after the step, nothing."""
    client = join(main_box, machine, port)
    shop = Workshop(main_box.db, main_box.tenant, main_box.keyring, main_box.audit, saga_map(recording_saga()))
    meeting = shop.meeting()
    _recording(main_box, meeting)
    sealed = os.urandom(2 * BLOCK_BYTES + 12345)
    with door.parts.blobs.incoming(BLOB) as blob:
        blob.append(sealed)
        blob.store()
    blobs = RemoteBlobs(client)
    assert not blobs.is_stored(BLOB)
    shop.start(meeting_id=meeting)
    worker = shop.worker(Queue.GENERAL, name=f"{HOST}:general:1:1", node=HOST)
    lease = worker.must_claim()
    with blobs.open(BLOB) as file:
        assert file.read(10) == sealed[:10]
        file.seek(BLOCK_BYTES - 5)
        assert file.read(10) == sealed[BLOCK_BYTES - 5 : BLOCK_BYTES + 5]
        assert file.seek(0, os.SEEK_END) == len(sealed)
        assert file.read(1) == b""
        file.seek(0)
        assert file.read() == sealed
    keys = LeasedKeyRing(client, SystemClock())
    with main_box.db.worker.reading(main_box.tenant) as tx:
        assert keys.meeting_key(tx, meeting) == main_box.keyring.meeting_key(tx, meeting)
        with pytest.raises(MainBoxRefuses):
            keys.tenant_search_key(tx, main_box.tenant)
    worker.finish(lease)
    assert not blobs.is_stored(BLOB)


def test_a_pack_of_models_arrives_as_it_is(
    main_box: MainBox, machine: Machine, door: NodeDoor, port: int, tmp_path: Path
) -> None:
    """File by file, checked against its manifest; files that are none of the pack's are not sent."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "pack.toml").write_text(
        'name = "tiny"\nkind = "language"\ntitle = "Tiny"\nengine = "gguf"\nlicence = "MIT"\n'
        '\n[[files]]\npath = "a b.gguf"\n'
    )
    (source / "a b.gguf").write_bytes(os.urandom(BLOCK_BYTES + 77))
    door.parts.models.import_pack(source)
    client = join(main_box, machine, port)
    (offered,) = client.ask("GET", "/v1/models")["packs"]
    here = ModelRegistry(tmp_path / "here")
    installed = here.import_pack(RemotePack(client, offered["name"], offered["files"]))
    assert installed.file(".gguf").read_bytes() == (source / "a b.gguf").read_bytes()
    for path in ("../active.toml", "..%2factive.toml", ".installed"):
        with pytest.raises(MainBoxRefuses):
            client.stretch(f"/v1/models/tiny/{path}", 0, 10)


@given(body=st.binary(max_size=300), length=st.integers(-5, BODY_LIMIT_BYTES * 2))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_sent_the_door_answers_or_hangs_up(
    machine: Machine, main_box: MainBox, port: int, body: bytes, length: int
) -> None:
    """Junk ends in a refusal, and the next visitor is served."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection(ADDRESS, port, context=context, timeout=5)
    connection.putrequest("POST", "/v1/join")
    connection.putheader("Content-Length", str(min(length, len(body)) if length <= BODY_LIMIT_BYTES else length))
    connection.endheaders(body)
    assert connection.getresponse().status == http.client.BAD_REQUEST
    connection.close()


def test_a_main_box_that_is_off_is_said_to_be(machine: Machine, main_box: MainBox, door: NodeDoor, port: int) -> None:
    """No answer is no refusal: the worker keeps what it has and asks again."""
    client = join(main_box, machine, port)
    door.shutdown()
    door.server_close()
    lost = DoorClient(ADDRESS, port, authority=machine.folder / "authority.pem")
    with pytest.raises(DoorUnavailable):
        lost.is_draining()
    assert client is not lost


def _recording(main_box: MainBox, meeting: MeetingId) -> None:
    """A meeting's rows, as far as the door looks at them."""
    with main_box.db.owner.transaction(main_box.tenant) as tx:
        values = {"meeting": meeting, "tenant": main_box.tenant, "blob": BLOB}
        tx.execute(
            text("INSERT INTO meeting (id, tenant_id, title_sealed, created_at) VALUES (:meeting, :tenant, '', now())"),
            values,
        )
        tx.execute(
            text(
                "INSERT INTO recording (meeting_id, tenant_id, blob, filename_sealed, size_bytes)"
                " VALUES (:meeting, :tenant, :blob, '', 1)"
            ),
            values,
        )
