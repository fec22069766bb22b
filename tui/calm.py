"""What console and board share: two palettes, one style sheet, widths, scroll bars that every font has."""

import os
from typing import ClassVar

from textual.app import App
from textual.scrollbar import ScrollBar, ScrollBarRender

from appliance.kernel.clock import Clock, SystemClock
from tui.theme import CALM, DEFAULTS, SIXTEEN

WIDE = 100


class PlainScrollBar(ScrollBarRender):
    """Whole cells alone: eighths of a block are in no font of the console."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "] * 8
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "] * 8


ScrollBar.renderer = PlainScrollBar


def sixteen_colours(console_system: str | None) -> bool:
    """Whether the terminal is one of the Linux console's kind."""
    return console_system in {None, "standard"} or os.environ.get("TERM") == "linux"


class Calm(App[int]):
    """What console and board share: two palettes, one style sheet, sizes."""

    CSS_PATH = "console.tcss"
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012  # declared so by Textual

    def __init__(self, *, clock: Clock | None = None, sixteen: bool | None = None) -> None:
        super().__init__()
        self.clock = clock or SystemClock()
        for theme in (CALM, SIXTEEN):
            self.register_theme(theme)
        few = sixteen_colours(self.console.color_system) if sixteen is None else sixteen
        self.theme = SIXTEEN.name if few else CALM.name

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The style sheet's own colours, until a theme has them."""
        return dict(DEFAULTS)
