"""Which services have what loaded: real processes, and a ``/proc`` in a folder for what they cannot show here."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.adapters.upgrades import processes
from appliance.adapters.upgrades.processes import LinuxProcesses
from appliance.upgrades.errors import CommandFailed

MAPS = "7f0000000000-7f0000001000 {flags} 00000000 fe:00 123                        {path}\n"


def a_process(proc: Path, pid: int, unit: str, *paths: str, flags: str = "r-xp") -> None:
    """A process of a unit with these files loaded."""
    folder = proc / str(pid)
    folder.mkdir(parents=True)
    (folder / "cgroup").write_text(f"0::/system.slice/{unit}\n")
    (folder / "maps").write_text(
        "".join(MAPS.format(flags=flags, path=path) for path in paths)
        + "7ffe00000000-7ffe00001000 rw-p 00000000 00:00 0  [stack]\n"
    )


def a_package(root: Path, key: str, *paths: str) -> None:
    """What dpkg has listed of a package."""
    info = root / "var/lib/dpkg/info"
    info.mkdir(parents=True, exist_ok=True)
    (info / f"{key}.list").write_text("/.\n" + "".join(f"{path}\n" for path in paths))


@pytest.fixture
def looked_at(tmp_path: Path) -> LinuxProcesses:
    """A machine whose portal has zlib loaded, by the path that a merged system has."""
    proc, root = tmp_path / "proc", tmp_path / "root"
    a_package(root, "zlib1g:amd64", "/lib/x86_64-linux-gnu/libz.so.1.2.13")
    a_package(root, "less", "/usr/bin/less")
    a_process(proc, 1, "init.scope", "/usr/lib/systemd/systemd (deleted)")
    a_process(proc, 10, "hangjegyzet-web.service", "/usr/lib/x86_64-linux-gnu/libz.so.1.2.13", "/usr/bin/python3.11")
    a_process(proc, 11, "system-postgresql.slice/postgresql@15-main.service", "/usr/lib/postgresql/15/bin/postgres")
    a_process(proc, 12, "ssh.service", "/lib/x86_64-linux-gnu/libcrypto.so.3 (deleted)")
    a_process(proc, 13, "dbus.service", "/lib/x86_64-linux-gnu/libcrypto.so.3 (deleted)")
    a_process(proc, 14, "hangjegyzet-upgrade.service", "/lib/x86_64-linux-gnu/libcrypto.so.3 (deleted)")
    a_process(proc, 15, "cron.service", "/usr/share/data (deleted)", flags="r--p")
    a_process(proc, 16, "user.slice/session-3.scope", "/usr/bin/bash (deleted)")
    (proc / "17").mkdir()
    (proc / "self").mkdir()
    return LinuxProcesses(proc=proc, root=root)


def test_who_uses_a_package_is_seen_in_what_it_has_loaded(looked_at: LinuxProcesses) -> None:
    """Wherever the package believes that ``/lib`` is; what nobody has loaded touches nobody."""
    assert looked_at.users_of(["zlib1g", "less"]) == ["hangjegyzet-web.service"]
    assert looked_at.users_of(["less", "unheard-of"]) == []


def test_what_runs_on_with_replaced_files_is_stale(looked_at: LinuxProcesses) -> None:
    """The manager by its own name; not the driver, nor sessions of people, nor data that is merely read."""
    assert looked_at.stale() == ["systemd", "dbus.service", "ssh.service"]


def test_stale_services_start_again_and_some_are_left(
    looked_at: LinuxProcesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody's session is torn down; what should run and has stopped is started, unless it runs once."""
    told: list[tuple[str, ...]] = []

    def systemctl(*words: str, check: bool = True) -> str:
        told.append(words)
        state = {
            "postgresql@15-main.service": "Type=forking\nActiveState=failed",
            "a.service": "Type=oneshot\nActiveState=inactive",
        }
        return state.get(words[-1], "Type=simple\nActiveState=active")

    monkeypatch.setattr(processes, "systemctl", systemctl)
    renewed = looked_at.renew(["postgresql@15-main.service", "a.service", "hangjegyzet-web.service"])
    assert renewed.restarted == ["systemd", "ssh.service", "postgresql@15-main.service"]
    assert renewed.left == ["dbus.service"]
    assert [words for words in told if words[0] in {"restart", "start", "daemon-reexec"}] == [
        ("daemon-reexec",),
        ("restart", "ssh.service"),
        ("start", "postgresql@15-main.service"),
    ]


def test_a_service_that_does_not_start_is_an_error(looked_at: LinuxProcesses, monkeypatch: pytest.MonkeyPatch) -> None:
    """The updates go back for it."""

    def systemctl(*words: str, check: bool = True) -> str:
        if words == ("restart", "ssh.service"):
            raise CommandFailed(version="in use", command="systemctl restart", reason="ssh.service failed")
        return ""

    monkeypatch.setattr(processes, "systemctl", systemctl)
    with pytest.raises(CommandFailed, match=r"ssh\.service"):
        looked_at.renew([])


@pytest.fixture
def a_program() -> Iterator[Path]:
    """A program below ``/usr`` that may be replaced."""
    if os.geteuid() != 0:
        pytest.skip("putting a program below /usr needs root")
    program = Path("/usr/local/bin/hj-test-sleeper")
    shutil.copyfile("/bin/sleep", program)
    program.chmod(0o755)
    yield program
    program.unlink()


def test_the_kernel_tells_of_a_replaced_program(a_program: Path) -> None:
    """A real process whose program is exchanged as dpkg does it: by a new file over the old name."""
    with subprocess.Popen([a_program, "600"]) as running:
        try:
            maps = Path(f"/proc/{running.pid}")
            deadline = time.monotonic() + 20
            while str(a_program) not in set(processes._files_in(maps)) and time.monotonic() < deadline:
                time.sleep(0.01)
            assert str(a_program) in set(processes._files_in(maps))
            fresh = a_program.with_suffix(".dpkg-new")
            shutil.copyfile("/bin/sleep", fresh)
            fresh.replace(a_program)
            assert f"{a_program} (deleted)" in set(processes._files_in(maps))
        finally:
            running.kill()


@settings(max_examples=100, deadline=None)
@given(maps=st.binary(max_size=400), cgroup=st.binary(max_size=200))
def test_any_bytes_in_proc_are_passed_over(
    tmp_path_factory: pytest.TempPathFactory, maps: bytes, cgroup: bytes
) -> None:
    """Names of files and units are whatever somebody chose."""
    folder = tmp_path_factory.mktemp("proc") / "5"
    folder.mkdir()
    (folder / "maps").write_bytes(maps)
    (folder / "cgroup").write_bytes(cgroup)
    assert LinuxProcesses(proc=folder.parent).users_of(["less"]) == []
