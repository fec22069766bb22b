"""An errand under way: what it does, how far it is, what it printed. Leaving stops nothing."""

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import Screen
from textual.widgets import RichLog, Static

from tui import progress
from tui.errands import Errand, ErrandState
from tui.formats import length, meter, moment, share
from tui.i18n import _, count, marked

LOOK_S = 0.3
SHOWN_LINES = 4000
_STATES = {
    ErrandState.RUNNING: marked("under way"),
    ErrandState.DONE: marked("done"),
    ErrandState.FAILED: marked("failed"),
    ErrandState.LOST: marked("broken off"),
}
COLOURS = {
    ErrandState.RUNNING: "$accent-ink",
    ErrandState.DONE: "$ok",
    ErrandState.FAILED: "$bad",
    ErrandState.LOST: "$warn",
}


def state_word(state: ErrandState) -> str:
    """``under way``."""
    return _(_STATES[state])


class ErrandScreen(Screen[None]):
    """One errand, while it runs and afterwards."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,left,q", "leave", show=False)]

    def __init__(self, errand: Errand, *, usual_steps: int | None) -> None:
        super().__init__()
        self._errand = errand
        self._usual = usual_steps
        self._shown: tuple[str, ...] = ()

    def compose(self) -> ComposeResult:
        with Vertical(id="errand"):
            yield Static(f"$ {self._errand.line}", classes="page-title", markup=False)
            yield Static("─" * 200, classes="page-rule", markup=False)
            yield Static("", id="errand-state", markup=False)
            yield Static("", id="errand-meter", markup=False)
            yield RichLog(id="errand-output", max_lines=SHOWN_LINES, min_width=20, wrap=True)
            yield Static(
                _("Esc: leave; the work goes on, and F9 shows it again   Up, Down: read"),
                id="hints",
                markup=False,
            )

    def on_mount(self) -> None:
        """Read what is there, and what comes."""
        self.query_one(RichLog).focus()
        self.set_interval(LOOK_S, self.look)
        self.look()

    def look(self) -> None:
        """Show how far it is; once it has ended, nothing changes any more."""
        state = self._errand.state
        told = progress.read(self._errand.output())
        self._print(told.lines)
        colour = COLOURS[state]
        line = self.query_one("#errand-state", Static)
        line.update(self._line(state, told))
        line.styles.color = self.app.theme_variables.get(colour[1:], "white")
        self.query_one("#errand-meter", Static).update(self._meter(state, told))

    def action_leave(self) -> None:
        """Back; nothing is stopped."""
        self.dismiss(None)

    def _print(self, lines: tuple[str, ...]) -> None:
        log = self.query_one(RichLog)
        if lines[: len(self._shown)] != self._shown:
            log.clear()
            self._shown = ()
        for line in lines[len(self._shown) :]:
            log.write(Text(line))
        self._shown = lines

    def _line(self, state: ErrandState, told: progress.Told) -> str:
        parts = [state_word(state)]
        if state is ErrandState.RUNNING:
            parts += [told.doing] if told.doing else []
        elif state is ErrandState.LOST:
            parts.append(_("its process is gone and left no word; see what the machine has with Health"))
        else:
            parts.append(_("exit code {code}").format(code=self._errand.code))
        return "  ".join(parts)

    def _meter(self, state: ErrandState, told: progress.Told) -> str:
        begun = _("begun {time}").format(time=moment(self._errand.started_at))
        if state is not ErrandState.RUNNING:
            return begun
        since = length((self.app.clock.now() - self._errand.started_at).total_seconds())  # type: ignore[attr-defined]  # the console's own clock
        done = count("{number} step done", "{number} steps done", told.done)
        fraction = told.fraction
        if fraction is None and self._usual:
            fraction = min(0.99, told.done / self._usual)
        if fraction is None:
            return f"{done}   {since}"
        return f"{meter(fraction, 30)} {share(fraction)}   {done}   {since}"
