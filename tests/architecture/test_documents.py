"""What documents, errors and pages name is there: routes of the API, commands with their verbs, other documents."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.core import TyperGroup

from cli.main import COMMANDS
from web.api.v1 import api_router

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
SOURCES = [path for room in ("appliance", "web", "cli") for path in (ROOT / room).rglob("*.py")]
OTHERS = [*(ROOT / "web").rglob("*.html"), *(ROOT / "images").rglob("*.sh"), ROOT / "Makefile"]

DECISIONS = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))

_ROUTE = re.compile(r"((?:`[A-Z]+`, )*)`([A-Z]+) (/[^`? ]*)")
_COMMAND = re.compile(r"(?<![\w./-])hangjegyzet ([a-z][a-z0-9-]*)(?: ([a-z][a-z-]*(?:\|[a-z-]+)*))?")
_PROSE = {"csrf", "is", "of", "portal", "speech"}
"""What follows the product's own name in sentences and labels; a noun among them is checked by its verb."""


def documented_routes() -> set[str]:
    """As ``GET /meetings/{}``, wherever the API's page names one."""
    named = _ROUTE.findall((ROOT / "docs" / "api.md").read_text(encoding="utf-8"))
    return {
        f"{method} {re.sub(r'{[^}]*}', '{}', path)}"
        for before, last, path in named
        for method in (*re.findall("[A-Z]+", before), last)
    }


def routes() -> set[str]:
    """The same, of what the API answers to."""
    return {
        f"{method} {re.sub(r'{[^}]*}', '{}', route.path).removeprefix('/api/v1')}"
        for route in api_router().routes
        for method in route.methods - {"OPTIONS"}
        if "schema" not in route.path
    }


def test_the_page_of_the_api_names_every_route_and_no_other() -> None:
    """Whoever writes a script finds all that there is, and nothing that was."""
    assert documented_routes() - {"GET /health/live", "GET /health/ready"} == routes()


def named_commands(path: Path) -> Iterator[tuple[str, str]]:
    """Each word after ``hangjegyzet``, with every verb that follows it."""
    for noun, verbs in _COMMAND.findall(path.read_text(encoding="utf-8")):
        for verb in verbs.split("|"):
            yield noun, verb


@pytest.fixture(scope="module")
def verbs() -> dict[str, set[str]]:
    """What can be typed: the verbs of each noun; none after a word that acts by itself."""
    loaded = {entry.name: entry.load() for entry in COMMANDS}
    return {name: set(each.commands) if isinstance(each, TyperGroup) else set() for name, each in loaded.items()}


def test_every_command_that_is_named_exists(verbs: dict[str, set[str]]) -> None:
    """A remedy that names a command which nobody can call is none."""
    missing = [
        f"{path.relative_to(ROOT)}: {noun} {verb}"
        for path in (*DOCUMENTS, *SOURCES, *OTHERS)
        for noun, verb in named_commands(path)
        if (noun not in verbs and noun not in _PROSE) or (verbs.get(noun) and verb and verb not in verbs[noun])
    ]
    assert missing == []


def test_the_list_of_decisions_has_each_under_its_title() -> None:
    """Whoever wonders why something is as it is finds where that was decided."""
    listed = re.findall(r"\| \[\d+\]\((\S+)\) \| (.+) \|", (ROOT / "docs" / "adr" / "README.md").read_text("utf-8"))
    titles = [re.sub(r"^# \d+(\.| ·) ", "", path.read_text("utf-8").partition("\n")[0]) for path in DECISIONS]
    assert listed == list(zip((path.name for path in DECISIONS), titles, strict=True))


def test_links_between_documents_lead_somewhere() -> None:
    """A page that was renamed takes the links to it along."""
    broken = [
        f"{document.relative_to(ROOT)}: {target}"
        for document in DOCUMENTS
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text("utf-8"))
        if "://" not in target and not (document.parent / target).exists()
    ]
    assert broken == []
