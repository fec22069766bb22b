"""Canaries: secrets, people and spoken words are planted wherever a collector can see, and none is in the bundle.

The sealed file is opened with the maker's key, and every byte inside is searched; a collector that leaks is found.
"""

import io
import json
import os
import re
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from appliance.adapters.age import Age
from appliance.entry import approvals, machine, provision
from appliance.entry import support as entry
from appliance.entry.signing import open_signer
from appliance.keyring.signing import verify
from appliance.settings import DatabaseSettings, Settings
from appliance.support import collectors as system
from appliance.support.errors import BundleStale, ExportExists, RecipientInvalid, RecipientMissing
from appliance.support.model import Collector
from appliance.support.redaction import Redactor
from appliance.support.service import KIND
from tests.factories.database import TestDatabase

PERSON, EMAIL = "Zsuzsanna Törökvész", "zsuzsanna.torokvesz@kekfa.example"
SPOKEN = "Elbocsátjuk Keresztes Ödönt szilveszterkor"
CANARIES = {
    "password": "NyolcPirosAlma77",
    "token": "hjs_pXq7Rk2Vw9Zt4Lm1Nb8",
    "pgpass": "geheimgeheim",
    "phone": "30 987 6543",
    "address": "10.77.66.55",
    "host": "titkoshaz.kekfa.example",
    "title": "Felvásárlás2027",
}
NEEDLES = (*CANARIES.values(), *PERSON.split(), *SPOKEN.split(), EMAIL, EMAIL.partition("@")[0])


@pytest.fixture
def maker(tmp_path: Path) -> tuple[Path, str]:
    """The maker's age key, and the public half."""
    key = tmp_path / "maker.key"
    subprocess.run(["age-keygen", "-o", str(key)], check=True, capture_output=True)
    return key, subprocess.run(
        ["age-keygen", "-y", str(key)], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def settings(
    empty_db: TestDatabase, tmp_path: Path, maker: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    """A machine with canaries in its database, files, configuration, environment, journal and errors."""
    url = re.sub(r"^\S+?://[^@/]*@", "postgresql://", empty_db.web_url)
    file = tmp_path / "appliance.toml"
    file.write_text(
        f'data_dir = "{tmp_path}/data"\n[database]\nurl = "{url}"\n'
        f'[web]\npublic_url = "https://{CANARIES["host"]}"\n'
        f'[firewall]\nssh_from = ["{CANARIES["address"]}/32"]\n[support]\nrecipient = "{maker[1]}"\n'
    )
    monkeypatch.setenv("HANGJEGYZET_CONFIG", str(file))
    monkeypatch.setenv("PGPASSWORD_CANARY", CANARIES["pgpass"])
    monkeypatch.setattr(machine, "STATE_DIR", tmp_path / "apply")
    for room in (approvals,):
        monkeypatch.setattr(room, "STATE_DIR", tmp_path / "approvals")
        monkeypatch.setattr(room, "APPROVERS_FILE", tmp_path / "approvers")
    monkeypatch.setattr(entry, "FOLDER", tmp_path / "support")
    monkeypatch.setattr(entry, "SECRETS", tmp_path / "secrets")
    monkeypatch.setattr(entry, "STATES", (tmp_path / "states",))
    monkeypatch.setattr(system, "run", lambda command: _printed(command))
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "root.key").write_bytes(os.urandom(32))
    (tmp_path / "states").mkdir()
    state = {"step": "failed", "reason": f"{SPOKEN}: {CANARIES['password']}", PERSON: EMAIL, "tries": 3}
    (tmp_path / "states" / "upgrade.json").write_text(json.dumps(state))
    with capture_logs():
        settings = Settings(data_dir=tmp_path / "data", database=DatabaseSettings(url=url))
        provision.initialise(settings, organisation=CANARIES["title"])
        with empty_db.connect(empty_db.superuser_url) as connection:
            connection.execute(
                "INSERT INTO user_account (id, tenant_id, email, email_key, name, role, theme, created_at)"
                " SELECT gen_random_uuid(), id, %s, %s, %s, 'administrator', 'auto', now() FROM tenant",
                [EMAIL, EMAIL, PERSON],
            )
        yield Settings()


def _printed(command: Sequence[str]) -> bytes:
    """What the system's programs print on this machine: canaries in every place that they have."""
    if command[0] == "journalctl":
        messages = [
            f'level=info event=job_finished job=7 title="{CANARIES["title"]}" who={PERSON.split()[0]}',
            f'level=error event=step_failed exception="Traceback: ValueError: {SPOKEN} {CANARIES["token"]}"',
            f"{SPOKEN}",
            f"sign-in of {EMAIL} from {CANARIES['address']} with password={CANARIES['password']}",
            f'File "/x/appliance/jobs/runner.py", line 3, in run\nValueError: {SPOKEN}',
        ]
        entries = [{"MESSAGE": message, "_SYSTEMD_UNIT": "hangjegyzet-web.service"} for message in messages]
        entries += [{"MESSAGE": message, "_PID": "1", "UNIT": "hangjegyzet-web.service"} for message in messages]
        return b"\n".join(json.dumps(each).encode() for each in entries)
    if command[0] == "nft":
        rule = {"set": {"name": "ssh_from4", "elem": [CANARIES["address"]], "comment": SPOKEN}}
        return json.dumps({"nftables": [rule]}).encode()
    return f"Id=hangjegyzet-web.service\nStatusText={SPOKEN} {EMAIL} {CANARIES['token']}\nNRestarts=3\n".encode()


def opened(settings: Settings, folder: Path, maker: tuple[Path, str]) -> dict[str, str]:
    """Every file of the exported bundle, by the maker."""
    folder.mkdir()
    sealed, _ = entry.export(settings, folder)
    with tarfile.open(fileobj=io.BytesIO(Age().open(sealed.read_bytes(), maker[0]))) as tar:
        return {member.name: tar.extractfile(member).read().decode() for member in tar.getmembers()}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything but health, which looks at the whole machine."""
    whole = entry.collectors
    monkeypatch.setattr(
        entry, "collectors", lambda settings: [one for one in whole(settings) if one.name != "health.json"]
    )


def collect(settings: Settings) -> None:
    entry.collect(settings, keep_addresses=False, tell=lambda *_: None)


def found(files: dict[str, str], key: bytes) -> set[str]:
    """The canaries that can be read anywhere inside."""
    whole = "\n".join(f"{name}\n{text}" for name, text in files.items()).casefold()
    return {needle for needle in (*NEEDLES, key.hex()) if needle.casefold() in whole}


@pytest.mark.slow
def test_no_canary_leaves(settings: Settings, tmp_path: Path, maker: tuple[Path, str]) -> None:
    """Of everything that was planted nothing is in the bundle, and what helps is."""
    collect(settings)
    files = opened(settings, tmp_path / "stick", maker)
    assert found(files, (tmp_path / "secrets" / "root.key").read_bytes()) == set()
    assert "event=job_finished" in files["journal.txt"]
    assert "appliance/jobs/runner.py:3 run" in files["journal.txt"]
    assert json.loads(files["release.json"])["database_runs"] is True
    assert json.loads(files["configuration.json"])["settings"]["web.port"] == 8443
    assert '"tries": 3' in files["states.json"]
    report = json.loads(files["redaction.json"])
    assert {part["name"] for part in report["parts"]} | {"redaction.json"} == set(files)
    assert {part["name"] for part in report["parts"] if part["trouble"]} == set()
    taken = {part["name"]: part["redacted"] for part in report["parts"]}
    assert taken["journal.txt"]["email"] > 0
    assert taken["journal.txt"]["text"] > 0


@pytest.mark.slow
def test_a_collector_that_leaks_is_found(
    settings: Settings, tmp_path: Path, maker: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search would see each canary: with the redactor gone from one collector it does."""
    names = (SPOKEN, *CANARIES.values(), PERSON, EMAIL)
    leak = Collector("leak.txt", "A mistake", lambda _: "\n".join(names))
    monkeypatch.setattr(entry, "collectors", lambda _: (leak,))
    collect(settings)
    files = opened(settings, tmp_path / "stick", maker)
    assert found(files, b"none") == {*NEEDLES}


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_a_redactor_that_lets_names_pass_is_found(
    settings: Settings, tmp_path: Path, maker: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the sieves the planted places themselves show: they are seen by the collectors."""
    monkeypatch.setattr(Redactor, "sentence", lambda self, text: text)
    monkeypatch.setattr(Redactor, "line", lambda self, text: text)
    monkeypatch.setattr(Redactor, "withheld", lambda self, text: text)
    collect(settings)
    leaked = found(opened(settings, tmp_path / "stick", maker), b"none")
    assert leaked >= {
        CANARIES["password"],
        CANARIES["token"],
        CANARIES["address"],
        EMAIL,
        *SPOKEN.split(),
        *PERSON.split(),
    }


@pytest.mark.usefixtures("quick")
def test_what_is_previewed_is_what_leaves(settings: Settings, tmp_path: Path, maker: tuple[Path, str]) -> None:
    """To the letter; and it is signed by this machine, and gone from it then."""
    collect(settings)
    service = entry.open_support()
    shown = {part.name: part.text for part in service.collected().parts}
    folder = tmp_path / "stick"
    files = opened(settings, folder, maker)
    assert {name: text for name, text in files.items() if name != "redaction.json"} == shown
    (statement,) = folder.glob("*.json")
    signed = verify(statement.read_bytes(), open_signer(settings).public_key, kind=KIND)
    assert signed.payload["recipient"] == maker[1]
    assert list((tmp_path / "support").glob("*")) == []


@pytest.mark.usefixtures("quick")
def test_both_acts_are_in_the_trail(settings: Settings, tmp_path: Path, maker: tuple[Path, str]) -> None:
    """Who collected, who exported, to which key."""
    collect(settings)
    opened(settings, tmp_path / "stick", maker)
    lines: list[str] = []
    provision.export_trail(settings, lines.append)
    assert [name for line in lines[1:] if "support:" in (name := json.loads(line)["name"])] == [
        "support:bundle:collected",
        "support:bundle:exported",
    ]


def test_a_part_that_takes_too_long_or_breaks_hides_no_other(settings: Settings, tmp_path: Path) -> None:
    """Each is told by its name; a broken one by the kind of its error and never by its words."""

    def breaks(_: Redactor) -> str:
        raise ValueError(SPOKEN)

    parts = (
        Collector("slow.txt", "Slow", lambda _: __import__("time").sleep(30) or "", max_s=0.1),
        Collector("broken.txt", "Broken", breaks),
        Collector("long.txt", "Long", lambda _: "line\n" * 1000, max_bytes=100),
    )
    known, words = entry.known(settings), frozenset({"line"})
    found = entry.open_support().collect(parts, known=known, vocabulary=words).parts
    assert [part.trouble for part in found] == ["took too long", "ValueError", ""]
    assert found[2].cut
    assert found[2].bytes <= 100


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("recipient", "error"),
    [(None, RecipientMissing), ("", RecipientMissing), ("age1short", RecipientInvalid), ("--help", RecipientInvalid)],
)
def test_nobody_to_seal_it_to(
    settings: Settings, tmp_path: Path, recipient: str | None, error: type[Exception]
) -> None:
    """It never leaves unsealed, and a recipient is never an option of a program."""
    collect(settings)
    with pytest.raises(error):
        entry.open_support().export(tmp_path, recipient=recipient, sealing=Age(), signer=open_signer(settings))
    assert list(tmp_path.glob("*.age")) == []


@pytest.mark.usefixtures("quick")
def test_an_export_overwrites_nothing_and_takes_nothing_old(
    settings: Settings, tmp_path: Path, maker: tuple[Path, str]
) -> None:
    """A file that is there stays; what was collected yesterday is collected again."""
    collect(settings)
    service, signer = entry.open_support(), open_signer(settings)
    name = f"hangjegyzet-support-{service.collected().at:%Y%m%dT%H%M%SZ}.tar.age"
    (tmp_path / name).write_text("mine")
    with pytest.raises(ExportExists):
        service.export(tmp_path, recipient=maker[1], sealing=Age(), signer=signer)
    kept = tmp_path / "support" / "collected.json"
    kept.write_text(kept.read_text().replace(f"{service.collected().at:%Y}", "2020", 1))
    with pytest.raises(BundleStale):
        service.export(tmp_path, recipient=maker[1], sealing=Age(), signer=signer)
