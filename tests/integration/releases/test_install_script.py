"""install.sh, which has openssl and sha256sum alone, and the appliance judge the same bundles the same way."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.kernel.errors import HangJegyzetError
from appliance.releases.contents import open_contents
from appliance.releases.model import Purpose, Target
from appliance.releases.sums import SUMS_NAME
from appliance.releases.verification import verify_bundle
from images.bundle.sealing import hash_files
from tests.factories.bundles import FILES, Maker

SCRIPT = Path(__file__).parents[3] / "images" / "bundle" / "install.sh"
MAKER = Maker(not_before=datetime.now(UTC) - timedelta(days=1), days=2)

pytestmark = pytest.mark.skipif(shutil.which("dpkg") is None, reason="install.sh is for Debian")


def this_machine() -> Target:
    """What the script sees here, so that it finds the bundle to be for this machine."""
    release = dict(
        line.replace('"', "").split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line
    )
    arch = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()
    return Target(os=release["ID"], os_version=release["VERSION_ID"], arch=arch, python="3.11")


def a_bundle_for_here(folder: Path, maker: Maker = MAKER) -> Path:
    bundle = maker.bundle(folder, files={**FILES, "install.sh": SCRIPT.read_bytes()})
    manifest = (bundle / "manifest.json").read_text()
    for name, value in (("os", "debian"), ("os_version", "12"), ("arch", "amd64")):
        manifest = manifest.replace(f'"{name}": "{value}"', f'"{name}": "{getattr(this_machine(), name)}"')
    (bundle / "manifest.json").write_text(manifest)
    sign_again(bundle, maker)
    return bundle


def sign_again(bundle: Path, maker: Maker = MAKER) -> None:
    """As somebody who holds the release key could."""
    maker.sign(bundle, {path: sha256 for path, sha256 in hash_files(bundle).items() if not path.startswith(SUMS_NAME)})


def ask_script(bundle: Path, *, trust: str | None = None, language: str = "en") -> subprocess.CompletedProcess[str]:
    # The script of the sources, pointed at the bundle: the one inside may be the very thing that was spoiled.
    program = bundle.parent / "script.sh"
    own_folder = 'SOURCE=$(dirname "$(readlink -f "$0")")'
    assert own_folder in SCRIPT.read_text()
    program.write_text(SCRIPT.read_text().replace(own_folder, f"SOURCE={bundle}"))
    command = ["bash", str(program), "--verify-only", "--trust", trust or MAKER.trust.fingerprint]
    environment = {**os.environ, "HANGJEGYZET_LANG": language}
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, check=False, stdin=subprocess.DEVNULL
    )


def refused_by_appliance(bundle: Path) -> bool:
    try:
        with open_contents(bundle) as contents:
            verify_bundle(contents, trust=MAKER.trust, now=datetime.now(UTC))
    except HangJegyzetError:
        return True
    return False


def test_a_whole_bundle_passes(tmp_path: Path):
    """On a bare machine, with the fingerprint from the printed sheet."""
    bundle = a_bundle_for_here(tmp_path / "bundle")
    verdict = ask_script(bundle)
    assert verdict.returncode == 0, verdict.stderr
    assert "0.2.0, number 7" in verdict.stderr
    assert not refused_by_appliance(bundle)


def change(path: str, data: bytes) -> Callable[[Path], None]:
    def spoil(bundle: Path) -> None:
        (bundle / path).parent.mkdir(exist_ok=True)
        (bundle / path).write_bytes(data)

    return spoil


def remove(path: str) -> Callable[[Path], None]:
    return lambda bundle: (bundle / path).unlink()


def copy(source: str, target: str) -> Callable[[Path], None]:
    def spoil(bundle: Path) -> None:
        shutil.copy(bundle / source, bundle / target)

    return spoil


def link(bundle: Path) -> None:
    (bundle / "LICENSE").unlink()
    (bundle / "LICENSE").symlink_to("/etc/hostname")


def edit(path: str, old: str, new: str, *, sign: bool = False) -> Callable[[Path], None]:
    def spoil(bundle: Path) -> None:
        text = (bundle / path).read_text()
        assert old in text
        (bundle / path).write_text(text.replace(old, new))
        if sign:
            sign_again(bundle)

    return spoil


def list_twice(bundle: Path) -> None:
    """A list of checksums that its maker signed and that names a file twice."""
    sums = bundle / SUMS_NAME
    first = sums.read_bytes().splitlines(keepends=True)[0]
    sums.write_bytes(first + sums.read_bytes())
    (bundle / "SHA256SUMS.sig").write_bytes(MAKER.release.sign(sums.read_bytes()))


def list_outside(bundle: Path) -> None:
    """A list of checksums that its maker signed and that leads out of the bundle."""
    sums = bundle / SUMS_NAME
    sums.write_bytes(sums.read_bytes() + b"0" * 64 + b"  ../outside\n")
    (bundle / "SHA256SUMS.sig").write_bytes(MAKER.release.sign(sums.read_bytes()))


SPOILED: dict[str, Callable[[Path], None]] = {
    "a changed package": change("debs/nftables_1.0.6-2%2bdeb12u2_amd64.deb", b"!<arch>\nelse"),
    "a changed script": change("install.sh", b"#!/bin/sh\n"),
    "a file too many": change("debs/more.deb", b"!<arch>\n"),
    "a file too few": remove("docs/empty.md"),
    "a hidden file": change("docs/.hidden", b""),
    "a name with a blank": change("docs/a b", b""),
    "a name with a line break": change("docs/a\nb", b""),
    "a link": link,
    "a pipe": lambda bundle: os.mkfifo(bundle / "pipe"),
    "no signature": remove("SHA256SUMS.sig"),
    "an empty signature": change("SHA256SUMS.sig", b""),
    "a list changed after signing": edit(SUMS_NAME, "  LICENSE", "  LICENCE"),
    "a list with a file twice": list_twice,
    "a list that leads out": list_outside,
    "no statement": remove("keys/release.json"),
    "a longer life": edit("keys/release.json", '"not_after": "20', '"not_after": "21'),
    "one root signature": remove("keys/release.json.root-1.sig"),
    "one root signature twice": copy("keys/release.json.root-1.sig", "keys/release.json.root-3.sig"),
    "another release key": change("keys/release.pem", Maker().release_pem),
    "a second key in the file": change("keys/release.pem", MAKER.release_pem + Maker().release_pem),
    "revocations that nobody signed": change("keys/revoked.json", b"{}\n"),
    "another format": edit("manifest.json", '"format": 1', '"format": 2', sign=True),
    "another product": edit("manifest.json", '"product": "hangjegyzet"', '"product": "else"', sign=True),
    "a version that is a path": edit("manifest.json", '"version": "0.2.0"', '"version": "../../etc"', sign=True),
    "a number that is none": edit("manifest.json", '"release_seq": 7', '"release_seq": "a[$(reboot)]"', sign=True),
}


@pytest.mark.parametrize("kind", SPOILED)
def test_both_refuse_a_spoiled_bundle(tmp_path: Path, kind: str):
    """Whatever was done to it, neither the script nor the appliance takes it, and the script says why."""
    bundle = a_bundle_for_here(tmp_path / "bundle")
    SPOILED[kind](bundle)
    verdict = ask_script(bundle)
    assert verdict.returncode in (3, 6), verdict.stderr
    assert "STOPPED" in verdict.stderr
    assert refused_by_appliance(bundle)


MAKERS = {
    "an expired key": replace(MAKER, not_before=datetime(2020, 1, 1, tzinfo=UTC)),
    "a key of tomorrow": replace(MAKER, not_before=datetime.now(UTC) + timedelta(days=1)),
    "a key for models": replace(MAKER, purposes=(Purpose.MODELS,)),
    "one custodian": replace(MAKER, root_signatures=(2,)),
    "a revoked key": MAKER.revoking(MAKER),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_both_refuse_what_the_wrong_key_signed(tmp_path: Path, kind: str):
    """Time, purpose, custodians and revocations count for both."""
    bundle = a_bundle_for_here(tmp_path / "bundle", MAKERS[kind])
    verdict = ask_script(bundle)
    assert verdict.returncode == 3, verdict.stderr
    assert refused_by_appliance(bundle)


def test_a_release_for_another_system_is_refused(tmp_path: Path):
    """The manifest says for which system it is."""
    bundle = a_bundle_for_here(tmp_path / "bundle")
    edit("manifest.json", f'"os": "{this_machine().os}"', '"os": "beos"', sign=True)(bundle)
    verdict = ask_script(bundle)
    assert verdict.returncode == 3
    assert "not made for this machine" in verdict.stderr


def test_another_fingerprint_is_refused(tmp_path: Path):
    """The root keys of the bundle are not those of the printed sheet."""
    verdict = ask_script(a_bundle_for_here(tmp_path / "bundle"), trust="0" * 64)
    assert verdict.returncode == 3
    assert MAKER.trust.fingerprint in verdict.stderr


def test_nobody_there_to_ask_is_no_yes(tmp_path: Path):
    """Without a terminal and without a fingerprint nothing is trusted."""
    bundle = a_bundle_for_here(tmp_path / "bundle")
    command = ["bash", str(bundle / "install.sh"), "--verify-only"]
    verdict = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert verdict.returncode == 3
    assert "root-3" in verdict.stderr


def test_it_speaks_hungarian(tmp_path: Path):
    """To whoever's machine does."""
    bundle = a_bundle_for_here(tmp_path / "bundle")
    (bundle / "LICENSE").write_bytes(b"else")
    assert "MEGÁLLT" in ask_script(bundle, language="hu_HU.UTF-8").stderr


@pytest.mark.parametrize("arguments", [["--else"], ["--trust"], ["--trust", "12"]])
def test_a_wrong_call_changes_nothing(arguments: list[str]):
    """Unknown words and fingerprints that are none are told at once."""
    done = subprocess.run(["bash", str(SCRIPT), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode in (1, 2)
    assert done.stdout == ""


def test_help_tells_what_it_does():
    """Without root, without a bundle."""
    done = subprocess.run(["bash", str(SCRIPT), "--help"], capture_output=True, text=True, check=True)
    assert "--verify-only" in done.stdout
    assert "Exit codes" in done.stdout


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_shellcheck_finds_nothing():
    """The script that runs before anything is trusted is as plain as can be."""
    done = subprocess.run(["shellcheck", str(SCRIPT)], capture_output=True, text=True, check=False)
    assert done.stdout == ""
