"""What every page of the console has: a title, facts that are asked for again and again, and a place for faults."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Static

from tui.formats import second
from tui.i18n import _
from tui.telling import explained
from tui.threads import PATIENCE_S, in_thread
from tui.widgets.dialogs import Confirm, Notice

if TYPE_CHECKING:
    from tui.app import ConsoleApp
    from tui.house import House

Hint = tuple[str, str]


class Page(Vertical):
    """One page.

    A page reads its facts in a thread (``read``) and shows them (``present``); while they cannot be had, the last ones
    stay and the fault is told above them.
    """

    TITLE: ClassVar[str]
    """For the catalogue; said in the spoken language."""
    COMMAND: ClassVar[str]
    """What shows the same on the command line."""
    EVERY_S: ClassVar[float] = 5.0
    DEFAULT_CLASSES = "page"

    def __init__(self) -> None:
        super().__init__()
        self._asking = False
        self.read_at = ""

    @property
    def console(self) -> "ConsoleApp":
        """The app that it is a page of."""
        return cast("ConsoleApp", self.app)

    @property
    def house(self) -> "House":
        """Whom it asks."""
        return self.console.house

    def read(self) -> Any:
        """The facts; called in a thread."""
        raise NotImplementedError

    async def present(self, facts: Any) -> None:
        """Show them."""
        raise NotImplementedError

    def contents(self) -> ComposeResult:
        """What is under the title."""
        raise NotImplementedError

    def hints(self) -> Sequence[Hint]:
        """Keys of this page, with what they do."""
        return ()

    def more(self) -> Sequence[Hint]:
        """Keys that are needed seldom: under F1 and in the palette, and not in the bottom line."""
        return ()

    def first_focus(self) -> Widget | None:
        """What takes the keys when somebody enters the page."""
        return None

    def compose(self) -> ComposeResult:
        yield Static(_(self.TITLE), classes="page-title", markup=False)
        yield Static("─" * 200, classes="page-rule", markup=False)
        yield Static("", classes="page-fault", markup=False)
        yield from self.contents()

    def on_mount(self) -> None:
        """Ask, and ask again."""
        self.set_interval(self.EVERY_S, self.renew)
        self.renew()

    def renew(self) -> None:
        """Ask, unless an answer is still awaited."""
        if not self._asking:
            self._asking = True
            self.run_worker(self._renew(), exit_on_error=False)

    async def _renew(self) -> None:
        try:
            facts = await in_thread(self.read, patience_s=PATIENCE_S)
        except Exception as error:  # noqa: BLE001  # the edge of the page: a fault is shown, and the console goes on
            self.show_fault(error)
        else:
            self.read_at = second(self.console.clock.now())
            self.query_one(".page-fault", Static).remove_class("-shown")
            await self.present(facts)
        finally:
            self._asking = False

    def show_fault(self, error: BaseException) -> None:
        """What went wrong with asking, and what to do."""
        what, remedy = explained(error)
        seen = _("What is shown below was read at {time}.").format(time=self.read_at) if self.read_at else ""
        place = self.query_one(".page-fault", Static)
        place.update("\n".join(part for part in (what, remedy, seen) if part))
        place.add_class("-shown")

    def act(self, do: Callable[[], Any], *, command: str, done: str) -> None:
        """Do something short in a thread, say that it is done, and look again."""
        self.run_worker(self._act(do, command, lambda _answer: self.console.say(done)), exit_on_error=False)

    def ask_and_tell(
        self, do: Callable[[], Any], *, command: str, tell: Callable[[Any], object], patience_s: float = PATIENCE_S
    ) -> None:
        """The same, where the answer is to be shown."""
        self.run_worker(self._act(do, command, tell, patience_s), exit_on_error=False)

    async def _act(
        self, do: Callable[[], Any], command: str, tell: Callable[[Any], object], patience_s: float = PATIENCE_S
    ) -> None:
        self.console.show_command(command)
        try:
            answer = await in_thread(do, patience_s=patience_s)
        except Exception as error:  # noqa: BLE001  # as above
            what, remedy = explained(error)
            text = "\n\n".join(part for part in (what, remedy) if part)
            self.app.push_screen(Notice(_("That did not work"), text, command=command))
        else:
            tell(answer)
        self.renew()

    def confirm(self, title: str, text: str, *, word: str, command: str, then: Callable[[], object]) -> None:
        """Say what will happen; it happens when the word is typed."""

        def answered(agreed: bool | None) -> None:
            if agreed:
                then()

        self.app.push_screen(Confirm(title, text, word=word, command=command), answered)
