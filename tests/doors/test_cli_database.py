"""``hangjegyzet db`` and ``hangjegyzet audit``, as a technician types them."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import structlog

from appliance.adapters.postgres import EmbeddedServer
from appliance.adapters.postgres.process import find_postmaster
from appliance.database.roles import DatabaseRole
from appliance.migrations import runner
from cli.main import run
from tests.factories.database import libpq

ROOT = Path(__file__).parents[2]


@dataclass
class Answer:
    """What a command left behind."""

    code: int
    out: str
    talk: str

    def json(self) -> object:
        return json.loads(self.out)


@pytest.fixture
def data_dir(scratch: Path, postgres_bin_dir: Path) -> Iterator[Path]:
    """A machine's data folder; a server that still runs in it is ended."""
    folder = scratch / f"cli{os.urandom(3).hex()}"
    yield folder
    server = EmbeddedServer(folder, bin_dir=postgres_bin_dir)
    if find_postmaster(server.layout) is not None:
        server.fall()


@pytest.fixture
def environment(data_dir: Path, postgres_bin_dir: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the machine's settings say, for this process and for those it starts."""
    for name in [name for name in os.environ if name.startswith("HANGJEGYZET_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HANGJEGYZET_DATA_DIR", str(data_dir))
    monkeypatch.setenv("HANGJEGYZET_DATABASE__BIN_DIR", str(postgres_bin_dir))
    monkeypatch.setenv("COLUMNS", "200")
    return dict(os.environ)


@pytest.fixture
def hangjegyzet(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Answer]]:
    """Runs the whole command line, from its arguments to its exit code, in this process."""

    def command(*words: str) -> Answer:
        monkeypatch.setattr(sys, "argv", ["hangjegyzet", *words])
        out, talk = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(talk), pytest.raises(SystemExit) as end:
            run()
        return Answer(int(end.value.code or 0), out.getvalue(), talk.getvalue())

    yield command
    structlog.reset_defaults()  # the command sent the logs of this process to a stream that is gone


@pytest.fixture
def started(environment: dict[str, str]) -> Callable[..., Answer]:
    """Runs it as a process of its own, as a shell does."""

    def command(*words: str, given: str = "") -> Answer:
        done = subprocess.run(
            [sys.executable, "-m", "cli.launch", *words],
            cwd=ROOT,
            env=environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    return command


@pytest.fixture
def machine(hangjegyzet: Callable[..., Answer]) -> Callable[..., Answer]:
    """A machine that was set up and whose database stands."""
    assert hangjegyzet("db", "init", "--organisation", "Kékfa Egyesület").code == 0
    assert hangjegyzet("db", "up").code == 0
    return hangjegyzet


def as_owner(data_dir: Path, *statements: str) -> None:
    server = EmbeddedServer(data_dir)
    with psycopg.connect(libpq(server.url(DatabaseRole.OWNER)), autocommit=True) as owner:
        for statement in statements:
            owner.execute(statement.encode())


def test_init_makes_a_machine_once(hangjegyzet: Callable[..., Answer], data_dir: Path) -> None:
    """The second run finds everything and changes nothing, the root key least of all."""
    first = hangjegyzet("db", "init", "--organisation", "Kékfa Egyesület", "--json")
    assert first.code == 0, first.talk
    key = (data_dir / "secrets" / "root.key").read_bytes()
    second = hangjegyzet("db", "init", "--organisation", "Another", "--json")
    made, found = first.json(), second.json()
    assert isinstance(made, dict)
    assert isinstance(found, dict)
    assert (made["created_database"], made["created_root_key"], made["created_organisation"]) == (True, True, True)
    assert (found["created_database"], found["created_root_key"], found["created_organisation"]) == (False,) * 3
    assert found["organisation"] == "Kékfa Egyesület"
    assert (data_dir / "secrets" / "root.key").read_bytes() == key
    assert (made["created_signing_key"], found["created_signing_key"]) == (True, False)


def test_init_does_not_replace_a_lost_root_key(hangjegyzet: Callable[..., Answer], data_dir: Path) -> None:
    """A new key would open nothing and hide the loss."""
    assert hangjegyzet("db", "init").code == 0
    key = data_dir / "secrets" / "root.key"
    key.unlink()
    answer = hangjegyzet("db", "init")
    assert answer.code == 5
    assert "custodians" in answer.talk
    assert not key.exists()


def test_init_finds_out_a_foreign_root_key(hangjegyzet: Callable[..., Answer], data_dir: Path) -> None:
    """A database that came with another machine's key is told before anybody works with it."""
    assert hangjegyzet("db", "init").code == 0
    key = data_dir / "secrets" / "root.key"
    key.chmod(0o600)
    key.write_bytes(os.urandom(32))
    key.chmod(0o400)
    assert hangjegyzet("db", "init").code == 6


def test_status_tells_each_state_apart(hangjegyzet: Callable[..., Answer]) -> None:
    """Not there, not running, ready: exit code 5 unless it can be worked with."""
    assert hangjegyzet("db", "status").code == 5
    assert hangjegyzet("db", "init").code == 0
    down = hangjegyzet("db", "status", "--json")
    assert down.code == 5
    assert hangjegyzet("db", "up").code == 0
    up = hangjegyzet("db", "status", "--json")
    assert up.code == 0
    told = up.json()
    assert isinstance(told, dict)
    assert told["running"]
    assert told["standing"]
    assert told["revision"] == told["needed"]
    assert hangjegyzet("db", "down").code == 0
    assert hangjegyzet("db", "status").code == 5


def test_migrate_brings_an_older_schema_up(machine: Callable[..., Answer], data_dir: Path) -> None:
    """Also from the command line, with the revisions before and after; the trail says so."""
    runner.downgrade(EmbeddedServer(data_dir).url(DatabaseRole.OWNER), "0007")
    behind = machine("db", "status", "--json")
    assert behind.code == 5
    moved = machine("db", "migrate", "--json")
    assert moved.json() == {"before": "0007", "after": runner.head()}
    assert machine("db", "status").code == 0
    assert "database:schema:migrated" in machine("audit", "export").out


def test_commands_before_init_name_the_command_that_is_missing(hangjegyzet: Callable[..., Answer]) -> None:
    """Nobody is left with a stack trace on a fresh machine."""
    for words in (("db", "migrate"), ("audit", "verify"), ("audit", "export")):
        answer = hangjegyzet(*words)
        assert answer.code == 5, answer.talk
        assert "hangjegyzet db init" in answer.talk
        assert "Traceback" not in answer.talk


def test_the_shell_has_the_rights_of_its_role(machine: Callable[..., Answer], started: Callable[..., Answer]) -> None:
    """And that it was opened is in the trail."""
    seen = started("db", "shell", "--role", "hangjegyzet_web", given="SELECT current_user, count(*) FROM tenant;\n")
    assert seen.code == 0, seen.talk
    assert "hangjegyzet_web |     0" in seen.out
    assert "database:shell:opened" in machine("audit", "export").out


def test_roles_are_printed_for_a_server_of_ones_own(hangjegyzet: Callable[..., Answer]) -> None:
    """The administrator of another server gets the whole SQL, and no role in it passes row-level security."""
    printed = hangjegyzet("db", "roles")
    assert printed.code == 0
    assert printed.out.count("NOBYPASSRLS") == 3
    assert "LOCALE 'C.UTF-8'" in printed.out


def test_an_intact_trail_verifies(machine: Callable[..., Answer]) -> None:
    """Exit code 0, and the head to write down elsewhere."""
    answer = machine("audit", "verify", "--json")
    assert answer.code == 0
    (told,) = answer.json()  # type: ignore[misc]  # one organisation
    assert told["intact"]
    assert told["events"] >= 2
    assert len(told["head"]["hash"]) == 64


def test_a_touched_trail_fails_with_the_code_for_damage(machine: Callable[..., Answer], data_dir: Path) -> None:
    """Exit code 6, the event by name, also as JSON; and the check itself is recorded as failed."""
    as_owner(
        data_dir,
        "ALTER TABLE audit_event DISABLE TRIGGER audit_event_is_final",
        "UPDATE audit_event SET actor_name = 'nobody' WHERE seq = 2",
    )
    plain = machine("audit", "verify")
    assert plain.code == 6
    assert "changed at event 2" in plain.talk
    told = machine("audit", "verify", "--json")
    assert told.code == 6
    (report,) = told.json()  # type: ignore[misc]  # one organisation
    assert report["finding"]["kind"] == "changed"
    assert report["finding"]["seq"] == 2
    assert '"outcome":"failed"' in machine("audit", "export").out


def test_an_export_never_overwrites(machine: Callable[..., Answer], data_dir: Path) -> None:
    """It is for its owner's eyes, holds every event, and leaves an older one alone."""
    target = data_dir / "trail.jsonl"
    assert machine("audit", "export", "--output", str(target)).code == 0
    assert target.stat().st_mode & 0o777 == 0o600
    lines = target.read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[0])["head_seq"] == len(lines) - 1
    assert machine("audit", "export", "--output", str(target)).code == 3
    assert target.read_text(encoding="utf-8").splitlines() == lines


def test_data_and_talk_do_not_mix(started: Callable[..., Answer]) -> None:
    """What a script reads is JSON and nothing else, also while a server starts."""
    answer = started("db", "init", "--json")
    assert answer.code == 0
    assert isinstance(answer.json(), dict)
