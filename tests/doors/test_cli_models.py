"""``hangjegyzet models`` speaks to people on stderr, to scripts on stdout, and answers with the right exit code."""

import json
from dataclasses import dataclass

import pytest
from sqlalchemy import make_url
from typer.testing import CliRunner

from appliance.entry import provision
from appliance.kernel.errors import HangJegyzetError
from appliance.models.model import PackFile
from appliance.settings import Settings
from cli.commands.models import app
from cli.exit_codes import exit_code_for
from tests.factories.packs import FILES, a_folder, a_pack, a_zip, members


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def models(tmp_path, monkeypatch):
    monkeypatch.setenv("HANGJEGYZET_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("HANGJEGYZET_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments):
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if isinstance(result.exception, HangJegyzetError):
            return Done(exit_code_for(result.exception), result.stdout, f"{result.stderr}{result.exception}")
        return Done(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def source(tmp_path):
    return a_zip(tmp_path / "pack.zip", members(a_pack()))


def test_a_pack_is_imported_listed_used_verified_and_removed(models, source, tmp_path):
    """The whole life of a pack, from a shell."""
    imported = json.loads(models("import", source, "--json").stdout)
    assert (imported["name"], imported["in_use"], imported["provenance"]) == ("small-speech", True, "manifest")
    other = a_folder(tmp_path / "other", members(a_pack("other-speech")))
    assert "models use other-speech" in models("import", other).stderr
    assert json.loads(models("use", "other-speech", "--json").stdout)["in_use"] is True
    listed = {pack["name"]: pack["in_use"] for pack in json.loads(models("list", "--json").stdout)}
    assert listed == {"small-speech": False, "other-speech": True}
    assert {report["state"] for report in json.loads(models("verify", "--json").stdout)} == {"ok"}
    assert [gone["reason"] for gone in json.loads(models("gc", "--unused", "--json").stdout)] == ["not in use"]
    assert [pack["name"] for pack in json.loads(models("list", "--json").stdout)] == ["other-speech"]


def test_a_list_says_what_a_pack_is_not_fit_for(models, source):
    """Whoever chooses a pack sees at once that Hungarian is not its language."""
    models("import", source)
    assert "en, not hu" in models("list").stdout


def test_a_list_of_everything_names_what_could_be_imported(models):
    """Known models are listed with their sizes before anybody has them."""
    known = json.loads(models("list", "--all", "--json").stdout)
    large = next(pack for pack in known if pack["name"] == "whisper-large-v3")
    assert (large["installed"], large["size_bytes"]) == (False, 3090835702)


def test_a_pack_is_shown_with_its_hashes(models, source):
    """Showing one pack tells where it lies and what its files' hashes are."""
    models("import", source)
    shown = models("show", "small-speech").stdout
    assert a_pack().files[0].sha256 in shown
    assert "mostly wrong" in shown


def test_recorded_hashes_are_pointed_out(models, tmp_path):
    """An import that nothing vouched for says so."""
    unhashed = a_pack().__class__(
        **{name: getattr(a_pack(), name) for name in a_pack().__struct_fields__ if name != "files"},
        files=tuple(PackFile(path=path) for path in FILES),
    )
    assert "recorded as found" in models("import", a_folder(tmp_path / "pack", members(unhashed))).stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("use", "absent"), 4),
        (("show", "absent"), 4),
        (("verify", "absent"), 4),
        (("import", "/nowhere"), 2),
        (("import",), 2),
    ],
)
def test_exit_codes_tell_errors_apart(models, arguments, code):
    """Not found is 4, unusable input and wrong usage are 2; stdout stays empty."""
    done = models(*arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr


def test_damage_is_exit_code_six(models, source, tmp_path):
    """A script that verifies every night sees damage in the exit code."""
    models("import", source)
    (tmp_path / "models/packs/small-speech/model.bin").write_bytes(b"x" * len(FILES["model.bin"]))
    assert models("verify").returncode == 6


def test_a_wrong_file_is_exit_code_six(models, tmp_path):
    """Files that are not what the manifest says are damage, not usage."""
    changed = a_folder(tmp_path / "pack", members(a_pack(), files={**FILES, "model.bin": FILES["model.bin"][::-1]}))
    assert models("import", changed).returncode == 6


def test_a_dry_run_removes_nothing(models, source, tmp_path):
    """What would be removed is shown and stays."""
    models("import", source)
    (tmp_path / "models/incoming/rest").mkdir()
    assert "rest" in models("gc", "--dry-run").stdout
    assert (tmp_path / "models/incoming/rest").exists()


@pytest.fixture
def appliance(models, empty_db, tmp_path, monkeypatch):
    """An appliance that was set up over the machine's database."""
    address = make_url(empty_db.web_url).set(drivername="postgresql", username=None).render_as_string()
    monkeypatch.setenv("HANGJEGYZET_DATABASE__URL", address)
    provision.initialise(Settings(), organisation="Kékfa Egyesület")
    return empty_db


def recorded(database):
    """What the trail says about packs, oldest first."""
    with database.connect(database.superuser_url) as superuser:
        rows = superuser.execute("SELECT name, detail FROM audit_event WHERE subject_type = 'pack' ORDER BY seq")
        return [(name.rpartition(":")[2], json.loads(detail)["pack"]) for name, detail in rows.fetchall()]


def test_changes_on_an_appliance_are_in_its_trail_at_once(models, source, appliance, tmp_path):
    """Import, choice and removal are events before the command ends; looking is none."""
    assert "history alone" not in models("import", source).stderr
    assert recorded(appliance) == [("installed", "small-speech"), ("used", "small-speech")]
    models("import", a_folder(tmp_path / "other", members(a_pack("other-speech"))))
    models("use", "other-speech")
    models("gc", "--unused", "--dry-run")
    models("list")
    models("gc", "--unused")
    assert recorded(appliance)[2:] == [
        ("installed", "other-speech"),
        ("used", "other-speech"),
        ("removed", "small-speech"),
    ]
    assert all(report.intact for _, report in provision.verify_trails(Settings()))


def test_a_machine_without_an_appliance_says_where_its_history_is(models, source, tmp_path):
    """The engines work from packs alone: a change goes through, and the command says that no trail has it."""
    assert "models folder's history alone" in models("import", source).stderr
    assert (tmp_path / "models" / "history.jsonl").read_text().count("\n") == 2
    assert not (tmp_path / "data").exists(), "a look for a database must not make one"


def test_nothing_is_changed_behind_the_back_of_a_database_that_is_down(models, source, tmp_path, monkeypatch):
    """An appliance whose trail cannot be told keeps its models as they are."""
    models("import", source)
    models("import", a_folder(tmp_path / "other", members(a_pack("other-speech"))))
    monkeypatch.setenv("HANGJEGYZET_DATABASE__URL", f"postgresql:///hangjegyzet?host={tmp_path}")
    assert models("use", "other-speech").returncode == 5
    listed = {pack["name"]: pack["in_use"] for pack in json.loads(models("list", "--json").stdout)}
    assert listed == {"small-speech": True, "other-speech": False}
    assert models("gc", "--unused").returncode == 5
    assert len(json.loads(models("list", "--json").stdout)) == 2
