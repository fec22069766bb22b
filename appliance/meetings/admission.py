"""What is decided before the first byte of an upload: is it acceptable, and is there room for it?"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from appliance.database.engine import Tx
from appliance.kernel.ids import UserId
from appliance.kernel.units import MIB, format_bytes
from appliance.meetings.errors import EmptyFile, StorageFull, TooManyUploads, UploadInvalid, UploadTooLarge
from appliance.meetings.model import MAX_SPEAKERS, base_name, checked_title, title_from_filename
from appliance.meetings.vocabulary import clean_vocabulary

DISK_RESERVE_BYTES = 256 * MIB
"""Never given to recordings: PostgreSQL on the same disk must be able to write its log while one is refused."""

_OVERHEAD = 1.001
"""Ciphertext per plaintext: 16 bytes of tag on 64 KiB, and a header."""

_LANGUAGE = re.compile(r"[a-z]{2,3}")
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('meetings.admission'))")
_PROMISED = text("SELECT open_upload_bytes()")
_OPEN = text(
    "SELECT count(*) FROM upload WHERE owner_id IS NOT DISTINCT FROM CAST(:owner AS uuid)"
    " AND job_id IS NULL AND expires_at >= :now"
)


@dataclass(frozen=True, slots=True)
class Declared:
    """What a client said about a recording, found acceptable."""

    filename: str
    size_bytes: int
    title: str
    language: str | None
    speakers: int | None
    vocabulary: tuple[str, ...]


def check_declaration(
    *,
    filename: str,
    size_bytes: int,
    title: str | None,
    language: str | None,
    speakers: int | None,
    words: Sequence[str],
    max_bytes: int,
) -> Declared:
    """Accept what a client says about its file, put into the form that is kept.

    Raises:
        UploadInvalid, TitleInvalid: something is missing or makes no sense.
        EmptyFile: there is nothing to send.
        UploadTooLarge: over ``max_bytes``.
        VocabularyTooLong: more words to expect than an engine can keep in mind.
    """
    name = base_name(filename)
    if not name or len(name) > 255:
        raise UploadInvalid(reason="the file has no usable name")
    if size_bytes < 0:
        raise UploadInvalid(reason="the size is negative")
    if size_bytes == 0:
        raise EmptyFile
    if size_bytes > max_bytes:
        raise UploadTooLarge(size=format_bytes(size_bytes), limit=format_bytes(max_bytes))
    if language is not None and not _LANGUAGE.fullmatch(language):
        raise UploadInvalid(reason="the language is not a code such as hu or en")
    if speakers is not None and not 1 <= speakers <= MAX_SPEAKERS:
        raise UploadInvalid(reason=f"the number of speakers is not between 1 and {MAX_SPEAKERS}")
    wanted = title if title and title.strip() else title_from_filename(name) or name
    return Declared(name, size_bytes, checked_title(wanted), language, speakers, clean_vocabulary(words))


def check_open_uploads(tx: Tx, owner_id: UserId | None, *, limit: int, now: datetime) -> None:
    """Let somebody begin one more upload; call it after ``reserve_room``, whose lock it counts under.

    Raises:
        TooManyUploads: they have ``limit`` that are not complete.
    """
    count: int = tx.execute(_OPEN, {"owner": owner_id, "now": now}).scalar_one()
    if count >= limit:
        raise TooManyUploads(count=count, limit=limit)


def reserve_room(tx: Tx, size_bytes: int, *, free_bytes: int, reserve_bytes: int) -> None:
    """Promise room on the disk to a recording of ``size_bytes``, next to what open uploads were promised.

    One admission at a time, until ``tx`` ends: two uploads are never promised the same room.

    Raises:
        StorageFull: there is not that much.
    """
    tx.execute(_ONE_AT_A_TIME)
    promised: int = tx.execute(_PROMISED).scalar_one()
    left = free_bytes - reserve_bytes - int(promised * _OVERHEAD)
    if size_bytes * _OVERHEAD > left:
        raise StorageFull(needed=format_bytes(size_bytes), free=format_bytes(max(0, left)))
