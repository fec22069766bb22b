"""``python -m tests.bench.bench_backup``: a backup, its verification and a restore beside what one would do by hand.

The same database and the same recordings, in the same run, turn about. By hand is ``pg_basebackup`` as a tar through
``age`` and ``cp`` for recordings; ``sha256sum`` of both; ``age``, ``tar`` and ``cp`` on the way back, until a server
answers.
"""

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from appliance.adapters.age import Age
from appliance.adapters.pgbackrest import DATABASE_FILES
from appliance.adapters.postgres.binaries import distribution_bin_dir
from appliance.adapters.postgres.cluster import IDENT_MAP
from appliance.adapters.scratch_servers import LocalScratchServers
from appliance.backups.copier import Copier
from appliance.backups.depot import Depot
from appliance.backups.model import BackupKind, Latest
from appliance.backups.outstanding import Outstanding, Owed
from appliance.backups.retention import Retention
from appliance.backups.service import BackupService, Machine
from appliance.database.engine import Database
from appliance.database.roles import DatabaseRole
from appliance.kernel.clock import SystemClock
from appliance.kernel.units import MIB
from appliance.keyring.signing import Signer, new_private_key, read_private_key
from appliance.migrations import runner
from tests.factories.backups import ArchivedServer, archived_server, missing_programs

RECORDING_MIB = 8
FILL = (
    "CREATE TABLE IF NOT EXISTS filler AS SELECT i, md5(i::text) || md5((i * 7)::text) || repeat(chr(65 + mod(i, 26)),"
    " 64) AS words FROM generate_series(1, %s) AS i"
)
ROW_BYTES = 170


class Bench:
    """One machine with its backups, and the same by hand beside it."""

    def __init__(self, folder: Path, server: ArchivedServer, live: Database) -> None:
        self.folder, self.server, self.live = folder, server, live
        self.stored, self.depot = folder / "stored", Depot(folder / "depot")
        self.by_hand = folder / "by-hand"
        self.keys = [folder / "first", folder / "second"]
        for key in self.keys:
            subprocess.run(["age-keygen", "-o", key], check=True, capture_output=True)
        self.recipients = [
            subprocess.run(["age-keygen", "-y", key], check=True, capture_output=True, text=True).stdout.strip()
            for key in self.keys
        ]
        signer = Signer(read_private_key(new_private_key()), SystemClock())
        self.service = BackupService(
            depot=self.depot,
            database=server.database,
            live=live,
            envelope=Age(),
            signer=signer,
            public_key=signer.public_key,
            machine=Machine(
                host="bench",
                release="0",
                schema=runner.head(),
                models=(),
                database_version=15,
                blobs=self.stored,
                files=(self.keys[0],),
                root=folder,
            ),
            custodians=self.recipients,
            targets=(),
            retention=Retention(14, 0, 0),
            clock=SystemClock(),
        )

    def lap(self) -> dict[str, float]:
        """Every figure once, in seconds; ours and by hand in turn, from nothing."""
        self._empty()
        took = {
            "backup, first": timed(lambda: self.service.run(quiet, kind=BackupKind.FULL)),
            "by hand: backup, first": timed(self._take_by_hand),
            "backup, nothing new": timed(lambda: self.service.run(quiet, kind=BackupKind.DIFFERENTIAL)),
            "by hand: backup, nothing new": timed(self._take_by_hand),
            "verify": timed(self._verify),
            "by hand: verify": timed(self._verify_by_hand),
            "restore until the database answers": timed(self._restore),
            "by hand: restore until the database answers": timed(self._restore_by_hand),
            "recordings, beside the work": timed(self._copy),
            "by hand: recordings, beside the work": timed(self._copy_by_hand),
        }
        self._clear(self.folder / "scratch")
        return took

    def _empty(self) -> None:
        for path in (self.depot.blobs, self.depot.sets, self.by_hand):
            shutil.rmtree(path, ignore_errors=True)
        self.by_hand.mkdir()

    def _take_by_hand(self) -> None:
        pg_basebackup = f"{bin_dir()}/pg_basebackup"
        shell(
            f"{pg_basebackup} -h {self.server.socket_dir} -U postgres -D - -F tar -X fetch --checkpoint=fast |"
            f" age -r {self.recipients[0]} -r {self.recipients[1]} -o {self.by_hand}/base.tar.age;"
            f" cp --archive --update {self.stored} {self.by_hand}/"
        )

    def _verify(self) -> None:
        faults = self.service.verify("latest", quiet)
        assert faults == [], faults

    def _verify_by_hand(self) -> None:
        shell(f"find {self.by_hand} -type f -print0 | xargs -0 sha256sum >{self.folder}/sums")

    def _restore(self) -> None:
        into = self._clear(self.folder / "scratch")
        self.server.database.restore(Latest(), into=into)
        self._answers(into)

    def _restore_by_hand(self) -> None:
        into = self._clear(self.folder / "scratch") / DATABASE_FILES
        into.mkdir()
        shell(f"age -d -i {self.keys[0]} {self.by_hand}/base.tar.age | tar -x -C {into}")
        shell(f"chown --recursive postgres: {into}; chmod 0700 {into}" if os.geteuid() == 0 else f"chmod 0700 {into}")
        self._answers(into.parent)

    def _answers(self, files: Path) -> None:
        with LocalScratchServers(self.server.engine.account).running(files):
            pass

    def _copy(self) -> None:
        here = self._clear(self.folder / "blobs")
        (here / "stored").mkdir()
        outstanding, listed = Outstanding(here), self.depot.sums()
        owed = {
            name.partition("/")[2]: Owed(sha256, (self.depot.blobs / name).stat().st_size, str(self.depot.blobs))
            for name, sha256 in listed.items()
        }
        outstanding.owe(owed, datetime.now(UTC))
        Copier(outstanding, here / "stored", clock=SystemClock(), stop=threading.Event()).run()
        assert outstanding.standing() is None

    def _copy_by_hand(self) -> None:
        into = self._clear(self.folder / "blobs")
        shell(f"cp --archive {self.by_hand}/stored {into}/")

    def _clear(self, path: Path) -> Path:
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
        self.server.engine.account.own(path)
        return path


def shell(command: str) -> None:
    """A line of what somebody would type."""
    subprocess.run(["bash", "-euo", "pipefail", "-c", command], check=True, capture_output=True)


def timed(act: Callable[[], object]) -> float:
    """Seconds until all of it is on the disk."""
    os.sync()
    started = time.perf_counter()
    act()
    os.sync()
    return time.perf_counter() - started


def quiet(_: str) -> None:
    """Nobody listens."""


def bin_dir() -> Path:
    """The distribution's programs."""
    found = distribution_bin_dir()
    assert found is not None
    return found


@contextmanager
def a_bench(folder: Path, *, recordings_mib: int, database_mib: int) -> Iterator[tuple[Bench, dict[str, float]]]:
    """A database and recordings of about such sizes."""
    folder.chmod(0o711)
    (folder / "depot").mkdir(mode=0o755)
    for number in range(max(1, recordings_mib // RECORDING_MIB)):
        name = f"{number:012x}{hashlib.sha256(str(number).encode()).hexdigest()[:2]}"
        path = folder / "stored" / name[-2:] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(RECORDING_MIB * MIB))
    with archived_server(folder / "server", repository=folder / "depot/pgbackrest") as server:
        url = server.embedded.url(DatabaseRole.OWNER)
        runner.upgrade(url)
        hba = server.files / "pg_hba.conf"
        hba.write_text(f"{hba.read_text()}local replication all peer map={IDENT_MAP}\n")
        server.sql("SELECT pg_reload_conf()")
        server.sql(FILL, database_mib * MIB // ROW_BYTES)
        server.sql("CHECKPOINT")
        (size,) = server.sql("SELECT pg_database_size(current_database())")[0]
        live = Database(url, pool_size=1)
        try:
            stored = sum(path.stat().st_size for path in (folder / "stored").rglob("*") if path.is_file())
            yield Bench(folder, server, live), {"database": float(str(size)) / MIB, "recordings": stored / MIB}
        finally:
            live.dispose()


def report(laps: list[dict[str, float]], sizes: dict[str, float]) -> dict[str, dict[str, float]]:
    """Median and spread of each figure, its rate, and its ratio to doing it by hand (below 1: quicker)."""
    both = sizes["database"] + sizes["recordings"]
    moved = {
        "restore until the database answers": sizes["database"],
        "recordings, beside the work": sizes["recordings"],
    }
    rows: dict[str, dict[str, float]] = {}
    for name in laps[0]:
        seconds = sorted(lap[name] for lap in laps)
        middle = statistics.median(seconds)
        rows[name] = {"s": middle, "from": seconds[0], "to": seconds[-1]}
        rows[name]["mib_per_s"] = moved.get(name.removeprefix("by hand: "), both) / middle
        if not name.startswith("by hand"):
            rows[name]["ratio"] = statistics.median(lap[name] / lap[f"by hand: {name}"] for lap in laps)
    return rows


def main() -> None:
    """Print the figures as a table, or as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings-mib", type=int, default=1024)
    parser.add_argument("--database-mib", type=int, default=256)
    parser.add_argument("--laps", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    if lacking := missing_programs():
        raise SystemExit(lacking)
    with (
        tempfile.TemporaryDirectory(prefix="hj-bench-", dir="/var/tmp") as folder,
        a_bench(Path(folder), recordings_mib=chosen.recordings_mib, database_mib=chosen.database_mib) as (bench, sizes),
    ):
        rows = report([bench.lap() for _ in range(chosen.laps)], sizes)
    if chosen.json:
        print(json.dumps({"sizes_mib": sizes, "figures": rows}))
        return
    print(f"database {sizes['database']:.0f} MiB, recordings {sizes['recordings']:.0f} MiB, {chosen.laps} laps")
    print(f"{'':<46}{'median s':>10}{'from':>8}{'to':>8}{'MiB/s':>9}{'ratio':>8}")
    for name, row in rows.items():
        ratio = f"{row['ratio']:.2f}" if "ratio" in row else ""
        print(f"{name:<46}{row['s']:>10.1f}{row['from']:>8.1f}{row['to']:>8.1f}{row['mib_per_s']:>9.0f}{ratio:>8}")


if __name__ == "__main__":
    main()
