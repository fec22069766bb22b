"""The door for other machines: TLS 1.3 with certificates on both sides, beside the portal and apart from it.

Python's own server, because the certificate of the other side decides everything here, and the portal's server does not
tell it. What comes in is small and strictly read; what goes out is one meeting's key, ciphertext, or weights, each to a
machine that is registered and, for meetings, has a step of that very meeting under way.
"""

import http.server
import re
import socket
import ssl
import threading
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

import msgspec
import structlog

from appliance.kernel.errors import HangJegyzetError, Invalid, NotFound, Refused
from appliance.kernel.ids import MeetingId
from appliance.kernel.units import MIB
from appliance.meetings.ports import BlobStore
from appliance.models.model import MANIFEST_NAME
from appliance.models.service import ModelRegistry
from appliance.nodes.errors import NodeRefused, NothingLeased, RequestInvalid, TokenRefused
from appliance.nodes.model import NodeState, NodeView
from appliance.nodes.service import Knock, NodeService

log = structlog.get_logger()

PATIENCE_S = 30.0
BODY_LIMIT_BYTES = 16 * 1024
STRETCH_LIMIT_BYTES = 4 * MIB
AT_ONCE = 64
_RANGE = re.compile(r"bytes=(\d{1,15})-(\d{1,15})")


class _Join(msgspec.Struct, forbid_unknown_fields=True):
    secret: str
    request: str
    host: str
    release: str


class _Renew(msgspec.Struct, forbid_unknown_fields=True):
    request: str


class Stretch(Refused):
    """A stretch of a file that was not asked for as it must be."""

    code = "nodes.no_stretch"
    message = "Files are read by stretches of at most {limit} bytes that begin inside them."


@dataclass(frozen=True)
class DoorParts:
    """What the door opens onto."""

    nodes: NodeService
    blobs: BlobStore
    models: ModelRegistry
    authority: Path


class NodeDoor(http.server.ThreadingHTTPServer):
    """Listens for machines.

    Args:
        place: address and port of this machine.
        certificate: gives the files of certificate and key for each connection, so that a renewed one is taken up.
    """

    daemon_threads = True
    request_queue_size = 32

    def __init__(self, place: tuple[str, int], parts: DoorParts, *, certificate: tuple[Path, Path]) -> None:
        self.parts = parts
        self._certificate = certificate
        self._free = threading.BoundedSemaphore(AT_ONCE)
        if ":" in place[0]:
            self.address_family = socket.AF_INET6
        super().__init__(place, _Visit)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own, and never in more than so many at once."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Shake hands inside the thread: a visitor who dawdles keeps nobody else waiting."""
        try:
            request.settimeout(PATIENCE_S)
            secured = self._context().wrap_socket(request, server_side=True)
        except (OSError, ValueError) as error:
            log.info("node_door_handshake_failed", address=client_address[0], kind=type(error).__name__)
            self.shutdown_request(request)
        else:
            super().process_request_thread(secured, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke; told by its kind alone."""
        log.info("node_door_connection_lost", address=client_address[0])

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(*self._certificate)
        context.load_verify_locations(self.parts.authority)
        context.verify_mode = ssl.CERT_OPTIONAL  # a machine that joins has none yet
        return context


class _Visit(http.server.BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version = "hangjegyzet"
    sys_version = ""
    timeout = PATIENCE_S
    server: NodeDoor

    def do_GET(self) -> None:
        """Read something."""
        self._serve("GET")

    def do_POST(self) -> None:
        """Ask for something."""
        self._serve("POST")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class names it so
        """Requests are told by what comes of them."""

    def _serve(self, method: str) -> None:
        path = urllib.parse.unquote(self.path)
        for verb, pattern, answer in _ROUTES:
            if verb == method and (found := pattern.fullmatch(path)):
                try:
                    answer(self, *found.groups())
                except HangJegyzetError as error:
                    self._refuse(error)
                except (ConnectionError, TimeoutError):
                    self.close_connection = True
                except Exception:  # the edge of a request: told in the journal, and to the visitor by its kind alone
                    log.exception("node_door_broke", route=pattern.pattern)
                    self._json(HTTPStatus.INTERNAL_SERVER_ERROR, {"code": "broken"})
                return
        self.close_connection = True
        self._json(HTTPStatus.NOT_FOUND, {"code": "not_found"})

    def _refuse(self, error: HangJegyzetError) -> None:
        kinds = {Invalid: HTTPStatus.BAD_REQUEST, NotFound: HTTPStatus.NOT_FOUND, Refused: HTTPStatus.FORBIDDEN}
        status = next((status for kind, status in kinds.items() if isinstance(error, kind)), None)
        log.info("node_refused", address=self.client_address[0], code=error.code)
        if isinstance(error, TokenRefused):
            self.server.parts.nodes.refused(self.client_address[0], error.code)
        told = {name: str(value) for name, value in error.fields.items() if name in {"own", "main"}}
        self._json(status or HTTPStatus.SERVICE_UNAVAILABLE, {"code": error.code, **told})

    def send_authority(self) -> None:
        """Whose signatures count here; said to everybody."""
        self._bytes(HTTPStatus.OK, self.server.parts.authority.read_bytes(), kind="application/x-pem-file")

    def join(self) -> None:
        """Let a machine in."""
        said = self._body(_Join)
        knock = Knock(said.secret, said.request.encode(), said.host[:200], said.release[:40], self.client_address[0])
        admitted = self.server.parts.nodes.admit(knock)
        log.info("node_joined", node=admitted.name)
        told = {"name": admitted.name, "role": admitted.role, "certificate": admitted.certificate}
        self._json(HTTPStatus.OK, told)

    def renew(self) -> None:
        """The machine's next certificate."""
        node = self._node()
        pem = self.server.parts.nodes.renew(node, self._body(_Renew).request.encode())
        self._json(HTTPStatus.OK, {"certificate": pem.decode("ascii")})

    def tell_self(self) -> None:
        """What the machine is to us now."""
        node = self._node()
        self._json(HTTPStatus.OK, {"name": node.name, "draining": node.state is NodeState.DRAINING})

    def hand_key(self, meeting: str) -> None:
        """The key of one meeting."""
        node = self._node()
        key = self.server.parts.nodes.meeting_key(node, MeetingId(_uuid(meeting)))
        self._json(HTTPStatus.OK, {"key": key.hex()})

    def send_blob(self, name: str) -> None:
        """A stretch of a recording's ciphertext."""
        self.server.parts.nodes.require_blob(self._node(), name)
        with self.server.parts.blobs.open(name) as file:
            self._stretch(file)

    def list_packs(self) -> None:
        """The packs in use, with their files."""
        self._node()
        packs = [
            {
                "name": pack.name,
                "in_use": pack.in_use,
                "files": {path.relative_to(pack.path).as_posix(): path.stat().st_size for path in _files(pack.path)},
            }
            for pack in self.server.parts.models.list()
            if pack.in_use
        ]
        self._json(HTTPStatus.OK, {"packs": packs})

    def send_pack_file(self, pack: str, path: str) -> None:
        """A stretch of a model's file."""
        self._node()
        installed = self.server.parts.models.get(pack)
        if path not in {MANIFEST_NAME, *(file.path for file in installed.pack.files)}:
            raise NothingLeased
        with (installed.path / path).open("rb") as file:
            self._stretch(file)

    def _node(self) -> NodeView:
        """Who this is, by the certificate; asked of the registry every time.

        Raises:
            NodeRefused: nobody whom we know.
        """
        shown = self.connection.getpeercert()
        if not shown:
            raise NodeRefused
        return self.server.parts.nodes.known(str(shown["serialNumber"]), address=self.client_address[0])

    def _body(self, kind: type[Any]) -> Any:
        try:
            length = int(self.headers.get("Content-Length", ""))
        except ValueError:
            length = -1
        if not 0 <= length <= BODY_LIMIT_BYTES:
            self.close_connection = True
            raise RequestInvalid(reason="its length is missing or too much")
        try:
            return msgspec.json.decode(self.rfile.read(length), type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise RequestInvalid(reason="it is not in its form") from error

    def _stretch(self, file: BinaryIO) -> None:
        size = file.seek(0, 2)
        asked = _RANGE.fullmatch(self.headers.get("Range", ""))
        start, end = (int(asked[1]), int(asked[2])) if asked else (0, -1)
        if not start <= end or start > size or end - start >= STRETCH_LIMIT_BYTES:
            raise Stretch(limit=STRETCH_LIMIT_BYTES)
        file.seek(start)
        data = file.read(min(end + 1, size) - start)
        extra = {"Content-Range": f"bytes {start}-{start + max(len(data), 1) - 1}/{size}"}
        self._bytes(HTTPStatus.PARTIAL_CONTENT, data, kind="application/octet-stream", extra=extra)

    def _json(self, status: HTTPStatus, fields: dict[str, Any]) -> None:
        self._bytes(status, msgspec.json.encode(fields), kind="application/json")

    def _bytes(self, status: HTTPStatus, data: bytes, *, kind: str, extra: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in (extra or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


_ROUTES: tuple[tuple[str, re.Pattern[str], Callable[..., None]], ...] = (
    ("GET", re.compile("/v1/authority"), _Visit.send_authority),
    ("POST", re.compile("/v1/join"), _Visit.join),
    ("POST", re.compile("/v1/renew"), _Visit.renew),
    ("GET", re.compile("/v1/self"), _Visit.tell_self),
    ("GET", re.compile("/v1/keys/([0-9a-f-]{36})"), _Visit.hand_key),
    ("GET", re.compile("/v1/blobs/([0-9a-z-]{2,64})"), _Visit.send_blob),
    ("GET", re.compile("/v1/models"), _Visit.list_packs),
    ("GET", re.compile(r"/v1/models/([a-z0-9._-]{1,80})/([^\0]{1,200})"), _Visit.send_pack_file),
)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise RequestInvalid(reason="it names no meeting") from error


def _files(folder: Path) -> list[Path]:
    """The pack's files, without what hides: notes of the store."""
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith(".")]
