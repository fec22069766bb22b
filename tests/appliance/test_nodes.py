"""A second machine works for the first: it joins over a wire, does the heavy steps, is drained and removed.

Two boxes for the whole file; the tests are their days, in order.
"""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.quality.samples import sample_meeting
from tests.appliance.box import Box
from tests.appliance.machines import JOB_LIMIT_S, Stick, finding, media_with, step, took, visit
from tests.appliance.network import Network, WiredBox

NAME = "lathe"
APPLY_LIMIT_S = 900.0

pytestmark = [pytest.mark.slow, pytest.mark.thorough, pytest.mark.models, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def wire() -> Iterator[Network]:
    """Boxes may call one another at the database and at the door; all else is counted."""
    with Network("hj-nodes", ports=(5432, 8444)) as network:
        yield network


@pytest.fixture(scope="module")
def main(wire: Network, stick: Stick, installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WiredBox]:
    """The box that serves people."""
    folder = tmp_path_factory.mktemp("main")
    with WiredBox.on(wire, "hj-main", folder, number=1, base=installed, media=media_with(stick)) as box:
        yield box


@pytest.fixture(scope="module")
def worker(
    wire: Network, stick: Stick, installed: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WiredBox]:
    """A machine that was installed like any other, and has no models."""
    folder = tmp_path_factory.mktemp("worker")
    box = WiredBox.on(wire, "hj-worker", folder, number=2, base=installed, media=media_with(stick))
    models = box.root / "var/lib/hangjegyzet/models"
    shutil.rmtree(models / "packs")
    (models / "active.toml").unlink()
    with box:
        yield box


def hosts_by_step(box: Box) -> dict[str, str]:
    """Which machine did a step last, as the main box learned."""
    rows = database(box, "SELECT DISTINCT ON (step) step || '=' || node FROM job_history ORDER BY step, id DESC")
    return dict(row.split("=", 1) for row in rows)


def database(box: Box, statement: str) -> list[str]:
    """Rows of one column, asked as the server's superuser."""
    told = box.run("runuser", "-u", "postgres", "--", "psql", "-XAtc", statement, "hangjegyzet").stdout
    return told.splitlines()


def test_a_machine_joins_with_one_token(main: WiredBox, worker: WiredBox) -> None:
    """Each side takes one command; models come over the wire, and the token is worth nothing afterwards."""
    started = time.monotonic()
    token = main.run(
        "hangjegyzet", "node", "token", NAME, "--address", worker.address, timeout_s=APPLY_LIMIT_S
    ).stdout.strip()
    joined = worker.run("hangjegyzet", "node", "join", main.address, token, timeout_s=APPLY_LIMIT_S).stdout
    took["node: token and join"] = time.monotonic() - started
    assert joined.strip() == f"{NAME} works for {main.address}."
    assert worker.run("systemctl", "is-active", "hangjegyzet-web.service", check=False).stdout.strip() == "inactive"
    packs = {path.name for path in (worker.root / "var/lib/hangjegyzet/models/packs").iterdir()}
    assert packs == {path.name for path in (main.root / "var/lib/hangjegyzet/models/packs").iterdir()}
    (node,) = json.loads(main.run("hangjegyzet", "node", "list", "--json").stdout)
    assert (node["name"], node["state"], node["address"]) == (NAME, "joined", worker.address)
    assert finding(main, "nodes")["severity"] == "ok"
    assert finding(worker, "node-certificate")["severity"] == "ok"


def test_a_second_run_changes_nothing_on_either(main: WiredBox, worker: WiredBox) -> None:
    """Both are what they declare."""
    for box in (main, worker):
        assert "changed=0" in box.run("hangjegyzet", "apply", timeout_s=APPLY_LIMIT_S).stdout


def test_the_heavy_steps_of_a_meeting_run_there(main: WiredBox, worker: WiredBox, wire: Network) -> None:
    """The main box's own workers rest; the ledger and the trail name the machine, and nothing else was on the wire."""
    main.run("systemctl", "stop", "hangjegyzet-worker@speech.service", "hangjegyzet-worker@language.service")
    started = time.monotonic()
    sent = visit(main, "--send", sample_meeting("en").audio)
    assert visit(main, "--follow", sent["job"]) == {"state": "done", "failure": None}
    took["node: meeting done by the worker"] = time.monotonic() - started
    hosts = hosts_by_step(main)
    assert {hosts[name].split("/")[0] for name in ("transcribe", "speakers", "minutes")} == {worker.name}
    assert hosts["merge"].startswith(f"{main.name}/")
    handed = database(
        main, "SELECT detail::jsonb ->> 'step' FROM audit_event WHERE name = 'nodes:meeting_key:handed' ORDER BY seq"
    )
    assert {"transcribe", "speakers", "minutes"} <= set(handed)
    assert wire.counted()["others"] == 0
    assert wire.counted()["agreed"] > 0


def test_a_drained_machine_gives_its_steps_back(main: WiredBox, worker: WiredBox) -> None:
    """The step goes on at the main box, and the drained machine takes no other."""
    sent = visit(main, "--send", sample_meeting("en").audio)
    deadline = time.monotonic() + JOB_LIMIT_S
    while step(main, sent["job"], "transcribe") != "running":
        assert time.monotonic() < deadline
        time.sleep(1)
    started = time.monotonic()
    main.run("hangjegyzet", "node", "drain", NAME, "--wait", "300", timeout_s=400)
    took["node: drained"] = time.monotonic() - started
    assert json.loads(main.run("hangjegyzet", "node", "show", NAME, "--json").stdout)["steps"] == []
    assert finding(main, "nodes")["severity"] == "warning"
    main.run("systemctl", "start", "hangjegyzet-worker@speech.service", "hangjegyzet-worker@language.service")
    assert visit(main, "--follow", sent["job"]) == {"state": "done", "failure": None}


def test_a_removed_machine_has_nothing_left(main: WiredBox, worker: WiredBox, wire: Network) -> None:
    """Its role is gone, its certificate is refused at both doors, and the firewall is shut."""
    told = main.run("hangjegyzet", "node", "remove", NAME, timeout_s=APPLY_LIMIT_S)
    assert "keys of" in told.stderr
    assert database(main, "SELECT rolname FROM pg_roles WHERE rolname LIKE 'hangjegyzet_node_%'") == []
    assert json.loads(main.run("hangjegyzet", "node", "list", "--json").stdout) == []
    assert worker.run("hangjegyzet", "node", "models", check=False).returncode == 5
    rules = main.run("nft", "list", "table", "inet", "hangjegyzet").stdout
    assert worker.address not in rules
    assert wire.counted()["others"] == 0
