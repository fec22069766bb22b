"""The machine at a glance."""

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widget import Widget

from appliance.vitals.model import Glance
from tui.i18n import marked
from tui.page import Page
from tui.widgets.glance import GlanceView


class Overview(Page):
    """What was published last is there at once; what is true now follows."""

    TITLE = marked("Overview")
    COMMAND = "hangjegyzet vitals"

    def contents(self) -> ComposeResult:
        with VerticalScroll(classes="page-scroll"):
            yield GlanceView()

    def first_focus(self) -> Widget | None:
        return self.query_one(VerticalScroll)

    def on_mount(self) -> None:
        """The published glance first: it costs one small file."""
        if (known := self.house.last_glance()) is not None:
            self.call_later(self.present, known)
        super().on_mount()

    def read(self) -> Glance:
        return self.house.glance()

    async def present(self, facts: Glance) -> None:
        await self.query_one(GlanceView).show(facts, now=self.console.clock.now())


PAGE = Overview
