"""What a backup says about itself: read back as written, and refused in any other form."""

import contextlib
import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.backups.errors import SetUnreadable
from appliance.backups.model import BackupKind, Mark
from appliance.backups.sets import (
    KIND,
    BackupSet,
    BlobsPart,
    DatabasePart,
    MachinePart,
    TrailPart,
    read_list,
    read_payload,
    write_list,
)
from appliance.kernel.clock import SystemClock
from appliance.kernel.errors import HangJegyzetError
from appliance.keyring.signing import Signer, new_private_key, read_private_key, verify

SET_ID = "20261123T013000Z"
DESCRIBED = BackupSet(
    format=1,
    id=SET_ID,
    host="box",
    release="0.1.0",
    schema="0011",
    began="2026-11-23T01:30:00Z",
    ended="2026-11-23T01:31:00Z",
    database=DatabasePart(
        label="20261123-013005F_20261124-013005D",
        kind=BackupKind.DIFFERENTIAL,
        needs=("20261123-013005F",),
        version=15,
        wal_first="000000010000000000000002",
        wal_last="000000010000000000000003",
        bytes=1000,
        kept_bytes=100,
    ),
    blobs=BlobsPart(count=1, bytes=10, sha256="a" * 64),
    machine=MachinePart(sha256="b" * 64, bytes=10, recipients=("age1abc", "age1def")),
    trails=(TrailPart("01a20782-3ef7-7ad3-a4a8-76c82346ca56", 3, "c" * 64),),
    rows_before={"meeting": 1},
    rows_after={"meeting": 2},
    models=("whisper-base",),
)


def test_a_description_comes_back_as_it_was_signed():
    """Through signature and JSON."""
    signer = Signer(read_private_key(new_private_key()), SystemClock())
    envelope = signer.sign(KIND, DESCRIBED.payload())
    assert read_payload(verify(envelope, signer.public_key, kind=KIND).payload, set_id=SET_ID) == DESCRIBED


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", 2),
        ("id", "../../etc"),
        ("began", "2026-13-01T00:00:00Z"),
        ("ended", "2026-11-22T00:00:00Z"),
        ("host", "a b"),
        ("surprise", 1),
        ("rows_before", {"meeting": -1}),
        ("models", ["x" * 129]),
    ],
)
def test_a_description_of_another_form_is_refused(field, value):
    """Also what a later release, or somebody else, has put into it."""
    with pytest.raises(SetUnreadable):
        read_payload({**DESCRIBED.payload(), field: value}, set_id=SET_ID)


def test_the_description_of_another_set_is_refused():
    """One that was put into another's folder."""
    with pytest.raises(SetUnreadable, match=SET_ID):
        read_payload(DESCRIBED.payload(), set_id="20261124T013000Z")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300)
@given(st.data())
def test_no_foreign_description_does_more_than_be_refused(data):
    """Fuzz: any field anywhere replaced by anything is read, or refused as unreadable; nothing else happens."""
    plain: Any = json.loads(json.dumps(DESCRIBED.payload()))
    place = copy.deepcopy(plain)
    where = place
    while True:
        key = data.draw(st.sampled_from(sorted(where)))
        if isinstance(where[key], dict) and where[key] and data.draw(st.booleans()):
            where = where[key]
            continue
        where[key] = data.draw(JSON)
        break
    with contextlib.suppress(SetUnreadable):
        assert read_payload(place, set_id=SET_ID).id == SET_ID


@settings(max_examples=300)
@given(st.binary(max_size=300))
def test_no_foreign_envelope_does_more_than_be_refused(content):
    """Fuzz: bytes that nobody signed end in an error that a person can read."""
    key = read_private_key(new_private_key()).public_key()
    with pytest.raises(HangJegyzetError):
        verify(content, key, kind=KIND)


NAMES = st.from_regex(r"[0-9a-f]{2}/[0-9a-f]{8}-[0-9a-f]{20}", fullmatch=True)
HASHES = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)


@given(st.dictionaries(NAMES, HASHES, max_size=20))
def test_a_list_of_recordings_comes_back_as_it_was_written(listed):
    """In the form of sha256sum."""
    lines = write_list(listed).splitlines(keepends=True)
    assert dict(read_list(lines, set_id=SET_ID)) == listed


@pytest.mark.parametrize(
    "line",
    [
        b"a" * 64 + b"  ../passwd\n",
        b"a" * 64 + b"  /etc/passwd\n",
        b"a" * 63 + b"  ab/abcd\n",
        b"a" * 64 + b" ab/abcd\n",
        b"a" * 64 + b"  ab/" + b"a" * 400 + b"\n",
        b"\xff\n",
    ],
)
def test_a_line_that_leads_elsewhere_is_refused(line):
    """No path of a list leaves its folder."""
    with pytest.raises(SetUnreadable):
        dict(read_list([line], set_id=SET_ID))


@given(st.text(max_size=80))
def test_a_mark_has_a_plain_name(name):
    """It is written into a question to the database, so nothing but small letters, digits, dots and hyphens."""
    try:
        Mark(name, SystemClock().now())
    except ValueError:
        return
    assert not set(name) - set("abcdefghijklmnopqrstuvwxyz0123456789.-")
