"""A bundle before it is taken: what it is, how long people would wait, and what is in the way."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from tui import progress
from tui.errands import Errand, ErrandState, command_line
from tui.formats import about, length, size
from tui.i18n import _, count, marked
from tui.undertakings import Offered, Verdict
from tui.widgets.dialogs import Confirm
from tui.widgets.facts import Facts, Value
from tui.widgets.rows import Column, Row

LOOK_S = 0.3
COLUMNS = (marked("version"), marked("for this machine"), marked("built"), marked("size"), marked("path"))
_VERDICTS: Mapping[Verdict, tuple[str, str]] = {
    Verdict.NEXT: (marked("can be tried"), "$ok"),
    Verdict.SAME: (marked("in use already"), "$faint"),
    Verdict.OLDER: (marked("older than the present"), "$warn"),
    Verdict.TOO_FAR: (marked("needs one in between"), "$warn"),
    Verdict.UNREADABLE: (marked("cannot be read"), "$bad"),
}


def columns() -> Sequence[Column]:
    """Of the list of bundles."""
    version, verdict, built, big, path = (_(title) for title in COLUMNS)
    return (
        Column(version),
        Column(verdict),
        Column(path, grows=True),
        Column(built, optional=True),
        Column(big, optional=True),
    )


def row(one: Offered) -> Row:
    """One bundle of the list."""
    words, tone = _VERDICTS[one.verdict]
    manifest = one.found.manifest
    cells = (
        manifest.version if manifest else "?",
        _(words),
        str(one.found.path) + (f"  {one.found.fault}" if one.found.fault else ""),
        manifest.built_at[:10] if manifest else "",
        size(one.found.bytes) if one.found.bytes else "",
    )
    return Row(str(one.found.path), cells, tone=tone)


class BundleScreen(Screen[bool]):
    """Every byte is checked, by ``upgrade check``; then the upgrade may begin."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,left,q", "leave", show=False),
        Binding("u", "upgrade", show=False),
    ]

    def __init__(self, path: str, errand: Errand) -> None:
        super().__init__()
        self._path = path
        self._errand = errand
        self._ended = False
        self._fit = False

    def compose(self) -> ComposeResult:
        with Vertical(id="errand"):
            yield Static(_("What this bundle is"), classes="page-title", markup=False)
            yield Static("─" * 200, classes="page-rule", markup=False)
            yield Static("", id="bundle-state", markup=False)
            with VerticalScroll(classes="page-scroll"):
                yield Facts("", id="now")
                yield Static("", id="bundle-said", markup=False)
            yield Static(f"$ {command_line('upgrade', 'check', self._path)}", id="command", markup=False)
            yield Static(_("Esc: back; the check goes on"), id="hints", markup=False)

    async def on_mount(self) -> None:
        """Follow the check to its end."""
        self.query_one(VerticalScroll).focus()
        self.set_interval(LOOK_S, self.look)
        await self.look()

    async def look(self) -> None:
        """How far the check is; once it has ended, what came of it."""
        if self._ended:
            return
        state = self._errand.state
        if state is ErrandState.RUNNING:
            since = (self.app.clock.now() - self._errand.started_at).total_seconds()  # type: ignore[attr-defined]  # the console's own clock
            text = _("It is copied from the stick, and every byte is checked: {length}")
            self._state(text.format(length=length(max(0.0, since))), "$accent-ink")
            return
        self._ended = True
        output = self._errand.output()
        told = progress.document(output)
        if told is None or "version" not in told:
            self._state(_("It cannot be taken"), "$bad")
            self.query_one("#bundle-said", Static).update("\n".join(progress.read(output).lines))
            self.query_one("#hints", Static).update(_("Esc: back"))
            return
        findings = [str(one) for one in told.get("findings", ())]
        self._fit = not findings
        if findings:
            text = count("{number} thing is in the way", "{number} things are in the way", len(findings))
            self._state(text, "$bad")
            self.query_one("#hints", Static).update(_("Esc: back"))
        else:
            self._state(_("It is whole, signed by whom this machine trusts, and can be taken"), "$ok")
            self.query_one("#hints", Static).update(_("U: upgrade   Esc: back"))
        await self.query_one("#now", Facts).show(_facts(told))
        self.query_one("#bundle-said", Static).update("\n".join(f"! {one}" for one in findings))

    def action_upgrade(self) -> None:
        """After its word."""
        if not self._fit:
            return

        def answered(agreed: bool | None) -> None:
            if agreed:
                self.dismiss(True)

        self.app.push_screen(
            Confirm(
                _("Upgrade this machine?"),
                _(
                    "Everything that can fail is tried first; then the portal shows a page that says when it is back. "
                    "If anything fails, the old release comes back with every row."
                ),
                word=_("upgrade"),
                command=command_line("upgrade", "run", self._path),
            ),
            answered,
        )

    def action_leave(self) -> None:
        """Nothing is begun."""
        self.dismiss(False)

    def _state(self, text: str, colour: str) -> None:
        self.query_one("#bundle-state", Static).update(Content.styled(text, colour))


def _facts(told: Mapping[str, Any]) -> Sequence[tuple[str, Value]]:
    found: list[tuple[str, Value]] = [
        (_("Version"), Content.styled(f"{told.get('installed', '?')} > {told['version']}", "bold $bright")),
        (_("Release"), _("number {number}").format(number=told.get("release_seq", "?"))),
        (_("Schema"), str(told.get("schema", "?"))),
    ]
    if built := told.get("built_at"):
        found.insert(2, (_("Built"), str(built)[:10]))
    expected = told.get("expected_wait_s")
    if isinstance(expected, int | float):
        measured = _("as the last upgrade took") if told.get("measured_here") else _("a guess, none was measured here")
        text = _("for about {length} ({measured}). A rehearsal on a copy tells it exactly, before anybody waits.")
        found.append((_("People wait"), text.format(length=about(expected), measured=measured)))
    return found
