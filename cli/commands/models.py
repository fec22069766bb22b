"""``hangjegyzet models``: which packs this machine has, which are in use, and whether they are what they claim."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from appliance.entry.packs import audited, open_installing_registry, open_registry
from appliance.entry.signed_packs import open_pack
from appliance.kernel.units import format_bytes
from appliance.models.errors import PackDamaged
from appliance.models.model import ANY_LANGUAGE, FileState, Fitness, InstalledPack, Pack, Provenance
from appliance.settings import Settings
from cli.output import print_fields, print_json, print_table, progress_bar, talk

app = typer.Typer(name="models", help="Model packs: list, import, verify, use, clean up.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def show(
    as_json: AsJson = False,
    every: Annotated[bool, typer.Option("--all", help="Also models that are known and not installed.")] = False,
) -> None:
    """List the installed packs."""
    registry = open_registry(Settings())
    installed, missing = registry.list(), registry.missing() if every else ()
    if as_json:
        print_json([*(_fields(pack) for pack in installed), *(_known_fields(pack) for pack in missing)])
        return
    rows = [
        *(_row(pack.pack, "in use" if pack.in_use else "installed") for pack in installed),
        *(_row(pack, "known") for pack in missing),
    ]
    print_table(
        ("name", "kind", "state", "size", "languages"),
        rows,
        empty="No model pack is installed. Run make setup, or: hangjegyzet models import PATH",
    )


@app.command("show")
def show_one(name: Annotated[str, typer.Argument(help="Installed pack.")], as_json: AsJson = False) -> None:
    """Show everything about an installed pack."""
    installed = open_registry(Settings()).get(name)
    if as_json:
        print_json(_fields(installed))
        return
    pack = installed.pack
    notes = {f"language {tag}": f"{note.fitness.value}: {note.note}" for tag, note in pack.languages.items()}
    hashes = {file.path: f"{_size(file.size_bytes or 0)}, sha256 {file.sha256}" for file in pack.files}
    print_fields(
        {
            "name": pack.name,
            "title": pack.title,
            "kind": f"{pack.kind.value} ({pack.seat.value})",
            "in use": _yes(installed.in_use),
            "engine": pack.engine,
            "licence": pack.licence,
            "source": pack.source,
            "devices": ", ".join(pack.devices),
            "memory": _size(pack.memory_bytes),
            "hashes": installed.provenance.value,
            "folder": installed.path,
            **notes,
            **hashes,
        }
    )


@app.command("import")
def import_pack(
    source: Annotated[Path, typer.Argument(help="Folder, .tar, .tar.gz, .tar.zst or .zip archive, or .gguf file.")],
    known_as: Annotated[str | None, typer.Option("--as", help="Which known model this is (see list --all).")] = None,
    replace: Annotated[bool, typer.Option(help="Take the place of another pack of the same name.")] = False,
    trust: Annotated[str | None, typer.Option(help="Fingerprint of the root keys, for a signed pack.")] = None,
    as_json: AsJson = False,
) -> None:
    """Install a pack; every byte is compared with the published or declared hash on its way in."""
    settings = Settings()
    registry = open_installing_registry(settings)
    with open_pack(source, fingerprint=trust) as opened:
        size_bytes = registry.size_to_import(opened)
        with _told_trail(settings), progress_bar(f"importing {source.name}") as report:
            progress = _Share(report, size_bytes)
            pack = registry.import_pack(opened, known_as=known_as, replace=replace, progress=progress)
    if as_json:
        print_json(_fields(pack))
    else:
        print_table(("name", "kind", "in use", "hashes"), [(pack.name, pack.kind, _yes(pack.in_use), pack.provenance)])
    if pack.provenance is Provenance.RECORDED:
        talk.print("No published hashes are known for all of its files: they were recorded as found.", style="yellow")
    if not pack.in_use:
        talk.print(f"Put it to use with: hangjegyzet models use {pack.name}")


@app.command()
def verify(
    name: Annotated[str | None, typer.Argument(help="Pack to check; unset checks all.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read every byte and compare; exit code 6 if a file is missing or changed."""
    registry = open_registry(Settings())
    packs = registry.list() if name is None else (registry.get(name),)
    with progress_bar("verifying") as report:
        progress = _Share(report, sum(pack.pack.size_bytes for pack in packs))
        reports = registry.verify(name, progress=progress)
    if as_json:
        print_json(reports)
    else:
        print_table(("pack", "file", "state"), [(found.pack, found.path, found.state) for found in reports])
    for found in reports:
        if found.state is not FileState.OK:
            raise PackDamaged(name=found.pack, path=found.path, state=found.state.value)


@app.command()
def use(name: Annotated[str, typer.Argument(help="Pack to put to use.")], as_json: AsJson = False) -> None:
    """Put an installed pack to use; workers take it up at their next start."""
    settings = Settings()
    registry = open_registry(settings)
    registry.get(name)  # a misspelt name needs no database to be refused
    with _told_trail(settings):
        pack = registry.use(name)
    if as_json:
        print_json(_fields(pack))
    talk.print(f"{pack.name} is now in use for {pack.kind.value} ({pack.pack.seat.value}).")


@app.command()
def gc(
    unused: Annotated[bool, typer.Option("--unused", help="Also remove packs that are not in use.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be removed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove what broken imports left behind."""
    settings = Settings()
    registry = open_registry(settings)
    removals = registry.garbage(unused=unused)
    if removals and not dry_run:
        with _told_trail(settings):
            removals = registry.gc(unused=unused)
    if as_json:
        print_json(removals)
    else:
        rows = [(removal.path.name, format_bytes(removal.size_bytes), removal.reason) for removal in removals]
        print_table(("what", "size", "why"), rows, empty="There is nothing to remove.")


@contextmanager
def _told_trail(settings: Settings) -> Iterator[None]:
    """Put what the block does into the audit trail, and say so where there is none."""
    with audited(settings) as recorded:
        yield
    if not recorded:
        talk.print("No appliance was set up here: this is kept in the models folder's history alone.", style="dim")


class _Share:
    """Bytes dealt with, told as a share of all of them."""

    def __init__(self, report: Callable[[float], None], total_bytes: int) -> None:
        self._report = report
        self._total_bytes = max(1, total_bytes)
        self._done_bytes = 0

    def __call__(self, count: int) -> None:
        self._done_bytes += count
        self._report(min(1.0, self._done_bytes / self._total_bytes))


def _fields(installed: InstalledPack) -> dict[str, Any]:
    own = {"installed": True, "in_use": installed.in_use, "provenance": installed.provenance, "path": installed.path}
    return {**_known_fields(installed.pack), **own}


def _known_fields(pack: Pack) -> dict[str, Any]:
    return {
        "name": pack.name,
        "kind": pack.kind,
        "role": pack.seat,
        "title": pack.title,
        "engine": pack.engine,
        "licence": pack.licence,
        "source": pack.source,
        "devices": pack.devices,
        "size_bytes": pack.size_bytes,
        "memory_bytes": pack.memory_bytes,
        "context_tokens": pack.context_tokens,
        "languages": pack.languages,
        "files": pack.files,
        "installed": False,
        "in_use": False,
        "provenance": None,
        "path": None,
    }


def _row(pack: Pack, state: str) -> tuple[str, ...]:
    return (pack.name, pack.kind, state, _size(pack.size_bytes), _languages(pack))


def _languages(pack: Pack) -> str:
    """``en, not hu``: what it is fit for, and what it must not be used for."""
    words = {Fitness.FIT: "{}", Fitness.WEAK: "{} (weak)", Fitness.UNFIT: "not {}"}
    named = {tag: note.fitness for tag, note in pack.languages.items() if tag != ANY_LANGUAGE and note.fitness in words}
    rest = pack.languages.get(ANY_LANGUAGE)
    if rest is not None and rest.fitness in words and not named:
        return words[rest.fitness].format("any")
    return ", ".join(words[fitness].format(tag) for tag, fitness in named.items()) or "not measured"


def _size(size_bytes: int) -> str:
    return format_bytes(size_bytes) if size_bytes else "not known"


def _yes(value: bool) -> str:
    return "yes" if value else "no"
