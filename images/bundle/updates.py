"""Make a signed bundle of the distribution's security updates; ``make updates-bundle`` calls it.

::

    python -m images.bundle.updates --for RELEASE [--for RELEASE ...] [--installed STATUS ...] [--out FOLDER]
                                    [--keys FOLDER] [--version 2026.11.23] [--release-seq N] [--debs FOLDER]

Only what the distribution has newer by now than the releases came with or found on a machine goes in, and what that
needs besides. A later bundle for the same releases holds all that an earlier one held, or newer. The same packages,
version and key make the same bytes.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from appliance.kernel.errors import HangJegyzetError, NotFound, Refused
from appliance.kernel.units import format_bytes
from appliance.releases.contents import open_contents, read_limited
from appliance.releases.model import (
    FORMAT,
    PRODUCT,
    FileEntry,
    KeyStatement,
    Need,
    PackageUpdate,
    Purpose,
    UpdatesManifest,
    moment,
    read_document,
    write_document,
)
from appliance.releases.trust import STATEMENT_NAME
from appliance.releases.verification import MANIFEST_NAME, MAX_MANIFEST_BYTES, read_manifest
from images.bundle.checkout import ROOT
from images.bundle.debs import INDEX_NAME, SYSTEM_NAME, Apt, Deb, Wanted, read_debs, write_index
from images.bundle.sealing import Signer, hash_files, put_keys, seal, write_archive
from images.release_keys.development import development_folder, ensure_development_keys
from images.release_keys.passphrase import passphrase_for

CACHE = Path.home() / ".cache" / "hangjegyzet" / "updates"
MAX_INDEX_BYTES = 64 << 20
INDEXES = (f"debs/{SYSTEM_NAME}", f"debs-cluster/{INDEX_NAME}", f"debs/{INDEX_NAME}")
"""Later ones count: what a release brings goes over what it finds."""
REBOOT_SOURCES = frozenset(
    {"linux", "linux-signed-amd64", "glibc", "systemd", "dbus", "intel-microcode", "amd64-microcode"}
)
"""What of these is loaded stays loaded in processes that nobody starts again while the machine runs."""
_LOADED = re.compile(
    r"\.so(?:\.[0-9.]+)?(?: -> .*)?$|/s?bin/[^/]+$|/systemd/system/[^/]+\.service$|/boot/", re.MULTILINE
)


class NothingNewer(NotFound):
    code = "bundle.nothing_newer"
    message = "The distribution has nothing newer than what {releases} came with."
    hint = "Nothing has to be made. Packages of another folder: --debs FOLDER"


class SystemNotTold(NotFound):
    code = "bundle.system_not_told"
    message = "The bundle of {release} does not say what a machine had when it was made."
    hint = "Give the status of such a machine besides, a copy of its /var/lib/dpkg/status: --installed FILE"


class KeyNotForUpdates(Refused):
    code = "bundle.key_not_for_updates"
    message = "This release key may sign {purposes}, and no updates: machines would refuse them."
    hint = "Make one with: hangjegyzet-release keys release FOLDER --purpose updates"


@dataclass(frozen=True, slots=True)
class Installed:
    """What a machine has; ``release`` is empty where a status was given and no bundle."""

    release: str
    debs: Sequence[Deb]


@dataclass(frozen=True, slots=True)
class Newer:
    """A package to ship, and which versions it takes the place of."""

    deb: Deb
    old: tuple[str, ...]


def main() -> int:
    """Make the bundle; 0 when it lies in the folder."""
    options = _options()
    try:
        signer = Signer.of(options.keys, passphrase_for(options.keys))
        with tempfile.TemporaryDirectory(prefix="hangjegyzet-updates-") as work:
            files = make_updates(Path(work), options, signer)
    except HangJegyzetError as error:
        sys.stderr.write(f"error: {error}\n{error.remedy}\n")
        return 1
    for path in files:
        sys.stdout.write(f"{path}  {format_bytes(path.stat().st_size)}\n")
    return 0


def make_updates(work: Path, options: argparse.Namespace, signer: Signer) -> list[Path]:
    """Work out, collect, tell, sign and write; the archive, or its parts."""
    require_purpose(signer)
    wanted, folder, source = Wanted.load(), work / "bundle", None
    if options.debs:
        source = work / "archive"
        shutil.copytree(options.debs, source, ignore=lambda _, names: [name for name in names if name[-4:] != ".deb"])
        write_index(source, [])
    apt = Apt(work / "apt" if source else options.cache / "apt", wanted, source=source)
    _say("lists of packages")
    apt.update()
    machines = [released(path) for path in options.releases]
    machines += [Installed("", tuple(read_debs(path.read_text("utf-8", "replace")))) for path in options.installed]
    found = newer(apt, machines)
    releases = sorted({machine.release for machine in machines if machine.release})
    if not found:
        raise NothingNewer(releases=", ".join(releases))
    _say(f"{len(found)} package(s)")
    (folder / "debs").mkdir(parents=True)
    if source is None:
        files: Mapping[str, Path] = dict(zip(found, apt.download([one.deb for one in found.values()]), strict=True))
    else:
        files = _files_in(source)
    for name, one in found.items():
        shutil.copyfile(files[name], folder / "debs" / files[name].name)
        _say(f"{name} {' or '.join(one.old) or 'new'} → {one.deb.version}")
    write_index(folder / "debs", found)
    put_keys(folder, signer)
    sums = hash_files(folder)
    manifest = UpdatesManifest(
        format=FORMAT,
        product=PRODUCT,
        kind="updates",
        version=options.version,
        release_seq=options.release_seq or seq_of(options.version),
        releases=tuple(releases),
        target=wanted.target,
        built_at=moment(_day(options.version)),
        disk_bytes=sum(unpacked_bytes(one.deb) for one in found.values()),
        packages=_told(folder, found, files, sums),
        files={path: FileEntry(sha256=sha256, bytes=(folder / path).stat().st_size) for path, sha256 in sums.items()},
    )
    (folder / MANIFEST_NAME).write_bytes(write_document(manifest))
    seal(folder, hash_files(folder), signer)
    options.out.mkdir(parents=True, exist_ok=True)
    top, target = f"hangjegyzet-updates-{manifest.version}", manifest.target
    name = f"{top}-{target.os}{target.os_version}-{target.arch}.tar"
    return write_archive(folder, options.out / name, top=top, mtime=int(_day(options.version).timestamp()))


def released(source: Path) -> Installed:
    """What a machine has that was installed from this bundle.

    Raises:
        SystemNotTold: it tells only what it brings.
        HangJegyzetError: it is no bundle of a release.
    """
    debs: dict[str, Deb] = {}
    with open_contents(source) as contents:
        manifest = read_manifest(read_limited(contents, MANIFEST_NAME, MAX_MANIFEST_BYTES), source=contents.label)
        if INDEXES[0] not in contents.sizes():
            raise SystemNotTold(release=manifest.version)
        for path in INDEXES:
            text = read_limited(contents, path, MAX_INDEX_BYTES).decode("utf-8")
            debs |= {deb.name: deb for deb in read_debs(text)}
    return Installed(manifest.version, tuple(debs.values()))


def newer(apt: Apt, machines: Iterable[Installed]) -> Mapping[str, Newer]:
    """What the archive has newer than at least one of the machines, by name."""
    found: dict[str, Newer] = {}
    for machine in machines:
        there = {deb.name: deb.version for deb in machine.debs}
        for deb in apt.upgrade(machine.debs):
            before = set(found[deb.name].old if deb.name in found else ())
            found[deb.name] = Newer(deb, tuple(sorted(before | {there[deb.name]} if deb.name in there else before)))
    return dict(sorted(found.items()))


def need_of(deb: Deb, path: Path) -> Need:
    """What has to start again for it: libraries and programs are loaded, texts are read when they are needed."""
    listed = subprocess.run(["dpkg-deb", "--contents", str(path)], capture_output=True, text=True, check=True).stdout
    if not _LOADED.search(listed):
        return Need.NOTHING
    return Need.REBOOT if deb.source in REBOOT_SOURCES else Need.SERVICES


def seq_of(version: str) -> int:
    """The number of updates of that day: ``2026.11.23`` is 2026112300, a second bundle of the day 2026112302."""
    year, month, day, *count = (int(part) for part in version.split("."))
    return ((year * 100 + month) * 100 + day) * 100 + (count[0] if count else 0)


def unpacked_bytes(deb: Deb) -> int:
    """What it takes on a disk."""
    size = re.search(r"^Installed-Size: (\d+)$", deb.record, re.MULTILINE)
    return int(size[1]) << 10 if size else 0


def require_purpose(signer: Signer) -> None:
    """Rather no bundle than one that every machine refuses.

    Raises:
        KeyNotForUpdates
    """
    (path,) = (path for path in signer.public_files if path.name == STATEMENT_NAME)
    purposes = read_document(path.read_bytes(), KeyStatement).purpose
    if Purpose.UPDATES not in purposes:
        raise KeyNotForUpdates(purposes=", ".join(purposes))


def _told(
    folder: Path, found: Mapping[str, Newer], files: Mapping[str, Path], sums: Mapping[str, str]
) -> tuple[PackageUpdate, ...]:
    told = []
    for name, one in found.items():
        path = f"debs/{files[name].name}"
        need = need_of(one.deb, folder / path)
        told.append(PackageUpdate(name=name, old=one.old, new=one.deb.version, need=need, path=path, sha256=sums[path]))
    return tuple(sorted(told, key=lambda package: package.path))


def _files_in(folder: Path) -> Mapping[str, Path]:
    """The newest package of each name in a folder."""
    found: dict[str, Path] = {}
    for path in sorted(folder.glob("*.deb")):
        name = subprocess.run(
            ["dpkg-deb", "--field", str(path), "Package"], capture_output=True, text=True, check=True
        ).stdout.strip()
        found[name] = path
    return found


def _day(version: str) -> datetime:
    return datetime.strptime(version[:10], "%Y.%m.%d").replace(tzinfo=UTC)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Make a signed bundle of security updates of the distribution.")
    parser.add_argument(
        "--for", dest="releases", type=Path, action="append", required=True, metavar="RELEASE",
        help="bundle of a release, .tar or folder: what machines have (repeat for several)",
    )  # fmt: skip
    parser.add_argument(
        "--installed", type=Path, action="append", default=[], metavar="STATUS",
        help="copy of a machine's /var/lib/dpkg/status, for what it has besides (repeat for several)",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="where to (default: %(default)s)")
    parser.add_argument("--keys", type=Path, help="folder of the ceremony; unset: throw-away keys of this machine")
    parser.add_argument("--version", default=datetime.now(UTC).strftime("%Y.%m.%d"), help="the day (default: today)")
    parser.add_argument("--release-seq", type=int, help="unset: the day as a number, which only grows")
    parser.add_argument("--debs", type=Path, help="folder whose packages stand for the distribution's archive")
    parser.add_argument("--cache", type=Path, default=CACHE, help="keeps what was fetched (default: %(default)s)")
    options = parser.parse_args()
    if options.keys is None:
        options.keys = ensure_development_keys()
        _say(f"signing with throw-away keys: {development_folder()}")
    return options


def _say(text: str) -> None:
    sys.stderr.write(f"==> {text}\n")


if __name__ == "__main__":
    sys.exit(main())
