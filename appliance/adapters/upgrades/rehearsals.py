"""Rehearsals: the newest backup restored into a scratch folder, moved by the new release's code, and compared."""

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from appliance.adapters.upgrades.commands import ReleaseCommands
from appliance.backups.model import Latest
from appliance.backups.ports import PointInTimeDatabase, ScratchServers
from appliance.database.ports import DatabaseServer
from appliance.database.roles import DatabaseRole
from appliance.upgrades.errors import CommandFailed, RehearsalFailed
from appliance.upgrades.model import Rehearsal

_COLUMNS = """
    SELECT c.table_name, c.column_name, c.udt_name
    FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
    WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'
"""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a schema holds: type by table and column, and rows by table."""

    columns: Mapping[tuple[str, str], str]
    rows: Mapping[str, int]


def contractions(before: Shape, after: Shape) -> tuple[str, ...]:
    """What was there before and is not afterwards: tables, columns, rows; in this order, each by name."""
    old_tables, new_tables = set(before.rows), set(after.rows)
    gone = sorted(old_tables - new_tables)
    columns = sorted(
        f"{table}.{column}"
        for (table, column), kind in before.columns.items()
        if table in new_tables and after.columns.get((table, column)) != kind
    )
    fewer = sorted(table for table in old_tables & new_tables if after.rows[table] < before.rows[table])
    return (
        *(f"the table {table}" for table in gone),
        *(f"the column {column}" for column in columns),
        *(f"rows of {table}" for table in fewer),
    )


class RestoredCopies:
    """Copies of the appliance's database.

    Args:
        folder: for the copy; emptied before and after.
        commands: of the releases.
    """

    def __init__(
        self,
        folder: Path,
        *,
        past: PointInTimeDatabase,
        scratch: ScratchServers,
        commands: ReleaseCommands,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._past = past
        self._scratch = scratch
        self._commands = commands
        self._now = now

    def migrate(self, version: str) -> Rehearsal:
        """Restore a copy, let the release's code move its schema, and compare.

        Raises:
            RehearsalFailed: the migrations failed.
            NoBackup, EngineFailed, ServerWontStart: there is nothing to rehearse on.
        """
        return self._rehearse(lambda commands: commands.migrate(version))

    def retreat(self, version: str, *, revision: str) -> Rehearsal:
        """The same, back to ``revision``.

        Raises:
            as ``migrate``.
        """
        return self._rehearse(lambda commands: commands.retreat(version, revision=revision))

    def _rehearse(self, move: Callable[[ReleaseCommands], tuple[str, str]]) -> Rehearsal:
        self._clear()
        try:
            began = self._now()
            self._past.restore(Latest(), into=self._folder)
            with self._scratch.running(self._folder) as server:
                restored = self._now()
                before = _shape(server)
                started = self._now()
                try:
                    was, becomes = move(self._commands.on(_address(server)))
                except CommandFailed as error:
                    raise RehearsalFailed(reason=error.fields["reason"]) from error
                took_s = self._now() - started
                after = _shape(server)
        finally:
            self._clear()
        return Rehearsal(
            before=was,
            after=becomes,
            restore_s=round(restored - began, 3),
            migrate_s=round(took_s, 3),
            rows=sum(before.rows.values()),
            contracts=contractions(before, after),
        )

    def _clear(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


def _address(server: DatabaseServer) -> str:
    """As settings take it: without a role."""
    return make_url(server.url(DatabaseRole.OWNER)).set(drivername="postgresql", username=None).render_as_string()


def _shape(server: DatabaseServer) -> Shape:
    """Read as the owner, whom every table shows all rows."""
    url = make_url(server.url(DatabaseRole.OWNER)).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute(_COLUMNS).fetchall()
        columns = {(table, column): kind for table, column, kind in found}
        rows = {}
        for table in sorted({table for table, _ in columns}):
            counted = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
            rows[table] = int(counted[0]) if counted else 0
    return Shape(columns, rows)
