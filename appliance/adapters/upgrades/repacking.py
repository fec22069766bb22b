"""A package made again from what is installed of it, so that there is a way back to exactly that.

Nothing else has it: the release that installed it may be gone, the base came with a medium that nobody has here, and
there is no network. What dpkg knows (control fields, the maintainer's scripts, the list of files) and what lies on the
disk make a plain ``.deb``: an ``ar`` archive with two tar archives, uncompressed. Configuration is packed as
it is now; dpkg keeps the one on the disk in any case.
"""

import io
import os
import re
import stat
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from appliance.kernel.durable import sync_folder

ADMIN = Path("var/lib/dpkg")
SCRIPTS = ("preinst", "postinst", "prerm", "postrm", "config")
DOCUMENTS = ("templates", "triggers", "shlibs", "symbols", "md5sums", "conffiles")
MERGED = frozenset({"bin", "sbin", "lib", "lib32", "lib64", "libx32"})
"""Links to folders below ``/usr`` on today's systems, and folders in packages."""
_NOT_PACKED = re.compile(
    r"^(?:Status|Conffiles|Config-Version|Triggers-Pending|Triggers-Awaited):.*\n(?: .*\n)*", re.MULTILINE
)
_AR = b"!<arch>\n"


@dataclass(frozen=True, slots=True)
class InstalledPackage:
    """What dpkg knows of a package.

    Args:
        key: its name among dpkg's files: ``less``, or ``libc6:amd64`` where several architectures may have it.
        stanza: its paragraph of dpkg's status.
    """

    key: str
    stanza: str

    @property
    def file_name(self) -> str:
        """The name that its package has."""
        version = self.field("Version").replace(":", "%3a")
        return f"{self.field('Package')}_{version}_{self.field('Architecture')}.deb"

    def field(self, name: str) -> str:
        """A field of one line; empty where there is none."""
        match = re.search(rf"^{name}: (.*)$", self.stanza, re.MULTILINE)
        return match[1].strip() if match else ""


def read_installed(root: Path) -> Mapping[str, InstalledPackage]:
    """Every package of which files lie here, by name; ``name:arch`` where it is not of this machine's architecture."""
    stanzas = (root / ADMIN / "status").read_text(encoding="utf-8", errors="surrogateescape").split("\n\n")
    found = {}
    own = _own_architecture(stanzas)
    for stanza in stanzas:
        package = InstalledPackage("", f"{stanza}\n")
        name, arch = package.field("Package"), package.field("Architecture")
        if name and (root / ADMIN / "info" / f"{name}:{arch}.list").is_file():
            package = InstalledPackage(f"{name}:{arch}", package.stanza)
        elif name and (root / ADMIN / "info" / f"{name}.list").is_file():
            package = InstalledPackage(name, package.stanza)
        else:
            continue
        if package.field("Status").split()[-1:] not in (["config-files"], ["not-installed"]):
            found[name if arch in (own, "all") else f"{name}:{arch}"] = package
    return found


def listed_files(root: Path, package: InstalledPackage) -> Sequence[str]:
    """The paths that it put down, as in its archive: relative, folders too."""
    listed = (root / ADMIN / "info" / f"{package.key}.list").read_text(encoding="utf-8", errors="surrogateescape")
    return [path.strip("/") for path in listed.splitlines() if path.strip("/.")]


def repack(package: InstalledPackage, folder: Path, *, root: Path = Path("/")) -> Path:
    """Write the package; on the disk when this returns, whole or not at all.

    Args:
        folder: gets it.
        root: the system that it is installed in.
    """
    target = folder / package.file_name
    partial = target.with_suffix(".partial")
    paths = listed_files(root, package)
    moved = _diversions(root, package.field("Package"))
    with partial.open("wb") as out:
        out.write(_AR)
        _member(out, "debian-binary", b"2.0\n")
        _member(out, "control.tar", _control(root, package, set(paths)))
        _write_data(out, root, paths, moved)
        out.flush()
        os.fsync(out.fileno())
    partial.rename(target)
    sync_folder(folder)
    return target


def _control(root: Path, package: InstalledPackage, paths: set[str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
        fields = _NOT_PACKED.sub("", package.stanza).strip() + "\n"
        _add_text(archive, "control", fields.encode("utf-8", "surrogateescape"), 0o644)
        for name in (*SCRIPTS, *DOCUMENTS):
            try:
                data = (root / ADMIN / "info" / f"{package.key}.{name}").read_bytes()
            except FileNotFoundError:
                continue
            if name == "conffiles":
                data = _still_there(root, data, paths)
            _add_text(archive, name, data, 0o755 if name in SCRIPTS else 0o644)
    return packed.getvalue()


def _still_there(root: Path, conffiles: bytes, paths: set[str]) -> bytes:
    """Without what somebody removed here: a package must not name what it does not hold."""
    lines = conffiles.decode("utf-8", "surrogateescape").splitlines()
    kept = [line for line in lines if line.strip("/") in paths and os.path.lexists(root / line.strip("/"))]
    return "".join(f"{line}\n" for line in kept).encode("utf-8", "surrogateescape")


def _add_text(archive: tarfile.TarFile, name: str, data: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(f"./{name}")
    entry.size, entry.mode, entry.uname, entry.gname = len(data), mode, "root", "root"
    archive.addfile(entry, io.BytesIO(data))


def _write_data(out: IO[bytes], root: Path, paths: Sequence[str], moved: Mapping[str, str]) -> None:
    """The files, written through; the header gets its size afterwards."""
    at = out.tell()
    _header(out, "data.tar", 0)
    begun = out.tell()
    above = {str(parent) for path in paths for parent in PurePosixPath(path).parents}
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, place in _in_order(root, paths, moved):
            entry = archive.gettarinfo(str(place), arcname=f"./{name}")
            if name in MERGED or name in above:
                entry.type, entry.linkname, entry.size = tarfile.DIRTYPE, "", 0
                entry.mode = stat.S_IMODE(place.stat().st_mode)
            if entry.isreg():
                with place.open("rb") as file:
                    archive.addfile(entry, file)
            else:
                archive.addfile(entry)
    end = out.tell()
    if (end - begun) % 2:
        out.write(b"\n")
    out.seek(at)
    _header(out, "data.tar", end - begun)
    out.seek(0, os.SEEK_END)


def _in_order(root: Path, paths: Sequence[str], moved: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    """What is there of the paths; documentation may have been left out when it was installed."""
    for path in paths:
        place = root / moved.get(path, path)
        if os.path.lexists(place) and not stat.S_ISSOCK(place.lstat().st_mode):
            yield path, place


def _diversions(root: Path, package: str) -> Mapping[str, str]:
    """Where files of this package really lie that another package has moved out of its way."""
    try:
        lines = (root / ADMIN / "diversions").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except FileNotFoundError:
        return {}
    threes = zip(lines[::3], lines[1::3], lines[2::3], strict=False)
    return {one.strip("/"): other.strip("/") for one, other, by in threes if by != package}


def _own_architecture(stanzas: Sequence[str]) -> str:
    """dpkg's own, which it was built for."""
    dpkg = next((stanza for stanza in stanzas if stanza.startswith("Package: dpkg\n")), "")
    return InstalledPackage("dpkg", dpkg).field("Architecture")


def _member(out: IO[bytes], name: str, data: bytes) -> None:
    _header(out, name, len(data))
    out.write(data)
    if len(data) % 2:
        out.write(b"\n")


def _header(out: IO[bytes], name: str, size: int) -> None:
    out.write(f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{size:<10}`\n".encode("ascii"))
