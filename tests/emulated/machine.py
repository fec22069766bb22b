"""A machine that is emulated down to its processor: firmware, boot menu, kernel, disks and a TPM; no way out.

QEMU without acceleration, so that it runs wherever the tests do: about eleven times slower than the host. What the
machine writes to its serial port is all that is seen of it, as on a console server.
"""

import base64
import contextlib
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

FIRMWARE = Path("/usr/share/OVMF")
MEMORY_MB = 4096
POLL_S = 0.2
STOP_LIMIT_S = 20.0
SETTLING_S = 5.0
_CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
"""What moves and colours on a terminal."""


def missing_programs() -> str:
    """Why nothing can be emulated here; empty when it can."""
    programs = [name for name in ("qemu-system-x86_64", "qemu-img", "systemd-repart") if shutil.which(name) is None]
    if not (FIRMWARE / "OVMF_CODE_4M.fd").is_file():
        programs.append("ovmf")
    return f"not installed: {', '.join(programs)}" if programs else ""


class NotSeen(AssertionError):
    """The machine did not say what was waited for; says what it said last."""


class Emulated:
    """One machine.

    Args:
        folder: where its firmware's settings, its TPM's state and the record of its console lie.
        disks: image files, in their order; each is written to.
        medium: an ISO in its drive, read-only.
        answers: prepared answers, handed over by the (virtual) maker of the mainboard.
        tpm: whether it has one; its state outlives the machine.
        secure_boot: whether the firmware starts only what Microsoft's keys signed, as machines come from the shop.
    """

    def __init__(
        self,
        folder: Path,
        *,
        disks: Sequence[Path],
        medium: Path | None = None,
        answers: Mapping[str, str] | None = None,
        tpm: bool = False,
        secure_boot: bool = False,
        memory_mb: int = MEMORY_MB,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.console = folder / "console"
        self._folder = folder
        self._disks = disks
        self._medium = medium
        self._answers = answers
        self._tpm_wanted = tpm
        self._secure_boot = secure_boot
        self._memory_mb = memory_mb
        self._qemu: subprocess.Popen[bytes] | None = None
        self._tpm: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._seen = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.power_cut()

    @property
    def is_on(self) -> bool:
        """Whether it runs."""
        return self._qemu is not None and self._qemu.poll() is None

    def start(self) -> None:
        """Switch it on; returns at once."""
        flavour = ".ms" if self._secure_boot else ""
        settings = self._folder / "firmware"
        if not settings.exists():
            shutil.copyfile(FIRMWARE / f"OVMF_VARS_4M{flavour}.fd", settings)
        self.console.touch()
        self._seen = self.console.stat().st_size
        line = self._folder / "serial"
        line.unlink(missing_ok=True)
        command = [
            "qemu-system-x86_64", "-nodefaults", "-machine", "q35,smm=on", "-accel", "tcg,thread=multi",
            "-cpu", "max,-la57", "-smp", "2", "-m", str(self._memory_mb), "-display", "none",
            "-nic", "user,restrict=on,model=virtio-net-pci",
            "-global", "driver=cfi.pflash01,property=secure,value=on" if self._secure_boot else "ICH9-LPC.disable_s3=1",
            "-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={FIRMWARE / f'OVMF_CODE_4M{flavour}.fd'}",
            "-drive", f"if=pflash,unit=1,format=raw,file={settings}",
            "-chardev", f"socket,id=line,path={line},server=on,wait=off,logfile={self.console},logappend=on",
            "-serial", "chardev:line", "-device", "virtio-rng-pci",
        ]  # fmt: skip
        for disk in self._disks:
            form = "qcow2" if disk.suffix == ".qcow2" else "raw"
            command += ["-drive", f"if=virtio,format={form},discard=unmap,file={disk}"]
        if self._medium is not None:
            command += ["-drive", f"if=none,id=medium,media=cdrom,readonly=on,format=raw,file={self._medium}"]
            command += ["-device", "ide-cd,drive=medium"]
        if self._answers is not None:
            text = base64.b64encode("".join(f"{k}={v}\n" for k, v in self._answers.items()).encode()).decode()
            command += ["-smbios", f"type=11,value=io.systemd.credential.binary:hangjegyzet.answers={text}"]
        if self._tpm_wanted:
            command += self._start_tpm()
        with (self._folder / "qemu.log").open("ab") as log:
            self._qemu = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._line = _connected(line, self._qemu)

    def read_until(self, pattern: str, *, timeout_s: float) -> re.Match[str]:
        """Wait until the console says something; what was said before the last match is not looked at again.

        Raises:
            NotSeen: it did not within the time, or the machine ended first.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            ended = not self.is_on
            self._drain()
            said = self.console.read_bytes()[self._seen :].decode(errors="replace")
            if found := re.search(pattern, said):
                self._seen += len(said[: found.end()].encode())
                return found
            if ended or time.monotonic() > deadline:
                raise NotSeen(f"{pattern!r} was not seen ({'off' if ended else 'on'}); last:\n{said[-3000:]}")
            time.sleep(POLL_S)

    def type(self, text: str) -> None:
        """Press keys at the console."""
        assert self._line is not None
        self._line.sendall(text.encode())

    def sign_in(self, password: str, *, timeout_s: float) -> None:
        """Become root at the console."""
        self.read_until(r"login: ", timeout_s=timeout_s)
        self.type("root\r")
        self.read_until(r"Password: ", timeout_s=timeout_s)
        # What is typed before the prompt has settled is thrown away by it.
        time.sleep(SETTLING_S)
        self.type(f"{password}\r")
        self.read_until(r"[#\$] ", timeout_s=timeout_s)
        self.type("stty -echo cols 200; bind 'set enable-bracketed-paste off'; PS1=; echo ready-$((40+2))\r")
        self.read_until("ready-42", timeout_s=timeout_s)

    def run(self, command: str, *, timeout_s: float = 120.0) -> str:
        """What a command says, typed at the console after ``sign_in``."""
        mark = f"ran{time.monotonic_ns()}"
        self.type(f"{command}; echo {mark[:3]}''{mark[3:]}-$?\r")
        before = self._seen
        found = self.read_until(rf"{mark}-(\d+)", timeout_s=timeout_s)
        said = self.console.read_bytes()[before : self._seen].decode(errors="replace")
        assert found[1] == "0", f"{command} → {found[1]}\n{said[-3000:]}"
        return _CONTROLS.sub("", said.rpartition(mark)[0]).strip()

    def await_end(self, *, timeout_s: float) -> None:
        """Wait until it switched itself off."""
        assert self._qemu is not None
        self._qemu.wait(timeout_s)
        self.power_cut()

    def power_cut(self) -> None:
        """Pull the plug."""
        for process in (self._qemu, self._tpm):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait(STOP_LIMIT_S)
        if self._line is not None:
            self._line.close()
        self._qemu = self._tpm = self._line = None

    def _drain(self) -> None:
        """Take what the line holds, which is in the record too, so that the machine never waits for a reader."""
        if self._line is not None:
            with contextlib.suppress(BlockingIOError, ConnectionError):
                while self._line.recv(65536, socket.MSG_DONTWAIT):
                    pass

    def _start_tpm(self) -> list[str]:
        state, line = self._folder / "tpm", self._folder / "tpm.socket"
        state.mkdir(exist_ok=True)
        line.unlink(missing_ok=True)
        self._tpm = subprocess.Popen(
            ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}", "--ctrl", f"type=unixio,path={line}"],
            stdin=subprocess.DEVNULL,
        )
        while not line.exists():
            time.sleep(POLL_S)
        return [
            "-chardev",
            f"socket,id=tpm,path={line}",
            "-tpmdev",
            "emulator,id=tpm,chardev=tpm",
            "-device",
            "tpm-crb,tpmdev=tpm",
        ]


def hashed(password: str) -> str:
    """As the answers want it."""
    command = ["openssl", "passwd", "-6", "-stdin"]
    return subprocess.run(command, input=password, capture_output=True, text=True, check=True).stdout.strip()


def overlay(base: Path, target: Path) -> Path:
    """A disk that begins as ``base``, a qcow2 that stays as it is."""
    subprocess.run(
        ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", str(base.resolve()), str(target)], check=True
    )
    return target


def empty_disk(target: Path, size_bytes: int) -> Path:
    """A disk with nothing on it."""
    with target.open("wb") as file:
        os.truncate(file.fileno(), size_bytes)
    return target


def _connected(line: Path, qemu: subprocess.Popen[bytes]) -> socket.socket:
    while True:
        assert qemu.poll() is None, f"QEMU ended with {qemu.returncode}"
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(line))
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            time.sleep(POLL_S)
        else:
            return connection
