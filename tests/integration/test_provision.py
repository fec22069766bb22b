"""Setting up on a server that somebody else runs."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import make_url

from appliance.adapters.postgres import EmbeddedServer
from appliance.adapters.postgres.provisioning import database_sql, rights_sql, roles_sql
from appliance.adapters.postgres.provisioning import provision as prepare
from appliance.adapters.signing_key import load_public_key
from appliance.bootstrap import open_services
from appliance.database.errors import NotInitialised, ServerNotPrepared
from appliance.database.roles import DatabaseRole
from appliance.entry import provision
from appliance.entry.signing import open_signer
from appliance.keyring.errors import RootKeyMissing
from appliance.migrations import runner
from appliance.settings import DatabaseSettings, Settings
from tests.factories.database import TestDatabase


@pytest.fixture
def settings(empty_db: TestDatabase, tmp_path: Path) -> Settings:
    """A machine that was told the address of another's database."""
    return settings_for(empty_db.web_url, tmp_path)


def settings_for(url: str, data_dir: Path) -> Settings:
    address = make_url(url).set(drivername="postgresql", username=None).render_as_string()
    return Settings(data_dir=data_dir, database=DatabaseSettings(url=address))


def test_a_prepared_server_is_set_up(settings: Settings, empty_db: TestDatabase) -> None:
    """Schema, keys and organisation are made, and the trail says so; the database was there."""
    done = provision.initialise(settings, organisation="Kékfa Egyesület")
    assert (done.created_database, done.created_root_key, done.created_organisation) == (False, True, True)
    assert runner.current(empty_db.web_url) == done.revision
    assert provision.describe(settings).ready
    ((organisation, report),) = provision.verify_trails(settings)
    assert organisation.name == "Kékfa Egyesület"
    assert report.intact
    assert report.events == 3
    assert done.created_signing_key
    assert open_signer(settings).public_key == load_public_key(settings.signing_public_path)


def test_setting_up_twice_changes_nothing(settings: Settings) -> None:
    """Whoever runs it again, for whatever reason, is safe."""
    first = provision.initialise(settings, organisation="Kékfa Egyesület")
    key = settings.root_key_path.read_bytes()
    second = provision.initialise(settings, organisation="Another")
    assert second.organisation == first.organisation
    assert settings.root_key_path.read_bytes() == key


SET_UP = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from appliance.entry.provision import initialise
from appliance.settings import DatabaseSettings, Settings
settings = Settings(data_dir=Path(sys.argv[1]), database=DatabaseSettings(bin_dir=Path(sys.argv[2])))
print(initialise(settings, organisation=sys.argv[3]).organisation.id)
"""


def test_two_that_set_up_the_same_machine_make_one(scratch: Path, postgres_bin_dir: Path) -> None:
    """Started in the same moment on an empty folder: one cluster, one root key, one organisation."""
    command = [sys.executable, "-c", SET_UP, str(scratch / "together"), str(postgres_bin_dir)]
    children = [subprocess.Popen([*command, name], stdout=subprocess.PIPE, text=True) for name in ("Alfa", "Béta")]
    told = [child.communicate(timeout=240)[0].splitlines()[-1] for child in children]
    assert [child.returncode for child in children] == [0, 0]
    assert told[0] == told[1]


def test_a_second_machine_does_not_make_a_second_root_key(
    settings: Settings, empty_db: TestDatabase, tmp_path: Path
) -> None:
    """The database's keys are under the first machine's; a new one would open nothing."""
    provision.initialise(settings, organisation="Kékfa Egyesület")
    other = settings_for(empty_db.web_url, tmp_path / "other")
    with pytest.raises(RootKeyMissing):
        provision.initialise(other, organisation="Kékfa Egyesület")
    assert not other.root_key_path.exists()


def test_a_server_without_the_database_says_who_makes_it(postgres_server: EmbeddedServer, tmp_path: Path) -> None:
    """Its administrator, with the SQL that we print."""
    settings = settings_for(postgres_server.superuser_url("no_such_database"), tmp_path)
    with pytest.raises(ServerNotPrepared):
        provision.initialise(settings, organisation="Kékfa Egyesület")
    assert not settings.root_key_path.exists()


def test_the_printed_sql_is_all_that_a_server_needs(postgres_server: EmbeddedServer, tmp_path: Path) -> None:
    """What ``db roles`` prints, run by an administrator, makes a database that can be set up."""
    name = f"by_hand_{os.urandom(4).hex()}"
    server = TestDatabase(postgres_server, name)
    with server.connect(postgres_server.superuser_url()) as administrator:
        administrator.execute(roles_sql().encode())
        administrator.execute(database_sql(name).encode())
    with server.connect(server.superuser_url) as administrator:
        administrator.execute(rights_sql(name).encode())
    settings = settings_for(server.web_url, tmp_path)
    try:
        assert provision.initialise(settings, organisation="Kékfa Egyesület").created_organisation
    finally:
        with server.connect(postgres_server.superuser_url()) as administrator:
            administrator.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def test_looking_at_a_fresh_machine_makes_nothing(tmp_path: Path) -> None:
    """A worker or a command that runs before set-up says so, and leaves no half-made database behind."""
    fresh = Settings(data_dir=tmp_path / "data")
    with pytest.raises(NotInitialised), open_services(fresh, DatabaseRole.WORKER):
        pass
    assert not fresh.data_dir.exists()


def test_many_that_prepare_one_server_do_not_meet(scratch: Path, postgres_bin_dir: Path) -> None:
    """Roles, database and rights are made by one at a time, however many begin together."""
    server = EmbeddedServer(scratch / "prepared", bin_dir=postgres_bin_dir)
    with server.running(), ThreadPoolExecutor(4) as together:
        url = server.superuser_url()
        for name in ("first", "second"):
            made = list(together.map(lambda _, name=name: prepare(url, name), range(4)))
            assert sorted(made) == [False, False, False, True]
