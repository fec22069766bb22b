"""Identifiers: time-ordered UUIDs with a name of their own per thing."""

import os
import time
from typing import NewType
from uuid import UUID

TenantId = NewType("TenantId", UUID)
UserId = NewType("UserId", UUID)
SessionId = NewType("SessionId", UUID)
MeetingId = NewType("MeetingId", UUID)
UploadId = NewType("UploadId", UUID)
JobId = NewType("JobId", UUID)
EventId = NewType("EventId", UUID)


def new_uuid() -> UUID:
    """A UUID version 7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, then 74 random bits.

    Made here because Python has ``uuid.uuid7`` only from 3.14 on, and PostgreSQL ``uuidv7()`` only from 18 on.
    """
    milliseconds = time.time_ns() // 1_000_000
    random_bits = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & (1 << 48) - 1) << 80 | random_bits
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)
