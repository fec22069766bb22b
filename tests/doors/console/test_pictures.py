"""Every page at two sizes in both languages, as a picture.

After a change that was meant, and looked at: ``pytest tests/doors/console/test_pictures.py --snapshot-update``.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from appliance.kernel.clock import FixedClock
from tests.doors.console.conftest import MakeConsole, open_page, settled
from tests.doors.console.scenes import SCENES
from tests.factories.console import NOW, ShownHouse, a_glance
from tui import i18n
from tui.board import Board
from tui.pages import PAGES

Compare = Callable[..., bool]
NARROW, WIDE = (80, 24), (120, 40)


def opening(page: str, *keys: str) -> Callable[[Pilot[int]], Any]:
    """Open a page, then press keys."""

    async def story(pilot: Pilot[int]) -> None:
        await open_page(pilot, page)
        for key in keys:
            await pilot.press(key)
            await settled(pilot)

    return story


@pytest.mark.parametrize("language", i18n.LANGUAGES)
@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80x24", "120x40"])
@pytest.mark.parametrize("page", [entry.id for entry in PAGES])
def test_a_page_looks_as_it_was_drawn(
    page: str, size: tuple[int, int], language: str, make_console: MakeConsole, snap_compare: Compare
) -> None:
    """Nothing moves, changes its colour or is cut without somebody having looked at it."""
    assert snap_compare(make_console(language=language), terminal_size=size, run_before=opening(page))


@pytest.mark.parametrize("language", i18n.LANGUAGES)
@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80x24", "120x40"])
def test_the_board_looks_as_it_was_drawn(size: tuple[int, int], language: str, snap_compare: Compare) -> None:
    """What stands on the display while nobody is signed in."""
    i18n.speak(language)
    board = Board(a_glance, clock=FixedClock(NOW), sixteen=True)
    assert snap_compare(board, terminal_size=size, run_before=settled)


@pytest.mark.parametrize(
    ("name", "page", "keys", "house"),
    [
        ("nothing yet", "jobs", (), ShownHouse(empty=True)),
        ("database down", "users", (), ShownHouse(database_is_down=True)),
        ("keys", "jobs", ("f1",), ShownHouse()),
        ("palette", "jobs", ("ctrl+p",), ShownHouse()),
        ("form", "users", ("n",), ShownHouse()),
        ("danger", "users", ("down", "d"), ShownHouse()),
        ("refusal", "users", ("d", *"disable", "enter"), ShownHouse()),
        ("code", "users", ("r", *"reset", "enter"), ShownHouse()),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
def test_a_moment_looks_as_it_was_drawn(
    name: str, page: str, keys: tuple[str, ...], house: ShownHouse, make_console: MakeConsole, snap_compare: Compare
) -> None:
    """Emptiness, faults, questions and answers."""
    assert name
    assert snap_compare(make_console(house), terminal_size=NARROW, run_before=opening(page, *keys))


@pytest.mark.parametrize("language", i18n.LANGUAGES)
@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80x24", "120x40"])
@pytest.mark.parametrize("scene", SCENES)
def test_a_scene_looks_as_it_was_drawn(
    scene: str, size: tuple[int, int], language: str, tmp_path: Path, make_console: MakeConsole, snap_compare: Compare
) -> None:
    """Upgrades and restores, from the stick to the end."""

    async def story(pilot: Pilot[int]) -> None:
        await SCENES[scene].story(pilot, tmp_path / "errand")

    assert snap_compare(make_console(SCENES[scene].house(), language=language), terminal_size=size, run_before=story)


def test_sixteen_colours_look_as_they_were_drawn(make_console: MakeConsole, snap_compare: Compare) -> None:
    """A Linux console has these colours and no others."""
    assert snap_compare(make_console(sixteen=True), terminal_size=NARROW, run_before=opening("health"))
