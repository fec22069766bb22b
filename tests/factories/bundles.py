"""Small signed bundles, and every way to spoil them."""

import hashlib
import shutil
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.releases.model import (
    FORMAT,
    PRODUCT,
    FileEntry,
    Grade,
    KeyStatement,
    Manifest,
    Need,
    PackageUpdate,
    Purpose,
    Requirements,
    RevocationList,
    SchemaRange,
    Target,
    UpdatesManifest,
    write_document,
)
from appliance.releases.trust import (
    RELEASE_KEY_NAME,
    REVOCATIONS_NAME,
    ROOTS,
    STATEMENT_NAME,
    Trust,
    root_name,
    signature_name,
    write_public_key,
)
from appliance.releases.verification import MANIFEST_NAME
from images.bundle.sealing import Signer, hash_files, put_keys, seal, write_archive
from images.release_keys.statements import revocations_after, statement_about

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TARGET = Target(os="debian", os_version="12", arch="amd64", python="3.11")
TOP = "hangjegyzet-0.2.0"
FILES = {
    "install.sh": b"#!/bin/bash\n",
    "debs/nftables_1.0.6-2%2bdeb12u2_amd64.deb": b"!<arch>\n" + bytes(range(256)) * 3,
    "wheels/requirements.txt": b"hangjegyzet==0.2.0 --hash=sha256:00\n",
    "docs/empty.md": b"",
    "LICENSE": b"Apache License\n",
}
UPDATED = {"debs/less_590-2.1_amd64.deb": b"!<arch>\n" + bytes(range(256))}


def a_manifest(**changes: object) -> Manifest:
    """The manifest of a release that follows 0.1.0."""
    values = {
        "format": FORMAT,
        "product": PRODUCT,
        "version": "0.2.0",
        "release_seq": 7,
        "min_from": "0.1.0",
        "schema": SchemaRange(oldest="0001", newest="0008"),
        "target": TARGET,
        "commit": "0" * 40,
        "built_at": "2026-11-23T04:30:00Z",
        "requirements": Requirements(disk_bytes=1 << 30, memory_bytes=1 << 33, cpu_flags=("avx2",)),
        "models": ("whisper-base",),
        "files": {},
    }
    return Manifest(**{**values, **changes})


def an_updates_manifest(**changes: object) -> UpdatesManifest:
    """The manifest of updates for 0.1.0: one package."""
    (path,) = UPDATED
    sha256 = hashlib.sha256(UPDATED[path]).hexdigest()
    values = {
        "format": FORMAT,
        "product": PRODUCT,
        "kind": "updates",
        "version": "2026.11.23",
        "release_seq": 2026112300,
        "releases": ("0.1.0",),
        "target": TARGET,
        "built_at": "2026-11-23T00:00:00Z",
        "disk_bytes": 1 << 20,
        "packages": (
            PackageUpdate(name="less", old=("590-2",), new="590-2.1", need=Need.NOTHING, path=path, sha256=sha256),
        ),
        "files": {path: FileEntry(sha256=sha256, bytes=len(UPDATED[path]))},
    }
    return UpdatesManifest(**{**values, **changes})


@dataclass(frozen=True)
class Maker:
    """Somebody who holds root keys and a release key, and makes bundles with them."""

    roots: tuple[Ed25519PrivateKey, ...] = field(default_factory=lambda: tuple(_key() for _ in ROOTS))
    release: Ed25519PrivateKey = field(default_factory=lambda: _key())
    purposes: tuple[Purpose, ...] = (Purpose.BUNDLE,)
    not_before: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    days: int = 730
    root_signatures: tuple[int, ...] = (1, 3)
    revocations: RevocationList | None = None

    @property
    def trust(self) -> Trust:
        """What a machine keeps that was installed from this maker."""
        return Trust.of([write_public_key(key.public_key()) for key in self.roots], source="the test")

    @property
    def release_pem(self) -> bytes:
        return write_public_key(self.release.public_key())

    @property
    def statement(self) -> KeyStatement:
        return statement_about(
            self.release_pem,
            purposes=self.purposes,
            grade=Grade.PRODUCTION,
            not_before=self.not_before,
            days=self.days,
        )

    def revoking(self, other: "Maker", *, after: RevocationList | None = None) -> "Maker":
        """The same maker, whose bundles say that the other's release key must not be believed."""
        sha256 = hashlib.sha256(other.release_pem).hexdigest()
        return replace(self, revocations=revocations_after(after, sha256=sha256, revoked_at=NOW, reason="lost"))

    def signer(self, folder: Path) -> Signer:
        """The signer, with the public files written to ``folder``."""
        folder.mkdir(parents=True)
        for number, pem in zip(ROOTS, self.trust.pems, strict=True):
            (folder / root_name(number)).write_bytes(pem)
        (folder / RELEASE_KEY_NAME).write_bytes(self.release_pem)
        self._write_signed(folder / STATEMENT_NAME, write_document(self.statement))
        if self.revocations is not None:
            self._write_signed(folder / REVOCATIONS_NAME, write_document(self.revocations))
        return Signer(self.release, tuple(sorted(folder.iterdir())))

    def bundle(self, folder: Path, *, files: dict[str, bytes] | None = None, manifest: Manifest | None = None) -> Path:
        """An unpacked bundle, sealed."""
        keys = folder.with_name(f"{folder.name}.keys")
        try:
            return a_bundle(folder, signer=self.signer(keys), files=files, manifest=manifest)
        finally:
            shutil.rmtree(keys)

    def updates(self, folder: Path, **changes: object) -> Path:
        """An unpacked bundle of updates, sealed."""
        keys = folder.with_name(f"{folder.name}.keys")
        try:
            fill(folder, UPDATED)
            put_keys(folder, self.signer(keys))
        finally:
            shutil.rmtree(keys)
        sums = hash_files(folder)
        files = {path: FileEntry(sha256=sums[path], bytes=(folder / path).stat().st_size) for path in sums}
        data = write_document(an_updates_manifest(**{"files": files, **changes}))
        (folder / MANIFEST_NAME).write_bytes(data)
        self.sign(folder, {**sums, MANIFEST_NAME: hashlib.sha256(data).hexdigest()})
        return folder

    def sign(self, folder: Path, sums: dict[str, str]) -> None:
        """Sign whatever the list says."""
        seal(folder, sums, Signer(self.release, ()))

    def pack(self, folder: Path, files: dict[str, bytes]) -> Path:
        """Sealed files without a manifest: a pack of models."""
        fill(folder, files)
        put_keys(folder, self.signer(folder.with_name(f"{folder.name}.keys")))
        shutil.rmtree(folder.with_name(f"{folder.name}.keys"))
        self.sign(folder, hash_files(folder))
        return folder

    def _write_signed(self, path: Path, data: bytes) -> None:
        path.write_bytes(data)
        for number in self.root_signatures:
            (path.parent / signature_name(path.name, number)).write_bytes(self.roots[number - 1].sign(data))


def a_bundle(
    folder: Path, *, signer: Signer, files: dict[str, bytes] | None = None, manifest: Manifest | None = None
) -> Path:
    """An unpacked bundle, sealed by ``signer``."""
    fill(folder, FILES if files is None else files)
    put_keys(folder, signer)
    sums = hash_files(folder)
    entries = {path: FileEntry(sha256=sha256, bytes=(folder / path).stat().st_size) for path, sha256 in sums.items()}
    data = write_document(manifest or a_manifest(files=entries))
    (folder / MANIFEST_NAME).write_bytes(data)
    seal(folder, {**sums, MANIFEST_NAME: hashlib.sha256(data).hexdigest()}, signer)
    return folder


def archived(folder: Path, *, part_bytes: int = 1 << 30) -> Path:
    """The folder as an archive; its first part, if there are several."""
    target = folder.with_name(f"{folder.name}.tar")
    return write_archive(folder, target, top=TOP, mtime=1_795_400_000, part_bytes=part_bytes)[0]


def fill(folder: Path, files: dict[str, bytes]) -> None:
    """Write files, with their folders."""
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)


def _key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()
