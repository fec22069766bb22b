"""The main box as another machine sees it: TLS 1.3 with this machine's certificate, and nothing kept on its disk."""

import http.client
import io
import json
import re
import ssl
import threading
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from appliance.kernel.ids import MeetingId
from appliance.kernel.units import MIB
from appliance.keyring.errors import KeyDestroyed
from appliance.meetings.errors import BlobMissing
from appliance.models.archives import Member
from appliance.nodes import errors
from appliance.nodes.authority import fingerprint_of

PATIENCE_S = 20.0
BLOCK_BYTES = MIB
"""What one question for ciphertext or weights asks for."""
_TOTAL = re.compile(r"bytes \d+-\d+/(\d+)")


class DoorClient:
    """The door of the main box; one connection per thread, which is opened again once when it was lost.

    Args:
        certificate: this machine's, with ``key``; none before it has joined.
    """

    def __init__(
        self, address: str, port: int, *, authority: Path, certificate: Path | None = None, key: Path | None = None
    ) -> None:
        self._address, self._port = address, port
        self._authority, self._certificate, self._key = authority, certificate, key
        self._local = threading.local()

    def meeting_key(self, meeting_id: MeetingId) -> bytes:
        """Fulfils ``MainBox``."""
        try:
            return bytes.fromhex(self.ask("GET", f"/v1/keys/{meeting_id}")["key"])
        except errors.MainBoxRefuses as refusal:
            if refusal.fields["reason"] == KeyDestroyed.code:
                raise KeyDestroyed(meeting_id=meeting_id) from None
            raise

    def is_draining(self) -> bool:
        """Fulfils ``MainBox``."""
        return bool(self.ask("GET", "/v1/self")["draining"])

    def ask(self, method: str, path: str, fields: Mapping[str, str] | None = None) -> dict[str, Any]:
        """One question with a short answer.

        Raises:
            TokenRefused, OtherRelease, MainBoxRefuses: the main box says no.
            DoorUnavailable: it does not answer, or not as it should.
        """
        body = None if fields is None else json.dumps(fields).encode()
        _, answer = self._exchange(method, path, body=body, headers={})
        return cast("dict[str, Any]", json.loads(answer))

    def stretch(self, path: str, start: int, length: int) -> tuple[bytes, int]:
        """Up to ``length`` bytes of a file from ``start``, and the size of the whole.

        Raises:
            as ``ask``.
        """
        headers, data = self._exchange("GET", path, body=None, headers={"Range": f"bytes={start}-{start + length - 1}"})
        total = _TOTAL.fullmatch(headers.get("Content-Range", ""))
        if total is None:
            raise self._unavailable("it gave no stretch of the file")
        return data, int(total[1])

    def _exchange(
        self, method: str, path: str, *, body: bytes | None, headers: dict[str, str]
    ) -> tuple[Mapping[str, str], bytes]:
        for attempt in (1, 2):
            fresh = not hasattr(self._local, "connection")
            try:
                connection = self._connection()
                connection.request(method, path, body=body, headers=headers)
                response = connection.getresponse()
                data = response.read()
                break
            except ssl.SSLCertVerificationError as error:
                self._forget()
                raise errors.AuthorityDiffers(address=self._address) from error
            except (OSError, http.client.HTTPException) as error:
                self._forget()
                # A connection that was kept may have been closed by the other side in between; a new one has not.
                if fresh or attempt == 2:
                    raise self._unavailable(str(error) or type(error).__name__) from error
        if response.status in {http.client.OK, http.client.PARTIAL_CONTENT}:
            return dict(response.headers), data
        raise self._refusal(response.status, data)

    def _refusal(self, status: int, data: bytes) -> Exception:
        try:
            told = json.loads(data)
            code = str(told["code"])
        except (ValueError, KeyError, TypeError):
            return self._unavailable(f"HTTP {status}")
        if code == errors.OtherRelease.code:
            return errors.OtherRelease(own=told.get("own", "?"), main=told.get("main", "?"))
        if code == errors.TokenRefused.code:
            return errors.TokenRefused()
        if status >= http.client.INTERNAL_SERVER_ERROR:
            return self._unavailable(code)
        return errors.MainBoxRefuses(reason=code)

    def _connection(self) -> http.client.HTTPSConnection:
        if not hasattr(self._local, "connection"):
            context = ssl.create_default_context(cafile=str(self._authority))
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            if self._certificate is not None and self._key is not None:
                context.load_cert_chain(self._certificate, self._key)
            connection = http.client.HTTPSConnection(self._address, self._port, timeout=PATIENCE_S, context=context)
            self._local.connection = connection
        return cast("http.client.HTTPSConnection", self._local.connection)

    def _forget(self) -> None:
        if hasattr(self._local, "connection"):
            self._local.connection.close()
            del self._local.connection

    def _unavailable(self, reason: str) -> errors.DoorUnavailable:
        return errors.DoorUnavailable(address=f"{self._address}:{self._port}", reason=reason)


def fetch_authority(address: str, port: int, *, fingerprint: str) -> bytes:
    """The certificate of the main box's authority, if it is the one that the token names.

    Nothing secret is sent on this connection, which is why it may be made before anything can be checked.

    Raises:
        AuthorityDiffers: something else answers there.
        DoorUnavailable: nothing does.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection(address, port, timeout=PATIENCE_S, context=context)
    try:
        connection.request("GET", "/v1/authority")
        pem = connection.getresponse().read(64 * 1024)
    except (OSError, http.client.HTTPException) as error:
        raise errors.DoorUnavailable(address=f"{address}:{port}", reason=str(error)) from error
    finally:
        connection.close()
    try:
        found = fingerprint_of(pem)
    except ValueError:
        found = ""
    if found != fingerprint:
        raise errors.AuthorityDiffers(address=address)
    return pem


class RemoteFile(io.RawIOBase):
    """A file of the main box, read by stretches as it is needed; one stretch is held in memory."""

    def __init__(self, door: DoorClient, path: str) -> None:
        super().__init__()
        self._door, self._path = door, path
        self._at = 0
        self._held_from = 0
        self._held, self._size = door.stretch(path, 0, BLOCK_BYTES)

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go elsewhere; nothing is asked yet."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill ``buffer`` as far as the file goes: readers of sealed chunks ask for whole ones."""
        view = memoryview(buffer).cast("B")
        filled = 0
        while filled < len(view) and self._at < self._size:
            offset = self._at - self._held_from
            if not 0 <= offset < len(self._held):
                self._held, _ = self._door.stretch(self._path, self._at, BLOCK_BYTES)
                self._held_from, offset = self._at, 0
                if not self._held:
                    break
            piece = self._held[offset : offset + len(view) - filled]
            view[filled : filled + len(piece)] = piece
            filled += len(piece)
            self._at += len(piece)
        return filled


class RemoteBlobs:
    """A ``BlobStore`` for reading: what steps on another machine do with recordings."""

    def __init__(self, door: DoorClient) -> None:
        self._door = door

    def open(self, name: str) -> BinaryIO:
        """A stored recording's ciphertext."""
        try:
            return cast("BinaryIO", RemoteFile(self._door, f"/v1/blobs/{name}"))
        except errors.MainBoxRefuses as refusal:
            if refusal.fields["reason"] == BlobMissing.code:
                raise BlobMissing(name=name) from None
            raise

    def incoming(self, name: str) -> Any:
        """Recordings arrive at the main box alone.

        Raises:
            MainBoxRefuses: always.
        """
        raise errors.MainBoxRefuses(reason="recordings are the main box's")

    def is_stored(self, name: str) -> bool:
        """Whether the main box has it for us."""
        try:
            self.open(name).close()
        except (BlobMissing, errors.MainBoxRefuses):
            return False
        return True

    def remove(self, name: str) -> None:
        """Recordings are removed at the main box alone.

        Raises:
            MainBoxRefuses: always.
        """
        raise errors.MainBoxRefuses(reason="recordings are the main box's")

    def free_bytes(self) -> int:
        """No room here."""
        return 0


class RemotePack:
    """A ``PackSource``: a pack of models of the main box; the import checks every byte against its manifest."""

    def __init__(self, door: DoorClient, name: str, sizes: Mapping[str, int]) -> None:
        self._door, self._name, self._sizes = door, name, dict(sizes)

    @property
    def label(self) -> str:
        """Whose pack it is."""
        return f"{self._name} of the main box"

    def sizes(self) -> dict[str, int]:
        """Files with their sizes."""
        return dict(self._sizes)

    def members(self) -> Iterator[Member]:
        """Every file once, the manifest first."""
        for path in sorted(self._sizes, key=lambda path: (path != "pack.toml", path)):
            file = RemoteFile(self._door, f"/v1/models/{self._name}/{urllib.parse.quote(path)}")
            yield path, cast("IO[bytes]", io.BufferedReader(file, BLOCK_BYTES))
