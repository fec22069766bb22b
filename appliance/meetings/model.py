"""Meetings, recordings and uploads: values and rules."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from appliance.kernel.ids import JobId, MeetingId, UploadId, UserId
from appliance.keyring.stream import CHUNK_BYTES
from appliance.meetings.errors import TitleInvalid

SAMPLE_RATE = 16_000
"""Samples per second of every sound inside the appliance; what speech models are trained on."""

UPLOAD_KEPT = timedelta(days=2)
"""An upload for which nothing arrives this long is given up: longer than a night and a travelling day."""

FINISHED_UPLOAD_KEPT = timedelta(days=1)
"""How long a finished upload can be asked about, for a client that lost the answer to ``complete``."""

MAX_TITLE_LENGTH = 200
MAX_SPEAKERS = 50


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What a file turned out to be, whatever its name says.

    ``duration_s`` is what the container declares, None when it declares nothing (live-recorded webm).
    """

    duration_s: float | None
    container: str
    codec: str
    channels: int
    sample_rate: int
    has_video: bool


# --- Meetings ---------------------------------------------------------------------------------------------------------


class MeetingState(StrEnum):
    """How far a meeting is, as one word; derived from its latest job, never stored beside it."""

    WAITING = "waiting"
    """Nothing has begun yet."""
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"
    """The job ended without minutes; it says why, and what to do."""
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class MeetingRow:
    """One line of the list of meetings."""

    id: MeetingId
    title: str
    owner_id: UserId | None
    created_at: datetime
    state: MeetingState
    job_id: JobId | None
    duration_s: float | None
    size_bytes: int | None
    language: str | None


@dataclass(frozen=True, slots=True)
class MeetingPage:
    """A page of the list, newest first; ``next_cursor`` continues it, None at its end."""

    meetings: tuple[MeetingRow, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class RecordingView:
    """What is known of the recording itself; media fields are None until it was validated."""

    filename: str
    size_bytes: int
    duration_s: float | None
    container: str | None
    codec: str | None
    channels: int | None
    sample_rate: int | None
    has_video: bool | None


@dataclass(frozen=True, slots=True)
class MeetingView:
    """One meeting with its recording, and the names of the documents that exist."""

    id: MeetingId
    title: str
    owner_id: UserId | None
    created_at: datetime
    state: MeetingState
    job_id: JobId | None
    language: str | None
    speakers: int | None
    recording: RecordingView | None
    documents: tuple[str, ...]

    @property
    def duration_s(self) -> float | None:
        """Length of the recording, None until it was validated."""
        return self.recording.duration_s if self.recording else None


def clean_title(title: str) -> str:
    """The title as it is kept: composed characters, one line, no control characters, single spaces; may be empty."""
    composed = unicodedata.normalize("NFC", title)
    printable = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in composed)
    return " ".join(printable.split())


def checked_title(title: str) -> str:
    """The title as it is kept.

    Raises:
        TitleInvalid: it is empty or too long.
    """
    clean = clean_title(title)
    if not clean:
        raise TitleInvalid(reason="it is empty", max_length=MAX_TITLE_LENGTH)
    if len(clean) > MAX_TITLE_LENGTH:
        raise TitleInvalid(reason=f"it has {len(clean)} characters", max_length=MAX_TITLE_LENGTH)
    return clean


def title_from_filename(filename: str) -> str:
    """A title for a meeting that got none: the file's name without folder and ending."""
    stem = base_name(filename)
    dot = stem.rfind(".")
    return clean_title((stem[:dot] if dot > 0 else stem).replace("_", " "))[:MAX_TITLE_LENGTH]


def base_name(filename: str) -> str:
    """The last part of a path of any system, cleaned: a client's folders are none of our business."""
    return clean_title(filename.replace("\\", "/").rstrip("/").rpartition("/")[2])


# --- Uploads ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """What a client must know before it sends the first byte."""

    max_bytes: int
    slice_bytes: int
    chunk_bytes: int
    max_duration_s: int
    free_bytes: int


@dataclass(frozen=True, slots=True)
class UploadView:
    """Where an upload stands. ``offset`` bytes are encrypted and durable: a power cut does not lose them."""

    id: UploadId
    meeting_id: MeetingId
    filename: str
    size_bytes: int
    offset: int
    expires_at: datetime
    job_id: JobId | None = None
    """Set once the upload is complete and has become a meeting."""


def slice_problem(*, offset: int, length: int, size_bytes: int, slice_bytes: int) -> str | None:
    """What is wrong with a slice of ``length`` bytes at ``offset`` of ``size_bytes``; None when nothing is."""
    if length <= 0:
        return "it is empty"
    if length > slice_bytes:
        return f"it has {length} bytes"
    if offset + length > size_bytes:
        return f"it ends at byte {offset + length}, behind the declared end of the file at {size_bytes}"
    if offset + length < size_bytes and length % CHUNK_BYTES:
        return f"its {length} bytes are no multiple of {CHUNK_BYTES}, and it is not the last one"
    return None
