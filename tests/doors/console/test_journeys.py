"""What a technician does, by keys alone."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from appliance.backups.restore import Wish
from appliance.kernel.clock import FixedClock
from appliance.upgrades.model import Stage
from tests.doors.console.conftest import MakeConsole, open_page, play, screen_text, settled
from tests.factories.console import NOW, ShownHouse, a_glance, an_upgrade_at, an_upgrade_undone
from tui import i18n
from tui.app import IDLE_S
from tui.board import Board
from tui.errands import Errands, ErrandState
from tui.pages import PAGES
from tui.widgets.approve import ApproveScreen
from tui.widgets.bundle import BundleScreen
from tui.widgets.errand import ErrandScreen
from tui.widgets.upgrade import UpgradeScreen


async def typed(pilot: Pilot[int], text: str) -> None:
    """Type it, then Enter."""
    await pilot.press(*text, "enter")
    await settled(pilot)


def test_a_new_person_gets_a_code_that_is_shown_once(house: ShownHouse, make_console: MakeConsole) -> None:
    """Address, name, role; the code, then no code any more."""

    async def story(pilot: Pilot[int]) -> None:
        await open_page(pilot, "users")
        await pilot.press("n")
        await settled(pilot)
        await typed(pilot, "zsofi@varosihivatal.example")
        await typed(pilot, "Kiss Zsófi")
        assert "K7QD-4MXA-P2ZT" in screen_text(pilot.app)
        await pilot.press("enter")
        await settled(pilot)
        assert "K7QD" not in screen_text(pilot.app)
        assert "hangjegyzet user create zsofi@varosihivatal.example" in screen_text(pilot.app)

    play(make_console(house), story)
    assert house.did == [("create", "zsofi@varosihivatal.example Kiss Zsófi member")]


def test_the_first_person_is_made_by_a_code(make_console: MakeConsole) -> None:
    """On a new machine N needs no form: somebody in the portal becomes the administrator."""
    house = ShownHouse(empty=True)

    async def story(pilot: Pilot[int]) -> None:
        await open_page(pilot, "users")
        await pilot.press("n")
        await settled(pilot)
        assert "K7QD-4MXA-P2ZT" in screen_text(pilot.app)

    play(make_console(house), story)
    assert house.did == [("first-code", "")]


def test_whoever_types_faster_than_pages_come_gets_the_last_one(house: ShownHouse, make_console: MakeConsole) -> None:
    """Digits from the first moment on, back and forth: no page is put up beside itself, and the last one stays."""

    async def story(pilot: Pilot[int]) -> None:
        app = pilot.app
        for _round in range(5):
            for digit in "4142434":
                app.simulate_key(digit)
                await asyncio.sleep(0)
            for digit in "1414":
                app.simulate_key(digit)
                await asyncio.sleep(0.005)
        await settled(pilot)
        assert "firewall.ssh_from" in screen_text(app)

    play(make_console(house), story)


def test_nothing_dangerous_happens_without_its_word(house: ShownHouse, make_console: MakeConsole) -> None:
    """Enter, another word and Esc leave everything as it is; the word does it."""

    async def story(pilot: Pilot[int]) -> None:
        await open_page(pilot, "users")
        await pilot.press("down", "d")
        await settled(pilot)
        assert "bela@varosihivatal.example" in screen_text(pilot.app)
        await pilot.press("enter")
        await typed(pilot, "yes")
        assert house.did == []
        await pilot.press("escape")
        await settled(pilot)
        assert house.did == []
        await pilot.press("d")
        await settled(pilot)
        await typed(pilot, "disable")

    play(make_console(house), story)
    assert house.did == [("disable", str(house.people_there[1].id))]


def test_the_word_may_be_typed_without_accents(house: ShownHouse, make_console: MakeConsole) -> None:
    """A keyboard in the machine room may have no Hungarian letters."""

    async def story(pilot: Pilot[int]) -> None:
        await open_page(pilot, "jobs")
        await pilot.press("c")
        await settled(pilot)
        await typed(pilot, "megszakit")

    play(make_console(house, language="hu"), story)
    assert house.did == [("cancel", str(house.jobs_there[0].id))]


def test_a_refusal_says_what_to_do(house: ShownHouse, make_console: MakeConsole) -> None:
    """The last administrator stays; the house's own words say why, in the language that is spoken."""

    async def story(pilot: Pilot[int]) -> None:
        await open_page(pilot, "users")
        await pilot.press("d")
        await settled(pilot)
        await typed(pilot, "letilt")
        text = screen_text(pilot.app)
        assert "kovacs.dora@varosihivatal.example" in text
        assert "Ez nem sikerült" in text

    play(make_console(house, language="hu"), story)
    assert house.did == []


def test_a_database_that_is_down_takes_nothing_else_along(make_console: MakeConsole) -> None:
    """This is the moment for which the console is there: it says so, and the other pages work."""
    house = ShownHouse(database_is_down=True)

    async def story(pilot: Pilot[int]) -> None:
        await open_page(pilot, "jobs")
        assert "PostgreSQL does not answer." in screen_text(pilot.app)
        assert "hangjegyzet db status" in screen_text(pilot.app)
        await open_page(pilot, "models")
        assert "campplus-zh-en" in screen_text(pilot.app)
        await open_page(pilot, "overview")
        assert "192.0.2.7" in screen_text(pilot.app)
        house.database_is_down = False
        await open_page(pilot, "jobs")
        assert "place 2 in line" in screen_text(pilot.app)

    play(make_console(house), story)


def test_a_question_without_an_answer_stops_nobody(make_console: MakeConsole) -> None:
    """While a page waits, keys are taken and other pages are shown; leaving does not wait either."""
    for_ever = threading.Event()
    house = ShownHouse(asked=lambda question: for_ever.wait(30) if question == "jobs" else None)

    async def story(pilot: Pilot[int]) -> None:
        pilot.app.action_page("jobs")  # type: ignore[attr-defined]  # the console's
        await pilot.pause(0.2)
        await open_page(pilot, "models")
        assert "campplus-zh-en" in screen_text(pilot.app)

    play(make_console(house), story)
    for_ever.set()


def test_work_goes_on_while_nobody_looks_and_can_be_read_again(
    tmp_path: Path, house: ShownHouse, make_console: MakeConsole
) -> None:
    """Progress while it runs; left, listed, opened again with all that it printed."""
    program = tmp_path / "program"
    go_on = tmp_path / "go-on"
    program.write_text(
        "#!/bin/sh\n"
        'echo \'{"event": "begin", "role": "app", "task": "Wait"}\'\n'
        f"while [ ! -e {go_on} ]; do sleep 0.05; done\n"
        'echo \'{"event": "task", "role": "app", "task": "Wait", "state": "changed"}\'\n'
        "echo finished $1 $2\n"
    )
    program.chmod(0o755)
    errands = Errands(tmp_path / "errands", (str(program),))

    async def story(pilot: Pilot[int]) -> None:
        await open_page(pilot, "health")
        await pilot.press("a")
        await pilot.pause(0.8)
        assert "app: Wait" in screen_text(pilot.app)
        await pilot.press("escape")
        await settled(pilot)
        assert not isinstance(pilot.app.screen, ErrandScreen)
        (errand,) = errands.list()
        assert errand.state is ErrandState.RUNNING
        go_on.touch()
        while errand.state is ErrandState.RUNNING:
            await pilot.pause(0.05)
        await pilot.press("f9")
        await settled(pilot)
        await pilot.press("enter")
        await pilot.pause(0.8)
        text = screen_text(pilot.app)
        assert "* app: Wait" in text
        assert "finished health" in text
        assert "exit code 0" in text

    play(make_console(house, errands=errands), story)


def test_power_says_what_happens_and_runs_the_command(
    errands: Errands, house: ShownHouse, make_console: MakeConsole
) -> None:
    """The word of the chosen act, and the verb that does it."""

    async def story(pilot: Pilot[int]) -> None:
        await open_page(pilot, "power")
        await pilot.press("down", "down", "enter")
        await settled(pilot)
        assert "$ hangjegyzet power off" in screen_text(pilot.app)
        await typed(pilot, "restart")
        assert errands.list() == []
        await typed(pilot, "off")
        assert [errand.command for errand in errands.list()] == [("power", "off", "--yes")]

    play(make_console(house, errands=errands), story)


def test_a_setting_is_changed_in_the_file_and_applied_after_its_word(
    errands: Errands, house: ShownHouse, make_console: MakeConsole
) -> None:
    """Two steps: what is in the file, and what is in force. At the machine itself nobody can cut themselves off."""

    async def story(pilot: Pilot[int]) -> None:
        await open_page(pilot, "network")
        await pilot.press("down", "enter")
        await settled(pilot)
        pilot.app.screen.query_one(Input).value = ""
        await typed(pilot, "8443")
        assert house.did == [("configure", "web.port=8443")]
        assert "hangjegyzet config set web.port 8443" in screen_text(pilot.app) or "in the file now" in screen_text(
            pilot.app
        )
        await pilot.press("a")
        await settled(pilot)
        await typed(pilot, "apply")
        assert [errand.command for errand in errands.list()] == [("apply", "--json", "--no-confirm")]

    play(make_console(house, errands=errands, at_display=True), story)


@pytest.mark.parametrize("entry", PAGES, ids=lambda entry: entry.id)
def test_every_page_is_reached_by_its_digit_and_names_its_command(
    entry: object, house: ShownHouse, make_console: MakeConsole
) -> None:
    """A technician learns the command line by using the console."""

    async def story(pilot: Pilot[int]) -> None:
        await pilot.press(entry.key)  # type: ignore[attr-defined]  # an entry of the menu
        await settled(pilot)
        await settled(pilot)
        assert pilot.app._page.id == f"page-{entry.id}"  # type: ignore[attr-defined]  # as above
        assert "$ hangjegyzet " in screen_text(pilot.app)

    play(make_console(house), story)


def test_keys_that_come_before_anything_is_there_break_nothing(house: ShownHouse, make_console: MakeConsole) -> None:
    """Somebody types while a slow machine still starts the console."""
    console = make_console(house)
    console.action_page("jobs")
    assert console._page is None


def test_the_palette_finds_a_page_without_accents(house: ShownHouse, make_console: MakeConsole) -> None:
    """Part of a word, typed on any keyboard, then Enter."""

    async def story(pilot: Pilot[int]) -> None:
        await pilot.press("ctrl+p")
        await settled(pilot)
        await typed(pilot, "allapot")
        await settled(pilot)
        assert pilot.app._page.id == "page-health"  # type: ignore[attr-defined]  # the console's

    play(make_console(house, language="hu"), story)


def test_a_display_that_was_left_alone_signs_out(
    house: ShownHouse, make_console: MakeConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a quarter of an hour without a key; on a terminal of one's own it stays."""
    now = 1000.0
    monkeypatch.setattr("tui.app.monotonic", lambda: now)

    async def story(pilot: Pilot[int]) -> None:
        nonlocal now
        now += IDLE_S - 1
        pilot.app._tick()  # type: ignore[attr-defined]  # the console's
        assert pilot.app._exit is False
        now += 2
        pilot.app._tick()  # type: ignore[attr-defined]  # as above
        assert pilot.app._exit is True

    play(make_console(house, at_display=True), story)


def test_the_board_shows_nobody_and_gives_way_to_a_sign_in() -> None:
    """No person, no meeting, no way further than Enter; the keys that end a program do nothing."""
    i18n.speak("en")

    async def story(pilot: Pilot[int]) -> None:
        text = screen_text(pilot.app)
        assert "192.0.2.7" in text
        assert "@" not in text
        for key in ("q", "ctrl+c", "ctrl+q", "escape", "f10", "ctrl+p", "1"):
            await pilot.press(key)
        assert pilot.app._exit is False
        await pilot.press("f2")
        await pilot.pause(0.2)
        assert "Ujjlenyomat" in screen_text(pilot.app)
        await pilot.press("enter")

    board = play(Board(a_glance, clock=FixedClock(NOW)), story)
    assert board.return_value == 0


def test_the_board_says_that_the_machine_is_being_upgraded(tmp_path: Path) -> None:
    """So that nobody who passes by switches it off and on again."""
    i18n.speak("en")
    window = tmp_path / "window"
    window.touch()

    async def story(pilot: Pilot[int]) -> None:
        assert "is being upgraded" in screen_text(pilot.app)
        window.unlink()
        await pilot.app.look()  # type: ignore[attr-defined]  # the board's
        await pilot.pause(0.2)
        assert "is being upgraded" not in screen_text(pilot.app)

    play(Board(a_glance, clock=FixedClock(NOW), window=window), story)


def test_the_board_says_when_nobody_measures_any_more() -> None:
    """Old figures are not taken for new ones, and none are not invented."""
    i18n.speak("en")
    late = FixedClock(NOW.replace(hour=11))

    async def old(pilot: Pilot[int]) -> None:
        assert "2 h 0 min old" in screen_text(pilot.app)

    async def none(pilot: Pilot[int]) -> None:
        assert "has not been measured yet" in screen_text(pilot.app)
        assert "192.0.2.7" not in screen_text(pilot.app)

    play(Board(a_glance, clock=late), old)
    play(Board(lambda: None, clock=late), none)


CHECKED = """\
cat >"$HANGJEGYZET_ERRAND/asked" <<'X'
$*
X
if [ "$2" = check ]; then echo '{"version": "0.2.0", "installed": "0.1.0", "findings": []}'; fi
"""


@pytest.fixture
def checking(tmp_path: Path) -> Errands:
    """Errands whose check finds a bundle that can be taken."""
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\n{CHECKED}")
    program.chmod(0o755)
    return Errands(tmp_path / "errands", (str(program),))


async def ended(pilot: Pilot[int], errands: Errands) -> None:
    """Everything that was begun has ended, and was looked at."""
    while errands.running():
        await pilot.pause(0.05)
    await pilot.pause(0.8)


def test_an_upgrade_goes_from_the_stick_to_the_word_to_the_stages(
    checking: Errands, house: ShownHouse, make_console: MakeConsole
) -> None:
    """Chosen from the stick, checked, told what it is, begun by its word, and then followed."""

    async def story(pilot: Pilot[int]) -> None:
        await open_page(pilot, "upgrades")
        await pilot.press("u")
        await settled(pilot)
        assert "can be tried" in screen_text(pilot.app)
        await pilot.press("enter")
        await ended(pilot, checking)
        assert "0.1.0 > 0.2.0" in screen_text(pilot.app)
        await pilot.press("u")
        await settled(pilot)
        await typed(pilot, "yes")
        assert [errand.command[1] for errand in checking.list()] == ["check"]
        await typed(pilot, "upgrade")
        house.upgrade_there = an_upgrade_at(Stage.DRAIN, began_at=datetime.now(UTC) + timedelta(minutes=1))
        await ended(pilot, checking)
        assert isinstance(pilot.app.screen, UpgradeScreen)
        assert "let work come to a checkpoint" in screen_text(pilot.app)

    play(make_console(house, errands=checking), story)
    stick = "/media/usb/hangjegyzet-0.2.0-debian12-amd64.tar"
    assert [errand.command for errand in checking.list()] == [
        ("upgrade", "run", stick, "--json"),
        ("upgrade", "check", stick, "--json"),
    ]


def test_a_bundle_that_is_refused_cannot_be_begun(tmp_path: Path, house: ShownHouse, make_console: MakeConsole) -> None:
    """What the check said is there to be read, and U does nothing."""
    errands = Errands(tmp_path / "errands", ("sh", "-c", "echo 'The list was not signed.' >&2; exit 3", "sh"))

    async def story(pilot: Pilot[int]) -> None:
        await open_page(pilot, "upgrades")
        await pilot.press("u")
        await settled(pilot)
        await pilot.press("enter")
        await ended(pilot, errands)
        assert "It cannot be taken" in screen_text(pilot.app)
        assert "The list was not signed." in screen_text(pilot.app)
        await pilot.press("u")
        await settled(pilot)
        assert isinstance(pilot.app.screen, BundleScreen)

    play(make_console(house, errands=errands), story)
    assert len(errands.list()) == 1


def test_an_upgrade_that_was_never_begun_is_not_mistaken_for_the_last_one(
    tmp_path: Path, house: ShownHouse, make_console: MakeConsole
) -> None:
    """The verb refused: its words are shown, and last week's success is not."""
    errands = Errands(tmp_path / "errands", ("sh", "-c", "echo 'Another one is under way.'; exit 5", "sh"))

    async def story(pilot: Pilot[int]) -> None:
        pilot.app.push_screen(UpgradeScreen(errands.start("upgrade", "run", "/media/x.tar", "--json")))
        await ended(pilot, errands)
        await settled(pilot)
        text = screen_text(pilot.app)
        assert "It was not begun; nothing was changed" in text
        assert "Another one is under way." in text
        assert "is in use" not in text

    play(make_console(house, errands=errands), story)


def test_an_upgrade_that_somebody_else_began_is_told_on_every_page(make_console: MakeConsole) -> None:
    """Begun over SSH, or by the machine after a power cut: whoever opens the console sees it, and finds its stages."""
    house = ShownHouse(upgrade_there=an_upgrade_at(Stage.REHEARSE))

    async def story(pilot: Pilot[int]) -> None:
        assert "upgrade under way (8)" in screen_text(pilot.app)
        await open_page(pilot, "upgrades")
        await pilot.press("u")
        await settled(pilot)
        assert isinstance(pilot.app.screen, UpgradeScreen)
        house.upgrade_there = an_upgrade_undone()
        await pilot.pause(1.0)
        text = screen_text(pilot.app)
        assert "Undone: 0.1.0 is back, with every row" in text
        assert "nobody could sign in" in text

    play(make_console(house), story)


def test_a_restore_waits_for_two_signatures_and_the_word(errands: Errands, make_console: MakeConsole) -> None:
    """Asked for, signed twice, handed in from the stick; before that, Enter does nothing."""
    house = ShownHouse(approvers=("Kovács Dóra", "Nagy Ágnes"))

    async def story(pilot: Pilot[int]) -> None:
        await open_page(pilot, "backups")
        await pilot.press("r")
        await settled(pilot)
        await pilot.press("down", "enter")
        await settled(pilot)
        await settled(pilot)
        assert "nobody was asked: A" in screen_text(pilot.app)
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(pilot.app.screen, ApproveScreen)
        await pilot.press("a")
        await settled(pilot)
        await typed(pilot, "deleted by mistake")
        await settled(pilot)
        assert "/media/usb/approve-0123456789ab.json" in screen_text(pilot.app)
        await pilot.press("enter")
        for _signature in range(2):
            await settled(pilot)
            await pilot.press("s")
            await settled(pilot)
            await pilot.press("enter")
            await settled(pilot)
            await settled(pilot)
            assert "approves it." in screen_text(pilot.app)
            await pilot.press("enter")
        await settled(pilot)
        assert "given: Enter goes on" in screen_text(pilot.app)
        await pilot.press("enter")
        await settled(pilot)
        await typed(pilot, "no")
        assert errands.list() == []
        await typed(pilot, "restore")
        assert isinstance(pilot.app.screen, ErrandScreen)

    play(make_console(house, errands=errands), story)
    chosen = "20261123T013000Z"
    assert house.did[0] == ("ask", f"restore at=end from=own set={chosen}: deleted by mistake")
    assert [errand.command for errand in errands.list()] == [("restore", "run", "--set", chosen, "--yes")]


def test_a_restore_that_was_broken_off_is_gone_on_with_or_given_up(errands: Errands, make_console: MakeConsole) -> None:
    """The same wish again goes on; another one says that it gives the first up, and tells the verb."""
    house = ShownHouse(restore_begun=Wish(set="20261122T013000Z"))

    async def story(pilot: Pilot[int]) -> None:
        await open_page(pilot, "backups")
        for choose in ((), ("down",)):
            await pilot.press("r")
            await settled(pilot)
            assert "was begun and has not ended" in screen_text(pilot.app)
            await pilot.press(*choose, "enter")
            await settled(pilot)
            await settled(pilot)
            assert ("Gives up" in screen_text(pilot.app)) is bool(choose)
            await pilot.press("enter")
            await settled(pilot)
            await typed(pilot, "restore")
            await pilot.press("escape")
            await settled(pilot)

    play(make_console(house, errands=errands), story)
    assert [errand.command for errand in errands.list()] == [
        ("restore", "run", "--afresh", "--yes"),
        ("restore", "run", "--set", "20261122T013000Z", "--yes"),
    ]


def test_backups_of_another_machine_are_opened_with_a_custodians_key(
    errands: Errands, house: ShownHouse, make_console: MakeConsole
) -> None:
    """To a moment that is typed; one that is no moment is refused before anything is begun."""

    async def story(pilot: Pilot[int]) -> None:
        await open_page(pilot, "backups")
        for moment in ("yesterday", "2026-11-20T14:30+00:00"):
            await pilot.press("o")
            await settled(pilot)
            pilot.app.screen.query_one(Input).value = "/media/disk"
            await pilot.press("enter")
            await typed(pilot, "/media/usb/key.txt")
            await settled(pilot)
            await pilot.press("down", "tab")
            await typed(pilot, moment)
            await settled(pilot)
            if moment == "yesterday":
                assert "That did not work" in screen_text(pilot.app)
                await pilot.press("escape")
        assert "another machine's" in screen_text(pilot.app)
        await pilot.press("enter")
        await settled(pilot)
        await typed(pilot, "restore")

    play(make_console(house, errands=errands), story)
    (errand,) = errands.list()
    where = ("--from", "/media/disk", "--time", "2026-11-20T14:30:00+00:00", "--key", "/media/usb/key.txt")
    assert errand.command == ("restore", "run", *where, "--yes")


def test_the_way_back_says_why_there_is_none(make_console: MakeConsole) -> None:
    """On a machine that was never upgraded; in the language that is spoken."""

    async def story(pilot: Pilot[int]) -> None:
        await open_page(pilot, "upgrades")
        await pilot.press("z")
        await settled(pilot)
        await settled(pilot)
        assert "Ez a gép nem térhet vissza korábbi kiadásra" in screen_text(pilot.app)

    play(make_console(ShownHouse(empty=True), language="hu"), story)


def test_a_pack_is_chosen_from_the_stick_or_typed(
    errands: Errands, house: ShownHouse, make_console: MakeConsole
) -> None:
    """Enter takes the chosen one; P takes a path that begins as the chosen one does."""

    async def story(pilot: Pilot[int]) -> None:
        await open_page(pilot, "models")
        await pilot.press("i")
        await settled(pilot)
        await settled(pilot)
        await pilot.press("p")
        await settled(pilot)
        pilot.app.screen.query_one(Input).value = ""
        await typed(pilot, "/srv/pack")
        await settled(pilot)

    play(make_console(house, errands=errands), story)
    assert [errand.command for errand in errands.list()] == [("models", "import", "/srv/pack")]
