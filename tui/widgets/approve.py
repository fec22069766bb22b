"""Before a dangerous act: what it does, in full; who has to agree, who has, and how the others do; then the word."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from appliance.approvals.model import NAMESPACE, NEEDED, Arguments, Verb, instant, words
from tui.formats import moment
from tui.i18n import _
from tui.telling import explained
from tui.threads import in_thread
from tui.undertakings import Approving
from tui.widgets.dialogs import Confirm, Field, Form, Notice
from tui.widgets.facts import Facts, Value

if TYPE_CHECKING:
    from tui.app import ConsoleApp
    from tui.house import House

LOOK_S = 2.0


@dataclass(frozen=True, slots=True)
class Act:
    """Something that is not one person's.

    Args:
        facts: what it does, by name.
        warning: what is lost, or who waits.
        verb: as the two-person rule knows it, with its ``arguments``.
        word: what is typed to do it.
        command: what does it, as somebody would type it.
    """

    title: str
    facts: Sequence[tuple[str, Value]]
    warning: str
    verb: Verb
    arguments: Arguments
    word: str
    command: str


class ApproveScreen(Screen[bool]):
    """A asks the approvers, S hands in what they signed, Enter goes on to the word."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,left,q", "leave", show=False),
        Binding("a", "ask", show=False),
        Binding("s", "sign", show=False),
        Binding("enter", "go_on", show=False),
    ]

    def __init__(self, act: Act) -> None:
        super().__init__()
        self._act = act
        self._approving: Approving | None = None
        self._asking = False

    def compose(self) -> ComposeResult:
        with Vertical(id="errand"):
            yield Static(self._act.title, classes="page-title", markup=False)
            yield Static("─" * 200, classes="page-rule", markup=False)
            with VerticalScroll(classes="page-scroll"):
                yield Static("", classes="page-fault", markup=False)
                yield Facts("", self._act.facts, id="now")
                yield Static(Content.styled(self._act.warning, "$warn"), id="act-warning", markup=False)
                yield Facts("", id="approval")
                yield Static("", id="approval-how", markup=False)
            yield Static(f"$ {self._act.command}", id="command", markup=False)
            yield Static("", id="hints", markup=False)

    def on_mount(self) -> None:
        """Look who has agreed, and go on looking: somebody may sign elsewhere."""
        self.query_one(VerticalScroll).focus()
        self.set_interval(LOOK_S, self.look)
        self.look()

    def look(self) -> None:
        """Ask for the approval, unless its answer is still awaited."""
        if not self._asking:
            self._asking = True
            self.run_worker(self._look(), exit_on_error=False)

    async def _look(self) -> None:
        fault = self.query_one(".page-fault", Static)
        try:
            self._approving = await in_thread(lambda: self._house.approving(self._act.verb, self._act.arguments))
        except Exception as error:  # noqa: BLE001  # the edge of the screen
            self._approving = None
            fault.update("\n".join(part for part in explained(error) if part))
            fault.add_class("-shown")
        else:
            fault.remove_class("-shown")
            await self.query_one("#approval", Facts).show(_standing(self._approving))
            self.query_one("#approval-how", Static).update(_how(self._approving))
        finally:
            self._asking = False
            self.query_one("#hints", Static).update(_hints(self._approving))

    def action_ask(self) -> None:
        """Write the request, also onto a stick."""
        if self._approving is None or not self._approving.people:
            return

        def entered(filled: Mapping[str, str] | None) -> None:
            if filled is None:
                return
            folder = Path(filled["folder"]) if filled["folder"] else None
            reason = filled["reason"]
            self._do(
                lambda: self._house.ask_approval(self._act.verb, self._act.arguments, reason=reason, folder=folder),
                command=f"hangjegyzet approval request {words(self._act.verb, self._act.arguments)}",
                title=_("They can be asked now"),
                text=_("What they sign is in {answer}. The .sig that ssh-keygen leaves beside it comes back here: S."),
            )

        sticks = self._house.sticks()
        place = str(sticks[0]) if sticks else ""
        self.app.push_screen(
            Form(
                _("Ask the approvers"),
                [
                    Field("reason", _("One sentence for them: why")),
                    Field("folder", _("Folder for the file that they sign"), place, optional=True),
                ],
                text=_("It holds for a day, for exactly this, on this machine, once."),
                command=f"hangjegyzet approval request {words(self._act.verb, self._act.arguments)}",
            ),
            entered,
        )

    def action_sign(self) -> None:
        """Take what somebody signed."""
        if self._approving is None or self._approving.standing is None:
            return
        request = self._approving.standing.request.id

        def entered(filled: Mapping[str, str] | None) -> None:
            if filled is None:
                return
            file = filled["path"]
            self._do(
                lambda: self._house.hand_in(request, Path(file)),
                command=f"hangjegyzet approval add {request} {file}",
                title=_("The signature is right"),
                text=_("{answer} approves it."),
            )

        there = self._house.signatures()
        like = [path for path in there if request in path.name] or list(there)
        self.app.push_screen(
            Form(
                _("Hand in a signature"),
                [Field("path", _("What ssh-keygen wrote (.sig)"), str(like[0]) if like else "/media/")],
                command=f"hangjegyzet approval add {request} FILE",
            ),
            entered,
        )

    def action_go_on(self) -> None:
        """The word, once it may be done."""
        if self._approving is None or not self._approving.holds:
            return
        act = self._act

        def answered(agreed: bool | None) -> None:
            if agreed:
                self.dismiss(True)

        self.app.push_screen(Confirm(act.title, act.warning, word=act.word, command=act.command), answered)

    def action_leave(self) -> None:
        """Nothing happens; a request goes on waiting."""
        self.dismiss(False)

    def _do(self, do: Callable[[], object], *, command: str, title: str, text: str) -> None:
        """Do something short in a thread, and say what came of it."""

        async def done() -> None:
            try:
                answer = await in_thread(do)
            except Exception as error:  # noqa: BLE001  # the edge of the screen
                said = "\n\n".join(part for part in explained(error) if part)
                self.app.push_screen(Notice(_("That did not work"), said, command=command))
            else:
                self.app.push_screen(Notice(title, text.format(answer=answer), command=command))
            self.look()

        self.run_worker(done(), exit_on_error=False)

    @property
    def _house(self) -> "House":
        return cast("ConsoleApp", self.app).house


def _standing(found: Approving) -> Sequence[tuple[str, Value]]:
    if not found.people:
        text = _("on trial: nobody is enrolled, so that one person alone may do this")
        return [(_("Approval"), Content.styled(text, "$warn"))]
    shown: list[tuple[str, Value]] = [(_("May approve"), ", ".join(found.people))]
    if found.standing is None:
        text = _("of {needed} people is needed, and nobody was asked: A").format(needed=NEEDED)
        return [(_("Approval"), Content.styled(text, "$bad")), *shown]
    request, signed = found.standing.request, [one.person for one in found.standing.signed]
    shown += [
        (_("Request"), f"{request.id}  {request.reason}"),
        (_("Signed by"), ", ".join(signed) or _("nobody yet")),
        (_("Holds until"), moment(instant(request.expires_at))),
    ]
    if found.holds:
        return [(_("Approval"), Content.styled(_("given: Enter goes on"), "$ok")), *shown]
    text = _("{signed} of {needed} people have signed").format(signed=len(signed), needed=NEEDED)
    return [(_("Approval"), Content.styled(text, "$warn")), *shown]


def _how(found: Approving) -> str:
    if found.standing is None or found.holds or not found.people:
        return ""
    name = f"approve-{found.standing.request.id}.json"
    sign = f"ssh-keygen -Y sign -n {NAMESPACE} -f KEY {name}"
    how = _("Each of them, on any machine with OpenSSH 8.2 or newer. Then the .sig comes back here: S.")
    return f"{how}\n  {sign}"


def _hints(found: Approving | None) -> Content:
    keys: list[tuple[str, str]] = []
    if found is not None and found.holds:
        keys.append(("Enter", _("go on")))
    elif found is not None:
        keys.append(("A", _("ask the approvers") if found.standing is None else _("ask again")))
        keys += [("S", _("hand in a signature"))] if found.standing else []
    keys.append(("Esc", _("back: nothing happens")))
    parts: list[str | tuple[str, str]] = []
    for key, text in keys:
        parts += [(f"{key} ", "bold $accent-ink"), text, "   "]
    return Content.assemble(*parts[:-1])
