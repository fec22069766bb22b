"""Make the signed bundle of one commit: ``python -m images.bundle``; ``make bundle`` calls it.

::

    python -m images.bundle [--out FOLDER] [--keys FOLDER] [--revision COMMIT] [--release-seq N] [--min-from VERSION]
                            [--debs-from FOLDER] [--cuda | --engine-from FOLDER]
                            [--as-version VERSION] [--overlay FOLDER]

The same commit, packages, engine and key make the same bytes. Packages come from the distribution as it is today; with
``--debs-from`` they are those of an earlier bundle.
"""

import argparse
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from appliance.kernel.errors import HangJegyzetError
from appliance.kernel.units import GIB, format_bytes
from appliance.releases.model import (
    FORMAT,
    PRODUCT,
    FileEntry,
    Manifest,
    Requirements,
    Version,
    is_plain_path,
    moment,
    write_document,
)
from appliance.releases.verification import MANIFEST_NAME
from images.bundle.checkout import ROOT, Checkout, oldest_predecessor, schema_of, version_of
from images.bundle.debs import SYSTEM_NAME, Wanted, collect_debs, write_index
from images.bundle.engine import build_cuda_engine, cached_engine
from images.bundle.sbom import write_sbom
from images.bundle.sealing import Signer, hash_files, put_keys, seal, write_archive
from images.bundle.variant import require_throw_away, vary
from images.bundle.wheels import collect_wheels, engine_wheel
from images.packs.starter import starter_packs
from images.release_keys.development import development_folder, ensure_development_keys
from images.release_keys.passphrase import passphrase_for
from images.release_keys.support_key import ensure_support_key, put_support_key

CACHE = Path.home() / ".cache" / "hangjegyzet" / "bundle"
CLUSTER_DEBS = "debs-cluster"
"""Packages for members of a cluster; they lie in the release, see roles/etcd."""
CPU_FLAGS = ("avx2", "bmi2", "f16c", "fma")
"""What llama.cpp is built for (pyproject.toml)."""
MEMORY_BYTES = 7 * GIB // 2
UNPACKED_PER_WHEEL_BYTE = 4
"""Measured: wheels grow about 3.3-fold with their byte code."""


def main() -> int:
    """Make the bundle; 0 when it lies in the folder."""
    options = _options()
    began = time.monotonic()
    try:
        signer = Signer.of(options.keys, passphrase_for(options.keys))
        with tempfile.TemporaryDirectory(prefix="hangjegyzet-bundle-") as work:
            files = make_bundle(Path(work), options, signer)
    except HangJegyzetError as error:
        sys.stderr.write(f"error: {error}\n{error.remedy}\n")
        return 1
    for path in files:
        sys.stdout.write(f"{path}  {format_bytes(path.stat().st_size)}\n")
    _say(f"done in {time.monotonic() - began:.0f} s")
    return 0


def make_bundle(work: Path, options: argparse.Namespace, signer: Signer) -> list[Path]:
    """Collect, list, sign and write; the archive, or its parts."""
    checkout = Checkout.of(options.revision)
    if checkout.has_other_changes:
        _say("the working tree differs from the commit; the bundle holds the commit alone")
    engine = engine_wheel(options.engine_from or (build_cuda_engine() if options.cuda else cached_engine()))
    source, folder = work / "source", work / "bundle"
    checkout.export(source)
    if options.as_version or options.overlay:
        require_throw_away(signer)
        vary(source, version=options.as_version, overlay=options.overlay)
    version = version_of(source)
    _say(f"hangjegyzet {version}, commit {checkout.commit[:12]}")
    folder.mkdir()
    _put_project_files(source, folder)
    put_support_key(options.keys, folder / "docs")
    _say("packages of the distribution")
    if options.debs_from:
        _copy_debs(options.debs_from, folder)
    else:
        collect_debs(folder / "debs", folder / CLUSTER_DEBS, options.cache)
    _say("Python packages")
    collect_wheels(folder / "wheels", checkout=checkout, source=source, cache=options.cache, engine=engine)
    built_at = moment(datetime.fromtimestamp(checkout.epoch, UTC))
    write_sbom(folder, source=source, version=str(version), commit=checkout.commit, built_at=built_at)
    put_keys(folder, signer)
    sums = hash_files(folder)
    entries = {path: FileEntry(sha256=sha256, bytes=(folder / path).stat().st_size) for path, sha256 in sums.items()}
    manifest = Manifest(
        format=FORMAT,
        product=PRODUCT,
        version=str(version),
        release_seq=options.release_seq or checkout.ancestors,
        min_from=str(options.min_from or oldest_predecessor(version)),
        schema=schema_of(source),
        target=Wanted.load().target,
        commit=checkout.commit,
        built_at=built_at,
        requirements=Requirements(disk_bytes=_disk_bytes(entries), memory_bytes=MEMORY_BYTES, cpu_flags=CPU_FLAGS),
        models=tuple(pack.name for pack in starter_packs()),
        files=entries,
    )
    (folder / MANIFEST_NAME).write_bytes(write_document(manifest))
    seal(folder, hash_files(folder), signer)
    options.out.mkdir(parents=True, exist_ok=True)
    top = f"hangjegyzet-{version}"
    target = manifest.target
    name = f"{top}-{target.os}{target.os_version}-{target.arch}.tar"
    _say("writing the archive")
    return write_archive(folder, options.out / name, top=top, mtime=checkout.epoch)


def _put_project_files(source: Path, folder: Path) -> None:
    shutil.copyfile(source / "images" / "bundle" / "install.sh", folder / "install.sh")
    for name in ("CHANGELOG.md", "LICENSE", "NOTICE"):
        shutil.copyfile(source / name, folder / name)
    for name in ("ansible", "docs"):
        for path in sorted((source / name).rglob("*")):
            relative = path.relative_to(source).as_posix()
            # What hides is for the workshop: settings of linters.
            if path.is_file() and is_plain_path(relative):
                (folder / relative).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, folder / relative)


def _copy_debs(earlier: Path, folder: Path) -> None:
    wanted = Wanted.load()
    for source, name, names in (
        (earlier, "debs", wanted.packages),
        (earlier.with_name(CLUSTER_DEBS), CLUSTER_DEBS, wanted.cluster),
    ):
        (folder / name).mkdir()
        for path in sorted(source.glob("*.deb")):
            shutil.copyfile(path, folder / name / path.name)
        write_index(folder / name, names)
    if (earlier / SYSTEM_NAME).is_file():
        shutil.copyfile(earlier / SYSTEM_NAME, folder / "debs" / SYSTEM_NAME)


def _disk_bytes(entries: dict[str, FileEntry]) -> int:
    """Room for the checked copy, the packages as installed, and the release itself."""
    copied = sum(entry.bytes for entry in entries.values())
    wheels = sum(entry.bytes for path, entry in entries.items() if path.startswith("wheels/"))
    debs = sum(entry.bytes for path, entry in entries.items() if path.startswith("debs/"))
    return copied + UNPACKED_PER_WHEEL_BYTE * (wheels + debs)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Make the signed bundle of one commit.")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="where to (default: %(default)s)")
    parser.add_argument("--keys", type=Path, help="folder of the ceremony; unset: throw-away keys of this machine")
    parser.add_argument("--revision", default="HEAD", help="commit to build (default: %(default)s)")
    parser.add_argument("--release-seq", type=int, help="unset: the number of commits up to it")
    parser.add_argument("--min-from", type=Version.parse, help="oldest version it follows; unset: two minor versions")
    parser.add_argument("--debs-from", type=Path, help="folder with the packages of an earlier bundle")
    parser.add_argument("--cuda", action="store_true", help="with the language engine for NVIDIA's cards, built here")
    parser.add_argument("--engine-from", type=Path, help="folder with a built wheel of llama-cpp-python")
    parser.add_argument("--as-version", type=Version.parse, help="another version, for tests of upgrades")
    parser.add_argument("--overlay", type=Path, help="folder whose files lie over the commit's, for tests of upgrades")
    parser.add_argument("--cache", type=Path, default=CACHE, help="keeps what was fetched (default: %(default)s)")
    options = parser.parse_args()
    if options.keys is None:
        options.keys = ensure_development_keys()
        ensure_support_key(options.keys)
        _say(f"signing with throw-away keys: {development_folder()}")
    return options


def _say(text: str) -> None:
    sys.stderr.write(f"==> {text}\n")


if __name__ == "__main__":
    sys.exit(main())
