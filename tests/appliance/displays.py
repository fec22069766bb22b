"""A person in front of a box: a terminal of the host's tmux, whose program runs inside; and a display for the box.

A box has no first display of its own, as no container has: ``attach_display`` gives it a pseudo-terminal by that name,
so that the units of the real one run on it unchanged.
"""

import subprocess
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from tests.appliance.box import PATH, Box

LIMIT_S = 180.0
PYTHON = "/opt/hangjegyzet/current/venv/bin/python"
DISPLAY = """
import errno, os, pty, select, sys, termios, time, fcntl, struct, tty
master, slave = pty.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", {rows}, {columns}, 0, 0))
name = os.ttyname(slave)
if os.path.lexists("/dev/tty1"): os.unlink("/dev/tty1")
os.symlink(name, "/dev/tty1")
tty.setraw(0)
while True:
    ready, _, _ = select.select([0, master], [], [], 1.0)
    if 0 in ready:
        os.write(master, os.read(0, 4096))
    if master in ready:
        try:
            os.write(1, os.read(master, 65536))
        except OSError as error:
            if error.errno != errno.EIO: raise
            time.sleep(0.05)
        try:
            fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", {rows}, {columns}, 0, 0))
        except OSError:
            pass
"""


class Terminal:
    """A terminal on the host's side, with a program of the box in it.

    Args:
        size: columns and rows.
        term: what the program is told the terminal is.
    """

    def __init__(self, box: Box, *command: str, size: tuple[int, int] = (80, 24), term: str = "linux") -> None:
        self._tmux = ("tmux", "-L", f"{box.name}-{time.monotonic_ns()}", "-f", "/dev/null")
        inside = ("env", "-i", f"PATH={PATH}", "HOME=/root", "LANG=C.UTF-8", f"TERM={term}", *command)
        entered = ("nsenter", "--target", str(box.leader), "-m", "-u", "-i", "-n", "-p", "-C", *inside)
        columns, rows = map(str, size)
        # What it showed last stays when it ends: a fault that ended it is read there.
        self._run(
            "new-session", "-d", "-x", columns, "-y", rows, *entered, ";", "set-option", "-w", "remain-on-exit", "on"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True)

    def press(self, *keys: str) -> None:
        """Press keys, by tmux's names: ``Enter``, ``F10``, ``a``."""
        for key in keys:
            self._run("send-keys", key)
            time.sleep(0.15)

    def type(self, text: str, *then: str) -> None:
        """Type a text as it is."""
        self._run("send-keys", "-l", text)
        time.sleep(0.3)
        self.press(*then)

    def text(self) -> str:
        """The screen as a person reads it."""
        return self._run("capture-pane", "-p")

    def coloured(self) -> str:
        """The same with its colours, as a terminal is told them."""
        return self._run("capture-pane", "-e", "-p")

    def wait_for(self, *words: str, limit_s: float = LIMIT_S) -> str:
        """The screen, once all of the words are on it."""
        return self.wait_until(lambda text: all(word in text for word in words), words, limit_s)

    def wait_until(self, holds: Callable[[str], bool], what: Sequence[str] = (), limit_s: float = LIMIT_S) -> str:
        """The screen, once that holds."""
        deadline = time.monotonic() + limit_s
        while True:
            text = self.text() + ("" if self.is_open else "\n(the program has ended)")
            if holds(text):
                return text
            assert time.monotonic() < deadline, f"{what} not on:\n{text}"
            time.sleep(0.2)

    @property
    def is_open(self) -> bool:
        """Whether its program still runs."""
        return self._run("display-message", "-p", "#{pane_dead}").strip() == "0"

    def _run(self, *command: str) -> str:
        return subprocess.run([*self._tmux, *command], check=True, capture_output=True, text=True).stdout


def attach_display(box: Box, *, size: tuple[int, int] = (80, 24)) -> Terminal:
    """Give the box a first display, and somebody in front of it."""
    columns, rows = size
    terminal = Terminal(box, PYTHON, "-c", DISPLAY.format(rows=rows, columns=columns), size=size)
    deadline = time.monotonic() + LIMIT_S
    while box.run("test", "-e", "/dev/tty1", check=False).returncode != 0:
        assert time.monotonic() < deadline, terminal.text()
        time.sleep(0.1)
    return terminal
