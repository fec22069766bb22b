"""The machine and its processes: off, and on again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Static

from appliance.vitals.model import Glance
from tui.formats import length
from tui.i18n import _, count, marked
from tui.page import Hint, Page
from tui.widgets.facts import Facts
from tui.widgets.rows import Column, Row, RowList, Rows


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that can be done here."""

    verb: str
    title: str
    word: str
    what: str


ACTS: Final = (
    Act(
        "services",
        marked("Restart portal and workers"),
        marked("restart"),
        marked(
            "People in the portal wait for some seconds; work goes on from its last checkpoint. "
            "Database and machine stay up."
        ),
    ),
    Act(
        "restart",
        marked("Restart the machine"),
        marked("restart"),
        marked("Nobody reaches the portal for about a minute; work goes on from its last checkpoint."),
    ),
    Act(
        "off",
        marked("Switch the machine off"),
        marked("off"),
        marked(
            "Nobody reaches the portal until somebody comes here and switches the machine on. "
            "Work goes on then from its last checkpoint."
        ),
    ),
)


class Power(Page):
    """What would be interrupted, and what can be done."""

    TITLE = marked("Power")
    COMMAND = "hangjegyzet power --help"
    EVERY_S = 10.0

    def contents(self) -> ComposeResult:
        yield Facts("", id="now")
        with Vertical():
            yield Rows((Column(_("what"), grows=True),), empty="")
            yield Static("", id="what", classes="empty", markup=False)

    def hints(self) -> Sequence[Hint]:
        return (("Enter", _("do it")),)

    def first_focus(self) -> Widget | None:
        return self.query_one(RowList)

    def on_mount(self) -> None:
        """What can be done needs no answer from anybody."""
        self.query_one(Rows).show([Row(act.verb, (_(act.title),)) for act in ACTS])
        super().on_mount()

    def read(self) -> Glance:
        return self.house.glance()

    async def present(self, facts: Glance) -> None:
        queue = facts.queue
        waiting = (
            _("not known: the database does not answer")
            if queue is None
            else count("{number} step waits", "{number} steps wait", queue.waiting)
        )
        await self.query_one("#now", Facts).show([(_("Up for"), length(facts.up_s)), (_("Queue"), waiting)])

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        """What it means."""
        if event.row is not None:
            self.query_one("#what", Static).update(_(_act(event.row.id).what))

    def on_rows_opened(self, event: Rows.Opened) -> None:
        """Do it, after the word."""
        act = _act(event.row.id)
        self.confirm(
            _(act.title) + "?",
            _(act.what),
            word=_(act.word),
            command=f"hangjegyzet power {act.verb}",
            then=lambda: self.console.start_errand("power", act.verb, "--yes"),
        )


def _act(verb: str) -> Act:
    return next(act for act in ACTS if act.verb == verb)


PAGE = Power
