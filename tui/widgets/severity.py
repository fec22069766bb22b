"""A severity is a colour, a sign and a word: never a colour alone."""

from typing import Final

from textual.content import Content

from appliance.health.model import Severity
from tui.i18n import _, marked

SIGNS: Final = {Severity.OK: "·", Severity.UNKNOWN: "?", Severity.WARNING: "!", Severity.CRITICAL: "X"}
COLOURS: Final = {
    Severity.OK: "$ok",
    Severity.UNKNOWN: "$unknown",
    Severity.WARNING: "$warn",
    Severity.CRITICAL: "$bad",
}
_WORDS: Final = {
    Severity.OK: marked("well"),
    Severity.UNKNOWN: marked("unknown"),
    Severity.WARNING: marked("warning"),
    Severity.CRITICAL: marked("critical"),
}


def word(severity: Severity) -> str:
    """``warning``."""
    return _(_WORDS[severity])


def signed(severity: Severity, text: str) -> Content:
    """``! Disk space`` in its colour."""
    return Content.assemble((f"{SIGNS[severity]} ", f"bold {COLOURS[severity]}"), (text, COLOURS[severity]))
