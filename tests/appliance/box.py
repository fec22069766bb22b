"""A machine for tests: a Debian made from scratch, booted with real systemd in a container without any network.

``mmdebstrap`` makes the root once and keeps it in the cache; each box writes into a layer of its own over it.
``systemd-nspawn`` boots it without a container manager. Inside there is only a loopback interface: no route leads out,
so a file that an installation would have fetched is missed here and nowhere else.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "hangjegyzet" / "boxes"
BARE = ("systemd-sysv", "dbus", "ca-certificates", "openssl", "iproute2", "procps", "less")
"""What Debian's installer leaves behind, as far as it matters: no Python, no PostgreSQL, no firewall."""
CGROUPS = ("unified", "systemd")
SECOND_DISK = "backups"
BOOT_LIMIT_S = 60.0
STOP_LIMIT_S = 60.0
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def missing_means() -> str:
    """Why no box can be made here; empty when it can."""
    if os.geteuid() != 0:
        return "booting a box needs root"
    programs = [program for program in ("mmdebstrap", "systemd-nspawn", "nsenter") if shutil.which(program) is None]
    if programs:
        return f"not installed: {', '.join(programs)}"
    tried = subprocess.run(
        ["unshare", "--mount", "--pid", "--net", "--fork", "true"], capture_output=True, text=True, check=False
    )
    return f"this machine lets nobody make namespaces: {tried.stderr.strip()}" if tried.returncode != 0 else ""


def bare_root(suite: str = "bookworm") -> Path:
    """The root of a machine that was just installed, made once from this machine's own package sources."""
    packages = ",".join(BARE)
    root = CACHE / f"{suite}-{hashlib.sha256(packages.encode()).hexdigest()[:12]}"
    if not root.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        partial = root.with_suffix(f".{os.getpid()}")
        command = ["mmdebstrap", "--variant=minbase", f"--include={packages}", suite, str(partial)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)
        partial.rename(root)
    return root


class BoxFailed(AssertionError):
    """A command in the box failed; says what it printed."""


class Box:
    """One machine.

    Args:
        name: unique on this host.
        root: its file system; made by ``Box.new``, and gone with ``destroy`` or at the end of a ``with`` block.
        media: host folders that it sees read-only, by their path inside: a stick in its socket.

    A folder beside ``root`` is its second disk, for backups; a folder of that name beside ``base`` is what it holds.
    """

    def __init__(self, name: str, root: Path, *, media: Mapping[str, Path] | None = None) -> None:
        self.name = name
        self.root = root
        self.backups = root.with_name(f"{name}.layer") / SECOND_DISK
        self._media = dict(media or {})
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._leader = 0

    @classmethod
    def new(cls, name: str, folder: Path, *, base: Path | None = None, media: Mapping[str, Path] | None = None) -> Self:
        """A machine that is switched off; its disk is ``folder/name``.

        Args:
            name: unique on this host, and its host name.
            folder: where its disk lies; on a file system that can be the upper layer of another.
            base: the disk it starts with, which stays as it is; unset is a Debian that was just installed.
            media: as for the class.
        """
        root, layer = folder / name, folder / f"{name}.layer"
        for path in (root, layer / "upper", layer / "work"):
            path.mkdir(parents=True, exist_ok=True)
        layers = f"lowerdir={base or bare_root()},upperdir={layer / 'upper'},workdir={layer / 'work'}"
        subprocess.run(["mount", "-t", "overlay", name, "-o", layers, str(root)], check=True)
        if base is not None and (base.parent / SECOND_DISK).is_dir():
            subprocess.run(["cp", "--archive", str(base.parent / SECOND_DISK), str(layer)], check=True)
        (layer / SECOND_DISK).mkdir(exist_ok=True)
        (root / "etc/hostname").write_text(f"{name}\n")
        (root / "etc/machine-id").write_text("")
        return cls(name, root, media=media)

    def __enter__(self) -> Self:
        self.boot()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.destroy()

    @property
    def is_on(self) -> bool:
        """Whether it runs."""
        return self._nspawn is not None and self._nspawn.poll() is None

    @property
    def leader(self) -> int:
        """Process id, on the host, of the box's init: the way into its namespaces."""
        return self._leader

    def boot(self, *, limit_s: float = BOOT_LIMIT_S) -> None:
        """Switch it on; returns when systemd has started everything."""
        folders = [folder for name in CGROUPS if (folder := Path("/sys/fs/cgroup") / name).is_dir()]
        own = " && ".join(
            f"mkdir -p {folder}/{self.name} && echo $$ >{folder}/{self.name}/cgroup.procs" for folder in folders
        )
        command = [
            "systemd-nspawn", f"--directory={self.root}", f"--machine={self.name}", "--register=no", "--keep-unit",
            *self.network_options(), "--resolv-conf=off", "--timezone=off", "--console=pipe",
            "--kill-signal=SIGRTMIN+3", "--boot", "--system-call-filter=bpf",
            "--capability=CAP_BPF,CAP_NET_ADMIN,CAP_PERFMON",
            f"--bind={self.backups}:/var/backups/hangjegyzet",
            *(f"--bind-ro={outside}:{inside}" for inside, outside in self._media.items()),
        ]  # fmt: skip
        # Each box in a control group of its own, else they share one and the second cannot boot.
        script = f'{own or "true"} && exec "$@"'
        self._nspawn = subprocess.Popen(
            ["bash", "-c", script, "boot", *command],
            env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._await_boot(self._nspawn, limit_s)

    def network_options(self) -> Sequence[str]:
        """What it is connected to: nothing, unless another kind of box says otherwise; asked at every boot."""
        return ("--private-network",)

    def run(
        self, *command: str | Path, check: bool = True, timeout_s: float = 300.0, given: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside as root.

        Raises:
            BoxFailed: it ended with another code than 0, unless ``check`` is false.
        """
        inside = ("env", "-i", f"PATH={PATH}", "HOME=/root", "LANG=C.UTF-8", *map(str, command))
        done = subprocess.run(
            [*self._enter("-m", "-u", "-i", "-n", "-p", "-C"), *inside],
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
            input=given or "",
        )
        if check and done.returncode != 0:
            told = "\n".join(part[-4000:] for part in (done.stdout, done.stderr) if part)
            raise BoxFailed(f"{' '.join(map(str, command))} → {done.returncode}\n{told}")
        return done

    def in_its_network(self, *command: str | Path) -> Sequence[str]:
        """The command line that runs a program of the host in the box's network: a browser on the same wire."""
        return [*self._enter("-n"), *map(str, command)]

    def journal(self, unit: str = "hangjegyzet*") -> str:
        """What the units said."""
        return self.run("journalctl", "--no-pager", "--output=cat", f"--unit={unit}").stdout

    def power_off(self) -> None:
        """Shut it down as a person would."""
        os.kill(self._leader, signal.SIGRTMIN + 3)
        self._await_end()

    def power_cut(self) -> None:
        """Pull the plug: nothing inside gets to say a last word."""
        os.kill(self._leader, signal.SIGKILL)
        self._await_end()

    def destroy(self) -> None:
        """Lose the machine and its disk."""
        if self.is_on:
            self.power_cut()
        subprocess.run(["umount", str(self.root)], check=False, stderr=subprocess.DEVNULL)
        if not self.root.is_mount():
            for path in (self.root, self.root.with_name(f"{self.name}.layer")):
                shutil.rmtree(path, ignore_errors=True)

    def _enter(self, *namespaces: str) -> tuple[str, ...]:
        return ("nsenter", "--target", str(self._leader), *namespaces)

    def _await_boot(self, nspawn: subprocess.Popen[bytes], limit_s: float) -> None:
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            if nspawn.poll() is not None:
                raise BoxFailed(f"{self.name} did not boot: systemd-nspawn ended with {nspawn.returncode}")
            if (leader := _first_child(nspawn.pid)) is not None:
                self._leader = leader
                state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
                if state in {"running", "degraded"}:
                    return
            time.sleep(0.1)
        raise BoxFailed(f"{self.name} did not boot within {limit_s:.0f} s")

    def _await_end(self) -> None:
        if self._nspawn is not None:
            try:
                self._nspawn.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                os.killpg(self._nspawn.pid, signal.SIGKILL)
                self._nspawn.wait()
        self._nspawn = None


def _first_child(pid: int) -> int | None:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(children[0]) if children else None
