"""The pass over recordings that a timer makes every other minute: when it has nothing to do, and when it fails."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.adapters.postgres import EmbeddedServer
from appliance.entry.backups import nothing_to_follow
from appliance.kernel.errors import HangJegyzetError
from appliance.settings import BackupSettings, ClusterSettings, DatabaseSettings, Settings
from cli.commands import backup as commands
from tests.factories.database import TestDatabase, new_database

MEMBERS = ("a=10.0.0.1", "b=10.0.0.2", "c=10.0.0.3")


def settings(url: str, folder: Path, *, member: str = "") -> Settings:
    """Those of a machine whose backups' disk is not mounted: a pass that begins fails."""
    cluster = ClusterSettings(name=member, members=MEMBERS) if member else ClusterSettings()
    return Settings(
        data_dir=folder,
        database=DatabaseSettings(url=url),
        backups=BackupSettings(folder=folder),
        cluster=cluster,
    )


def follow(monkeypatch: pytest.MonkeyPatch, given: Settings, *arguments: str) -> tuple[bool, str]:
    """Whether the command ended well, and what it said."""
    monkeypatch.setattr(commands, "Settings", lambda: given)
    done = CliRunner().invoke(commands.app, ["follow", *arguments])
    assert done.exception is None or isinstance(done.exception, HangJegyzetError), done.exception
    return done.exception is None, done.output


def test_before_the_database_is_set_up_there_is_nothing_to_do(
    postgres_server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A timer that is earlier than the installation's last step says so, and fails nothing."""
    with new_database(postgres_server, template=None) as empty:
        given = settings(empty.web.url, tmp_path)
        well, said = follow(monkeypatch, given, "--quiet")
        assert well
        assert "not been set up" in said
        assert not follow(monkeypatch, given)[0], "a person who asks is told"


def test_a_member_that_has_no_recordings_has_nothing_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether its database answers or not: it is not its business."""
    given = settings("postgresql+psycopg:///hangjegyzet?host=/nonexistent", tmp_path, member="b")
    well, said = follow(monkeypatch, given, "--quiet")
    assert well
    assert "another member's" in said
    assert nothing_to_follow(settings("postgresql+psycopg:///x?host=/nonexistent", tmp_path, member="a")) == ""


def test_a_database_that_is_down_and_a_disk_that_is_away_are_failures(
    db: TestDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Quiet is not deaf."""
    assert not follow(monkeypatch, settings("postgresql+psycopg:///x?host=/nonexistent", tmp_path), "--quiet")[0]
    assert not follow(monkeypatch, settings(db.web.url, tmp_path), "--quiet")[0]
