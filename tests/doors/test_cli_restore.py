"""``hangjegyzet meeting restore``: what was removed is shown on the machine's own shell, and put back there."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from appliance.bootstrap import Services
from appliance.entry.provision import operator
from appliance.kernel.actor import Actor
from appliance.kernel.errors import HangJegyzetError
from appliance.transcripts.documents import TranscriptStore
from appliance.transcripts.model import Reason, removal
from cli.commands import meeting as commands
from cli.exit_codes import exit_code_for
from tests.factories.meetings import a_meeting, audit_names
from tests.factories.portal import Portal
from tests.factories.transcripts import transcript, words

SAID = transcript(("Speaker 1", "Good morning."))
CUTS = (
    removal(words("Thank you for watching.", start_s=20.0), Reason.HALLUCINATION),
    removal(words("yes yes yes", start_s=30.0), Reason.REPETITION),
)


@pytest.fixture
def hangjegyzet(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The command over the services of the test's own database: what it printed, or the exit code of its refusal."""

    @contextmanager
    def services() -> Iterator[tuple[Services, Actor]]:
        yield portal.services, operator(portal.services.home_tenant)

    monkeypatch.setattr(commands, "_services", services)

    def run(*arguments: str) -> Any:
        done = CliRunner().invoke(commands.app, ["restore", *arguments])
        if isinstance(done.exception, HangJegyzetError):
            return int(exit_code_for(done.exception))
        assert done.exit_code == 0, done.stderr
        return json.loads(done.stdout) if "--json" in arguments else done.stdout

    return run


@pytest.fixture
def meeting_id(portal: Portal) -> str:
    """A meeting of whose transcript two passages were removed."""
    services = portal.services
    started = a_meeting(services.meetings, operator(services.home_tenant), data=b"x")
    with services.database.transaction(services.home_tenant) as tx:
        removed = msgspec.structs.replace(SAID, removed=CUTS, duration_s=40.0)
        TranscriptStore(services.documents).put(tx, started.meeting_id, removed)
    return str(started.meeting_id)


def test_removed_passages_are_listed_with_reasons_and_put_back_by_number(
    portal: Portal, meeting_id: str, hangjegyzet: Callable[..., Any]
) -> None:
    """What is put back is in the transcript, what is left keeps a number, and the trail has it."""
    listed = hangjegyzet(meeting_id, "--json")["removed"]
    assert [(cut["number"], cut["text"], cut["reason"]) for cut in listed] == [
        (0, "Thank you for watching.", "hallucination"),
        (1, "yes yes yes", "repetition"),
    ]
    assert "Thank you for watching." in hangjegyzet(meeting_id)
    left = hangjegyzet(meeting_id, "0", "--json")["removed"]
    assert [(cut["number"], cut["text"]) for cut in left] == [(0, "yes yes yes")]
    services, actor = portal.services, operator(portal.services.home_tenant)
    (meeting,) = services.meetings.page(actor).meetings
    assert "Thank you for watching." in services.transcripts.get(actor, meeting.id).text
    assert "transcripts:text:restored" in audit_names(services.database, services.home_tenant, meeting.id)


def test_a_number_that_nothing_has_is_refused(meeting_id: str, hangjegyzet: Callable[..., Any]) -> None:
    """With the exit code for what is not there; nothing changes."""
    assert hangjegyzet(meeting_id, "2") == 4
    assert len(hangjegyzet(meeting_id, "--json")["removed"]) == 2
