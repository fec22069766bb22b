"""An upgrade, stage by stage, as the journal tells it: begun here, over SSH, or by the machine after a power cut."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import RichLog, Static

from appliance.upgrades.model import Direction, Ending, Kind, Passed, Record, Stage
from tui import progress
from tui.errands import Errand, ErrandState
from tui.formats import about, length, meter, share
from tui.i18n import _, marked
from tui.stages import stage_title, to_come
from tui.telling import explained
from tui.threads import PATIENCE_S, in_thread
from tui.undertakings import Undertaking
from tui.widgets.rows import Column, Row, RowList, Rows

if TYPE_CHECKING:
    from tui.app import ConsoleApp

LOOK_S = 0.7
SHOWN_LINES = 2000
UNKNOWN_S = 8.0
"""What a stage is taken to need that was never measured here: for the bar alone."""
_TITLES = {
    Kind.UPGRADE: marked("Upgrade from {old} to {new}"),
    Kind.DOWNGRADE: marked("Back from {old} to {new}"),
    Kind.UPDATES: marked("Updates of the system beside {old}"),
}


class UpgradeScreen(Screen[None]):
    """The upgrade under way, or the last one. Leaving stops nothing.

    Args:
        errand: what began it, if that was here; until the journal knows of it, nothing older is shown.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,left,q", "leave", show=False)]

    def __init__(self, errand: Errand | None = None) -> None:
        super().__init__()
        self._errand = errand
        self._asking = False
        self._shown: tuple[str, ...] = ()
        self._stage = ""

    def compose(self) -> ComposeResult:
        with Vertical(id="errand"):
            yield Static(_("Upgrade"), id="upgrade-title", classes="page-title", markup=False)
            yield Static("─" * 200, classes="page-rule", markup=False)
            yield Static("", classes="page-fault", markup=False)
            yield Static("", id="upgrade-state", markup=False)
            yield Static("", id="upgrade-meter", markup=False)
            yield Static("", id="upgrade-people", markup=False)
            yield Rows((Column(_("state")), Column(_("stage"), grows=True), Column(_("took"))), empty="")
            yield RichLog(id="upgrade-told", max_lines=SHOWN_LINES, min_width=20, wrap=True)
            yield Static("$ hangjegyzet upgrade status", id="command", markup=False)
            yield Static(
                _("Esc: leave; it goes on, and page 8 shows it again   Tab: what it says"),
                id="hints",
                markup=False,
            )

    def on_mount(self) -> None:
        """Look, and go on looking."""
        self.query_one(RichLog).can_focus = True
        self.query_one(RowList).focus()
        self.set_interval(LOOK_S, self.look)
        self.look()

    def look(self) -> None:
        """Ask the journal, unless its answer is still awaited."""
        if not self._asking:
            self._asking = True
            self.run_worker(self._look(), exit_on_error=False)

    def action_leave(self) -> None:
        """Back; nothing is stopped."""
        self.dismiss(None)

    async def _look(self) -> None:
        fault = self.query_one(".page-fault", Static)
        try:
            found = await in_thread(cast("ConsoleApp", self.app).house.upgrade, patience_s=PATIENCE_S)
        except Exception as error:  # noqa: BLE001  # the edge of the screen: while releases change, it may not answer
            fault.update("\n".join(part for part in explained(error) if part))
            fault.add_class("-shown")
        else:
            fault.remove_class("-shown")
            self._show(found)
        finally:
            self._asking = False

    def _show(self, found: Undertaking) -> None:
        record, now = found.record, self._now()
        if record is None or self._is_before(record):
            self._show_beginning()
            return
        told = progress.read(found.told)
        self.query_one("#upgrade-title", Static).update(
            _(_TITLES[record.kind]).format(old=record.old, new=record.new if record.new != record.old else "?")
        )
        self.query_one("#upgrade-state", Static).update(standing(found, told))
        self.query_one("#upgrade-meter", Static).update(_meter(found, now))
        self.query_one("#upgrade-people", Static).update(people(found, now))
        self.query_one(Rows).show([*stage_rows(record, now), *_rows_to_come(found)])
        self._follow(record)
        self._print(told.lines)

    def _show_beginning(self) -> None:
        """It was asked for, and has no notes yet; or it ended before there were any."""
        errand = self._errand
        state = errand.state if errand else ErrandState.DONE
        line = self.query_one("#upgrade-state", Static)
        if errand is None:
            line.update(_("This machine was never upgraded."))
        elif state is ErrandState.RUNNING:
            line.update(Content.styled(_("It begins"), "$accent-ink"))
        else:
            line.update(Content.styled(_("It was not begun; nothing was changed"), "$bad"))
        if errand is not None:
            self._print(progress.read(errand.output()).lines)

    def _is_before(self, record: Record) -> bool:
        """Whether these notes are of an earlier one than the one that was begun here."""
        return self._errand is not None and record.began_at < self._errand.started_at

    def _follow(self, record: Record) -> None:
        """Keep the stage in sight that it is at."""
        stage = record.stage
        if stage is not None and stage.value != self._stage:
            self._stage = stage.value
            self.query_one(Rows).choose(stage.value)

    def _print(self, lines: tuple[str, ...]) -> None:
        log = self.query_one(RichLog)
        if lines[: len(self._shown)] != self._shown:
            log.clear()
            self._shown = ()
        for line in lines[len(self._shown) :]:
            log.write(Text(line))
        self._shown = lines

    def _now(self) -> datetime:
        return cast("ConsoleApp", self.app).clock.now()


def standing(found: Undertaking, told: progress.Told | None = None) -> Content:
    """How it stands, in one or two lines: where it is, or how it ended and why."""
    record = found.record
    if record is None:
        return Content("")
    if record.ending is Ending.DONE:
        return Content.styled(_("Done: {version} is in use").format(version=record.aim), "$ok")
    if record.ending is Ending.UNDONE:
        return Content.assemble((_ended_back(record), "$warn"), "\n", (_first(record.reason), "$bad"))
    if not found.driven:
        return Content.styled(_("Interrupted: R brings it to its end, and the machine does at its next start"), "$bad")
    if record.direction is Direction.BACK:
        return Content.assemble((_("It goes back to {old}").format(old=record.old), "$warn"), "\n",
                                (_first(record.reason), "$bad"))  # fmt: skip
    doing = stage_title(record.stage.value) if record.stage else ""
    more = f"  {told.doing}" if told and told.doing and told.doing != doing else ""
    return Content.assemble((_("under way") + f": {doing}", "$accent-ink"), (more, "$faint"))


def people(found: Undertaking, now: datetime) -> str:
    """Who waits, and for how long: the figure that a technician is asked for."""
    record = found.record
    if record is None:
        return ""
    if record.downtime_s is not None:
        return _("People waited for {length}").format(length=length(record.downtime_s))
    if record.closed_at is not None:
        waited = length(max(0.0, (now - record.closed_at).total_seconds()))
        told = about(found.expected_s)
        return _("People have waited for {waited}; the page tells them {expected}").format(waited=waited, expected=told)
    if record.ending is not None:
        return _("Nobody had to wait")
    expected = about(found.expected_s)
    if record.rehearsal is not None:
        return _("People work; they will wait for about {expected}, rehearsed on {rows} rows").format(
            expected=expected, rows=record.rehearsal.rows
        )
    return _("People work; they will wait for about {expected}, not rehearsed yet").format(expected=expected)


def stage_rows(record: Record, now: datetime) -> Sequence[Row]:
    """What was entered, in its order."""
    return [_row(record, passed, now) for passed in record.passed]


def _row(record: Record, passed: Passed, now: datetime) -> Row:
    stage = passed.stage
    took = "" if passed.took_s is None else length(passed.took_s)
    if passed.took_s is None and record.direction is Direction.FORWARD:
        state, tone = _("under way"), "$accent-ink"
        took = length(max(0.0, (now - passed.began_at).total_seconds()))
    elif passed.took_s is None:
        state, tone = _("failed"), "$bad"
    elif stage in record.undone:
        state, tone = _("undone"), "$warn"
    else:
        state, tone = _("done"), "$ok"
    return Row(stage.value, (state, stage_title(stage.value), took), tone=tone)


def _rows_to_come(found: Undertaking) -> Sequence[Row]:
    if found.record is None:
        return ()
    return [
        Row(stage.value, ("-", stage_title(stage.value), f"({length(usual)})" if usual else ""), tone="$faint")
        for stage in to_come(found.record)
        for usual in (found.usual_s.get(stage),)
    ]


def _meter(found: Undertaking, now: datetime) -> str:
    record = found.record
    if record is None:
        return ""
    until = record.ended_at or now
    since = length(max(0.0, (until - record.began_at).total_seconds()))
    if record.ending is not None:
        return _("took {length} in all").format(length=since)
    if record.direction is Direction.BACK:
        return since
    done, rest = _seconds(found, now)
    fraction = min(0.99, done / max(done + rest, 0.001))
    return f"{meter(fraction, 30)} {share(fraction)}   {since}   " + (
        _("about {length} more").format(length=about(rest)) if found.usual_s else ""
    )


def _seconds(found: Undertaking, now: datetime) -> tuple[float, float]:
    """Seconds of work that are done, and that are left; by what each stage took the last time."""
    record = found.record
    if record is None:
        return 0.0, 0.0
    usual = found.usual_s
    done, rest = 0.0, sum(usual.get(stage, UNKNOWN_S) for stage in to_come(record))
    for passed in record.passed:
        whole = usual.get(passed.stage, UNKNOWN_S)
        if passed.took_s is not None:
            done += whole
        else:
            at = min(whole * 0.95, max(0.0, (now - passed.began_at).total_seconds()))
            done, rest = done + at, rest + whole - at
    return done, rest


def _ended_back(record: Record) -> str:
    if record.kind is Kind.UPDATES:
        return _("Undone: the packages of before are back, and every row")
    if record.has_entered(Stage.CLOSE):
        return _("Undone: {old} is back, with every row").format(old=record.old)
    return _("Not done, before anybody had to wait: {old} is in use as before").format(old=record.old)


def _first(text: str) -> str:
    return text.splitlines()[0] if text else ""
