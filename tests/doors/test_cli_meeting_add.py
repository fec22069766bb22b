"""``hangjegyzet meeting add``: what the sender is told before the work starts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.bootstrap import Services
from appliance.entry.provision import operator
from appliance.kernel.actor import Actor
from cli.commands import meeting as commands
from tests.factories.packs import a_folder, a_pack, members
from tests.factories.portal import Portal


@pytest.fixture
def told(portal: Portal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What the command says to the person, as one line, over the services of the test's own database."""

    @contextmanager
    def services() -> Iterator[tuple[Services, Actor]]:
        yield portal.services, operator(portal.services.home_tenant)

    monkeypatch.setattr(commands, "_services", services)
    recording = tmp_path / "meeting.wav"
    recording.write_bytes(b"RIFF")

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(commands.app, ["add", str(recording), *arguments])
        assert done.exit_code == 0, done.stderr
        return " ".join(done.stderr.split())

    return run


def test_a_language_that_comes_out_badly_is_told(portal: Portal, tmp_path: Path, told: Callable[..., str]) -> None:
    """With the model's name and what to do; the recording is taken all the same."""
    portal.services.models.import_pack(a_folder(tmp_path / "source", members(a_pack())))
    assert "small-speech is not fit for this language: hu (mostly wrong)" in told("--language", "hu")


@pytest.mark.parametrize("arguments", [("--language", "en"), ()])
def test_a_language_that_comes_out_well_is_not_talked_about(
    portal: Portal, tmp_path: Path, told: Callable[..., str], arguments: tuple[str, ...]
) -> None:
    """Nor is one that is yet to be recognised."""
    portal.services.models.import_pack(a_folder(tmp_path / "source", members(a_pack())))
    assert "not fit" not in told(*arguments)


def test_a_machine_without_a_model_says_that_the_recording_waits(told: Callable[..., str]) -> None:
    """It is kept, and worked on as soon as there is a model."""
    assert "The recording waits until then." in told("--language", "hu")
