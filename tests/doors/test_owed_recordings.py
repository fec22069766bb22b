"""A recording that a restore still owes: heard through the portal from the backups, and said to be away when it is."""

import hashlib
import threading
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from appliance.adapters.read_through import BackupDoor, ReadThroughBlobs
from appliance.backups.outstanding import Outstanding, Owed
from tests.factories.meetings import a_meeting, recording_bytes
from tests.factories.portal import Browser, Portal
from web.security.sessions import COOKIE


@pytest.fixture
def owed(portal: Portal, anna: Browser, tmp_path: Path) -> UUID:
    """A meeting of hers whose recording is in the backups alone."""
    services, blobs = portal.services, portal.services.settings.blobs_path
    signed_in = services.identity.resume(anna.http.cookies[COOKIE])
    assert signed_in is not None
    meeting = a_meeting(services.meetings, signed_in.actor).meeting_id
    (stored,) = (path for path in (blobs / "stored").rglob("*") if path.is_file())
    away = tmp_path / "backups" / stored.parent.name / stored.name
    away.parent.mkdir(parents=True)
    content = stored.read_bytes()
    stored.rename(away)
    (tmp_path / "backups/SHA256SUMS").touch()
    debt = Owed(hashlib.sha256(content).hexdigest(), len(content), str(tmp_path / "backups"))
    Outstanding(blobs).owe({stored.name: debt}, datetime(2026, 3, 2, tzinfo=UTC))
    return meeting


def test_it_is_heard_from_the_backups(portal: Portal, anna: Browser, owed: UUID, tmp_path: Path) -> None:
    """As it was sent, and a part of it too."""
    blobs = portal.services.blobs
    assert isinstance(blobs, ReadThroughBlobs)
    blobs._place = tmp_path / "socket"
    with BackupDoor(tmp_path / "socket", Outstanding(portal.services.settings.blobs_path)) as door:
        threading.Thread(target=door.serve_forever, daemon=True).start()
        whole = anna.http.get(f"/api/v1/meetings/{owed}/audio")
        part = anna.http.get(f"/api/v1/meetings/{owed}/audio", headers={"range": "bytes=1000-1999"})
        door.shutdown()
    assert whole.content == recording_bytes()
    assert part.content == recording_bytes()[1000:2000]


def test_its_listener_is_told_that_the_disk_is_away(anna: Browser, owed: UUID) -> None:
    """In their language, with what to do; the meeting itself is there as ever."""
    answer = anna.http.get(f"/api/v1/meetings/{owed}/audio", headers={"accept-language": "hu"})
    assert answer.status_code == 503
    assert answer.json()["code"] == "blob.away"
    assert "mentések" in answer.json()["detail"]
    assert anna.http.get(f"/api/v1/meetings/{owed}").status_code == 200
