"""Going back in time does not bring back what was deleted since."""

import re
from pathlib import Path

import pytest

from appliance.backups.service import SHREDDED
from appliance.bootstrap import open_services
from appliance.database.roles import DatabaseRole
from appliance.entry import provision
from appliance.entry.restores import delete_again
from appliance.kernel.ids import MeetingId
from appliance.settings import BackupSettings, DatabaseSettings, Settings
from tests.factories.database import TestDatabase

DATA = b"RIFF" + bytes(4096)


@pytest.fixture
def settings(empty_db: TestDatabase, tmp_path: Path) -> Settings:
    """A machine that was set up, and went back to a moment."""
    nobodys = re.sub(r"^\S+?://[^@/]*@", "postgresql://", empty_db.web_url)
    backups = BackupSettings(folder=tmp_path / "backups")
    settings = Settings(data_dir=tmp_path / "data", database=DatabaseSettings(url=nobodys), backups=backups)
    settings.backups.folder.mkdir()
    provision.initialise(settings, organisation="Kékfa Egyesület")
    return settings


def send(settings: Settings) -> tuple[str, MeetingId]:
    """A new meeting, and its organisation."""
    with open_services(settings, DatabaseRole.WEB) as services:
        actor = provision.operator(services.home_tenant)
        upload = services.meetings.start_upload(actor, filename="a.wav", size_bytes=len(DATA))
        writer = services.meetings.append(actor, upload.id, offset=0)
        writer.write(DATA)
        writer.finish()
        return str(services.home_tenant), services.meetings.complete(actor, upload.id).meeting_id


def meetings(settings: Settings) -> set[MeetingId]:
    """Those that can be opened."""
    with open_services(settings, DatabaseRole.WEB) as services:
        listed = services.meetings.page(provision.operator(services.home_tenant))
        return {one.id for one in listed.meetings}


def test_what_was_deleted_since_goes_again(settings: Settings) -> None:
    """By the list that the backups keep; what it does not name stays, and nonsense in it hurts nobody."""
    tenant, gone = send(settings)
    _, kept = send(settings)
    (settings.backups.folder / SHREDDED).write_text(f"{tenant} {gone}\nnonsense\n{tenant} {tenant}\n")
    assert meetings(settings) == {gone, kept}
    assert delete_again(settings) == 1
    assert meetings(settings) == {kept}
    assert delete_again(settings) == 0
