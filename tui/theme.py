"""Two palettes for one design: for terminals that know millions of colours, and for the sixteen of a Linux console.

The second is made of the console's own colours alone, so that nothing is approximated, and has only the eight dark
ones behind text: the console knows no others there.
"""

from collections.abc import Mapping
from typing import Final

from textual.theme import Theme

_CALM: Final = {
    "ground": "#12161b",
    "panel": "#171d24",
    "ink": "#d3dae1",
    "bright": "#f4f7f9",
    "faint": "#8d99a6",
    "line": "#35424e",
    "accent-ink": "#86c5ff",
    "chosen": "#1d4a73",
    "chosen-ink": "#ffffff",
    "resting": "#26303a",
    "resting-ink": "#f4f7f9",
    "ok": "#7fd894",
    "warn": "#f0c566",
    "bad": "#ff8078",
    "unknown": "#cba6f7",
    "danger": "#8f2a24",
}
_SIXTEEN: Final = {
    "ground": "#000000",
    "panel": "#000000",
    "ink": "#aaaaaa",
    "bright": "#ffffff",
    "faint": "#aaaaaa",
    "line": "#555555",
    "accent-ink": "#55ffff",
    "chosen": "#0000aa",
    "chosen-ink": "#ffffff",
    "resting": "#000000",
    "resting-ink": "#ffffff",
    "ok": "#55ff55",
    "warn": "#ffff55",
    "bad": "#ff5555",
    "unknown": "#ff55ff",
    "danger": "#aa0000",
}


def _theme(name: str, colours: Mapping[str, str]) -> Theme:
    return Theme(
        name=name,
        primary=colours["accent-ink"],
        background=colours["ground"],
        surface=colours["ground"],
        panel=colours["panel"],
        foreground=colours["ink"],
        warning=colours["warn"],
        error=colours["bad"],
        success=colours["ok"],
        accent=colours["accent-ink"],
        dark=True,
        variables=dict(colours),
    )


CALM: Final = _theme("calm", _CALM)
SIXTEEN: Final = _theme("sixteen", _SIXTEEN)
DEFAULTS: Final = dict(_CALM)
"""What the style sheet's colours are until a theme is chosen."""
