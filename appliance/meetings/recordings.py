"""Recordings as their readers want them: a file object that decrypts as it goes."""

import io
from typing import BinaryIO

from sqlalchemy import text

from appliance.database.engine import Tx
from appliance.kernel.ids import MeetingId
from appliance.keyring.service import KeyRing
from appliance.keyring.stream import CHUNK_BYTES, EncryptedReader
from appliance.meetings.errors import NoRecording
from appliance.meetings.ports import BlobStore

_BLOB = text("SELECT blob FROM recording WHERE meeting_id = :meeting")


class RecordingFiles:
    """Opens the recording of a meeting for whoever was allowed to; decides nothing itself."""

    def __init__(self, blobs: BlobStore, keyring: KeyRing) -> None:
        self._blobs = blobs
        self._keyring = keyring

    def open(self, tx: Tx, meeting_id: MeetingId) -> EncryptedReader:
        """The recording, seekable, decrypted in memory chunk by chunk; outlives ``tx``, the caller closes it.

        Raises:
            NoRecording: the meeting has none.
            KeyDestroyed: the meeting was deleted.
            BlobMissing: the file is gone.
        """
        blob = tx.execute(_BLOB, {"meeting": meeting_id}).scalar()
        if blob is None:
            raise NoRecording(meeting_id=meeting_id)
        return EncryptedReader(self._blobs.open(blob), self._keyring.meeting_key(tx, meeting_id))

    def source(self, tx: Tx, meeting_id: MeetingId) -> BinaryIO:
        """As ``open``, buffered: ``read`` gives as many bytes as it was asked for. For decoders."""
        return io.BufferedReader(self.open(tx, meeting_id), buffer_size=CHUNK_BYTES)
