"""The bundle is the same bytes for the same content, and says truly what is inside."""

import json
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from appliance.releases.contents import open_contents
from appliance.releases.model import Version, is_plain_path
from images.bundle.checkout import ROOT, oldest_predecessor, schema_of, version_of
from images.bundle.debs import Deb, Wanted, closure, write_index
from images.bundle.engine import ToolkitMissing, cached_engine, engine_flags, require_toolkit
from images.bundle.media_wheel import WheelUnknown, without_gpl
from images.bundle.sbom import write_sbom
from images.bundle.sealing import hash_files, write_archive
from images.bundle.wheels import requirements
from tests.factories.bundles import FILES, fill

EPOCH = 1_795_400_000


def archive(folder: Path, target: Path, **options: int) -> list[Path]:
    return write_archive(folder, target, top="top", mtime=EPOCH, **options)


def test_an_archive_is_the_same_whoever_makes_it(tmp_path: Path):
    """Order of writing, times, owners and modes of the files leave no trace."""
    fill(tmp_path / "one", FILES)
    fill(tmp_path / "two", dict(reversed(FILES.items())))
    for path in (tmp_path / "two").rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o700)
    (one,), (two,) = archive(tmp_path / "one", tmp_path / "1.tar"), archive(tmp_path / "two", tmp_path / "2.tar")
    assert one.read_bytes() == two.read_bytes()


def test_an_archive_is_cut_where_a_stick_needs_it(tmp_path: Path):
    """Parts are numbered from 001, are full but for the last, and older parts of the same name go."""
    fill(tmp_path / "files", FILES)
    (whole,) = archive(tmp_path / "files", tmp_path / "b.tar")
    data = whole.read_bytes()
    (tmp_path / "b.tar.099").touch()
    parts = archive(tmp_path / "files", tmp_path / "b.tar", part_bytes=3000)
    assert [path.name for path in parts] == [f"b.tar.{number:03}" for number in range(1, len(parts) + 1)]
    assert {path.stat().st_size for path in parts[:-1]} == {3000}
    assert b"".join(path.read_bytes() for path in parts) == data
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [path.name for path in parts]


@pytest.mark.parametrize("name", [".hidden", "a b", "-a", "é"])
def test_a_name_that_no_machine_would_take_is_refused_at_once(tmp_path: Path, name: str):
    """What would be refused at the customer's is refused when it is made."""
    fill(tmp_path / "files", {name: b""})
    with pytest.raises(ValueError):
        hash_files(tmp_path / "files")


def test_whatever_the_repository_ships_has_a_plain_name():
    """Playbooks and documents can go into a bundle as they are named."""
    tracked = subprocess.run(
        ["git", "ls-files", "ansible", "docs"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    names = [name for name in tracked.stdout.splitlines() if not Path(name).name.startswith(".")]
    assert names
    assert [name for name in names if not is_plain_path(name)] == []


class BareSystem:
    """An apt that knows one repository, for what is done with its answers."""

    def closure(self, packages: Sequence[str], *, installed: Sequence[Deb]) -> tuple[Deb, ...]:
        if not installed:
            return (deb("libc6", "glibc"), deb("libudev1", "systemd"), deb("bash", "bash"))
        return (deb("zlib", "zlib"), deb("systemd", "systemd"))


def deb(name: str, source: str) -> Deb:
    return Deb(name, "1", source, f"Package: {name}")


def test_packages_built_for_one_another_travel_together():
    """A machine with an older point release gets the library that the new program was built with."""
    found = closure(BareSystem(), Wanted.load())  # type: ignore[arg-type]  # one method is all that is asked
    assert [each.name for each in found] == ["libudev1", "systemd", "zlib"]


def test_every_package_of_the_distribution_has_its_reason():
    """Nothing is installed on anybody's machine because it always was."""
    wanted = Wanted.load()
    assert all(len(reason) > 10 for reason in wanted.packages.values())
    assert {"python3", "postgresql", "nftables", "openssl"} <= wanted.packages.keys()


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg is not installed")
def test_the_index_names_every_package_with_its_hash(tmp_path: Path):
    """apt finds what is there, and notices what is not what it was."""
    folder = tmp_path / "debs"
    folder.mkdir()
    for name in ("zeta", "alpha"):
        tree = tmp_path / name
        control = f"Package: {name}\nVersion: 1:1\nArchitecture: all\nMaintainer: us\nDescription: d\n"
        fill(tree, {"DEBIAN/control": control.encode()})
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "--build", tree, folder / f"{name}_1%3a1_all.deb"],
            check=True,
            capture_output=True,
        )
    write_index(folder, Wanted.load().packages)
    index = (folder / "Packages").read_text()
    assert re.findall(r"^Package: (.*)$", index, flags=re.MULTILINE) == ["alpha", "zeta"]
    hashes = hash_files(folder)
    for name in ("alpha", "zeta"):
        assert f"Filename: ./{name}_1%3a1_all.deb" in index
        assert hashes[f"{name}_1%3a1_all.deb"] in index
    assert (folder / "wanted").read_text().split() == sorted(Wanted.load().packages)


def a_wheel(folder: Path, name: str, members: dict[str, bytes], *, version: str = "1.0", licence: str = "MIT") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    metadata = f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\nLicense-Expression: {licence}\n"
    path = folder / f"{name}-{version}-cp311-abi3-manylinux_2_28_x86_64.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for member, data in {**members, f"{name}-{version}.dist-info/METADATA": metadata.encode()}.items():
            wheel.writestr(member, data)
        wheel.writestr(f"{name}-{version}.dist-info/RECORD", "")
    return path


def a_library(folder: Path, name: str, code: str, *against: Path) -> bytes:
    folder.mkdir(exist_ok=True)
    (folder / "code.c").write_text(code)
    out = folder / name
    libraries = [str(path) for path in against]
    subprocess.run(
        ["gcc", "-shared", "-fPIC", f"-Wl,-soname,{name}", "-o", out, folder / "code.c", *libraries], check=True
    )
    return out.read_bytes()


@pytest.fixture(scope="module")
def media_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built like PyAV's: FFmpeg's library asks two encoders for functions and a table."""
    work = tmp_path_factory.mktemp("media")
    padding = "static const char size[100000] = {1}; const char *x26%d_size(void) { return size; }"
    x264 = a_library(
        work, "libx264-aa.so.165", f"int x264_open(void) {{ return 7; }} int x264_levels[9] = {{5}};{padding % 4}"
    )
    x265 = a_library(work, "libx265-bb.so.216", f"int x265_api_get(void) {{ return 7; }}{padding % 5}")
    asks = "int x264_open(void); extern int x264_levels[9]; int x265_api_get(void);"
    codec = a_library(
        work,
        "libavcodec-cc.so.62",
        f"{asks} int ask(void) {{ return x264_open() + x264_levels[0] + x265_api_get(); }}",
        work / "libx264-aa.so.165",
        work / "libx265-bb.so.216",
    )
    libraries = {"libx264-aa.so.165": x264, "libx265-bb.so.216": x265, "libavcodec-cc.so.62": codec}
    return a_wheel(work / "wheel", "av", {"av/__init__.py": b"", **{f"av.libs/{n}": d for n, d in libraries.items()}})


def test_the_media_wheel_loses_its_gpl_libraries(media_wheel: Path, tmp_path: Path):
    """The functions are still found, and answer nothing; the wheel says by its version that it was changed."""
    own = without_gpl(media_wheel, tmp_path)
    assert own.name == "av-1.0+nogpl-cp311-abi3-manylinux_2_28_x86_64.whl"
    with zipfile.ZipFile(own) as wheel:
        wheel.extractall(tmp_path / "out")
    libraries = tmp_path / "out" / "av.libs"
    assert (libraries / "libx264-aa.so.165").stat().st_size < 20_000
    program = f"import ctypes; print(ctypes.CDLL('{libraries}/libavcodec-cc.so.62').ask())"
    environment = {**os.environ, "LD_LIBRARY_PATH": str(libraries)}
    done = subprocess.run(["python3", "-c", program], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == "0\n"
    info = tmp_path / "out" / "av-1.0+nogpl.dist-info"
    assert "\nVersion: 1.0+nogpl\n" in (info / "METADATA").read_text()
    listed = [line.split(",")[0] for line in (info / "RECORD").read_text().splitlines()]
    assert sorted(listed) == sorted(
        p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*") if p.is_file()
    )


def test_the_media_wheel_is_the_same_bytes_each_time(media_wheel: Path, tmp_path: Path):
    """What is changed is changed reproducibly."""
    first = without_gpl(media_wheel, tmp_path).read_bytes()
    assert without_gpl(media_wheel, tmp_path).read_bytes() == first


def test_a_media_wheel_that_is_built_otherwise_is_not_guessed_at(tmp_path: Path):
    """A new release of PyAV's with other libraries stops the bundle."""
    wheel = a_wheel(tmp_path, "av", {"av.libs/libx264-aa.so.165": b""})
    with pytest.raises(WheelUnknown):
        without_gpl(wheel, tmp_path)


@pytest.fixture
def collected(tmp_path: Path) -> Path:
    """A folder with wheels and packages, before it is sealed."""
    folder = tmp_path / "bundle"
    a_wheel(folder / "wheels", "Small_Thing", {}, licence="MIT OR Apache-2.0")
    a_wheel(folder / "wheels", "hangjegyzet", {})
    record = f"Package: age\nVersion: 1:1.1+b1\nArchitecture: amd64\nSHA256: {'ab' * 32}\n"
    fill(folder, {"debs/Packages": f"{record}\n".encode()})
    return folder


def test_every_wheel_is_required_by_its_hash(collected: Path):
    """pip takes these files and no others."""
    lines = requirements(collected / "wheels").splitlines()
    assert [line.split(" ")[0] for line in lines] == ["hangjegyzet==1.0", "small-thing==1.0"]
    assert all(re.search(r" --hash=sha256:[0-9a-f]{64}$", line) for line in lines)


def test_the_list_of_software_follows_the_standard(collected: Path):
    """CycloneDX's own schema accepts it, and it names packages, browser code and what wheels bring along."""
    write_sbom(collected, source=ROOT, version="1.0", commit="0" * 40, built_at="2026-11-23T04:30:00Z")
    text = (collected / "sbom.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    purls = {component["purl"] for component in json.loads(text)["components"]}
    assert "pkg:pypi/small-thing@1.0" in purls
    assert "pkg:deb/debian/age@1%3A1.1%2Bb1?arch=amd64&distro=debian-12" in purls
    assert any(purl.startswith("pkg:npm/htmx.org@") for purl in purls)
    assert "pkg:generic/ffmpeg?in=av" in purls
    assert not any("axe-core" in purl for purl in purls)


def test_the_same_content_has_the_same_list(collected: Path):
    """No time of making and no random number."""
    texts = []
    for _ in range(2):
        write_sbom(collected, source=ROOT, version="1.0", commit="0" * 40, built_at="2026-11-23T04:30:00Z")
        texts.append((collected / "sbom.cdx.json").read_text())
    assert texts[0] == texts[1]


def test_setup_and_bundle_keep_the_language_engine_in_one_place():
    """The wheel that setup built is the one that is shipped."""
    flags = "".join(f"{name}={value}\n" for name, value in engine_flags(cuda=False).items()).rstrip("\n")
    command = ["bash", "-c", 'sha256sum <<<"$1" | cut -c1-12', "bash", flags]
    digest = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert cached_engine().name.endswith(f"-{digest}")
    assert cached_engine(cuda=True) != cached_engine()


def test_half_a_cuda_toolkit_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A compiler without cuBLAS would fail after half an hour."""
    fill(tmp_path, {"bin/nvcc": b"#!/bin/sh\n"})
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(ToolkitMissing, match="nvcc"):
        require_toolkit(tmp_path)
    (tmp_path / "bin" / "nvcc").chmod(0o755)
    with pytest.raises(ToolkitMissing, match="cuBLAS"):
        require_toolkit(tmp_path)
    fill(tmp_path, {"include/cublas_v2.h": b""})
    require_toolkit(tmp_path)


@pytest.mark.parametrize(
    ("version", "oldest"), [("0.1.0", "0.1.0"), ("0.2.3", "0.1.0"), ("1.5.0", "1.3.0"), ("2.0.0", "2.0.0")]
)
def test_a_release_follows_two_minor_versions(version: str, oldest: str):
    """Unless it is told otherwise, as across a major version."""
    assert str(oldest_predecessor(Version.parse(version))) == oldest


def test_the_project_says_version_and_schema():
    """Both are read from the sources that are built."""
    assert version_of(ROOT) >= Version(0, 1, 0)
    found = schema_of(ROOT)
    assert found.oldest == "0001" < found.newest


def test_a_sealed_folder_reads_back_by_its_archive(tmp_path: Path):
    """What is written here is what the appliance reads."""
    fill(tmp_path / "files", FILES)
    (path,) = archive(tmp_path / "files", tmp_path / "b.tar")
    with open_contents(path) as contents:
        assert {name: contents.open(name).read() for name in contents.sizes()} == FILES
