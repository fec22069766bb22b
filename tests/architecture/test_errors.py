"""Errors: a code of its own for each, and a page that says what each refusal of a recording means."""

import re
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import appliance
from appliance.kernel.errors import HangJegyzetError
from appliance.meetings.errors import MediaRefused

ROOT = Path(__file__).parents[2]
ROOMS = Path(appliance.__file__).parent
_CODE = re.compile(r"`((?:jobs|media|upload|vocabulary)\.[a-z_]+)`")


def kinds(kind: type[HangJegyzetError] = HangJegyzetError) -> Iterator[type[HangJegyzetError]]:
    """Every error class of every room."""
    for path in sorted(ROOMS.glob("*/errors.py")):
        import_module(f"appliance.{path.parent.name}.errors")
    for child in kind.__subclasses__():
        if child.__module__.startswith("appliance."):
            yield child
            yield from kinds(child)


def test_no_two_errors_share_a_code() -> None:
    """A script, and the page that tells a stored failure again, know an error by its code alone."""
    named = Counter(kind.code for kind in kinds() if "code" in vars(kind))
    assert [code for code, times in named.items() if times > 1] == []


def test_every_error_that_is_raised_has_a_code_of_its_own() -> None:
    """None goes by the code of its kind."""
    leaves = [kind for kind in kinds() if not kind.__subclasses__()]
    assert [kind.__name__ for kind in leaves if "code" not in vars(kind)] == []


def test_every_refusal_of_a_recording_is_explained() -> None:
    """docs/speech.md lists each with its occasion, and each says what to do."""
    refusals = {kind.code for kind in kinds(MediaRefused)}
    listed = set(re.findall(r"`(media\.\w+)`", (ROOT / "docs" / "speech.md").read_text("utf-8")))
    assert listed == refusals
    assert [kind.code for kind in kinds(MediaRefused) if not kind.hint] == []


def test_every_code_that_a_page_names_exists() -> None:
    """What a reader is told to look for can be found."""
    named = {page.name: set(_CODE.findall(page.read_text("utf-8"))) for page in (ROOT / "docs").glob("*.md")}
    known = named["configuration.md"] | {kind.code for kind in kinds()}
    assert {page: codes - known for page, codes in named.items() if codes - known} == {}
