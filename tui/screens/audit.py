"""Who did what: the newest events, and the check of the whole chain."""

import json
from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widget import Widget

from appliance.audit.model import AuditEvent, Outcome
from tui.formats import moment
from tui.i18n import _, marked
from tui.page import Hint, Page
from tui.widgets.detail import Detail, Part
from tui.widgets.dialogs import Field, Form
from tui.widgets.rows import Column, Row, RowList, Rows

_OUTCOMES = {
    Outcome.OK: marked("done"),
    Outcome.REFUSED: marked("refused"),
    Outcome.FAILED: marked("failed"),
}


class Audit(Page):
    """Newest first."""

    TITLE = marked("Audit")
    COMMAND = "hangjegyzet audit verify"
    EVERY_S = 10.0
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "verify", show=False),
        Binding("x", "export", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._events: dict[str, AuditEvent] = {}

    def contents(self) -> ComposeResult:
        yield Rows(
            (
                Column(_("when")),
                Column(_("what"), grows=True),
                Column(_("who"), optional=True),
            ),
            empty=_("Nothing was recorded yet."),
        )
        yield Detail()

    def hints(self) -> Sequence[Hint]:
        return (("V", _("verify")), ("X", _("export")))

    def first_focus(self) -> Widget | None:
        return self.query_one(RowList)

    def read(self) -> Sequence[AuditEvent]:
        return self.house.events()

    async def present(self, facts: Sequence[AuditEvent]) -> None:
        self._events = {str(event.seq): event for event in facts}
        self.query_one(Rows).show(
            [
                Row(
                    str(event.seq),
                    (moment(event.at), event.name, event.actor_name),
                    tone="" if event.outcome == Outcome.OK else "$warn",
                )
                for event in facts
            ]
        )
        self._show_detail()

    def on_rows_chosen(self, _event: Rows.Chosen) -> None:
        """All of it, below."""
        self._show_detail()

    def action_verify(self) -> None:
        """Every event of every chain."""
        self.console.start_errand("audit", "verify")

    def action_export(self) -> None:
        """Into a file, with both hashes of every event."""

        def entered(filled: Mapping[str, str] | None) -> None:
            if filled is not None:
                self.console.start_errand("audit", "export", "--output", filled["path"])

        self.app.push_screen(
            Form(
                _("Export the audit trail"),
                [Field("path", _("New file"), "/media/audit.jsonl")],
                text=_("The file names people: keep it where only auditors read. The export itself is recorded."),
                command="hangjegyzet audit export --output FILE",
            ),
            entered,
        )

    def _show_detail(self) -> None:
        row = self.query_one(Rows).chosen
        event = self._events.get(row.id) if row else None
        self.query_one(Detail).show(() if event is None else _detail(event))


def _detail(event: AuditEvent) -> Sequence[Part]:
    facts = json.loads(event.detail)
    return (
        ("", f"{event.seq}  {event.name}: {_(_OUTCOMES[Outcome(event.outcome)])}"),
        (_("Who"), f"{event.actor_name} ({event.origin})" if event.origin else event.actor_name),
        (_("About"), f"{event.subject_type} {event.subject_id or ''}".strip()),
        (_("Facts"), ", ".join(f"{name}: {value}" for name, value in facts.items() if value is not None)),
        (_("Hash"), event.hash.hex()[:32]),
    )


PAGE = Audit
