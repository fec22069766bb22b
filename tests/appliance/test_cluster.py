"""Three boxes keep one database: its leader loses power, then the others, and no acknowledged row is lost.

The roles are those that are shipped, brought about by the commands that a technician types. A client writes a row every
few milliseconds through a member's proxy and remembers what was acknowledged.
"""

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.appliance.box import Box
from tests.appliance.machines import ROOT, Stick, media_with, took
from tests.appliance.network import PREFIX, Network, WiredBox

NAMES = ("a", "b", "c")
SHARED = f"{PREFIX}.20"
APPLY_LIMIT_S = 1200.0
SETTLE_LIMIT_S = 300.0
FAILOVER_LIMIT_S = 120.0

pytestmark = [pytest.mark.slow, pytest.mark.thorough, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def wire() -> Iterator[Network]:
    """Members may call one another at etcd, PostgreSQL, its proxy and Patroni, and move the shared address.

    A member that does not speak VRRP yet says so to the one that calls it: protocol unreachable.
    """
    more = "ip protocol vrrp accept\n        icmp type destination-unreachable accept"
    with Network("hj-clstr", ports=(2379, 2380, 5000, 5432, 8008), more=more) as network:
        yield network


@pytest.fixture(scope="module")
def boxes(
    wire: Network, stick: Stick, installed: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, WiredBox]]:
    """Three machines, each installed as one box."""
    folder = tmp_path_factory.mktemp("cluster")
    made = {
        name: WiredBox.on(wire, f"hj-{name}", folder, number=11 + at, base=installed, media=media_with(stick))
        for at, name in enumerate(NAMES)
    }
    try:
        for box in made.values():
            box.boot()
        yield made
    finally:
        for box in made.values():
            box.destroy()


def cluster(box: Box) -> dict[str, Any]:
    """What a member's keeper knows; nobody leads while it cannot be asked."""
    told = box.run("hangjegyzet", "cluster", "show", "--json", check=False).stdout
    known: dict[str, Any] = json.loads(told) if told else {"members": [], "missing": list(NAMES), "leaders": []}
    return known


def roles(box: Box) -> dict[str, str]:
    """Role of every member that runs."""
    return {each["name"]: each["role"] for each in cluster(box)["members"] if each["state"] in {"running", "streaming"}}


def settled(boxes: dict[str, WiredBox], *names: str) -> str:
    """Wait until one of ``names`` leads, another has every row, and all run; who leads."""
    asked = boxes[names[0]]

    def is_so() -> str:
        now = roles(asked)
        leaders = cluster(asked)["leaders"]
        whole = set(now) >= set(names) and "sync_standby" in now.values()
        return str(leaders[0]) if whole and len(leaders) == 1 and leaders[0] in names else ""

    return until(is_so, SETTLE_LIMIT_S, lambda: f"{roles(asked)}, expected {names}\n{keepers(boxes)}")


def keepers(boxes: dict[str, WiredBox]) -> str:
    """What each member's keeper wrote last."""
    read = ("journalctl", "--no-pager", "-o", "cat", "-n", "40", "-u", "hangjegyzet-patroni", "-u", "hangjegyzet-etcd")
    return "\n".join(f"--- {name}\n{box.run(*read, check=False).stdout}" for name, box in boxes.items())


def until(is_so: Callable[[], str], limit_s: float, instead: Callable[[], str] = lambda: "") -> str:
    """The first answer that is not empty; ``instead`` tells what there is while it does not come."""
    deadline = time.monotonic() + limit_s
    while not (answer := is_so()):
        assert time.monotonic() < deadline, f"it did not come to that: {instead()}"
        time.sleep(1)
    return answer


class Client:
    """Writes rows through the proxy of a member that lives on, in a process of its own on that member's wire."""

    def __init__(self, box: WiredBox, folder: Path, table: str) -> None:
        self._log = folder / f"{table}.log"
        certificates = box.root / "etc/hangjegyzet/cluster"
        command = box.in_its_network(
            sys.executable, "-m", "tests.appliance.writer", "127.0.0.1", str(certificates), table, str(self._log)
        )
        self._process = subprocess.Popen(command, cwd=ROOT)
        until(lambda: "yes" if len(self.acknowledged()) > 20 else "", SETTLE_LIMIT_S)

    def acknowledged(self) -> list[tuple[int, float]]:
        """Rows that the database said it had, each with the moment."""
        if not self._log.exists():
            return []
        whole = self._log.read_text().rpartition("\n")[0]
        return [(int(number), float(at)) for number, at in (line.split() for line in whole.splitlines())]

    def await_new(self, after: float) -> float:
        """Wait for a row that was acknowledged after ``after``; how long nothing was."""
        until(lambda: "yes" if self.acknowledged()[-1][1] > after else "", FAILOVER_LIMIT_S)
        moments = [at for _, at in self.acknowledged()]
        return max(later - earlier for earlier, later in itertools.pairwise(moments))

    def end(self) -> set[int]:
        """Stop writing; every row that was ever acknowledged."""
        time.sleep(2)
        self._process.terminate()
        self._process.wait(30)
        return {number for number, _ in self.acknowledged()}


def rows(box: Box, table: str) -> set[int]:
    """What a member's own database holds, asked through its socket; nothing while it does not answer."""
    asked = ("runuser", "-u", "postgres", "--", "psql", "-XAtc", f"SELECT n FROM {table}", "hangjegyzet")
    return {int(line) for line in box.run(*asked, check=False).stdout.splitlines()}


def await_rows(boxes: dict[str, WiredBox], name: str, table: str, acknowledged: set[int]) -> None:
    """Wait until a member holds all of them: one that comes back starts its server more than once."""
    until(lambda: "yes" if acknowledged <= rows(boxes[name], table) else "", SETTLE_LIMIT_S, lambda: keepers(boxes))


def test_three_boxes_become_one_database(boxes: dict[str, WiredBox]) -> None:
    """The first keeps its data; the others join with a sealed file each and its code."""
    first, started = boxes["a"], time.monotonic()
    members = [word for name, box in boxes.items() for word in ("--member", f"{name}={box.address}")]
    begin = ("hangjegyzet", "cluster", "begin", "a", *members, "--address", f"{SHARED}/24")
    first.run(*begin, timeout_s=APPLY_LIMIT_S)
    for name in ("b", "c"):
        invitation = f"var/tmp/{name}.invitation"
        invited = first.run("hangjegyzet", "cluster", "invite", name, f"/{invitation}", "--json").stdout
        (boxes[name].root / invitation).write_bytes((first.root / invitation).read_bytes())
        join = ("hangjegyzet", "cluster", "join", f"/{invitation}", "--code", json.loads(invited)["code"])
        assert boxes[name].run(*join, timeout_s=APPLY_LIMIT_S).stdout.strip().endswith(f"the member {name}.")
    assert settled(boxes, *NAMES) == "a"
    took["cluster: three boxes to one database"] = time.monotonic() - started


def test_a_second_run_changes_nothing_on_any(boxes: dict[str, WiredBox]) -> None:
    """Every member is what it declares."""
    for box in boxes.values():
        assert "changed=0" in box.run("hangjegyzet", "apply", timeout_s=APPLY_LIMIT_S).stdout


def test_a_power_cut_of_the_leader_loses_no_acknowledged_row(boxes: dict[str, WiredBox], tmp_path: Path) -> None:
    """Another member can be written soon; the old leader comes back as a replica."""
    leader = settled(boxes, *NAMES)
    others = tuple(name for name in NAMES if name != leader)
    client = Client(boxes[others[1]], tmp_path, "power_cut")
    cut = time.time()
    boxes[leader].power_cut()
    took["cluster: power cut to next acknowledged row"] = client.await_new(cut + 1)
    successor = settled(boxes, *others)
    acknowledged = client.end()
    assert acknowledged <= rows(boxes[successor], "power_cut")
    assert [name for name in others if SHARED in boxes[name].run("ip", "-brief", "address").stdout] != []
    boxes[leader].boot()
    assert settled(boxes, *others, leader) == successor
    await_rows(boxes, leader, "power_cut", acknowledged)


def test_a_leader_that_is_cut_off_loses_no_acknowledged_row(
    boxes: dict[str, WiredBox], wire: Network, tmp_path: Path
) -> None:
    """It steps down by itself, so that nobody can write into two databases; back on the wire it follows."""
    leader = settled(boxes, *NAMES)
    others = tuple(name for name in NAMES if name != leader)
    client = Client(boxes[others[1]], tmp_path, "network_cut")
    cut = time.time()
    wire.cut(boxes[leader])
    took["cluster: network cut to next acknowledged row"] = client.await_new(cut + 1)
    successor = settled(boxes, *others)
    recovering = ("runuser", "-u", "postgres", "--", "psql", "-XAtc", "SELECT pg_is_in_recovery()")
    until(lambda: "yes" if boxes[leader].run(*recovering, check=False).stdout.strip() != "f" else "", SETTLE_LIMIT_S)
    acknowledged = client.end()
    assert acknowledged <= rows(boxes[successor], "network_cut")
    wire.mend(boxes[leader])
    assert settled(boxes, *others, leader) == successor
    await_rows(boxes, leader, "network_cut", acknowledged)


def test_nothing_else_was_on_the_wire(wire: Network) -> None:
    """Members call one another, and nobody else."""
    assert wire.counted()["others"] == 0
