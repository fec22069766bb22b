"""Signing a folder, and writing it as an archive that is the same whenever and wherever it is made."""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.kernel.errors import NotFound
from appliance.releases.model import is_plain_path
from appliance.releases.sums import SIGNATURE_NAME, SUMS_NAME, write_sums
from appliance.releases.tape import PLAIN_MODE, PROGRAM_MODE, Member, ending, header, padding
from appliance.releases.trust import (
    RELEASE_KEY_NAME,
    REVOCATIONS_NAME,
    ROOTS,
    STATEMENT_NAME,
    root_name,
    signature_name,
)
from appliance.releases.verification import KEYS
from images.release_keys.keyring import open_key

PART_BYTES = 4_000_000_000
"""Below the 4 GiB that a file on a FAT stick can have."""

_BLOCK = 1 << 20


class SigningFileMissing(NotFound):
    code = "release_keys.file_missing"
    message = "{path} is missing; a bundle cannot be signed without it."
    hint = "docs/releases.md describes the ceremony. For a trial: hangjegyzet-release keys development"


@dataclass(frozen=True, slots=True)
class Signer:
    """A release key with everything that travels with what it signs."""

    key: Ed25519PrivateKey
    public_files: tuple[Path, ...]

    @classmethod
    def of(cls, folder: Path, passphrase: str) -> "Signer":
        """The signer whose files lie in a folder of the ceremony.

        Raises:
            SigningFileMissing, KeyUnreadable
        """
        needed = [folder / name for name in (RELEASE_KEY_NAME, STATEMENT_NAME, *map(root_name, ROOTS))]
        key_file = folder / RELEASE_KEY_NAME.replace(".pem", ".key")
        for path in (*needed, key_file):
            if not path.is_file():
                raise SigningFileMissing(path=path)
        documents = (STATEMENT_NAME, REVOCATIONS_NAME)
        optional = [folder / signature_name(document, number) for document in documents for number in ROOTS]
        optional.append(folder / REVOCATIONS_NAME)
        public = (*needed, *(path for path in optional if path.is_file()))
        return cls(open_key(key_file, passphrase), tuple(sorted(public)))


def put_keys(folder: Path, signer: Signer) -> None:
    """Put the public half of the trust into the folder that is going to be sealed."""
    (folder / KEYS).mkdir()
    for path in signer.public_files:
        shutil.copyfile(path, folder / KEYS / path.name)


def hash_files(folder: Path) -> dict[str, str]:
    """Path → sha256 of every file.

    Raises:
        ValueError: a name is none that a bundle may have.
    """
    return {path: _sha256(folder / path) for path in plain_files(folder)}


def plain_files(folder: Path) -> Iterator[str]:
    """The paths of all files, sorted.

    Raises:
        ValueError: a name is none that a bundle may have, or something is no file.
    """
    for found in sorted(folder.rglob("*")):
        path = found.relative_to(folder).as_posix()
        if not is_plain_path(path) or found.is_symlink() or not (found.is_file() or found.is_dir()):
            raise ValueError(f"{path} cannot be part of a bundle: its name is not plain, or it is no plain file")
        if found.is_file():
            yield path


def seal(folder: Path, sums: dict[str, str], signer: Signer) -> None:
    """Write the list of checksums and its signature."""
    data = write_sums(sums)
    (folder / SUMS_NAME).write_bytes(data)
    (folder / SIGNATURE_NAME).write_bytes(signer.key.sign(data))


def write_archive(folder: Path, target: Path, *, top: str, mtime: int, part_bytes: int = PART_BYTES) -> list[Path]:
    """Write ``folder`` as an archive under the folder name ``top``; its files are the archive, or its parts.

    What is needed to check a bundle comes first. Owner, mode and time of every file are the same everywhere; only what
    can be run on the folder is marked as a program.
    """
    first = (SUMS_NAME, SIGNATURE_NAME)
    paths = sorted(plain_files(folder), key=lambda path: (path not in first, not path.startswith(f"{KEYS}/"), path))
    with _PartWriter(target, part_bytes) as out:
        for path in paths:
            file = folder / path
            mode = PROGRAM_MODE if path.endswith(".sh") else PLAIN_MODE
            size_bytes = file.stat().st_size
            out.write(header(Member(f"{top}/{path}", size_bytes, mode, mtime)))
            with file.open("rb") as stream:
                _copy(stream, out.write)
            out.write(padding(size_bytes))
        out.write(ending(out.written_bytes))
    return out.finish()


class _PartWriter:
    """A file that becomes several when it grows too large; under another name until it is whole."""

    def __init__(self, target: Path, part_bytes: int) -> None:
        self._target = target
        self._part_bytes = part_bytes
        self._files: list[IO[bytes]] = []
        self.written_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            file.close()

    def write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            room = self._part_bytes * len(self._files) - self.written_bytes
            if room == 0:
                self._files.append(self._temporary(len(self._files) + 1).open("wb"))
                continue
            self._files[-1].write(rest[:room])
            self.written_bytes += len(rest[:room])
            rest = rest[room:]

    def finish(self) -> list[Path]:
        count = len(self._files)
        for stale in self._target.parent.glob(f"{self._target.name}.[0-9][0-9][0-9]"):
            stale.unlink()
        self._target.unlink(missing_ok=True)
        named = [self._target if count == 1 else self._part(number) for number in range(1, count + 1)]
        for number, path in enumerate(named, 1):
            self._temporary(number).rename(path)
        return named

    def _part(self, number: int) -> Path:
        return self._target.with_name(f"{self._target.name}.{number:03}")

    def _temporary(self, number: int) -> Path:
        return self._target.with_name(f".{self._target.name}.{number:03}.partial")


def _copy(stream: IO[bytes], write: Callable[[bytes], None]) -> None:
    while block := stream.read(_BLOCK):
        write(block)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
