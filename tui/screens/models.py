"""The models: which are there, which are in use, and for which languages they may be trusted."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widget import Widget

from appliance.models.model import ANY_LANGUAGE, Fitness, InstalledPack, Pack, PackKind, Provenance
from tui.formats import size
from tui.i18n import _, marked
from tui.page import Hint, Page
from tui.widgets.choosing import Choice, Choosing
from tui.widgets.detail import Detail, Part
from tui.widgets.rows import Column, Row, RowList, Rows

if TYPE_CHECKING:
    from tui.sticks import Found

_KINDS = {
    PackKind.SPEECH: marked("speech"),
    PackKind.SPEAKERS: marked("speakers"),
    PackKind.LANGUAGE: marked("language"),
    PackKind.EMBEDDING: marked("embedding"),
}
_FITNESS = {
    Fitness.FIT: marked("{language} good"),
    Fitness.WEAK: marked("{language} weak"),
    Fitness.UNFIT: marked("{language} unfit"),
    Fitness.UNKNOWN: marked("{language} not measured"),
}
_HASHES = {
    Provenance.PUBLISHED: marked("compared with those that its makers publish"),
    Provenance.MANIFEST: marked("compared with those in its own manifest"),
    Provenance.RECORDED: marked("recorded as found: nobody vouches for them"),
}


class Models(Page):
    """Installed ones, by name."""

    TITLE = marked("Models")
    COMMAND = "hangjegyzet models list --all"
    EVERY_S = 10.0
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("i", "import_pack", show=False),
        Binding("u", "use", show=False),
        Binding("v", "verify", show=False),
        Binding("g", "gc", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._packs: dict[str, InstalledPack | Pack] = {}

    def contents(self) -> ComposeResult:
        yield Rows(
            (
                Column(_("state")),
                Column(_("name"), grows=True),
                Column(_("kind")),
                Column(_("size"), optional=True),
            ),
            empty=_("No model pack is installed. I imports one from a stick or a folder."),
        )
        yield Detail()

    def hints(self) -> Sequence[Hint]:
        return (("I", _("import")), ("U", _("use")), ("V", _("verify")), ("G", _("clean up")))

    def first_focus(self) -> Widget | None:
        return self.query_one(RowList)

    def read(self) -> tuple[Sequence[InstalledPack], Sequence[Pack]]:
        return self.house.packs()

    async def present(self, facts: tuple[Sequence[InstalledPack], Sequence[Pack]]) -> None:
        installed, known = facts
        self._packs = {**{one.name: one for one in installed}, **{one.name: one for one in known}}
        self.query_one(Rows).show(
            [
                *(
                    _row(one.pack, _("in use") if one.in_use else _("installed"), "$ok" if one.in_use else "")
                    for one in installed
                ),
                *(_row(one, _("missing"), "$faint") for one in known),
            ]
        )
        self._show_detail()

    def on_rows_chosen(self, _event: Rows.Chosen) -> None:
        """All of it, below."""
        self._show_detail()

    def action_import_pack(self) -> None:
        """From a stick, or a path that the machine sees."""
        choice: Choice[Found] = Choice(
            title=_("Import a model pack"),
            columns=(Column(_("name")), Column(_("kind")), Column(_("path"), grows=True), Column(_("size"))),
            look=self.house.packs_on_sticks,
            row=_offered,
            empty=_(
                "No pack was found below /media or /mnt. A stick is mounted by: mount -o ro /dev/sdb1 /media. "
                "P takes a path."
            ),
            field=_("Folder, archive or .gguf file"),
            command="hangjegyzet models import PATH",
        )
        self.app.push_screen(Choosing(choice), self._import)

    def _import(self, path: str | None) -> None:
        if path is not None:
            self.console.start_errand("models", "import", path)

    def action_use(self) -> None:
        """Put the chosen one to use."""
        one = self._chosen()
        if not isinstance(one, InstalledPack) or one.in_use:
            self.console.say(_("Choose an installed pack that is not in use."))
            return
        self.console.start_errand("models", "use", one.name)

    def action_verify(self) -> None:
        """Every byte of all of them."""
        self.console.start_errand("models", "verify")

    def action_gc(self) -> None:
        """What broken imports left behind."""
        self.console.start_errand("models", "gc")

    def _chosen(self) -> InstalledPack | Pack | None:
        row = self.query_one(Rows).chosen
        return self._packs.get(row.id) if row else None

    def _show_detail(self) -> None:
        one = self._chosen()
        self.query_one(Detail).show(() if one is None else _detail(one))


def _offered(one: "Found") -> Row:
    """A pack on a stick, as far as it says what it is."""
    known = one.pack
    where = str(one.path) + (f"  {one.fault}" if one.fault else "")
    kind = _(_KINDS[known.kind]) if known else "?"
    name = known.name if known else one.path.name.removeprefix("hangjegyzet-models-").split(".tar")[0]
    return Row(
        str(one.path), (name, kind, where, size(one.bytes) if one.bytes else ""), tone="$bad" if one.fault else ""
    )


def _row(pack: Pack, state: str, tone: str) -> Row:
    known_size = size(pack.size_bytes) if pack.size_bytes else ""
    return Row(pack.name, (state, pack.name, _(_KINDS[pack.kind]), known_size), tone=tone)


def _detail(one: InstalledPack | Pack) -> Sequence[Part]:
    pack = one.pack if isinstance(one, InstalledPack) else one
    languages = ", ".join(
        _(_FITNESS[note.fitness]).format(language=_("others") if tag == ANY_LANGUAGE else tag)
        for tag, note in pack.languages.items()
    )
    return (
        ("", pack.title),
        (_("Licence"), pack.licence),
        (_("Languages"), languages),
        (_("Memory"), size(pack.memory_bytes) if pack.memory_bytes else ""),
        (_("Hashes"), _(_HASHES[one.provenance]) if isinstance(one, InstalledPack) else ""),
    )


PAGE = Models
