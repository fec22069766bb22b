"""A change of who reaches the machine is undone unless somebody confirms it, whatever happens to whoever applied it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.configuration.confirmation import PATIENCE_S, Boot, cuts_off
from appliance.configuration.errors import (
    ApplyBusy,
    ApplyFailed,
    ConfirmationAwaited,
    ConfirmationUnwatched,
    NothingToConfirm,
)
from appliance.configuration.model import Change
from appliance.configuration.ports import Task
from appliance.configuration.service import ConfigurationService
from tests.unit.configuration.test_applying import RELEASE, Machine, ignore


class Site:
    """A machine on port 443, its clock, and who would undo a change."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "appliance.toml"
        self.file.write_text("# ours\n[web]\nport = 443\n")
        self.machine = Machine()
        self.boot = Boot("first", 1000.0)
        self.watched = 0
        self.folder = folder
        self.service.apply(self.machine, release=RELEASE, tell=ignore, watchman=self)

    @property
    def service(self) -> ConfigurationService:
        """As a fresh process opens it."""
        return ConfigurationService(
            self.file, applied_file=self.folder / "state" / "applied.toml", boot=lambda: self.boot
        )

    def begin(self) -> None:
        self.watched += 1

    def apply(self, port: int, *, tell: Callable[[Task], object] = ignore) -> None:
        self.service.set("web.port", str(port))
        self.service.apply(self.machine, release=RELEASE, tell=tell, watchman=self)

    def undo(self) -> tuple[str, ...]:
        return self.service.undo_overdue(self.machine, release=RELEASE, tell=ignore)

    def later(self, seconds: float) -> None:
        self.boot = replace(self.boot, age_s=self.boot.age_s + seconds)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_first_configuration_asks_nobody(site: Site):
    """There is nothing to go back to."""
    assert site.watched == 0
    assert site.service.unconfirmed() is None


def test_what_is_confirmed_stays(site: Site):
    """Within its time, and then for good."""
    site.apply(8443)
    assert site.watched == 1
    site.later(PATIENCE_S - 1)
    assert site.undo() == ()
    assert site.service.confirm() == ("web.port",)
    site.later(PATIENCE_S)
    assert site.undo() == ()
    assert site.machine.port == 8443


def test_what_nobody_confirms_is_undone(site: Site):
    """Machine, file and notes are as before; what was tried is kept beside the file."""
    site.apply(8443)
    site.later(PATIENCE_S)
    assert site.undo() == ("web.port",)
    assert site.machine.port == 443
    assert site.file.read_text() == "# ours\n[web]\nport = 443\n"
    assert "8443" in site.file.with_suffix(".toml.unconfirmed").read_text()
    assert site.service.pending() == ()
    assert site.undo() == ()


def test_a_confirmation_that_comes_too_late_is_refused(site: Site):
    """Whoever confirms after the time must not believe that it stays."""
    site.apply(8443)
    site.later(PATIENCE_S)
    with pytest.raises(NothingToConfirm):
        site.service.confirm()
    assert site.undo() == ("web.port",)


def test_a_reboot_ends_the_time(site: Site):
    """Somebody who cut themselves off and pulls the plug gets the old state back, whatever the clock says."""
    site.apply(8443)
    site.boot = Boot("second", 1.0)
    with pytest.raises(NothingToConfirm):
        site.service.confirm()
    assert site.undo() == ("web.port",)
    assert site.machine.port == 443


class PowerCut(BaseException):
    """Nothing is done after it, not even tidying up."""


def cut_power_at(moment: int, *, patch: pytest.MonkeyPatch, machine: Machine) -> None:
    """Let the power go at the so-manieth thing that lasts: a file put into place or taken away, a task that ran."""
    left = [moment]

    def lasting(act: Callable[..., object]) -> Callable[..., object]:
        def doing(*given: object, **named: object) -> object:
            left[0] -= 1
            if left[0] == 0:
                raise PowerCut
            if left[0] < 0:
                return None
            return act(*given, **named)

        return doing

    patch.setattr(Path, "replace", lasting(Path.replace))
    patch.setattr(Path, "unlink", lasting(Path.unlink))
    patch.setattr(machine, "run", lasting(machine.run))


@pytest.mark.parametrize("moment", range(1, 21))
def test_a_power_cut_at_any_moment_is_undone_at_the_next_start(site: Site, moment: int):
    """While it is applied, while it waits, while it is undone; what was tried is kept beside the file."""
    before = site.file.read_text()
    site.service.set("web.port", "8443")
    with pytest.MonkeyPatch.context() as patch:
        cut_power_at(moment, patch=patch, machine=site.machine)
        try:
            site.service.apply(site.machine, release=RELEASE, tell=ignore, watchman=site)
            site.later(PATIENCE_S)
            site.undo()
        except PowerCut:
            pass
        else:
            patch.undo()
            site.service.undo_overdue(site.machine, release=RELEASE, tell=ignore)
    was_noted = site.service.unconfirmed() is not None
    site.boot = Boot("second", 1.0)
    site.undo()
    assert site.service.unconfirmed() is None
    assert site.machine.port == 443
    if was_noted or site.file.read_text() == before:
        assert site.file.read_text() == before
        assert "8443" in site.file.with_suffix(".toml.unconfirmed").read_text()
    assert site.service.pending() == () or not was_noted


def test_the_death_of_whoever_applies_is_no_way_out(site: Site):
    """Killed in the middle, with the new port already open: the note was there before it."""

    def die(task: Task) -> None:
        if site.machine.port == 8443:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        site.apply(8443, tell=die)
    assert site.machine.port == 8443
    assert site.undo() == ("web.port",)
    assert site.machine.port == 443


def test_nothing_is_undone_while_it_is_applied(site: Site):
    """However long that takes: the time begins at its end."""
    seen = []

    def look(task: Task) -> None:
        site.later(2 * PATIENCE_S)
        seen.append((site.undo(), site.service.unconfirmed()))
        with pytest.raises(ApplyBusy):
            site.service.confirm()

    site.apply(8443, tell=look)
    assert set(seen) == {((), (("web.port",), PATIENCE_S))}
    assert site.service.unconfirmed() == (("web.port",), PATIENCE_S)


def test_a_second_change_waits(site: Site):
    """Else nobody could say to which state an undo leads."""
    site.apply(8443)
    with pytest.raises(ConfirmationAwaited, match=r"web\.port"):
        site.apply(9443)


def test_nothing_is_changed_when_nobody_would_undo_it(site: Site, monkeypatch: pytest.MonkeyPatch):
    """Without a watchman the change is refused before it begins."""

    def broken() -> None:
        raise OSError("hangjegyzet-confirmation.service does not run")

    monkeypatch.setattr(site, "begin", broken)
    runs = len(site.machine.runs)
    with pytest.raises(ConfirmationUnwatched, match="does not run"):
        site.apply(8443)
    assert len(site.machine.runs) == runs
    assert site.service.unconfirmed() is None


def test_an_undo_that_fails_is_tried_again(site: Site):
    """The note stays until the old state is back."""
    site.apply(8443)
    site.later(PATIENCE_S)
    site.machine._breaks_at = [443]
    with pytest.raises(ApplyFailed):
        site.undo()
    assert site.service.unconfirmed() == (("web.port",), 0.0)
    site.machine._breaks_at = []
    assert site.undo() == ("web.port",)


def test_a_change_that_fails_leaves_nothing_to_confirm(site: Site):
    """The previous configuration came back at once."""
    site.machine._breaks_at = [8443]
    with pytest.raises(ApplyFailed):
        site.apply(8443)
    assert site.machine.port == 443
    assert site.service.unconfirmed() is None


def test_a_way_back_that_fails_is_left_to_the_watchman(site: Site):
    """When neither the new state nor the old one can be brought about, it is tried on."""
    site.machine._breaks_at = [443, 8443]
    with pytest.raises(ApplyFailed):
        site.apply(8443)
    site.machine._breaks_at = []
    assert site.undo() == ("web.port",)


@pytest.mark.parametrize(
    ("key", "expected"),
    [("web.port", True), ("web.host", True), ("firewall.ssh_from", True), ("firewall.portal_from", True),
     ("web.session_idle_s", False), ("speech.threads", False)],
)  # fmt: skip
def test_what_can_cut_somebody_off(key: str, expected: bool):
    """Addresses, ports and who is let in; nothing else makes people hurry."""
    assert bool(cuts_off([Change(key, None, 1)])) is expected
