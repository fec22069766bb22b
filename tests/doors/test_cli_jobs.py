"""``hangjegyzet job``, as a technician types it."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from appliance.adapters.postgres import EmbeddedServer
from appliance.bootstrap import Services, open_services
from appliance.database.roles import DatabaseRole
from appliance.entry import provision
from appliance.kernel.errors import HangJegyzetError
from appliance.settings import Settings
from cli.commands.job import app
from cli.exit_codes import exit_code_for


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    talk: str

    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture(scope="module")
def settings(scratch: Path, postgres_bin_dir: Path) -> Iterator[Settings]:
    """A machine that was set up, with its server running."""
    folder = scratch / f"jobs{os.urandom(3).hex()}"
    with pytest.MonkeyPatch.context() as environment, EmbeddedServer(folder, bin_dir=postgres_bin_dir).running():
        environment.setenv("HANGJEGYZET_DATA_DIR", str(folder))
        environment.setenv("HANGJEGYZET_DATABASE__BIN_DIR", str(postgres_bin_dir))
        environment.setenv("COLUMNS", "200")
        provision.initialise(Settings(), organisation="Kékfa Egyesület")
        yield Settings()


@pytest.fixture
def job(settings: Settings) -> str:
    """A job that waits for a worker."""
    with open_services(settings, DatabaseRole.WEB) as services:
        return str(start(services))


def start(services: Services) -> object:
    with services.database.transaction(services.home_tenant) as tx:
        actor = provision.operator(services.home_tenant)
        return services.jobs.start(tx, actor=actor, kind="recording", meeting_id=None)


@pytest.fixture
def hangjegyzet() -> Callable[..., Answer]:
    def run(*words: str) -> Answer:
        result = CliRunner().invoke(app, words)
        if isinstance(result.exception, HangJegyzetError):
            code = int(exit_code_for(result.exception))
            return Answer(code, result.stdout, f"{result.exception} {result.exception.remedy}")
        return Answer(result.exit_code, result.stdout, result.stderr)

    return run


def fail(settings: Settings, job: str) -> None:
    """Make the job a dead letter."""
    with (
        open_services(settings, DatabaseRole.WEB) as services,
        services.database.transaction(services.home_tenant) as tx,
    ):
        failure = (
            "failure_code = 'test.full', failure_message = 'The disk is full.', failure_remedy = 'Free some space.'"
        )
        tx.execute(
            text(f"UPDATE job SET state = 'failed', failed_step = 'validate', {failure} WHERE id = :job"), {"job": job}
        )
        tx.execute(
            text(f"UPDATE job_step SET state = 'failed', dirty = true, {failure} WHERE job_id = :job AND position = 0"),
            {"job": job},
        )


def test_a_job_is_listed_shown_cancelled_and_tried_again(job: str, hangjegyzet: Callable[..., Answer]) -> None:
    """The whole life of a job, from a shell."""
    listed = hangjegyzet("list", "--json").json()
    newest = listed["jobs"][0]
    assert (newest["id"], newest["state"]) == (job, "queued")
    assert f"place {newest['queue_position']} in line" in hangjegyzet("list").out
    shown = hangjegyzet("show", job, "--json").json()
    assert [step["name"] for step in shown["steps"]][:2] == ["validate", "transcribe"]
    assert hangjegyzet("cancel", job, "--json").json()["state"] == "cancelled"
    assert job not in hangjegyzet("list", "--state", "queued").out
    assert job in hangjegyzet("list", "--state", "cancelled", "--state", "done").out
    assert hangjegyzet("retry", job, "--json").json()["state"] == "queued"


def test_a_dead_letter_tells_its_remedy(settings: Settings, job: str, hangjegyzet: Callable[..., Answer]) -> None:
    """Who looks at a failed job reads what happened and what to do, and can do it."""
    fail(settings, job)
    shown = hangjegyzet("show", job)
    assert "The disk is full." in shown.talk
    assert "Free some space." in shown.talk
    assert "test.full" in shown.out
    assert hangjegyzet("show", job, "--json").json()["failure"]["remedy"] == "Free some space."
    assert hangjegyzet("show", job, "--wait").code == 1
    again = hangjegyzet("retry", job, "--json").json()
    assert (again["state"], again["failure"]) == ("running", None)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("show", "not-an-id"), 4, "hangjegyzet job list"),
        (("show", "018f4e1c-0000-7000-8000-000000000000"), 4, "There is no job"),
        (("retry", "JOB"), 3, "cannot be tried again"),
        (("retry", "JOB", "--from-step", "transcrib"), 4, "transcribe"),
        (("list", "--state", "asleep"), 2, "asleep"),
    ],
)
def test_what_cannot_be_done_is_said_with_an_exit_code_of_its_own(
    job: str, hangjegyzet: Callable[..., Answer], words: tuple[str, ...], code: int, says: str
) -> None:
    """A script can tell the reasons apart, and a person what to do."""
    answer = hangjegyzet(*(job if word == "JOB" else word for word in words))
    assert answer.code == code
    assert says in answer.talk
