"""A console in front of a shown house, at a fixed moment, on a machine with a fixed name."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from textual.app import App
from textual.pilot import Pilot

from appliance.kernel.clock import FixedClock
from tests.factories.console import NOW, ShownHouse
from tui import i18n
from tui.app import ConsoleApp
from tui.errands import Errands


@pytest.fixture(autouse=True)
def fixed_surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same time zone, name and language for every test."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setattr(socket, "gethostname", lambda: "meeting-box")
    yield
    i18n.speak("en")
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def house() -> ShownHouse:
    """A house at work."""
    return ShownHouse()


@pytest.fixture
def errands(tmp_path: Path) -> Errands:
    """Errands whose every command prints its name and ends well."""
    return Errands(tmp_path / "errands", ("echo",))


MakeConsole = Callable[..., ConsoleApp]


@pytest.fixture
def make_console(errands: Errands) -> MakeConsole:
    """A console in front of a house, in a language."""

    def make(house: ShownHouse | None = None, *, language: str = "en", **changes: object) -> ConsoleApp:
        i18n.speak(language)
        given: dict[str, object] = {"clock": FixedClock(NOW), "sixteen": False, **changes}
        return ConsoleApp(house or ShownHouse(), given.pop("errands", errands), **given)  # type: ignore[arg-type]  # a test's own choice

    return make


def play(
    app: App[int], story: Callable[[Pilot[int]], Awaitable[None]], *, size: tuple[int, int] = (80, 24)
) -> App[int]:
    """Run the app without a terminal while somebody does something in front of it."""

    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            await settled(pilot)
            await story(pilot)

    asyncio.run(run())
    return app


async def settled(pilot: Pilot[int]) -> None:
    """Everything that was asked has been answered and drawn."""
    for _ in range(40):
        await pilot.pause(0.02)
        page = getattr(pilot.app, "_page", None)
        if page is None or (page.is_mounted and not page._asking):
            break
    await pilot.pause(0.05)


async def open_page(pilot: Pilot[int], page: str) -> None:
    """Go to a page and into it."""
    pilot.app.action_page(page)  # type: ignore[attr-defined]  # the console's
    await settled(pilot)
    await settled(pilot)


def screen_text(app: App[int]) -> str:
    """The screen as a person reads it."""
    lines = app.screen._compositor.render_strips(app.size)
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in lines)
