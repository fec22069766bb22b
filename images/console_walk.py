"""The console of an installed machine, looked at for the operator's manual: what stands on the display, a backup, its
rehearsed restore, what another restore would cost, and what lies on a stick.

Every picture is a real screen of a real machine, taken when what it shows has happened.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.terminal_theme import TerminalTheme

from tests.appliance.box import Box
from tests.appliance.displays import Terminal, attach_display

GROUND, INK = (18, 22, 27), (211, 218, 225)
"""Of the console's calm palette."""
_DARK = [(0, 0, 0), (170, 0, 0), (0, 170, 0), (170, 85, 0), (0, 0, 170), (170, 0, 170), (0, 170, 170), (170, 170, 170)]
_LIGHT = [(85, 85, 85), (255, 85, 85), (85, 255, 85), (255, 255, 85), (85, 85, 255), (255, 85, 255), (85, 255, 255),
          (255, 255, 255)]  # fmt: skip
CALM = TerminalTheme(GROUND, INK, _DARK, _LIGHT)
LINUX = TerminalTheme((0, 0, 0), (170, 170, 170), _DARK, _LIGHT)
"""The sixteen colours of a Linux console, and no others."""
SIZE = (100, 30)
DISPLAY = (80, 24)
WORK_S = 900.0
"""For a backup or a drill."""


@dataclass(frozen=True, slots=True)
class Snap:
    """One screen, with its colours as a terminal is told them."""

    picture: str
    title: str
    screen: str
    columns: int
    theme: TerminalTheme


def photograph(box: Box) -> Iterator[Snap]:
    """The screens, in the order in which somebody meets them.

    Raises:
        AssertionError: what a picture would show did not happen.
    """
    with attach_display(box, size=DISPLAY) as display:
        box.run("hangjegyzet", "health", "--quick", "--keep", check=False)
        box.run("systemctl", "restart", "hangjegyzet-vitals.service", "hangjegyzet-console.service")
        display.wait_for("Ujjlenyomat")
        display.press("F2")
        display.wait_for("Fingerprint", "Memory", "Up since")
        yield Snap("walk-board", "The machine's own display", display.coloured(), DISPLAY[0], LINUX)
    with _console(box) as screen:
        screen.wait_for("Fingerprint", "Memory")
        yield _snap(screen, "walk-overview", "hangjegyzet console")
        screen.press("7")
        screen.wait_for("No backup yet")
        screen.press("b")
        screen.wait_for("exit code 0", limit_s=WORK_S)
        yield _snap(screen, "walk-backup", "7, B: the first backup")
        screen.press("Escape", "d")
        screen.wait_for("hangjegyzet drill run", "exit code 0", limit_s=WORK_S)
        yield _snap(screen, "walk-drill", "7, D: its rehearsed restore")
        screen.press("Escape")
        screen.wait_for("Proven")
        screen.press("r")
        screen.wait_for("What it goes back to")
        screen.press("Enter")
        screen.wait_for("Lost", "on trial")
        yield _snap(screen, "walk-restore", "7, R: what a restore would cost")
        screen.press("Escape", "8", "u")
        screen.wait_for("in use already")
        yield _snap(screen, "walk-bundles", "8, U: what lies on the stick")
        screen.press("Escape", "F10")


def _console(box: Box) -> Terminal:
    command = ("env", "COLORTERM=truecolor", "hangjegyzet", "console", "--language", "en")
    return Terminal(box, *command, size=SIZE, term="xterm-256color")


def _snap(screen: Terminal, picture: str, title: str) -> Snap:
    return Snap(picture, title, screen.coloured(), SIZE[0], CALM)
