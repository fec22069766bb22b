"""What stands on the machine's display while nobody is signed in: what anybody may see who stands in front of it.

It reads one file that is published for it, and nothing else: no settings, no database, no keys. Enter ends it, and
whoever started it asks for a sign-in then.
"""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from appliance.kernel.clock import Clock
from appliance.vitals.model import Glance
from appliance.vitals.service import published
from tui.calm import Calm
from tui.formats import length, second
from tui.i18n import LANGUAGES, _, language, speak
from tui.widgets.glance import GlanceView

LOOK_S = 5.0
OTHER_LANGUAGE = {"hu": "English", "en": "Magyar"}
"""Each in its own words: who looks for it knows those."""
WINDOW = Path("/var/lib/hangjegyzet-upgrade/window")
"""There while an upgrade keeps people out; anybody may see that it is."""
OLD = timedelta(minutes=15)
"""Two looks of the recorder that did not come."""


class Board(Calm):
    """Facts, a clock, and how to sign in."""

    TITLE = "HangJegyzet"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "sign_in", show=False, priority=True),
        Binding("f2", "other_language", show=False),
        Binding("ctrl+q,ctrl+c", "nothing", show=False, priority=True),
    ]

    def __init__(
        self,
        look: Callable[[], Glance | None] = published,
        *,
        clock: Clock | None = None,
        sixteen: bool | None = None,
        window: Path = WINDOW,
    ) -> None:
        super().__init__(clock=clock, sixteen=sixteen)
        self._look = look
        self._window = window

    def compose(self) -> ComposeResult:
        with Horizontal(id="head"):
            yield Static("HangJegyzet", id="head-name", markup=False)
            yield Static("", id="head-state", markup=False)
        with VerticalScroll(id="board"):
            yield Static("", id="board-news", classes="page-fault", markup=False)
            yield GlanceView()
        yield Static("", id="hints", markup=False)

    async def on_mount(self) -> None:
        """Look, and go on looking."""
        self.query_one("#board").focus()
        self.set_interval(LOOK_S, self.look)
        self.set_interval(1.0, self._tick)
        self._tick()
        self._show_hints()
        await self.look()

    async def look(self) -> None:
        """Show what was published last, and say when that was long ago."""
        glance, now = self._look(), self.clock.now()
        news = self.query_one("#board-news", Static)
        upgrading = self._window.exists()
        if upgrading:
            news.update(
                _("The machine is being upgraded; the portal tells people when it is back. Leave it switched on.")
            )
        elif glance is None:
            news.update(_("The machine has not been measured yet. It is, within minutes of its start."))
        elif now - glance.at > OLD:
            ago = length((now - glance.at).total_seconds())
            news.update(_("These figures are {ago} old: nobody measures. Sign in and look at Health.").format(ago=ago))
        news.set_class(upgrading or glance is None or now - glance.at > OLD, "-shown")
        self.query_one(GlanceView).display = glance is not None
        if glance is not None:
            self.query_one("#head-name", Static).update(f"HangJegyzet   {glance.place.host_name}")
            await self.query_one(GlanceView).show(glance, now=now)

    def action_sign_in(self) -> None:
        """Hand the display over."""
        self.exit(0)

    async def action_other_language(self) -> None:
        """Who stands here may not read the machine's language."""
        speak(next(one for one in LANGUAGES if one != language()))
        await self.recompose()
        self._tick()
        self._show_hints()
        await self.look()
        self.query_one("#board").focus()

    def action_nothing(self) -> None:
        """The keys that end a program do not end this one."""

    def _show_hints(self) -> None:
        sign_in, other = _("sign in as the system's administrator"), OTHER_LANGUAGE[language()]
        self.query_one("#hints", Static).update(
            Content.assemble(("Enter ", "bold $accent-ink"), f"{sign_in}   ", ("F2 ", "bold $accent-ink"), other)
        )

    def _tick(self) -> None:
        for line in self.query("#head-state").results(Static):  # none for a moment while the language changes
            line.update(second(self.clock.now()))
