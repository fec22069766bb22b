"""A database that is backed up for real: the distribution's PostgreSQL, its log archived by pgBackRest."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from appliance.adapters.pgbackrest import Engine, PgBackRest
from appliance.adapters.postgres import EmbeddedServer
from appliance.adapters.postgres.account import ServerAccount
from appliance.adapters.postgres.binaries import distribution_bin_dir
from appliance.adapters.postgres.process import find_postmaster, last_words
from appliance.adapters.postgres.provisioning import provision


def missing_programs() -> str:
    """Why no database can be backed up here; empty when it can."""
    if distribution_bin_dir() is None:
        return "the distribution's PostgreSQL is not installed"
    missing = [program for program in ("pgbackrest", "age", "rclone") if shutil.which(program) is None]
    return f"not installed: {', '.join(missing)}" if missing else ""


def server_account() -> ServerAccount:
    """Whom the server runs as: the distribution's account when we are root, else ourselves."""
    ourselves = pwd.getpwuid(os.geteuid())
    entry = pwd.getpwnam("postgres") if os.geteuid() == 0 else ourselves
    return ServerAccount(entry.pw_name, entry.pw_uid, entry.pw_gid, changes_user=os.geteuid() == 0)


@dataclass
class ArchivedServer:
    """A running server whose log goes into a repository of its own; also what stops and starts it."""

    embedded: EmbeddedServer
    database: PgBackRest
    engine: Engine

    @property
    def files(self) -> Path:
        """Its database files."""
        return self.embedded.layout.cluster

    @property
    def socket_dir(self) -> Path:
        """Where its socket is."""
        return self.embedded.layout.socket_dir

    def stop(self) -> None:
        """Stop it."""
        self.embedded.leave()

    def start(self) -> None:
        """Start it."""
        self.embedded.join()

    def complaint(self) -> str:
        """Why it ended; empty while it runs."""
        return "" if find_postmaster(self.embedded.layout) else last_words(self.embedded.layout.log)

    def sql(self, statement: str, *arguments: object) -> list[tuple[object, ...]]:
        """Ask it something as its superuser."""
        with psycopg.connect(host=str(self.socket_dir), user="postgres", dbname="hangjegyzet", autocommit=True) as it:
            done = it.execute(statement, arguments)
            return done.fetchall() if done.description else []


@contextmanager
def archived_server(folder: Path, *, repository: Path | None = None) -> Iterator[ArchivedServer]:
    """A fresh one in ``folder``, with the appliance's roles and database in it."""
    account = server_account()
    bin_dir = distribution_bin_dir()
    assert bin_dir is not None
    folder.mkdir(exist_ok=True)
    folder.chmod(0o711)
    repository = repository or folder / "repository"
    embedded = EmbeddedServer(folder / "live", bin_dir=bin_dir, os_user=account.name, watched=False)
    engine = Engine(account, repository, configuration=folder / "pgbackrest")
    made = ArchivedServer(embedded, PgBackRest(engine), engine)
    made.database = PgBackRest(engine, made)
    with embedded.running():
        write_configuration(made)
        command = " ".join([*engine.command_line(), "archive-push", "%p"])
        with psycopg.connect(host=str(made.socket_dir), user="postgres", dbname="postgres", autocommit=True) as it:
            for setting, value in {
                "archive_mode": "on",
                "archive_command": command,
                "archive_timeout": "60",
                "track_commit_timestamp": "on",
            }.items():
                it.execute(f"ALTER SYSTEM SET {setting} = '{value}'")
    with embedded.running():
        provision(embedded.superuser_url())
        made.database.create()
        yield made


def write_configuration(server: ArchivedServer) -> None:
    """What the playbook writes on a machine."""
    engine = server.engine
    lines = [
        "[global]",
        f"repo1-path={engine.repository}",
        "repo1-cipher-type=aes-256-cbc",
        "repo1-cipher-pass=not a secret",
        "repo1-retention-full=9999999",
        "compress-type=zst",
        f"lock-path={engine.configuration}/lock",
        f"spool-path={engine.configuration}/spool",
        "[hangjegyzet]",
        f"pg1-path={server.files}",
        f"pg1-socket-path={server.socket_dir}",
    ]
    for path in (engine.configuration, engine.repository):
        path.mkdir(mode=0o750, exist_ok=True)
        engine.account.own(path)
    file = engine.configuration / "pgbackrest.conf"
    file.write_text("\n".join(lines) + "\n")
    file.chmod(0o640)
    engine.account.own(file)


def as_account(account: ServerAccount, *command: str | Path) -> None:
    """Run a command as the server's account."""
    subprocess.run([str(part) for part in command], check=True, **account.subprocess_options())
