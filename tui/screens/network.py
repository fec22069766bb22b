"""Where the portal is found, by what it is recognised, who may reach it; and the settings that decide it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widget import Widget

from appliance.vitals.model import Place
from tui.errands import command_line
from tui.formats import day
from tui.i18n import _, count, marked
from tui.page import Hint, Page
from tui.widgets.dialogs import Field, Form
from tui.widgets.facts import Facts
from tui.widgets.glance import halves
from tui.widgets.rows import Column, Row, RowList, Rows

if TYPE_CHECKING:
    from appliance.configuration.model import Change, Value

SHOWN: Mapping[str, str] = {
    "web.host": marked("address that the portal listens on"),
    "web.port": marked("port of the portal"),
    "web.public_url": marked("address that people type"),
    "web.certificate": marked("certificate of your own"),
    "web.private_key": marked("its private key"),
    "web.trusted_proxies": marked("proxies that are believed"),
    "firewall.portal_from": marked("networks that reach the portal"),
    "firewall.ssh_from": marked("networks that reach SSH"),
    "language": marked("language of portal and console"),
}


@dataclass(frozen=True, slots=True)
class Reach:
    """What the page shows."""

    place: Place
    values: "Mapping[str, Value]"
    pending: "Sequence[Change]"


class Network(Page):
    """Facts above, settings below."""

    TITLE = marked("Network & certificate")
    COMMAND = "hangjegyzet config get"
    EVERY_S = 10.0
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "compare", show=False),
        Binding("a", "apply", show=False),
        Binding("k", "keep", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._values: Mapping[str, Value] = {}

    def contents(self) -> ComposeResult:
        yield Facts("", id="place")
        yield Rows(
            (Column(_("setting")), Column(_("in the file")), Column(_("meaning"), grows=True, optional=True, least=30)),
            empty=_("There is no configuration yet."),
        )

    def hints(self) -> Sequence[Hint]:
        return (("Enter", _("change")), ("D", _("compare")), ("A", _("apply")), ("K", _("keep")))

    def first_focus(self) -> Widget | None:
        return self.query_one(RowList)

    def read(self) -> Reach:
        values, pending = self.house.configured()
        return Reach(self.house.place(), values, pending)

    async def present(self, facts: Reach) -> None:
        self._values = facts.values
        place = facts.place
        until = day(place.certificate_until) if place.certificate_until else ""
        waiting = count("{number} change waits for: A", "{number} changes wait for: A", len(facts.pending))
        await self.query_one("#place", Facts).show(
            [
                (_("Address"), place.address),
                (_("Interfaces"), "\n".join(place.interfaces) or _("none is up")),
                (_("Fingerprint"), halves(place.fingerprint) if place.fingerprint else _("none yet")),
                *([(_("Valid until"), until)] if until else []),
                *([(_("Not in force"), waiting)] if facts.pending else []),
            ]
        )
        changed = {change.key for change in facts.pending}
        self.query_one(Rows).show(
            [
                Row(key, (key, shown(facts.values.get(key)), _(meaning)), tone="$warn" if key in changed else "")
                for key, meaning in SHOWN.items()
                if key in facts.values
            ]
        )

    def on_rows_opened(self, event: Rows.Opened) -> None:
        """Change it in the file."""
        key = event.row.id

        def entered(filled: Mapping[str, str] | None) -> None:
            if filled is not None:
                value = filled["value"]
                self.act(
                    lambda: self.house.configure(key, value or None),
                    command=command_line("config", *(("set", key, value) if value else ("unset", key))),
                    done=_("It is in the file now. It is in force once it is applied: A."),
                )

        text = _("{meaning}. A list is written as TOML does. Nothing typed means: the default.")
        field = Field("value", key, typed(self._values.get(key)), optional=True)
        meaning = _(SHOWN[key])
        self.app.push_screen(
            Form(_("Change a setting"), [field], text=text.format(meaning=meaning[:1].upper() + meaning[1:])), entered
        )

    def action_compare(self) -> None:
        """What applying would do."""
        self.console.start_errand("apply", "--check", "--diff", "--json")

    def action_keep(self) -> None:
        """Keep what was applied last: from here it can be reached."""
        self.console.start_errand("apply", "--confirm")

    def action_apply(self) -> None:
        """Bring it into force, after the word; who sits at the machine cannot cut themselves off."""
        here = self.console.at_display
        self.confirm(
            _("Apply the configuration?"),
            _(
                "The machine is brought into the state that appliance.toml declares. Portal and workers may restart; "
                "a wrong address can cut you off. If a step fails, the previous configuration comes back."
            ),
            word=_("apply"),
            command="hangjegyzet apply" + (" --no-confirm" if here else ""),
            then=lambda: self.console.start_errand("apply", "--json", *(["--no-confirm"] if here else [])),
        )


def shown(value: "Value") -> str:
    """For reading."""
    if value is None:
        return "-"
    if isinstance(value, list):
        return ", ".join(value) or "-"
    return str(value)


def typed(value: "Value") -> str:
    """As the file has it, for changing."""
    if value is None:
        return ""
    if isinstance(value, list):
        return "[" + ", ".join(f'"{one}"' for one in value) + "]"
    return str(value)


PAGE = Network
