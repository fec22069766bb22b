"""The trial on two machines: Vagrant understands the file, and what it runs inside is sound and installs the bundle."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

VAGRANTFILE = Path(__file__).parents[3] / "Vagrantfile"
SCRIPTS = dict(
    re.findall(r"^(\w+) = <<~'SHELL'\n(.*?)^SHELL$", VAGRANTFILE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("vagrant") is None, reason="vagrant is not installed")
def test_vagrant_understands_it(tmp_path: Path) -> None:
    """`vagrant validate` accepts both machines; the folder of bundles need not be there yet."""
    (tmp_path / "bundles").mkdir()
    done = subprocess.run(
        ["vagrant", "validate", "--ignore-provider"],
        capture_output=True, text=True, check=False, cwd=VAGRANTFILE.parent,
        env={
            **os.environ, "HOME": str(tmp_path), "VAGRANT_HOME": str(tmp_path / "home"),
            "VAGRANT_CHECKPOINT_DISABLE": "1",
            "VAGRANT_DOTFILE_PATH": str(tmp_path / "dot"), "HANGJEGYZET_BUNDLE": str(tmp_path / "bundles"),
        },
    )  # fmt: skip
    assert "validated successfully" in done.stdout, done.stdout + done.stderr
    assert {"box", "worker"} <= set(re.findall(r"==> (\w+):", done.stdout))


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
@pytest.mark.parametrize("name", SCRIPTS)
def test_what_runs_inside_has_no_finding(name: str) -> None:
    """shellcheck, for each script that a machine is given."""
    script = re.sub(r"^  ", "", SCRIPTS[name], flags=re.MULTILINE)
    done = subprocess.run(
        ["shellcheck", "--shell=bash", "-"], input=script, capture_output=True, text=True, check=False
    )
    assert done.stdout == ""


def stick_with(folder: Path, *names: str) -> Path:
    """Bundles that note how their install.sh was called."""
    for name in names:
        inside = folder / "unpacked" / f"hangjegyzet-{name}"
        (inside / "keys").mkdir(parents=True)
        for number in (1, 2, 3):
            (inside / f"keys/root-{number}.pem").write_text(f"key {number}\n")
        (inside / "install.sh").write_text(
            f'#!/bin/sh\necho "$@" >{folder}/called; ls "$(dirname "$0")/.." >>{folder}/called\n'
        )
        (inside / "install.sh").chmod(0o755)
        archive = folder / f"hangjegyzet-{name}-debian12-amd64.tar"
        subprocess.run(["tar", "-cf", archive, "-C", inside.parent, inside.name], check=True)
    return folder


def provision(stick: Path, trust: str) -> subprocess.CompletedProcess[str]:
    """Run what both machines run first."""
    return subprocess.run(
        ["bash", "-c", SCRIPTS["INSTALL"], "install", stick, trust], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("trust", ["", "ab" * 32], ids=["of the bundle itself", "from the sheet"])
def test_a_machine_installs_the_one_bundle_with_its_packs(tmp_path: Path, trust: str) -> None:
    """install.sh is called with the fingerprint, beside the packs that it is to import."""
    stick = stick_with(tmp_path, "0.1.0")
    (stick / "hangjegyzet-models-whisper.tar").touch()
    done = provision(stick, trust)
    assert done.returncode == 0, done.stderr
    called, *beside = (stick / "called").read_text().splitlines()
    keys = subprocess.run(
        ["sha256sum"], input=b"key 1\nkey 2\nkey 3\n", capture_output=True, check=True
    ).stdout.decode()
    assert called == f"--trust {trust or keys.split()[0]} --same-disk"
    assert sorted(beside) == ["hangjegyzet-0.1.0", "hangjegyzet-models-whisper.tar"]


@pytest.mark.parametrize("bundles", [(), ("0.1.0", "0.2.0")], ids=["none", "two"])
def test_a_machine_does_not_guess_which_bundle(tmp_path: Path, bundles: tuple[str, ...]) -> None:
    """With none or several on the stick it says so and installs nothing."""
    done = provision(stick_with(tmp_path, *bundles), "")
    assert (done.returncode, f"found {len(bundles)}" in done.stderr) == (5, True)
    assert not (tmp_path / "called").exists()
