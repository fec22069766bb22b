"""How much of each table and index is empty, measured by pgstattuple, and how it is given back while people work."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from psycopg import sql
from sqlalchemy import text

from appliance.database.engine import Database, Tx
from appliance.kernel.units import MIB

WORTH_A_LOOK_BYTES = 64 * MIB
"""Below this nobody feels it, whatever the share is."""
FULL_LEAVES: Final = 90.0
"""Percent to which PostgreSQL fills the leaves of a new index."""

# What PostgreSQL keeps apart (TOAST) counts under its table's name: that is where sealed documents lie.
_TABLES: Final = text(
    """
    SELECT coalesce(parent.relname, c.relname) AS name, sum(a.table_len)::bigint AS bytes,
           sum(a.dead_tuple_len + a.approx_free_space)::bigint AS wasted
    FROM pg_class c
    LEFT JOIN pg_class parent ON parent.reltoastrelid = c.oid
    JOIN pg_namespace n ON n.oid = coalesce(parent.relnamespace, c.relnamespace)
    CROSS JOIN LATERAL pgstattuple_approx(c.oid) a
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 't') AND pg_relation_size(c.oid) >= :least
    GROUP BY 1 ORDER BY 3 DESC
    """
)
_INDEXES: Final = text(
    """
    SELECT c.relname AS name, pg_relation_size(c.oid) AS bytes, s.avg_leaf_density AS density
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_am am ON am.oid = c.relam AND am.amname = 'btree'
    JOIN pg_index i ON i.indexrelid = c.oid AND i.indisvalid
    CROSS JOIN LATERAL pgstatindex(c.oid) s
    WHERE n.nspname = 'public' AND c.relkind = 'i' AND pg_relation_size(c.oid) >= :least
    ORDER BY 2 DESC
    """
)
_OLDEST: Final = text("SELECT age(datfrozenxid) FROM pg_database WHERE datname = current_database()")


@dataclass(frozen=True, slots=True)
class Room:
    """A table with what belongs to it, or an index: its size, and how much of that is empty."""

    name: str
    kind: str
    bytes: int
    wasted_bytes: int

    @property
    def share(self) -> float:
        """Of the whole."""
        return self.wasted_bytes / self.bytes if self.bytes else 0.0


def measure(tx: Tx, *, least_bytes: int = WORTH_A_LOOK_BYTES) -> Sequence[Room]:
    """Tables and indexes from a size on.

    Args:
        tx: as the owner, who alone may measure.
    """
    least = {"least": least_bytes}
    found = [Room(row.name, "table", row.bytes, row.wasted) for row in tx.execute(_TABLES, least)]
    for row in tx.execute(_INDEXES, least):
        empty = max(0.0, 1 - row.density / FULL_LEAVES) if row.density == row.density else 0.0  # an empty index: NaN
        found.append(Room(row.name, "index", row.bytes, int(row.bytes * empty)))
    return found


def oldest_transactions(tx: Tx) -> int:
    """How many transactions ago the oldest row was written that is not frozen."""
    return int(tx.execute(_OLDEST).scalar_one())


def give_back(owner: Database, rooms: Sequence[Room]) -> None:
    """Clean tables and write indexes anew; neither keeps readers or writers out.

    A plain VACUUM gives the system back what is empty at a table's end, and the rest to new rows.
    """
    connection = owner.raw_connection()
    try:
        for room in rooms:
            command = "VACUUM (ANALYZE) {}" if room.kind == "table" else "REINDEX INDEX CONCURRENTLY {}"
            connection.execute(sql.SQL(command).format(sql.Identifier(room.name)))
    finally:
        connection.close()
