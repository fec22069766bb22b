"""Nothing is cut, at either size, in either language; and no sign is used that the Linux console's fonts lack."""

from pathlib import Path

import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import OptionList, Static

from appliance.kernel.clock import FixedClock
from tests.doors.console.conftest import MakeConsole, open_page, play, screen_text, settled
from tests.doors.console.scenes import SCENES, Scene
from tests.factories.console import NOW, ShownHouse, a_glance
from tui import i18n
from tui.board import Board
from tui.pages import PAGES
from tui.widgets.rows import RowList

SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
LANGUAGES = pytest.mark.parametrize("language", i18n.LANGUAGES)
LETTERS = set("áéíóöőúüűÁÉÍÓÖŐÚÜŰ")
SIGNS = set("─│┌┐└┘├┤┬┴┼█░·°")
"""In code pages 437 and in Debian's Uni2 and Lat2 fonts alike."""


def cut(app: App[int]) -> list[str]:
    """Texts that do not fit their place."""
    found = []
    for widget in app.screen.query(Static):
        if not widget.region or widget.has_class("page-rule") or not widget.display:
            continue
        needed = widget.visual.get_optimal_width(widget.styles, widget.screen.size.width) if not wraps(widget) else 0
        if needed > widget.content_size.width:
            found.append(f"{widget.id or widget.classes}: {widget.render()}")
    for rows in app.screen.query(RowList):
        for number in range(rows.option_count):
            lines = str(rows.get_option_at_index(number).prompt).splitlines()
            found += [line for line in lines if len(line) > rows.content_size.width]
    return found


def strange(app: App[int]) -> set[str]:
    """Signs that a font of the console may lack."""
    return set(screen_text(app)) - LETTERS - SIGNS - {chr(code) for code in range(32, 127)} - {"\n"}


def wraps(widget: Static) -> bool:
    """Whether it may go on in the next line."""
    return widget.styles.height is not None and widget.styles.height.is_auto


def menu_cut(app: App[int]) -> list[str]:
    """Lines of the menu that needed a second one."""
    menu = app.screen.query_one("Menu", OptionList)
    return [str(option.prompt) for option in menu.options if len(str(option.prompt)) + 2 > menu.content_size.width]


HOUSES = {
    "at work": ShownHouse,
    "empty": lambda: ShownHouse(empty=True),
    "database down": lambda: ShownHouse(database_is_down=True),
}


@LANGUAGES
@SIZES
@pytest.mark.parametrize("state", HOUSES)
def test_every_text_of_every_page_fits(
    state: str, size: tuple[int, int], language: str, make_console: MakeConsole
) -> None:
    """What a technician cannot read is not there."""

    async def story(pilot: Pilot[int]) -> None:
        for page in (entry.id for entry in PAGES):
            await open_page(pilot, page)
            assert cut(pilot.app) == []
            assert menu_cut(pilot.app) == []
            assert strange(pilot.app) == set()

    play(make_console(HOUSES[state](), language=language), story, size=size)


@LANGUAGES
@SIZES
def test_every_text_of_every_scene_fits(
    size: tuple[int, int], language: str, tmp_path: Path, make_console: MakeConsole
) -> None:
    """The same for what comes between choosing a bundle or a moment, and the end."""
    for name, scene in SCENES.items():

        async def story(pilot: Pilot[int], name: str = name, scene: Scene = scene) -> None:
            await scene.story(pilot, tmp_path / name)
            assert (name, cut(pilot.app)) == (name, [])
            assert (name, strange(pilot.app)) == (name, set())

        play(make_console(scene.house(), language=language), story, size=size)


@LANGUAGES
@SIZES
def test_the_board_fits_and_says_how_to_sign_in(size: tuple[int, int], language: str) -> None:
    """All of it, without scrolling: there is nobody to scroll."""
    i18n.speak(language)

    async def story(pilot: Pilot[int]) -> None:
        await settled(pilot)
        assert cut(pilot.app) == []
        assert pilot.app.query_one("#board").max_scroll_y == 0
        assert "Enter" in screen_text(pilot.app)
        assert strange(pilot.app) == set()

    play(Board(a_glance, clock=FixedClock(NOW), sixteen=True), story, size=size)


@LANGUAGES
def test_the_overview_needs_no_scrolling(language: str, make_console: MakeConsole) -> None:
    """Everything that matters is there at one look, on the smallest screen."""

    async def story(pilot: Pilot[int]) -> None:
        await open_page(pilot, "overview")
        assert pilot.app.query_one(".page-scroll").max_scroll_y == 0

    play(make_console(language=language), story)
