"""Setting a machine up: says what is missing to somebody who may not install it, and does nothing twice."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TOOLS = ("apt-get", "bash", "cat", "chmod", "cut", "dirname", "env", "flock", "mkdir", "python3", "sed", "sha256sum")
NOBODY = 65534


@pytest.fixture
def open_folder(scratch):
    """A folder that an unprivileged user can enter and write, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(dir=scratch))
    folder.chmod(0o777)
    return folder


@pytest.fixture
def checkout(open_folder):
    """The files that setup reads."""
    shutil.copytree(ROOT / "images", open_folder / "images", ignore=lambda *_: ["packs", "sample", "build-web.sh"])
    for name in ("uv.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, open_folder)
    return open_folder


@pytest.fixture
def bare_path(open_folder):
    """A PATH that has what every image has, and no compiler."""
    folder = open_folder / "bin"
    folder.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool, path="/usr/bin:/bin")
        if found:
            (folder / tool).symlink_to(found)
    return folder


def set_up(
    checkout: Path, *arguments: str, path: Path | str, drop: bool = False, **environment: str
) -> subprocess.CompletedProcess[str]:
    as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if drop else []
    command = [*as_nobody, "/bin/bash", str(checkout / "images" / "setup.sh"), *arguments]
    environment = {"PATH": str(path), "HOME": str(checkout), **environment}
    if drop:
        command[0] = shutil.which("setpriv") or "setpriv"
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_somebody_without_the_right_to_install_is_told_what_to_install(checkout, bare_path):
    """Not root, and no compiler: one command to copy, and nothing half-done."""
    done = set_up(checkout, path=bare_path, drop=os.geteuid() == 0)
    assert done.returncode == 1
    assert "sudo apt-get install --yes" in done.stderr
    assert "g++ make" in done.stderr
    assert not (checkout / ".venv").exists()


def test_an_unknown_option_is_a_usage_error(checkout):
    """A misspelt option does not start an installation."""
    assert set_up(checkout, "--devv", path=os.environ["PATH"]).returncode == 2


def test_a_machine_that_is_set_up_is_left_alone(checkout):
    """With a fresh stamp only the quick looks at browser code and models remain: no package manager, no index."""
    python = checkout / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/bash\necho "$@" >>"$(dirname "$0")/calls"\n')
    python.chmod(0o755)
    inputs = [checkout / name for name in ("uv.lock", "pyproject.toml", "images/setup.sh")]
    wanted = hashlib.sha256(b"".join(path.read_bytes() for path in inputs)).hexdigest()
    (checkout / ".venv" / ".setup-stamp").write_text(f"{wanted} 1\n")
    done = set_up(checkout, "--dev", path=os.environ["PATH"])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (python.parent / "calls").read_text() == "-m images.packs.starter\n"


def test_a_changed_lock_file_is_noticed(checkout, bare_path):
    """The stamp of an older lock file does not count."""
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").write_text("#!/bin/bash\nexit 0\n")
    (checkout / ".venv" / "bin" / "python").chmod(0o755)
    (checkout / ".venv" / ".setup-stamp").write_text("0123456789abcdef 1\n")
    assert "g++" in set_up(checkout, path=bare_path, drop=os.geteuid() == 0).stderr


DEBIAN_12 = 'ID=debian\nVERSION_ID="12"\n'
UBUNTU_22 = 'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="22.04"\n'
UBUNTU_24 = 'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\n'
OLD_PYTHON = """#!/bin/bash
# Python 3.10: has what makes an environment, and is refused where a newer one is asked for.
[[ $2 != *"(3, 11)"* ]]
"""
NO_PYTHON = "#!/bin/bash\nexit 1\n"
FOR_TESTS = "strace shellcheck pgbackrest age rclone openssh-server"
"""What every distribution's tests take."""


@pytest.mark.parametrize(
    ("os_release", "python", "options", "wanted"),
    [
        (DEBIAN_12, None, (), "g++ make"),
        (DEBIAN_12, None, ("--dev",), f"g++ make chromium {FOR_TESTS} postgresql"),
        (
            DEBIAN_12,
            None,
            ("--boxes",),
            f"g++ make chromium {FOR_TESTS} postgresql mmdebstrap systemd-container",
        ),
        (DEBIAN_12, NO_PYTHON, (), "python3 python3-venv g++ make"),
        (UBUNTU_24, None, (), "g++ make"),
        (UBUNTU_24, None, ("--dev",), f"g++ make {FOR_TESTS} postgresql"),
        (UBUNTU_24, NO_PYTHON, (), "python3 python3-venv g++ make"),
        (UBUNTU_22, NO_PYTHON, (), "python3 python3-venv g++ make"),
        (UBUNTU_22, OLD_PYTHON, (), "g++ make"),
        (UBUNTU_22, OLD_PYTHON, ("--dev",), f"g++ make {FOR_TESTS}"),
    ],
    ids=lambda value: value.replace("\n", " ")[:24] if isinstance(value, str) else None,
)
def test_each_distribution_is_asked_for_what_it_has(checkout, bare_path, os_release, python, options, wanted):
    """Ubuntu has no Chromium for an image, and 22.04 neither a new enough PostgreSQL nor a new enough Python."""
    (checkout / "os-release").write_text(os_release)
    if python is not None:
        (bare_path / "python3").unlink()
        (bare_path / "python3").write_text(python)
        (bare_path / "python3").chmod(0o755)
    nothing = {"POSTGRES_PROGRAMS": str(checkout / "none*"), "SSH_SERVER": str(checkout / "none")}
    seams = {"OS_RELEASE": str(checkout / "os-release"), **nothing}
    done = set_up(checkout, *options, path=bare_path, drop=os.geteuid() == 0, **seams)
    assert done.returncode == 1
    assert done.stderr.rstrip().endswith(f"sudo apt-get install --yes {wanted}")


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
@pytest.mark.parametrize("script", sorted((ROOT / "images").glob("*.sh")), ids=lambda path: path.name)
def test_scripts_of_the_shell_are_sound(script):
    """What shellcheck warns of breaks on somebody's machine."""
    done = subprocess.run(["shellcheck", str(script)], capture_output=True, text=True, check=False)
    assert done.stdout == ""
