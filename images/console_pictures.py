"""Photograph the console, for the operator's manual: ``make screenshot-console``.

    python -m images.console_pictures [--out docs/images]

The house behind it is the one of the console's tests: made up, and at one fixed moment, so that pictures differ only
where the console does.
"""

import argparse
import asyncio
import re
import socket
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from playwright.sync_api import sync_playwright
from textual.app import App

from appliance.kernel.clock import FixedClock
from images.screenshot import ARGUMENTS, CHROMIUM
from tests.doors.console.scenes import SCENES as STORIES
from tests.factories.console import NOW, ShownHouse, a_glance
from tui.app import ConsoleApp
from tui.board import Board
from tui.errands import Errands
from tui.i18n import speak

SIZE = (100, 30)
PAGES: Sequence[tuple[str, str, Sequence[str]]] = (
    ("console-overview", "overview", ()),
    ("console-health", "health", ()),
    ("console-backups", "backups", ()),
    ("console-upgrades", "upgrades", ()),
    ("console-danger", "users", ("down", "d")),
)
SCENES: Mapping[str, str] = {"console-upgrading": "upgrade-working", "console-restore": "restore-one-signature"}
FONT = "DejaVu Sans Mono"


def main() -> None:
    """Write one picture per moment."""
    parser = argparse.ArgumentParser(description="Photograph the console.")
    parser.add_argument("--out", type=Path, default=Path("docs/images"), help="where the pictures go")
    options = parser.parse_args()
    socket.gethostname = lambda: "meeting-box"
    speak("en")
    with tempfile.TemporaryDirectory() as folder:
        drawn = {name: _page(page, keys, Path(folder)) for name, page, keys in PAGES}
        drawn |= {name: _scene(SCENES[name], Path(folder)) for name in SCENES}
    drawn["console-board"] = _drawn(Board(a_glance, clock=FixedClock(NOW), sixteen=True), "", ())
    options.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        for name, svg in drawn.items():
            width, height = map(float, re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)[0])
            page = browser.new_page(viewport={"width": round(width), "height": round(height)})
            page.set_content(f"<body style='margin:0'>{_own_font(svg)}</body>")
            page.screenshot(path=options.out / f"{name}.png")
        browser.close()


def _page(page: str, keys: Sequence[str], folder: Path) -> str:
    app = ConsoleApp(ShownHouse(), Errands(folder / "errands", ("true",)), clock=FixedClock(NOW), sixteen=False)
    return _drawn(app, page, keys)


def _scene(name: str, folder: Path) -> str:
    scene = STORIES[name]
    app = ConsoleApp(scene.house(), Errands(folder / "errands", ("true",)), clock=FixedClock(NOW), sixteen=False)

    async def run() -> str:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.pause(0.5)
            await scene.story(pilot, folder / name)
            await pilot.pause(1.0)
            return app.export_screenshot(title="HangJegyzet")

    return asyncio.run(run())


def _drawn(app: App[int], page: str, keys: Sequence[str]) -> str:
    async def run() -> str:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.pause(0.5)
            if isinstance(app, ConsoleApp):
                app.action_page(page)
            await pilot.pause(1.0)
            for key in keys:
                await pilot.press(key)
                await pilot.pause(0.3)
            return app.export_screenshot(title="HangJegyzet")

    return asyncio.run(run())


def _own_font(svg: str) -> str:
    """With a font of this machine: the picture's own would be fetched from elsewhere."""
    return re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL).replace("Fira Code", FONT)


if __name__ == "__main__":
    main()
