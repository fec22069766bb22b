"""What a technician meets on the way of an upgrade and of a restore: each a house, and how one gets there."""

import json
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from appliance.upgrades.model import Direction, Stage
from tests.doors.console.conftest import open_page, settled
from tests.factories.console import NOW, ShownHouse, an_upgrade_at, an_upgrade_undone
from tui.errands import Errand
from tui.widgets.bundle import BundleScreen
from tui.widgets.errand import ErrandScreen
from tui.widgets.upgrade import UpgradeScreen

PEOPLE = ("Kovács Dóra", "Nagy Ágnes", "Szűcs Béla")
BUNDLE = "/media/usb/hangjegyzet-0.2.0-debian12-amd64.tar"
CHECKED: Mapping[str, Any] = {
    "version": "0.2.0",
    "release_seq": 9,
    "built_at": "2026-11-20T08:00:00Z",
    "installed": "0.1.0",
    "schema": "0008 to 0012",
    "expected_wait_s": 96.2,
    "measured_here": True,
    "findings": [],
}
IN_THE_WAY = (
    "Disk space: / has 1.2 GiB free (2%). Delete meetings that are no longer needed, or give the machine more space.",
    "Settings wait to be applied (web.port): hangjegyzet apply, or take them back.",
)
RESTORING = (
    ("stopping the appliance", 0),
    ("fetching the backups", 8),
    ("putting keys and configuration back", 9),
    ("taking the database back", 10),
)

Story = Callable[[Pilot[int], Path], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Scene:
    """A house, and what is done in front of it."""

    story: Story
    house: Callable[[], ShownHouse] = field(default=ShownHouse)


def an_errand(
    folder: Path, *command: str, output: str, code: int | None = None, began: datetime = NOW - timedelta(minutes=2)
) -> Errand:
    """Work that was begun two minutes ago; without a code it goes on as long as whoever tests."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "output").write_text(output, encoding="utf-8")
    if code is not None:
        (folder / "code").write_text(f"{code}\n", encoding="ascii")
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return Errand(folder, command, began, os.getpid(), boot)


def steps(told: Sequence[tuple[str, int]]) -> str:
    """Lines as a verb prints them: each step with the second at which it began."""
    return "\n".join(
        json.dumps(
            {
                "event": "step",
                "step": step,
                "state": "running",
                "at": (NOW - timedelta(minutes=2) + timedelta(seconds=second)).isoformat(),
            }
        )
        for step, second in told
    )


def keys(page: str, *pressed: str) -> Story:
    """Open a page, then press keys."""

    async def story(pilot: Pilot[int], _folder: Path) -> None:
        await open_page(pilot, page)
        for key in pressed:
            await pilot.press(key)
            await settled(pilot)
            await settled(pilot)

    return story


def bundle(code: int, **changes: Any) -> Story:
    """A bundle that was checked."""

    async def story(pilot: Pilot[int], folder: Path) -> None:
        output = json.dumps({**CHECKED, **changes}, indent=2)
        errand = an_errand(folder, "upgrade", "check", BUNDLE, "--json", output=output, code=code)
        pilot.app.push_screen(BundleScreen(BUNDLE, errand))
        await settled(pilot)

    return story


async def upgrading(pilot: Pilot[int], _folder: Path) -> None:
    """The upgrade as the journal has it."""
    pilot.app.push_screen(UpgradeScreen())
    await settled(pilot)
    await settled(pilot)


async def restoring(pilot: Pilot[int], folder: Path) -> None:
    """A restore under way."""
    command = ("restore", "run", "--set", "20261122T013000Z", "--yes")
    pilot.app.push_screen(ErrandScreen(an_errand(folder, *command, output=steps(RESTORING)), usual_steps=6))
    await settled(pilot)


SCENES: Mapping[str, Scene] = {
    "bundles": Scene(keys("upgrades", "u")),
    "no-bundles": Scene(keys("upgrades", "u"), lambda: ShownHouse(empty=True)),
    "bundle-fit": Scene(bundle(0)),
    "bundle-unfit": Scene(bundle(1, findings=IN_THE_WAY, measured_here=False)),
    "upgrade-page": Scene(keys("upgrades"), lambda: ShownHouse(upgrade_there=an_upgrade_at(Stage.REHEARSE))),
    "upgrade-working": Scene(upgrading, lambda: ShownHouse(upgrade_there=an_upgrade_at(Stage.REHEARSE))),
    "upgrade-waiting": Scene(upgrading, lambda: ShownHouse(upgrade_there=an_upgrade_at(Stage.APPLY))),
    "upgrade-going-back": Scene(
        upgrading,
        lambda: ShownHouse(
            upgrade_there=an_upgrade_at(
                Stage.GATE,
                direction=Direction.BACK,
                reason="The new release did not prove itself: nobody could sign in.",
                undone=(Stage.GATE, Stage.APPLY),
            )
        ),
    ),
    "upgrade-undone": Scene(upgrading, lambda: ShownHouse(upgrade_there=an_upgrade_undone())),
    "upgrade-done": Scene(upgrading),
    "way-back": Scene(keys("upgrades", "z"), lambda: ShownHouse(approvers=PEOPLE)),
    "restore-moment": Scene(keys("backups", "r")),
    "restore-elsewhere": Scene(keys("backups", "o")),
    "restore-on-trial": Scene(keys("backups", "r", "enter")),
    "restore-one-signature": Scene(
        keys("backups", "r", "enter"), lambda: ShownHouse(approvers=PEOPLE, signed=PEOPLE[:1])
    ),
    "restore-approved": Scene(keys("backups", "r", "enter"), lambda: ShownHouse(approvers=PEOPLE, signed=PEOPLE[:2])),
    "restoring": Scene(restoring),
    "packs": Scene(keys("models", "i")),
}
