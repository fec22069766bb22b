"""An archive as an appliance has it after years: any number of meetings, written with COPY in seconds.

Everything that a list reads is real: keys wrapped under the tenant's, titles and file names sealed with them,
recordings, and jobs in the states that a few of them are always in.
"""

import json
import os
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from appliance.database.engine import Database
from appliance.jobs.model import JobState
from appliance.kernel.ids import MeetingId, TenantId, UserId, new_uuid
from appliance.keyring.documents import seal
from appliance.keyring.model import Dek, meeting_key_context
from appliance.keyring.service import KeyRing
from appliance.keyring.wrapping import wrap_key
from appliance.meetings.uploads import FILENAME, RECORDING_JOB, TITLE

_SUBJECTS = ("Elnökségi ülés", "Költségvetés", "Heti megbeszélés", "Board meeting", "Projektindító", "Sprint review")
_STATES = ((JobState.DONE, 96), (JobState.FAILED, 2), (JobState.RUNNING, 1), (JobState.QUEUED, 1))

_KEYS = "COPY meeting_key (meeting_id, tenant_id, tenant_key_version, wrapped, created_at) FROM STDIN"
_JOBS = (
    "COPY job (id, tenant_id, meeting_id, owner_id, kind, state, priority, options, created_at, finished_at,"
    " failure_code, failure_message) FROM STDIN"
)
_MEETINGS = "COPY meeting (id, tenant_id, owner_id, title_sealed, language, job_id, created_at) FROM STDIN"
_RECORDINGS = (
    "COPY recording (meeting_id, tenant_id, blob, filename_sealed, size_bytes, duration_s, container, codec, channels,"
    " sample_rate, has_video, validated_at) FROM STDIN"
)


def fill_archive(
    connection: psycopg.Connection[Any],
    database: Database,
    keyring: KeyRing,
    tenant_id: TenantId,
    *,
    owners: Sequence[UserId],
    count: int,
    until: datetime,
    seed: int = 1,
) -> None:
    """Write ``count`` meetings, spread over the ``owners`` and over the five years before ``until``.

    Args:
        connection: of a superuser, because COPY does not work under row-level security; in autocommit mode.
        database: as any role, for the tenant's key.
    """
    with database.reading(tenant_id) as tx:
        kek = keyring._kek(tx, tenant_id)
    dice = random.Random(seed)
    five_years_s = 5 * 365 * 24 * 3600
    keys: list[Sequence[Any]] = []
    jobs: list[Sequence[Any]] = []
    meetings: list[Sequence[Any]] = []
    recordings: list[Sequence[Any]] = []
    states = dice.choices([state for state, _ in _STATES], weights=[weight for _, weight in _STATES], k=count)
    for number in range(count):
        at = until - timedelta(seconds=dice.random() * five_years_s)
        meeting_id, job_id, user_id = MeetingId(new_uuid()), new_uuid(), owners[number % len(owners)]
        dek = Dek(meeting_id, os.urandom(32))
        wrapped = wrap_key(kek.key, dek.key, context=meeting_key_context(tenant_id, meeting_id))
        title = f"{dice.choice(_SUBJECTS)} {number}"
        keys.append((meeting_id, tenant_id, kek.version, wrapped, at))
        finished = at if states[number].is_final else None
        failure = ("bench.failed", "It failed.") if states[number] is JobState.FAILED else (None, None)
        jobs.append(
            (
                job_id,
                tenant_id,
                meeting_id,
                user_id,
                RECORDING_JOB,
                states[number].value,
                0,
                json.dumps({}),
                at,
                finished,
                *failure,
            )
        )
        meetings.append((meeting_id, tenant_id, user_id, seal(dek, title.encode(), purpose=TITLE), "hu", job_id, at))
        recordings.append(_recording(tenant_id, meeting_id, dek, at, dice))
    for statement, rows in ((_KEYS, keys), (_JOBS, jobs), (_MEETINGS, meetings), (_RECORDINGS, recordings)):
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    connection.execute("ANALYZE")


def _recording(
    tenant_id: TenantId, meeting_id: MeetingId, dek: Dek, at: datetime, dice: random.Random
) -> Sequence[Any]:
    duration_s = dice.uniform(300, 3 * 3600)
    filename = seal(dek, b"felvetel.m4a", purpose=FILENAME)
    blob = UUID(int=dice.getrandbits(128)).hex
    size_bytes = int(duration_s * 16_000)
    return (meeting_id, tenant_id, blob, filename, size_bytes, duration_s, "mp4", "aac", 2, 48_000, False, at)
