"""Who has an account. The console creates, resets and disables; nobody ever learns another person's password."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widget import Widget

from appliance.identity.model import OneTimeCode, UserView
from appliance.identity.permissions import Role
from tui.errands import command_line
from tui.formats import moment
from tui.i18n import _, marked
from tui.page import Hint, Page
from tui.widgets.detail import Detail, Part
from tui.widgets.dialogs import Field, Form, Notice
from tui.widgets.rows import Column, Row, RowList, Rows

ROLES = {
    Role.MEMBER: marked("member"),
    Role.ADMINISTRATOR: marked("administrator"),
    Role.AUDITOR: marked("auditor"),
}


class Users(Page):
    """Oldest account first."""

    TITLE = marked("Users")
    COMMAND = "hangjegyzet user list"
    EVERY_S = 10.0
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "create", show=False),
        Binding("r", "reset", show=False),
        Binding("d", "disable", show=False),
        Binding("e", "enable", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._people: dict[str, UserView] = {}

    def contents(self) -> ComposeResult:
        yield Rows(
            (
                Column(_("e-mail"), grows=True),
                Column(_("name"), optional=True),
                Column(_("role"), optional=True),
                Column(_("state")),
            ),
            empty=_("Nobody has an account yet. N gives a code that makes its bearer the first administrator."),
        )
        yield Detail()

    def hints(self) -> Sequence[Hint]:
        return (("N", _("new")), ("R", _("reset code")), ("D", _("disable")), ("E", _("enable")))

    def first_focus(self) -> Widget | None:
        return self.query_one(RowList)

    def read(self) -> Sequence[UserView]:
        return self.house.people()

    async def present(self, facts: Sequence[UserView]) -> None:
        self._people = {str(person.id): person for person in facts}
        self.query_one(Rows).show([_row(person) for person in facts])
        self._show_detail()

    def on_rows_chosen(self, _event: Rows.Chosen) -> None:
        """All of it, below."""
        self._show_detail()

    def action_create(self) -> None:
        """The first administrator's code, or a form."""
        if not self._people:
            self.ask_and_tell(self.house.first_code, command="hangjegyzet user first-code", tell=self._tell_code)
            return
        roles = [(role.value, _(label)) for role, label in ROLES.items()]
        fields = [Field("email", _("E-mail address")), Field("name", _("Name that others see"))]
        self.app.push_screen(
            Form(_("A new account"), [*fields, Field("role", _("Role"), Role.MEMBER.value, choices=roles)]),
            self._create,
        )

    def _create(self, filled: Mapping[str, str] | None) -> None:
        if filled is None:
            return
        email, name, role = filled["email"], filled["name"], Role(filled["role"])
        self.ask_and_tell(
            lambda: self.house.create_person(email=email, name=name, role=role),
            command=command_line("user", "create", email, "--name", name, "--role", role.value),
            tell=self._tell_code,
        )

    def action_reset(self) -> None:
        """A code for a new password, after the word."""
        if (person := self._chosen()) is None:
            return
        command = command_line("user", "reset", person.email)
        self.confirm(
            _("A new password for {email}?").format(email=person.email),
            _("The old password, all sessions and known browsers of this person stop working now."),
            word=_("reset"),
            command=command,
            then=lambda: self.ask_and_tell(lambda: self.house.reset(person.id), command=command, tell=self._tell_code),
        )

    def action_disable(self) -> None:
        """Keep the chosen one out, after the word."""
        if (person := self._chosen()) is None or person.disabled_at is not None:
            self.console.say(_("This account is disabled already."))
            return
        command = command_line("user", "disable", person.email)
        self.confirm(
            _("Keep {email} out?").format(email=person.email),
            _("The person is signed out everywhere and cannot sign in until the account is enabled. Meetings stay."),
            word=_("disable"),
            command=command,
            then=lambda: self.act(
                lambda: self.house.disable(person.id), command=command, done=_("The account is disabled.")
            ),
        )

    def action_enable(self) -> None:
        """Let the chosen one in again."""
        if (person := self._chosen()) is None or person.disabled_at is None:
            self.console.say(_("This account is enabled already."))
            return
        self.act(
            lambda: self.house.enable(person.id),
            command=command_line("user", "enable", person.email),
            done=_("The account is enabled."),
        )

    def _tell_code(self, code: OneTimeCode) -> None:
        text = _("Shown once. Give it to its owner, who types it in at the portal. It is good until {moment}.")
        self.app.push_screen(Notice(_("One-time code"), text.format(moment=moment(code.expires_at)), code=code.code))

    def _chosen(self) -> UserView | None:
        row = self.query_one(Rows).chosen
        return self._people.get(row.id) if row else None

    def _show_detail(self) -> None:
        person = self._chosen()
        self.query_one(Detail).show(() if person is None else _detail(person))


def state_of(person: UserView) -> str:
    """In a word."""
    if person.disabled_at is not None:
        return _("disabled")
    return _("active") if person.has_password else _("awaits password")


def _row(person: UserView) -> Row:
    tone = "$faint" if person.disabled_at is not None else ""
    return Row(str(person.id), (person.email, person.name, _(ROLES[person.role]), state_of(person)), tone=tone)


def _detail(person: UserView) -> Sequence[Part]:
    return (
        (_("Name"), person.name),
        (_("E-mail"), person.email),
        (_("Role"), _(ROLES[person.role])),
        (_("Created"), moment(person.created_at)),
        (_("Last seen"), moment(person.last_seen_at) if person.last_seen_at else _("never")),
    )


PAGE = Users
