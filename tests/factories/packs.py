"""Model packs for tests: small ones made on the spot, and the real starter packs that setup installed."""

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest
import zstandard

from appliance.models.errors import NoActivePack
from appliance.models.location import starter_path
from appliance.models.manifest import write_manifest
from appliance.models.model import Fitness, InstalledPack, LanguageNote, Pack, PackFile, PackKind, Role
from appliance.models.service import ModelRegistry

FILES = {"model.bin": b"weights" * 1000, "tokens/vocabulary.txt": b"the\nof\nand\n"}


def sha256(data: bytes) -> str:
    """The hash as manifests write it."""
    return hashlib.sha256(data).hexdigest()


def a_pack(name: str = "small-speech", files: dict[str, bytes] | None = None, **changes: object) -> Pack:
    """A manifest for ``files``, with their true hashes and sizes unless changed."""
    content = FILES if files is None else files
    declared = tuple(PackFile(path=path, sha256=sha256(data), size_bytes=len(data)) for path, data in content.items())
    values: dict[str, object] = {
        "name": name,
        "kind": PackKind.SPEECH,
        "title": "A small model",
        "engine": "ctranslate2-whisper",
        "licence": "MIT",
        "files": declared,
        "languages": {"en": LanguageNote(Fitness.FIT), "hu": LanguageNote(Fitness.UNFIT, "mostly wrong")},
    }
    return Pack(**{**values, **changes})


def members(pack: Pack | None = None, files: dict[str, bytes] | None = None, prefix: str = "") -> dict[str, bytes]:
    """What a folder or an archive of the pack holds."""
    content = FILES if files is None else files
    manifest = {} if pack is None else {"pack.toml": write_manifest(pack)}
    return {f"{prefix}{path}": data for path, data in {**manifest, **content}.items()}


def a_folder(where: Path, content: dict[str, bytes]) -> Path:
    """A folder with these files."""
    for path, data in content.items():
        (where / path).parent.mkdir(parents=True, exist_ok=True)
        (where / path).write_bytes(data)
    return where


def a_tar(where: Path, content: dict[str, bytes], extra: tuple[tarfile.TarInfo, ...] = ()) -> Path:
    """A tar archive; its name says how it is compressed."""
    plain = io.BytesIO()
    mode = "w:gz" if where.name.endswith(".gz") else "w"
    with tarfile.open(fileobj=plain, mode=mode) as archive:
        for info in extra:
            archive.addfile(info)
        for path, data in content.items():
            info = tarfile.TarInfo(path)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    data = plain.getvalue()
    where.write_bytes(zstandard.ZstdCompressor().compress(data) if where.name.endswith(".zst") else data)
    return where


def a_zip(where: Path, content: dict[str, bytes]) -> Path:
    """A zip archive."""
    with zipfile.ZipFile(where, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in content.items():
            archive.writestr(path, data)
    return where


def starter_pack(kind: PackKind, role: Role | None = None) -> InstalledPack:
    """The pack that ``make setup`` installed; without it the test fails: a skipped model test proves nothing."""
    try:
        return ModelRegistry(starter_path()).active(kind, role)
    except NoActivePack as error:
        pytest.fail(f"{error} The starter packs come with make setup; tests without them: pytest -m 'not models'.")
