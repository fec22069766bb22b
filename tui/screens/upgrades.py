"""Which release the machine has; the upgrade that is under way, or was the last; and how to begin one."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget

from tui.errands import command_line
from tui.formats import length, moment
from tui.house import Releases
from tui.i18n import _, marked
from tui.page import Hint, Page
from tui.widgets.dialogs import Field, Form
from tui.widgets.facts import Facts, Value
from tui.widgets.rows import Column, Row, RowList, Rows

if TYPE_CHECKING:
    from appliance.upgrades.model import Passed, Record

STICK = "/media/"
_STAGES = {
    "verify": marked("check the bundle"),
    "preflight": marked("check the machine"),
    "stage": marked("put the release beside the old one"),
    "check": marked("see what would change"),
    "rehearse": marked("rehearse the migrations on a copy"),
    "backup": marked("back up"),
    "close": marked("show the maintenance page"),
    "drain": marked("let work come to a checkpoint"),
    "packages": marked("packages of the distribution"),
    "mark": marked("mark the moment to go back to"),
    "migrate": marked("migrate the database"),
    "flip": marked("switch to the new release"),
    "apply": marked("apply the configuration"),
    "gate": marked("prove that it works"),
    "commit": marked("decide"),
    "open": marked("open the portal"),
    "tidy": marked("tidy up"),
}


class Upgrades(Page):
    """Facts above, stages below."""

    TITLE = marked("Upgrades")
    COMMAND = "hangjegyzet upgrade status"
    EVERY_S = 3.0
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "check", show=False),
        Binding("u", "upgrade", show=False),
        Binding("r", "resume", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._source = STICK
        self._interrupted = False

    def contents(self) -> ComposeResult:
        yield Facts("", id="now")
        yield Rows(
            (Column(_("state")), Column(_("stage"), grows=True), Column(_("took"))),
            empty=_("This machine was never upgraded. C checks a bundle from a stick and changes nothing."),
        )

    def hints(self) -> Sequence[Hint]:
        return (("C", _("check a bundle")), ("U", _("upgrade")), ("R", _("resume")))

    def first_focus(self) -> Widget | None:
        return self.query_one(RowList)

    def read(self) -> Releases:
        return self.house.releases()

    async def present(self, facts: Releases) -> None:
        record = facts.record
        self._interrupted = record is not None and record.ending is None and not facts.driven
        await self.query_one("#now", Facts).show(_facts(facts))
        self.query_one(Rows).show([] if record is None else [_row(record, passed) for passed in record.passed])

    def action_check(self) -> None:
        """Look at a bundle and at this machine."""
        self._ask(_("Check a bundle"), "hangjegyzet upgrade check PATH", self._check)

    def _check(self, path: str) -> None:
        self.console.start_errand("upgrade", "check", path)

    def action_upgrade(self) -> None:
        """Which bundle; then the word."""
        self._ask(_("Upgrade this machine"), "hangjegyzet upgrade run PATH", self._confirm)

    def _confirm(self, path: str) -> None:
        self.confirm(
            _("Upgrade this machine?"),
            _(
                "Everything that can fail is tried first; then the portal shows a page that says when it is back. "
                "If anything fails, the old release comes back with every row."
            ),
            word=_("upgrade"),
            command=command_line("upgrade", "run", path),
            then=lambda: self.console.start_errand("upgrade", "run", path, "--json"),
        )

    def action_resume(self) -> None:
        """Bring one that was interrupted to its end."""
        if self._interrupted:
            self.console.start_errand("upgrade", "resume", "--json")
        else:
            self.console.say(_("No upgrade was interrupted."))

    def _ask(self, title: str, command: str, then: Callable[[str], None]) -> None:
        def entered(filled: Mapping[str, str] | None) -> None:
            if filled is not None:
                self._source = filled["path"]
                then(filled["path"])

        field = Field("path", _("The .tar, its first part (.tar.001), or the unpacked folder"), self._source)
        self.app.push_screen(Form(title, [field], command=command), entered)


def _facts(facts: Releases) -> Sequence[tuple[str, Value]]:
    found: list[tuple[str, Value]] = [(_("In use"), facts.current)]
    if facts.previous:
        found.append((_("Previous"), facts.previous))
    record = facts.record
    if record is None:
        return found
    found.append((_("Upgrade"), f"{record.old} > {record.new}  {moment(record.began_at)}  {record.actor}"))
    found.append((_("State"), _state(record, driven=facts.driven)))
    if record.reason:
        found.append((_("Reason"), Content.styled(record.reason.splitlines()[0], "$bad")))
    if record.downtime_s is not None:
        found.append((_("Waited"), _("people waited for {length}").format(length=length(record.downtime_s))))
    return found


def _state(record: "Record", *, driven: bool) -> Value:
    if record.ending is None:
        if driven:
            return Content.styled(_("under way"), "$accent-ink")
        return Content.styled(_("interrupted: R brings it to its end"), "$bad")
    if record.ending.value == "done":
        return Content.styled(_("done"), "$ok")
    return Content.styled(_("undone: the old release and every row are back"), "$warn")


def _row(record: "Record", passed: "Passed") -> Row:
    stage = passed.stage.value
    took = "" if passed.took_s is None else length(passed.took_s)
    if passed.stage in record.undone:
        state, tone = _("undone"), "$warn"
    elif passed.took_s is not None:
        state, tone = _("done"), "$ok"
    elif record.ending is None:
        state, tone = _("under way"), "$accent-ink"
    else:
        state, tone = _("failed"), "$bad"
    return Row(stage, (state, _(_STAGES.get(stage, stage)), took), tone=tone)


PAGE = Upgrades
