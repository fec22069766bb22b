"""The console: a menu at the left, a page at the right, what it runs and which keys there are at the bottom."""

import asyncio
import contextlib
import socket
from collections.abc import Sequence
from functools import partial
from time import monotonic
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal
from textual.content import Content
from textual.widgets import OptionList, Static

from appliance.kernel.clock import Clock
from tui.calm import Calm
from tui.errands import Errand, Errands
from tui.formats import second
from tui.house import House
from tui.i18n import _, count
from tui.page import Hint, Page
from tui.pages import PAGES
from tui.threads import in_thread
from tui.widgets.dialogs import Confirm, Notice
from tui.widgets.menu import Menu
from tui.widgets.palette import Doing, Palette

NEWS_S = 8.0
UPGRADE_LOOK_S = 5.0
IDLE_S = 15 * 60.0
"""A display that somebody left signed in is anybody's."""


class ConsoleApp(Calm):
    """What a technician works with once signed in."""

    TITLE = "HangJegyzet"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+p", "palette", show=False, priority=True),
        Binding("f1,question_mark", "keys", show=False),
        Binding("f5", "renew", show=False),
        Binding("f9", "errands", show=False),
        Binding("f10,ctrl+q", "leave", show=False, priority=True),
        Binding("escape,left", "to_menu", show=False),
        *(Binding(entry.key, f"page('{entry.id}')", show=False) for entry in PAGES),
    ]

    def __init__(
        self,
        house: House,
        errands: Errands,
        *,
        clock: Clock | None = None,
        sixteen: bool | None = None,
        at_display: bool = False,
    ) -> None:
        super().__init__(clock=clock, sixteen=sixteen)
        self.house = house
        self.errands = errands
        self.at_display = at_display
        self._touched = monotonic()
        self._page: Page | None = None
        self._awake = False
        self._there: Page | None = None
        self._putting_up = asyncio.Lock()
        self._enters = False
        self._command = ""
        self._news_timer_number = 0
        self._upgrading = False

    def compose(self) -> ComposeResult:
        with Horizontal(id="head"):
            yield Static(f"HangJegyzet   {socket.gethostname()}", id="head-name", markup=False)
            yield Static("", id="head-state", markup=False)
        with Horizontal(id="middle"):
            yield Menu(PAGES)
            yield Container(id="body")
        yield Static("", id="command", markup=False)
        yield Static("", id="hints", markup=False)

    def on_mount(self) -> None:
        """The first page, and the clock."""
        self.set_interval(1.0, self._tick)
        self._tick()
        self.query_one(Menu).focus()
        self._awake = True
        self.set_interval(UPGRADE_LOOK_S, self._look_for_upgrade)
        self._look_for_upgrade()

    async def on_event(self, event: events.Event) -> None:
        """Whoever types is here."""
        if isinstance(event, events.Key):
            self._touched = monotonic()
        await super().on_event(event)

    # Going about

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """The menu shows what it stands on; where it stood before somebody typed on is no news."""
        menu = event.option_list
        if isinstance(menu, Menu) and event.option_id and menu.highlighted == event.option_index:
            self._open(event.option_id)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter goes into the page."""
        if isinstance(event.option_list, Menu) and self._page is not None:
            self._enter(self._page)

    def _open(self, page_id: str) -> None:
        """Put a page on the right; of many that are asked for at once, the last."""
        if self._page is None or self._page.id != f"page-{page_id}":
            self._page = next(one for one in PAGES if one.id == page_id).open()
            self._page.id = f"page-{page_id}"
            self.show_command(self._page.COMMAND)
            self._show_hints(self._page.hints())
            self.run_worker(self._mount(self._page), group="page")

    async def _mount(self, page: Page) -> None:
        """One at a time, each to its end: a page that was half taken down would still bear its name."""
        async with self._putting_up:
            if page is not self._page:
                return
            body = self.query_one("#body", Container)
            await body.remove_children()
            await body.mount(page)
            self._there = page
        if self._enters:
            self._enters = False
            self._enter(page)

    def action_page(self, page_id: str) -> None:
        """By its digit: the menu goes along, the keys go into the page."""
        if not self._awake:  # typed before anything was there
            return
        menu = self.query_one(Menu)
        if self._page is not None and self._page.id == f"page-{page_id}":
            self._enter(self._page)
        else:
            self._enters = True
            menu.highlighted = menu.get_option_index(page_id)
            self._open(page_id)

    def _enter(self, page: Page) -> None:
        """Give it the keys; one that is still being put up gets them when it stands."""
        if page is not self._there:
            self._enters = True
        elif (target := page.first_focus()) is not None:
            target.focus()

    def action_to_menu(self) -> None:
        """Back to the menu."""
        self.query_one(Menu).focus()

    def action_renew(self) -> None:
        """Ask the page's questions again, now."""
        if self._page is not None:
            self._page.renew()

    def action_palette(self) -> None:
        """Everything that can be done."""
        self.push_screen(Palette(self._doings()), lambda chosen: chosen.act() if chosen else None)

    def _doings(self) -> Sequence[Doing]:
        go = [
            Doing(_("Go to: {page}").format(page=_(entry.title)), partial(self.action_page, entry.id))
            for entry in PAGES
        ]
        here = [
            Doing(text, partial(self.simulate_key, key.lower()))
            for key, text in ((*self._page.hints(), *self._page.more()) if self._page else ())
        ]
        rest = [
            Doing(_("Work that was begun here"), self.action_errands),
            Doing(_("Keys"), self.action_keys),
            Doing(_("Leave the console"), self.action_leave),
        ]
        return (*here, *go, *rest)

    def action_keys(self) -> None:
        """What the keys do."""
        page = [f"{key:<10}{text}" for key, text in ((*self._page.hints(), *self._page.more()) if self._page else ())]
        everywhere = [
            f"{key:<10}{text}"
            for key, text in (
                ("0-9, s", _("open a page")),
                ("Esc", _("back to the menu")),
                ("Tab", _("next part of the page")),
                ("Ctrl+P", _("find what can be done")),
                ("F5", _("look again")),
                ("F9", _("work that was begun here")),
                ("F10", _("leave the console")),
            )
        ]
        self.push_screen(Notice(_("Keys"), "\n".join((*page, *([""] if page else []), *everywhere))))

    def action_leave(self) -> None:
        """End the console; work that was begun goes on."""
        running = len(self.errands.running())
        if running:
            text = count(
                "{number} piece of work is under way. It goes on; F9 shows it when you come back.",
                "{number} pieces of work are under way. They go on; F9 shows them when you come back.",
                running,
            )
            self.push_screen(
                Confirm(_("Leave the console?"), text, word=_("leave"), command="exit"),
                lambda agreed: self.exit(0) if agreed else None,
            )
        else:
            self.exit(0)

    # Long work

    def start_errand(self, *command: str) -> None:
        """Begin long work and show it."""
        usual = self.errands.usual_steps(command)
        errand = self.errands.start(*command)
        self.open_errand(errand, usual)

    def open_errand(self, errand: Errand, usual_steps: int | None = None) -> None:
        """Show work, under way or ended."""
        from tui.widgets.errand import ErrandScreen

        usual = usual_steps if usual_steps is not None else self.errands.usual_steps(errand.command)
        self.push_screen(ErrandScreen(errand, usual_steps=usual), lambda _done: self.action_renew())

    def action_errands(self) -> None:
        """What was begun from here, newest first."""
        from tui.widgets.errand_list import ErrandList

        self.push_screen(ErrandList(self.errands), lambda chosen: self.open_errand(chosen) if chosen else None)

    # The lines at the bottom

    def show_command(self, command: str) -> None:
        """What the page shows or does, as the command line has it."""
        self._command = command
        line = self.screen_stack[0].query_one("#command", Static)
        line.set_classes("")
        line.update(f"$ {command}")

    def say(self, text: str) -> None:
        """A word about what was done, for some seconds, where the command stands."""
        line = self.screen_stack[0].query_one("#command", Static)
        line.set_classes("-news")
        line.update(text)
        self._news_timer_number += 1
        number = self._news_timer_number
        self.set_timer(NEWS_S, lambda: self.show_command(self._command) if number == self._news_timer_number else None)

    def _show_hints(self, hints: Sequence[Hint]) -> None:
        parts: list[str | tuple[str, str]] = []
        for key, text in (*hints, ("^P", _("all")), ("F1", _("help")), ("F10", _("leave"))):
            parts += [(f"{key} ", "bold $accent-ink"), text, "  "]
        self.screen_stack[0].query_one("#hints", Static).update(Content.assemble(*parts[:-1]))

    def _look_for_upgrade(self) -> None:
        """One that somebody began elsewhere, or the machine after a power cut, is told on every page."""

        async def look() -> None:
            with contextlib.suppress(Exception):  # notes that cannot be read are told by page 8
                self._upgrading = (await in_thread(self.house.upgrade)).driven
                self._tick()

        self.run_worker(look(), group="upgrade", exclusive=True, exit_on_error=False)

    def _tick(self) -> None:
        if self.at_display and monotonic() - self._touched > IDLE_S:
            self.exit(0)
            return
        running = len(self.errands.running())
        parts = [second(self.clock.now())]
        if running:
            parts.insert(0, count("{number} under way (F9)", "{number} under way (F9)", running))
        if self._upgrading:
            parts.insert(0, _("upgrade under way (8)"))
        for line in self.screen_stack[0].query("#head-state").results(Static):
            line.update("   ".join(parts))
