"""Packages of the distribution for tests of updates: one that is installed, as another version, good or bad."""

import hashlib
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from appliance.adapters.upgrades.repacking import read_installed, repack
from images.bundle.debs import write_index


def another_version(
    name: str,
    folder: Path,
    *,
    root: Path,
    version: str,
    postinst: str = "",
    files: Mapping[str, bytes] | None = None,
    depends: str = "",
) -> Path:
    """A package that ``root`` has installed, as ``version``.

    Args:
        folder: gets it.
        postinst: lines of shell that its script of the maintainer begins with.
        files: content by path, relative to the root, that is in it instead.
        depends: a package that it needs besides.
    """
    work = folder / f".{name}"
    work.mkdir(parents=True)
    packed = repack(read_installed(root)[name], work, root=root)
    tree = work / "tree"
    subprocess.run(["dpkg-deb", "--raw-extract", str(packed), str(tree)], check=True)
    control = tree / "DEBIAN/control"
    fields = control.read_text().splitlines()
    fields = [f"Version: {version}" if line.startswith("Version:") else line for line in fields]
    if depends:
        fields = [f"{line}, {depends}" if line.startswith("Depends:") else line for line in fields]
        fields += [] if any(line.startswith("Depends:") for line in fields) else [f"Depends: {depends}"]
    control.write_text("\n".join(fields) + "\n")
    if postinst:
        script = tree / "DEBIAN/postinst"
        before = script.read_text().partition("\n")[2] if script.exists() else "exit 0\n"
        script.write_text(f"#!/bin/sh\n{postinst}\n{before}")
        script.chmod(0o755)
    for path, data in (files or {}).items():
        (tree / path).write_bytes(data)
        (tree / "DEBIAN/md5sums").unlink(missing_ok=True)
    built = folder / f"{name}_{version}_test.deb"
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", "-Znone", str(tree), str(built)], check=True)
    shutil.rmtree(work)
    return built


def a_new_package(name: str, folder: Path, *, version: str, files: Mapping[str, bytes]) -> Path:
    """A package that nobody has yet."""
    tree = folder / f".{name}"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: Test <test@hangjegyzet.invalid>\n"
        "Description: for a test\n"
    )
    for path, data in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_bytes(data)
    built = folder / f"{name}_{version}_all.deb"
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", "-Znone", str(tree), str(built)], check=True)
    shutil.rmtree(tree)
    return built


def indexed(folder: Path) -> Path:
    """The folder, with the index that apt reads."""
    write_index(folder, [])
    return folder


def tree_of(root: Path, files: list[str]) -> dict[str, str]:
    """What lies under these paths: kind, mode, owner, and a hash or a target."""
    found = {}
    for file in files:
        path = root / file
        if path.is_symlink():
            found[file] = f"→ {path.readlink()}"
        elif path.is_file():
            status = path.stat()
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            found[file] = f"{status.st_mode:o} {status.st_uid}:{status.st_gid} {digest}"
        elif path.is_dir():
            found[file] = f"{path.stat().st_mode:o}"
    return found
