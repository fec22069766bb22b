"""Work that outlives the console which began it."""

import os
import signal
import time
from pathlib import Path

from tui.errands import KEPT, Errand, Errands, ErrandState


def ended(errand: Errand, *, within_s: float = 10.0) -> ErrandState:
    """How it ended."""
    deadline = time.monotonic() + within_s
    while errand.state is ErrandState.RUNNING:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return errand.state


def test_what_was_printed_and_how_it_ended_is_kept(tmp_path: Path) -> None:
    """Both streams, and the code, for whoever asks later."""
    errand = Errands(tmp_path, ("sh", "-c", 'echo out; echo err >&2; exit "$1"', "sh")).start("3")
    assert ended(errand) is ErrandState.FAILED
    assert errand.code == 3
    assert errand.output().splitlines() == ["out", "err"]
    (read_again,) = Errands(tmp_path).list()
    assert (read_again.command, read_again.code) == (("3",), 3)


def test_another_console_finds_work_that_is_under_way(tmp_path: Path) -> None:
    """The one that began it may be gone."""
    errand = Errands(tmp_path, ("sleep",)).start("30")
    (found,) = Errands(tmp_path).running()
    assert found.folder == errand.folder
    os.killpg(errand.process, signal.SIGKILL)


def test_work_whose_process_is_gone_without_a_word_is_lost(tmp_path: Path) -> None:
    """A power cut or a kill is no success, and does not run for ever."""
    errands = Errands(tmp_path, ("sleep",))
    errand = errands.start("30")
    os.killpg(errand.process, signal.SIGKILL)
    errands.list()
    assert ended(errand) is ErrandState.LOST


def test_work_of_an_earlier_boot_is_not_taken_for_running(tmp_path: Path) -> None:
    """Process numbers begin anew."""
    errand = Errand(tmp_path, ("apply",), Errands(tmp_path, ("true",)).start("x").started_at, os.getpid(), "another")
    assert errand.state is ErrandState.LOST


def test_the_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    """What verbs print names settings and people."""
    errand = Errands(tmp_path / "errands", ("true",)).start()
    assert (tmp_path / "errands").stat().st_mode & 0o077 == 0
    assert errand.folder.stat().st_mode & 0o077 == 0


def test_old_work_is_forgotten(tmp_path: Path) -> None:
    """The list stays short, and the disk does not fill."""
    errands = Errands(tmp_path, ("true",))
    for number in range(KEPT + 3):
        ended(errands.start(str(number)))
    errands.start("last")
    kept = errands.list()
    assert len(kept) == KEPT
    assert kept[0].command == ("last",)


def test_a_damaged_note_hides_no_other_work(tmp_path: Path) -> None:
    """Half a file is left out."""
    errands = Errands(tmp_path, ("true",))
    ended(errands.start("one"))
    broken = tmp_path / "99990101T000000-broken"
    broken.mkdir()
    (broken / "errand.json").write_text('{"command": ')
    assert [errand.command for errand in errands.list()] == [("one",)]


def test_the_usual_number_of_steps_is_learned(tmp_path: Path) -> None:
    """From the last time that the same command went well."""
    line = '{"event": "task", "role": "r", "task": "t", "state": "ok"}'
    errands = Errands(tmp_path, ("sh", "-c", f"echo '{line}'; echo '{line}'", "sh"))
    assert errands.usual_steps(("apply",)) is None
    ended(errands.start("apply"))
    assert errands.usual_steps(("apply",)) == 2
    assert errands.usual_steps(("apply", "--check")) is None
    assert errands.usual_steps(("apply", "/media/usb/x.tar")) == 2


def test_the_first_restore_has_a_bar_too() -> None:
    """Nobody restores twice to learn how long it takes."""
    assert Errands(Path("/nonexistent")).usual_steps(("restore", "run", "--set", "20261122T013000Z")) == 6


def test_work_runs_as_a_unit_of_its_own_where_there_are_units(tmp_path: Path) -> None:
    """Named after the work; what keeps the unit from being made is kept like any other output."""
    errands = Errands(tmp_path, ("echo",), own_unit=("sh", "-c", 'echo "unit $0" >&2; exec "$@"', "errand-NAME"))
    errand = errands.start("backup", "run")
    assert ended(errand) is ErrandState.DONE
    assert errand.output() == "backup run\n"
    refused = Errands(tmp_path, ("echo",), own_unit=("sh", "-c", 'echo "no unit $0" >&2; exit 1', "errand-NAME"))
    errand = refused.start("drill", "run")
    refused.list()
    assert ended(errand) is ErrandState.LOST
    assert errand.output().startswith("no unit errand-2")
    assert errand.output().endswith("-drill-run\n")


def test_words_with_blanks_and_quotes_reach_the_program_as_they_are(tmp_path: Path) -> None:
    """A name is an argument, never a piece of a script."""
    errand = Errands(tmp_path, ("printf", "%s|")).start("a b", "$(id)", "'; rm -rf /")
    ended(errand)
    assert errand.output() == "a b|$(id)|'; rm -rf /|"
