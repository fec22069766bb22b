"""Packs come in from folders and archives, whole and checked, or not at all."""

import os
import tarfile

import msgspec
import pytest

from appliance.models.catalogue import known_pack
from appliance.models.errors import (
    FileMissing,
    HashMismatch,
    NotEnoughSpace,
    NotInCatalogue,
    PackExists,
    UnknownPack,
    UnreadableSource,
    UnsafeArchive,
)
from appliance.models.model import PackFile, PackKind, Provenance
from appliance.models.service import ModelRegistry
from tests.factories.packs import FILES, a_folder, a_pack, a_tar, a_zip, members, sha256
from tests.unit.models.test_gguf import SMALL as GGUF


@pytest.fixture
def registry(tmp_path):
    return ModelRegistry(tmp_path / "models")


def _with(pack, files):
    return msgspec.structs.replace(pack, files=files)


def installed_files(pack):
    return {file.path: (pack.path / file.path).read_bytes() for file in pack.pack.files}


SOURCES = {
    "folder": lambda where, content: a_folder(where / "pack", content),
    "tar": lambda where, content: a_tar(where / "pack.tar", content),
    "tar.gz": lambda where, content: a_tar(where / "pack.tar.gz", content),
    "tar.zst": lambda where, content: a_tar(where / "pack.tar.zst", content),
    "zip": lambda where, content: a_zip(where / "pack.zip", content),
}


@pytest.mark.parametrize("make", SOURCES.values(), ids=SOURCES)
def test_a_pack_comes_in_from(registry, tmp_path, make):
    """Every kind of source gives the same installed pack, in use at once because its seat was free."""
    pack = registry.import_pack(make(tmp_path, members(a_pack())))
    assert installed_files(pack) == FILES
    assert (pack.provenance, pack.in_use) == (Provenance.MANIFEST, True)
    assert registry.active(PackKind.SPEECH) == pack


@pytest.mark.parametrize("make", [SOURCES["tar.zst"], SOURCES["zip"]], ids=["tar.zst", "zip"])
def test_a_folder_around_the_pack_is_seen_through(registry, tmp_path, make):
    """Archives are often made of a folder: where the manifest lies, there the pack begins."""
    pack = registry.import_pack(make(tmp_path, members(a_pack(), prefix="small-speech-1.0/")))
    assert installed_files(pack) == FILES


def test_files_that_the_manifest_does_not_name_stay_outside(registry, tmp_path):
    """A stray script beside the weights is not installed."""
    content = {**members(a_pack()), "install.sh": b"echo"}
    pack = registry.import_pack(a_zip(tmp_path / "pack.zip", content))
    assert sorted(path.name for path in pack.path.rglob("*") if path.is_file()) == [
        ".installed",
        "model.bin",
        "pack.toml",
        "vocabulary.txt",
    ]


@pytest.mark.parametrize("make", SOURCES.values(), ids=SOURCES)
def test_a_changed_file_is_refused_and_nothing_is_left(registry, tmp_path, make):
    """One other byte than the manifest's hash says: no pack, no rest of one."""
    changed = members(a_pack(), files={**FILES, "model.bin": b"weightz" + FILES["model.bin"][7:]})
    with pytest.raises(HashMismatch) as refusal:
        registry.import_pack(make(tmp_path, changed))
    assert refusal.value.fields["path"] == "model.bin"
    assert registry.list() == ()
    assert registry.garbage() == ()


def test_a_file_longer_than_declared_is_read_no_further(registry, tmp_path):
    """A declared size bounds what an import writes, so that an archive cannot fill the disk."""
    swollen = members(a_pack(), files={**FILES, "model.bin": FILES["model.bin"] + b"x" * 50_000_000})
    read: list[int] = []
    with pytest.raises(HashMismatch):
        registry.import_pack(a_tar(tmp_path / "pack.tar.zst", swollen), progress=read.append)
    assert sum(read) <= len(FILES["model.bin"]) + 1 + len(FILES["tokens/vocabulary.txt"])


@pytest.mark.parametrize("path", ["../outside.bin", "/tmp/outside.bin", "a/../../outside.bin"])
@pytest.mark.parametrize("make", [SOURCES["tar"], SOURCES["tar.zst"], SOURCES["zip"]], ids=["tar", "tar.zst", "zip"])
def test_a_member_that_leaves_the_folder_is_refused(registry, tmp_path, make, path):
    """Path traversal is an attack: the archive is refused as a whole."""
    with pytest.raises(UnsafeArchive):
        registry.import_pack(make(tmp_path, {**members(a_pack()), path: b"evil"}))
    assert registry.list() == ()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_a_member_that_is_no_plain_file_is_refused(registry, tmp_path, kind):
    """Links, devices and pipes have no place in a pack."""
    link = tarfile.TarInfo("model.bin")
    link.type = kind
    link.linkname = "/etc/shadow"
    with pytest.raises(UnsafeArchive, match="plain file"):
        registry.import_pack(a_tar(tmp_path / "pack.tar", members(a_pack()), extra=(link,)))


@pytest.mark.parametrize("name", ["pack.tar", "pack.tar.gz", "pack.tar.zst", "pack.zip"])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
def test_a_cut_off_archive_is_refused(registry, tmp_path, name, share):
    """A copy that broke off gives a clear refusal, wherever it broke."""
    noise = {"model.bin": os.urandom(200_000)}
    content = members(a_pack(files=noise), files=noise)
    whole = a_zip(tmp_path / name, content) if name.endswith("zip") else a_tar(tmp_path / name, content)
    whole.write_bytes(whole.read_bytes()[: int(share * whole.stat().st_size)])
    with pytest.raises((UnreadableSource, FileMissing, UnknownPack)):
        registry.import_pack(whole)
    assert registry.list() == ()


@pytest.mark.parametrize("data", [b"", b"hello", b"GGUF", b"PK\x03\x04", b"\x28\xb5\x2f\xfd", b"\x1f\x8b"])
def test_a_file_that_is_no_pack_is_refused(registry, tmp_path, data):
    """Bytes of no known kind, or only the beginning of one, are refused with a remedy."""
    (tmp_path / "pack.bin").write_bytes(data)
    with pytest.raises(Exception, match=r"pack\.bin") as refusal:
        registry.import_pack(tmp_path / "pack.bin")
    assert refusal.value.remedy


def test_a_missing_source_is_refused(registry, tmp_path):
    """A path that leads nowhere is named in the refusal."""
    with pytest.raises(UnreadableSource, match="does not exist"):
        registry.import_pack(tmp_path / "absent")


def test_a_missing_file_is_named_before_anything_is_copied(registry, tmp_path):
    """The manifest promises a file that is not there."""
    incomplete = a_folder(tmp_path / "pack", members(a_pack(), files={"model.bin": FILES["model.bin"]}))
    with pytest.raises(FileMissing, match="vocabulary"):
        registry.import_pack(incomplete)


def test_published_hashes_win_over_the_pack_s_own(registry, tmp_path):
    """A manifest that calls itself whisper-base cannot vouch for other weights."""
    forged = {"model.bin": b"evil", "config.json": b"{}", "tokenizer.json": b"{}", "vocabulary.txt": b""}
    folder = a_folder(tmp_path / "pack", members(a_pack("whisper-base", files=forged), files=forged))
    with pytest.raises(HashMismatch) as refusal:
        registry.import_pack(folder)
    assert refusal.value.fields["expected"] in {file.sha256 for file in known_pack("whisper-base").files}


def test_a_manifest_fills_in_what_nobody_published(registry, tmp_path):
    """Where the catalogue knows no hash, the pack's own manifest is held to its word."""
    files = dict.fromkeys(("config.yaml", "segmentation/pytorch_model.bin", "embedding/pytorch_model.bin"), b"x")
    files |= {"plda/plda.npz": b"y", "plda/xvec_transform.npz": b"z"}
    declared = a_pack("pyannote-community-1", files=files, kind="speakers")
    pack = registry.import_pack(a_folder(tmp_path / "good", members(declared, files=files)))
    assert pack.provenance is Provenance.MANIFEST
    with pytest.raises(HashMismatch):
        registry.import_pack(
            a_folder(tmp_path / "bad", members(declared, files={**files, "config.yaml": b"other"})), replace=True
        )


def test_files_without_a_manifest_need_a_name(registry, tmp_path):
    """Nobody guesses what unknown files are; the refusal lists what could be said."""
    with pytest.raises(UnknownPack, match=r"no pack\.toml") as refusal:
        registry.import_pack(a_folder(tmp_path / "pack", FILES))
    assert "whisper-large-v3" in refusal.value.remedy
    with pytest.raises(NotInCatalogue):
        registry.import_pack(a_folder(tmp_path / "pack", FILES), known_as="whisper-huge")


def test_hashes_that_nobody_knows_are_recorded(registry, tmp_path):
    """Without published or declared hashes the files are taken as found, and the pack says so."""
    bare = a_pack()
    unhashed = tuple(PackFile(path=file.path) for file in bare.files)
    pack = registry.import_pack(a_folder(tmp_path / "pack", members(_with(bare, unhashed))))
    assert pack.provenance is Provenance.RECORDED
    assert {file.path: file.sha256 for file in pack.pack.files} == {path: sha256(data) for path, data in FILES.items()}


def test_a_bare_gguf_file_becomes_a_language_pack(registry, tmp_path):
    """Any GGUF comes in as it is: name, licence and context length are read from the file itself."""
    weights = tmp_path / "Small Instruct-Q4_K_M.gguf"
    weights.write_bytes(GGUF + b"\0" * 1000)
    pack = registry.import_pack(weights)
    assert (pack.name, pack.kind, pack.pack.licence) == ("small-instruct-q4_k_m", PackKind.LANGUAGE, "apache-2.0")
    assert pack.pack.context_tokens == 32768
    assert pack.file(".gguf").read_bytes() == weights.read_bytes()
    assert (pack.provenance, pack.in_use) == (Provenance.RECORDED, True)


def test_a_pack_that_would_not_fit_is_refused_before_it_is_copied(registry, tmp_path):
    """Free space is compared with the declared sizes first."""
    huge = tmp_path / "pack" / "model.bin"
    a_folder(tmp_path / "pack", members(_with(a_pack(), (PackFile(path="model.bin"),)), files={}))
    huge.touch()
    os.truncate(huge, 8 << 40)
    with pytest.raises(NotEnoughSpace):
        registry.import_pack(tmp_path / "pack")


def test_the_same_pack_again_changes_nothing(registry, tmp_path):
    """Importing twice is not an error."""
    folder = a_folder(tmp_path / "pack", members(a_pack()))
    assert registry.import_pack(folder) == registry.import_pack(folder)


def test_another_pack_of_the_same_name_needs_a_decision(registry, tmp_path):
    """A name that is taken is replaced only when asked."""
    registry.import_pack(a_folder(tmp_path / "one", members(a_pack())))
    other = {"model.bin": b"other"}
    folder = a_folder(tmp_path / "two", members(a_pack(files=other), files=other))
    with pytest.raises(PackExists):
        registry.import_pack(folder)
    assert installed_files(registry.import_pack(folder, replace=True)) == other
    assert registry.garbage() == ()


def test_what_a_killed_import_left_does_not_get_into_the_pack(registry, tmp_path):
    """An import that was killed half-way is started over from nothing."""
    a_folder(
        tmp_path / "models/incoming/small-speech.import", {"stray.bin": b"of another version", "model.bin": b"half"}
    )
    pack = registry.import_pack(a_folder(tmp_path / "pack", members(a_pack())))
    assert not (pack.path / "stray.bin").exists()
    assert installed_files(pack) == FILES
