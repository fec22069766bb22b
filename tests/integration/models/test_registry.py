"""The registry knows which pack does which job, and whether it is still what was installed."""

import json
import multiprocessing
import os
import time

import pytest

from appliance.models.errors import FolderNotWritable, NoActivePack, PackIncomplete, PackNotFound, UnsupportedEngine
from appliance.models.manifest import write_manifest
from appliance.models.model import FileState, Fitness, PackKind, Role
from appliance.models.service import ModelRegistry
from tests.factories.packs import FILES, a_folder, a_pack, a_zip, members, sha256


@pytest.fixture
def registry(tmp_path):
    return ModelRegistry(tmp_path / "models", actor="anna")


@pytest.fixture
def install(registry, tmp_path):
    def install_pack(name="small-speech", **changes):
        return registry.import_pack(a_folder(tmp_path / "sources" / name, members(a_pack(name, **changes))))

    return install_pack


def test_nothing_is_in_use_on_a_new_machine(registry):
    """Without a pack the answer is a clear refusal with a way out, not a default."""
    assert registry.list() == ()
    with pytest.raises(NoActivePack) as refusal:
        registry.active(PackKind.SPEECH)
    assert "make setup" in refusal.value.remedy


def test_the_first_pack_of_a_seat_is_in_use_and_the_second_waits(registry, install):
    """A second pack changes nothing until somebody decides; then it takes the seat alone."""
    install("first")
    install("second")
    assert registry.active(PackKind.SPEECH).name == "first"
    registry.use("second")
    assert {pack.name: pack.in_use for pack in registry.list()} == {"first": False, "second": True}


def test_the_two_seats_of_the_diarizer_are_apart(registry, install):
    """Turns and voices come from different packs, both in use."""
    install("turns", kind="speakers", role="turns", engine="onnx-segmentation")
    install("voices", kind="speakers", role="voices", engine="onnx-voiceprint")
    assert registry.active(PackKind.SPEAKERS).name == "turns"
    assert registry.active(PackKind.SPEAKERS, Role.VOICES).name == "voices"


def test_a_pack_without_an_engine_is_kept_but_never_used(registry, install):
    """What this release cannot run is installed and verified, and refused when put to use."""
    assert not install("future", engine="quantum").in_use
    with pytest.raises(UnsupportedEngine):
        registry.use("future")


@pytest.mark.parametrize("name", ["absent", "../packs", "", ".", "/etc"])
def test_a_pack_that_is_not_there_is_not_found(registry, install, name):
    """A name that is a path finds nothing either."""
    install()
    with pytest.raises(PackNotFound):
        registry.get(name)


@pytest.mark.parametrize(
    ("language", "fitness", "warns"),
    [("hu", Fitness.UNFIT, True), ("en", Fitness.FIT, False), ("fi", Fitness.UNKNOWN, False)],
)
def test_a_door_learns_whether_to_warn(registry, install, language, fitness, warns):
    """Before a meeting starts, the pack in use says how far it can be trusted with its language."""
    install()
    answer = registry.fitness(PackKind.SPEECH, language)
    assert (answer.fitness, answer.needs_warning, answer.pack) == (fitness, warns, "small-speech")


def test_a_missing_file_is_noticed_before_the_engine_loads(registry, install):
    """A pack whose file was deleted or cut off by hand is damaged, and says which file."""
    pack = install()
    (pack.path / "model.bin").write_bytes(b"short")
    with pytest.raises(PackIncomplete, match=r"model\.bin"):
        registry.active(PackKind.SPEECH)


def test_verifying_finds_a_changed_byte_and_a_missing_file(registry, install):
    """Every byte is read: a flipped bit of the same size is found, and so is a file that is gone."""
    pack = install()
    data = bytearray(FILES["model.bin"])
    data[123] ^= 1
    (pack.path / "model.bin").write_bytes(bytes(data))
    (pack.path / "tokens/vocabulary.txt").unlink()
    states = {report.path: report.state for report in registry.verify()}
    assert states == {"model.bin": FileState.CHANGED, "tokens/vocabulary.txt": FileState.MISSING}


def test_verifying_an_intact_pack_finds_nothing(registry, install):
    """An installed pack verifies."""
    install()
    assert {report.state for report in registry.verify("small-speech")} == {FileState.OK}


def test_cleaning_up_takes_what_nothing_uses(registry, install, tmp_path):
    """Rests of broken imports and abandoned setups go, idle packs when asked; a setup that goes on is left alone."""
    install("used")
    install("idle")
    a_folder(tmp_path / "models/incoming/killed.import", {"model.bin": b"half"})
    for name, age_s in (("whisper-base", 7200), ("campplus-zh-en", 60)):
        folder = a_folder(registry.preparation(name), {"model.bin.growing": b"half"})
        os.utime(folder, (time.time() - age_s,) * 2)
    assert [removal.path.name for removal in registry.gc()] == ["killed.import", "whisper-base.setup"]
    assert [removal.path.name for removal in registry.gc(unused=True)] == ["idle"]
    assert [pack.name for pack in registry.list()] == ["used"]


def test_the_folder_remembers_who_did_what(registry, install, tmp_path):
    """Installing, choosing and removing leave a line each in the folder's history."""
    install("first")
    install("second")
    registry.use("second")
    registry.gc(unused=True)
    lines = [json.loads(line) for line in (tmp_path / "models" / "history.jsonl").read_text().splitlines()]
    assert [(line["action"], line["pack"]) for line in lines] == [
        ("installed", "first"),
        ("used", "first"),
        ("installed", "second"),
        ("used", "second"),
        ("removed", "first"),
    ]
    assert {line["actor"] for line in lines} == {"anna"}
    assert (lines[3]["seat"], lines[3]["before"]) == ("text", "first")
    assert lines[2]["manifest_sha256"] == lines[3]["manifest_sha256"] == sha256(write_manifest(a_pack("second")))


def test_a_line_that_a_power_cut_tore_spoils_no_other(registry, install, tmp_path):
    """The history goes on in a line of its own."""
    install("first")
    history = tmp_path / "models" / "history.jsonl"
    history.write_bytes(history.read_bytes() + b'{"at": "2026-0')
    registry.use("first")
    assert json.loads(history.read_bytes().splitlines()[-1])["action"] == "used"


def _import(models, source, done):
    done.put(ModelRegistry(models).import_pack(source).name)


def test_two_processes_can_import_at_the_same_time(tmp_path):
    """Imports of one pack from several processes end in one whole pack."""
    source = a_zip(tmp_path / "pack.zip", members(a_pack()))
    context = multiprocessing.get_context("spawn")
    done = context.Queue()
    processes = [context.Process(target=_import, args=(tmp_path / "models", source, done)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    registry = ModelRegistry(tmp_path / "models")
    assert {report.state for report in registry.verify()} == {FileState.OK}
    assert registry.garbage() == ()


def test_a_folder_that_cannot_be_made_is_a_refusal(tmp_path):
    """Somebody without the right to write learns that, and not a traceback."""
    (tmp_path / "models").write_text("a file where the folder should be")
    with pytest.raises(FolderNotWritable):
        ModelRegistry(tmp_path / "models").use("any")
