"""What a portal says as it starts: to a person all of it, to a log no secret."""

import re
from pathlib import Path

import pytest

from appliance.bootstrap import open_services
from appliance.database.roles import DatabaseRole
from appliance.entry import provision
from appliance.settings import Settings
from web.main import _say_who_administers

CODE = r"\b[0-9A-Z]{5}(-[0-9A-Z]{5}){3}\b"


@pytest.mark.slow
def test_the_first_administrators_code_is_shown_to_a_person_alone(scratch: Path) -> None:
    """A journal is kept, and read by others: it gets the way to the code instead of the code."""
    settings = Settings(data_dir=scratch / "fresh")
    provision.initialise(settings, organisation="Kékfa Egyesület")
    to_person: list[str] = []
    to_log: list[str] = []
    with open_services(settings, DatabaseRole.WEB) as services:
        _say_who_administers(services, "https://portal.example", to_person.append, to_a_person=True)
        _say_who_administers(services, "https://portal.example", to_log.append, to_a_person=False)
    (line,) = to_person
    assert re.search(CODE, line)
    (line,) = to_log
    assert "hangjegyzet user first-code" in line
    assert not re.search(CODE, line)
