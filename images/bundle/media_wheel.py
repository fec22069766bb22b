"""PyAV without x264 and x265: the two GPL libraries in its wheel are encoders of video, and we decode sound.

FFmpeg in that wheel is built under the LGPL and is merely linked with the two. In their place go libraries of our own
under the same names, whose functions refuse: FFmpeg finds its symbols, and no GPL code is shipped (ADR 0091). The wheel
gets a version of its own, so that nobody takes it for PyAV's.
"""

import base64
import csv
import hashlib
import io
import re
import subprocess
import tempfile
import zipfile
from pathlib import Path

from appliance.kernel.errors import Unavailable

LOCAL_VERSION = "nogpl"
_REMOVED = re.compile(r"^av\.libs/(libx26[45])-[^/]*\.so[.\d]*$")
_ZIP_DATE = (2020, 1, 1, 0, 0, 0)


class WheelUnknown(Unavailable):
    code = "bundle.media_wheel_unknown"
    message = "The wheel {wheel} is not built as expected: {reason}"
    hint = "PyAV changed how it builds its wheels. Look at ADR 0091 and at images/bundle/media_wheel.py."


def without_gpl(wheel: Path, folder: Path) -> Path:
    """Write the wheel anew without the GPL libraries; its path.

    Raises:
        WheelUnknown: it does not hold exactly the two libraries, or they could not be replaced.
    """
    with zipfile.ZipFile(wheel) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()}
        modes = {info.filename: info.external_attr >> 16 for info in archive.infolist()}
    removed = sorted(name for name in members if _REMOVED.match(name))
    if [_REMOVED.sub(r"\1", name) for name in removed] != ["libx264", "libx265"]:
        raise WheelUnknown(wheel=wheel.name, reason=f"it holds {removed}")
    for name in removed:
        members[name] = _refusing_library(members[name], _wanted_symbols(members, name), Path(name).name)
    members, modes = _as_own_version(wheel, members, modes)
    target = folder / _own_name(wheel.name)
    _write(target, members, modes)
    return target


def _own_name(name: str) -> str:
    project, version, tags = name.split("-", 2)
    return f"{project}-{version}+{LOCAL_VERSION}-{tags}"


def _wanted_symbols(members: dict[str, bytes], library: str) -> dict[str, str]:
    """The symbols of ``library`` that the wheel's other libraries ask for, with their kind there."""
    prefix = _REMOVED.sub(r"\1_", library).removeprefix("lib")
    offered = _symbols(members[library], "--defined-only")
    asked = {
        symbol
        for name, data in members.items()
        if ".so" in name and not _REMOVED.match(name)
        for symbol in _symbols(data, "--undefined-only")
        if symbol.startswith(prefix)
    }
    return {symbol: offered[symbol] for symbol in sorted(asked)}


def _symbols(library: bytes, selection: str) -> dict[str, str]:
    with tempfile.NamedTemporaryFile() as file:
        file.write(library)
        file.flush()
        command = ["nm", "--dynamic", "--format=posix", selection, file.name]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {line.split()[0].partition("@")[0]: line.split()[1] for line in out.splitlines()}


def _refusing_library(original: bytes, symbols: dict[str, str], file_name: str) -> bytes:
    """A library whose functions answer 0 (no encoder) and whose tables are empty."""
    functions = [name for name, kind in symbols.items() if kind in "TtWi"]
    tables = [name for name, kind in symbols.items() if kind not in "TtWi"]
    source = "".join(f"void *{name}(void) {{ return 0; }}\n" for name in functions)
    source += "".join(f"const char {name}[4096] = {{0}};\n" for name in tables)
    with tempfile.TemporaryDirectory() as folder:
        code, built = Path(folder) / "refuse.c", Path(folder) / "refuse.so"
        code.write_text(source, encoding="ascii")
        command = [
            "gcc", "-shared", "-fPIC", "-nostdlib", "-O2", "-s", "-Wl,--build-id=none", f"-Wl,-soname,{file_name}",
            "-o", str(built), str(code),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
        if done.returncode != 0:
            raise WheelUnknown(wheel=file_name, reason=done.stderr.strip())
        data = built.read_bytes()
    if len(data) >= len(original) or set(_symbols(data, "--defined-only")) < set(symbols):
        raise WheelUnknown(wheel=file_name, reason="the library that takes its place lacks symbols")
    return data


def _as_own_version(
    wheel: Path, members: dict[str, bytes], modes: dict[str, int]
) -> tuple[dict[str, bytes], dict[str, int]]:
    """The members under our version: renamed metadata, a notice, and a new list of hashes."""
    project, version, _ = wheel.name.split("-", 2)
    own = f"{version}+{LOCAL_VERSION}"
    old_info, new_info = f"{project}-{version}.dist-info/", f"{project}-{own}.dist-info/"
    renamed = {name.replace(old_info, new_info, 1): data for name, data in members.items()}
    renamed_modes = {name.replace(old_info, new_info, 1): mode for name, mode in modes.items()}
    metadata = f"{new_info}METADATA"
    renamed[metadata] = renamed[metadata].replace(f"\nVersion: {version}\n".encode(), f"\nVersion: {own}\n".encode(), 1)
    renamed[f"{new_info}licenses/CHANGED.txt"] = (
        b"Changed by the makers of HangJegyzet: libx264 and libx265 were replaced by libraries that refuse to encode.\n"
    )
    record = f"{new_info}RECORD"
    renamed[record] = _record({name: data for name, data in renamed.items() if name != record}, record)
    return renamed, renamed_modes


def _record(members: dict[str, bytes], own_name: str) -> bytes:
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    for name in sorted(members):
        digest = base64.urlsafe_b64encode(hashlib.sha256(members[name]).digest()).rstrip(b"=").decode()
        rows.writerow((name, f"sha256={digest}", len(members[name])))
    rows.writerow((own_name, "", ""))
    return out.getvalue().encode()


def _write(target: Path, members: dict[str, bytes], modes: dict[str, int]) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, _ZIP_DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (modes.get(name) or 0o100644) << 16
            archive.writestr(info, members[name])
