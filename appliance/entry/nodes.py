"""What an operator does about other machines: let them in, join another one, drain, remove, renew certificates."""

import grp
import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from importlib.metadata import version
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import text

from appliance.adapters.blobs import LocalBlobs
from appliance.adapters.node_client import DoorClient, RemotePack, fetch_authority
from appliance.adapters.node_roles import create_role, drop_role
from appliance.bootstrap.main_box import AUTHORITY_NAME, CERTIFICATE_NAME, KEY_NAME, open_main_box
from appliance.bootstrap.services import Services, open_services
from appliance.configuration.errors import NeedsRoot
from appliance.configuration.ports import Task
from appliance.database.engine import Database
from appliance.database.roles import DatabaseRole
from appliance.entry import applying
from appliance.entry.machine import installed_release, machinery, open_configuration
from appliance.entry.node_door import DoorParts, NodeDoor
from appliance.entry.packs import open_installing_registry
from appliance.entry.provision import operator
from appliance.jobs.model import Queue
from appliance.jobs.processes import this_process
from appliance.kernel.actor import Actor
from appliance.kernel.clock import SystemClock
from appliance.kernel.units import KIB
from appliance.models.model import ENGINES
from appliance.nodes.authority import Authority, new_key, private_pem, request_for, valid_until, write_file
from appliance.nodes.errors import AddressMissing, NoMainBox, NotEmpty, StillWorking
from appliance.nodes.model import CERTIFICATE_LIFETIME, RENEWED_BEFORE, NodeView, Token, database_role, queues_for
from appliance.nodes.service import NodeService
from appliance.settings import Settings

DOOR_CERTIFICATE, DOOR_KEY = "door.pem", "door.key"
SERVER_CERTIFICATE, SERVER_KEY = "postgres.pem", "postgres.key"
"""The same certificate twice: the database's processes and ours read no file of each other's."""
DATABASE_PORT = 5432
LOOK_AGAIN_S = 0.5

Tell = Callable[[Task], object]


@contextmanager
def open_nodes(settings: Settings) -> Iterator[tuple[NodeService, Actor, Services]]:
    """The registry of the main box, and who asks."""
    with open_services(settings, DatabaseRole.WEB) as services:
        work = Database(services.server.url(DatabaseRole.WORKER), pool_size=2)
        try:
            service = NodeService(
                database=services.database,
                work=work,
                audit=services.audit,
                clock=services.clock,
                keyring=services.keyring,
                authority=authority(settings),
                home=services.home_tenant,
                release=version("hangjegyzet"),
            )
            yield service, operator(services.home_tenant), services
        finally:
            work.dispose()


def authority(settings: Settings) -> Authority:
    """Who signs for the machines of this box."""
    return Authority(settings.nodes.folder / AUTHORITY_NAME, settings.nodes.authority_key)


def serve_door(settings: Settings) -> None:
    """Answer other machines until the process is asked to end.

    Raises:
        AddressMissing: this machine has no address for others.
    """
    nodes = settings.nodes
    if nodes.address is None:
        raise AddressMissing
    with open_nodes(settings) as (service, _, services):
        parts = DoorParts(service, LocalBlobs(settings.blobs_path), services.models, nodes.folder / AUTHORITY_NAME)
        certificate = (nodes.folder / DOOR_CERTIFICATE, nodes.folder / DOOR_KEY)
        with NodeDoor((nodes.address, nodes.port), parts, certificate=certificate) as door:
            door.serve_forever()


def certify(settings: Settings) -> bool:
    """Make or renew what this machine shows to others; true when something was made.

    Raises:
        NeedsRoot: somebody else asks.
        AddressMissing: a main box without an address.
        DoorUnavailable, MainBoxRefuses: a worker's certificate cannot be renewed now.
    """
    require_root()
    return _renew(settings) if settings.nodes.role == "worker" else _certify_door(settings)


def invite(settings: Settings, name: str, *, address: str, lifetime: timedelta, tell: Tell) -> Token:
    """Open this machine to one at ``address`` and make it a token.

    Raises:
        NeedsRoot: somebody else asks.
        InvalidNodeName, NodeExists: ``name`` cannot be given.
        ApplyFailed: the firewall or the database could not be opened to it.
    """
    require_root()
    role, peer = database_role(name), str(ip_address(address))
    wanted = {
        "nodes.address": settings.nodes.address or _own_address_towards(peer),
        "nodes.workers": json.dumps(sorted({*settings.nodes.workers, peer})),
    }
    bring_about(wanted, tell)
    with open_nodes(Settings()) as (service, actor, _):
        token = service.invite(actor, name, address=peer, lifetime=lifetime)
    create_role(role)
    return token


def join(settings: Settings, address: str, token_text: str, *, tell: Tell) -> str:
    """Make this machine a worker of the one at ``address``; returns the name that it goes by there.

    Raises:
        NeedsRoot: somebody else asks.
        InvalidToken, TokenRefused, AuthorityDiffers, OtherRelease, DoorUnavailable: it is not let in, and stays.
        NotEmpty: it has meetings of its own.
        ApplyFailed: it could not be turned into a worker.
    """
    require_root()
    token, main_box = Token.parse(token_text), str(ip_address(address))
    require_empty(settings)
    bring_about({"nodes.main_box": main_box, "nodes.address": _own_address_towards(main_box)}, tell)
    try:
        name, role = _enrol(Settings(), main_box, token)
    except BaseException:
        bring_about({"nodes.main_box": None, "nodes.address": None}, tell)
        raise
    queues = queues_for(memory_bytes=_memory_bytes(), cards=_cards()) or (Queue.SPEECH,)
    bring_about(
        {
            "nodes.role": "worker",
            "nodes.queues": json.dumps([queue.value for queue in queues]),
            "database.url": _database_url(settings.nodes.folder, main_box, role),
        },
        tell,
    )
    return name


def drain(settings: Settings, name: str, *, patience_s: float) -> NodeView:
    """Let a machine take no new steps and wait until it has none.

    Raises:
        NodeNotFound: there is none of this name.
        StillWorking: it has some after ``patience_s``.
    """
    with open_nodes(settings) as (service, actor, _):
        node = service.drain(actor, name)
        deadline = time.monotonic() + patience_s
        while steps := service.show(name)[1]:
            if time.monotonic() > deadline:
                raise StillWorking(name=name, steps=len(steps), waited_s=round(patience_s))
            time.sleep(LOOK_AGAIN_S)
    return node


def remove(settings: Settings, name: str, *, tell: Tell) -> int:
    """Take everything back that a machine was given; of how many meetings it ever had the key.

    Raises:
        NeedsRoot: somebody else asks.
        NodeNotFound: there is none of this name.
        ApplyFailed: the firewall could not be closed to it; certificate and role are gone already.
    """
    require_root()
    with open_nodes(settings) as (service, actor, _):
        node = service.show(name)[0]
        keys = service.remove(actor, name, lock_out=lambda gone: drop_role(database_role(gone.name)))
        left = {each.address for each in service.registered()}
    bring_about({"nodes.workers": json.dumps(sorted(set(settings.nodes.workers) & left))}, tell)
    return keys if node.host else 0


def fetch_models(settings: Settings) -> list[str]:
    """Bring the packs that the main box uses, as far as they are not here; which came.

    Raises:
        NoMainBox: this machine has joined none.
        DoorUnavailable, MainBoxRefuses: they cannot be had now.
        HashMismatch: a file is not what its manifest says.
    """
    main_box = open_main_box(settings)
    if main_box is None:
        raise NoMainBox
    registry = open_installing_registry(settings)
    here = {pack.name: pack for pack in registry.list()}
    brought = []
    for offered in main_box.ask("GET", "/v1/models")["packs"]:
        name = offered["name"]
        if name not in here:
            source = RemotePack(main_box, name, offered["files"])
            here[name] = registry.import_pack(source)
            brought.append(name)
        if here[name].pack.engine in ENGINES and not here[name].in_use:
            registry.use(name)
    return brought


def _certify_door(settings: Settings) -> bool:
    nodes, now = settings.nodes, SystemClock().now()
    if nodes.address is None:
        raise AddressMissing
    signer = authority(settings)
    made = signer.create(name=f"HangJegyzet {socket.gethostname()}", now=now)
    certificate = nodes.folder / DOOR_CERTIFICATE
    if not made and certificate.exists() and _is_good(certificate, nodes.address):
        return False
    key = new_key()
    issued = signer.issue(
        key.public_key(), name="hangjegyzet", addresses=(nodes.address,), now=now, days=CERTIFICATE_LIFETIME.days
    )
    for names, group in (((DOOR_CERTIFICATE, DOOR_KEY), "hangjegyzet"), ((SERVER_CERTIFICATE, SERVER_KEY), "postgres")):
        _put(nodes.folder, names, issued.pem, key, group=group)
    return True


def _renew(settings: Settings) -> bool:
    main_box = open_main_box(settings)
    if main_box is None:
        raise NoMainBox
    if valid_until((settings.nodes.folder / CERTIFICATE_NAME).read_bytes()) - SystemClock().now() > RENEWED_BEFORE:
        return False
    key = new_key()
    request = request_for(key, name="worker").decode("ascii")
    renewed = main_box.ask("POST", "/v1/renew", {"request": request})["certificate"]
    _put(settings.nodes.folder, (CERTIFICATE_NAME, KEY_NAME), renewed.encode("ascii"), key, group="hangjegyzet")
    return True


def _enrol(settings: Settings, main_box: str, token: Token) -> tuple[str, str]:
    folder, port = settings.nodes.folder, settings.nodes.port
    pem = fetch_authority(main_box, port, fingerprint=token.authority)
    _make_folder(folder)
    write_file(folder / AUTHORITY_NAME, pem, mode=0o644)
    key = new_key()
    said = {
        "secret": token.secret,
        "request": request_for(key, name="worker").decode("ascii"),
        "host": this_process(Queue.SPEECH).node,
        "release": version("hangjegyzet"),
    }
    told = DoorClient(main_box, port, authority=folder / AUTHORITY_NAME).ask("POST", "/v1/join", said)
    certificate = str(told["certificate"]).encode("ascii")
    _put(folder, (CERTIFICATE_NAME, KEY_NAME), certificate, key, group="hangjegyzet")
    return str(told["name"]), str(told["role"])


def _put(
    folder: Path, names: tuple[str, str], certificate: bytes, key: ec.EllipticCurvePrivateKey, *, group: str
) -> None:
    _make_folder(folder)
    number = grp.getgrnam(group).gr_gid
    # The key first: a certificate without its key is worse than an old pair.
    write_file(folder / names[1], private_pem(key), mode=0o640, group=number)
    write_file(folder / names[0], certificate, mode=0o644)


def _is_good(certificate: Path, address: str) -> bool:
    pem = certificate.read_bytes()
    names = x509.load_pem_x509_certificate(pem).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    addresses = {str(found) for found in names.value.get_values_for_type(x509.IPAddress)}
    return address in addresses and valid_until(pem) - SystemClock().now() > RENEWED_BEFORE


def _make_folder(folder: Path) -> None:
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)


def _database_url(folder: Path, main_box: str, role: str) -> str:
    host = f"[{main_box}]" if ":" in main_box else main_box
    return (
        f"postgresql://{role}@{host}:{DATABASE_PORT}/hangjegyzet?sslmode=verify-full&ssl_min_protocol_version=TLSv1.3"
        f"&sslrootcert={folder / AUTHORITY_NAME}&sslcert={folder / CERTIFICATE_NAME}&sslkey={folder / KEY_NAME}"
    )


def require_empty(settings: Settings) -> None:
    """Go on only on a machine that holds no meetings of its own.

    Raises:
        NotEmpty: it does.
    """
    if settings.nodes.role == "worker":
        return
    with open_services(settings, DatabaseRole.WEB) as services, services.database.reading(services.home_tenant) as tx:
        meetings = int(tx.execute(text("SELECT count(*) FROM meeting")).scalar_one())
    if meetings:
        raise NotEmpty(meetings=meetings)


def bring_about(wanted: Mapping[str, str | None], tell: Tell) -> None:
    """Put settings into the machine's file and bring them about, where they are not in force already.

    Whatever else waits in that file is brought about with them; so two people are asked and cut-offs watched as by
    ``hangjegyzet apply``. What was refused stays in the file, for a request to name; the same command goes on.

    Raises:
        as ``applying.apply``.
    """
    service, release = open_configuration(), installed_release()
    for key, value in wanted.items():
        service.set(key, value)
    if service.pending():
        applying.apply(machinery(release), release=release, tell=tell)


def _own_address_towards(peer: str) -> str:
    """Which of this machine's addresses its packets to ``peer`` would carry; none is sent."""
    with socket.socket(socket.AF_INET6 if ":" in peer else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((peer, DATABASE_PORT))
        except OSError as error:
            raise AddressMissing from error
        return str(probe.getsockname()[0])


def _memory_bytes() -> int:
    total = next(line for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines() if "MemTotal" in line)
    return int(total.split()[1]) * KIB


def _cards() -> list[int]:
    """Memory of each GPU, as its driver tells; none without a driver."""
    command = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        shown = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=20, stdin=subprocess.DEVNULL
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [int(line) * KIB * KIB for line in shown.split() if line.isdigit()]


def require_root() -> None:
    """Go on only as root, who alone may change the machine.

    Raises:
        NeedsRoot: somebody else asks.
    """
    if os.geteuid() != 0:
        raise NeedsRoot
