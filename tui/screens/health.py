"""What is well, what is not, and what to do now."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widget import Widget

from appliance.health.model import Examined, Report, Severity
from tui.i18n import _, marked
from tui.page import Hint, Page
from tui.telling import told
from tui.widgets.detail import Detail, Part
from tui.widgets.rows import Column, Row, RowList, Rows
from tui.widgets.severity import COLOURS, SIGNS, signed, word


class Health(Page):
    """The quick checks, worst first; all of them, with what takes long, as work of its own."""

    TITLE = marked("Health")
    COMMAND = "hangjegyzet health --quick"
    EVERY_S = 15.0
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "all", show=False),
        Binding("f", "fix", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._found: dict[str, Examined] = {}

    def contents(self) -> ComposeResult:
        yield Rows(
            (Column(_("state")), Column(_("check")), Column(_("finding"), grows=True, optional=True, least=40)),
            empty=_("No check was made."),
        )
        yield Detail()

    def hints(self) -> Sequence[Hint]:
        return (("F", _("mend")), ("A", _("check all")))

    def first_focus(self) -> Widget | None:
        return self.query_one(RowList)

    def read(self) -> Report:
        return self.house.report()

    async def present(self, facts: Report) -> None:
        worst_first = sorted(facts.examined, key=lambda one: -one.finding.severity.rank)
        self._found = {one.check.id: one for one in worst_first}
        self.query_one(Rows).show([_row(one) for one in worst_first])
        self._show_detail()

    def on_rows_chosen(self, _event: Rows.Chosen) -> None:
        """What it rests on, below."""
        self._show_detail()

    def action_all(self) -> None:
        """With hashes of models, the whole trail, drift."""
        self.console.start_errand("health")

    def action_fix(self) -> None:
        """Apply the remedy of the chosen check."""
        one = self._chosen()
        if one is None or one.check.fix is None or one.finding.severity is Severity.OK:
            self.console.say(_("Here is nothing that mends itself; the remedy says what to do."))
            return
        self.confirm(
            _("Mend: {check}").format(check=told(one.check.title)),
            told(one.finding.remedy),
            word=_("mend"),
            command=f"hangjegyzet health --fix {one.check.id}",
            then=lambda: self.console.start_errand("health", "--fix", one.check.id),
        )

    def _chosen(self) -> Examined | None:
        row = self.query_one(Rows).chosen
        return self._found.get(row.id) if row else None

    def _show_detail(self) -> None:
        one = self._chosen()
        self.query_one(Detail).show(() if one is None else _detail(one))


def _row(one: Examined) -> Row:
    severity = one.finding.severity
    cells = (f"{SIGNS[severity]} {word(severity)}", told(one.check.title), told(one.finding.summary))
    return Row(one.check.id, cells, tone=COLOURS[severity])


def _detail(one: Examined) -> Sequence[Part]:
    finding = one.finding
    evidence = [(name.replace("_", " "), value) for name, value in finding.evidence.items() if value not in {None, ""}]
    return (
        ("", signed(finding.severity, f"{told(one.check.title)}: {told(finding.summary)}")),
        (_("What to do"), told(finding.remedy)),
        *((name, str(value)) for name, value in evidence),
    )


PAGE = Health
