"""Empty room in tables and indexes: seen where rows were deleted, and given back while others read."""

from appliance.adapters.postgres.provisioning import rights_sql
from appliance.database.engine import Database
from appliance.database.room import Room, give_back, measure, oldest_transactions
from tests.factories.database import TestDatabase

LEAST = 1 << 20


def rooms(owner: Database) -> dict[str, Room]:
    """What is measured, by name."""
    with owner.reading(None) as tx:
        return {room.name: room for room in measure(tx, least_bytes=LEAST)}


def test_deleted_rows_are_empty_room_until_it_is_given_back(empty_db: TestDatabase) -> None:
    """A table that lost nine rows of ten, with what is kept apart of it, and its index; the owner alone measures."""
    owner = Database(empty_db.owner_url, pool_size=1)
    connection = owner.raw_connection()
    try:
        connection.execute("CREATE TABLE filled (id int PRIMARY KEY, short text, long bytea)")
        connection.execute("ALTER TABLE filled ALTER long SET STORAGE EXTERNAL, ENABLE ROW LEVEL SECURITY")
        connection.execute("ALTER TABLE filled FORCE ROW LEVEL SECURITY")
        connection.execute("CREATE POLICY everybody ON filled USING (true)")
        connection.execute(
            "INSERT INTO filled SELECT n, repeat('x', 40),"
            " CASE WHEN n % 40 = 0 THEN convert_to(repeat(md5(n::text), 400), 'UTF8') END"
            " FROM generate_series(1, 80000) n"
        )
        connection.execute("VACUUM ANALYZE filled")
        full = rooms(owner)
        assert full["filled"].share < 0.15
        assert full["filled"].bytes > 20 * LEAST, "what PostgreSQL keeps apart counts too"
        assert full["filled_pkey"].share < 0.15

        connection.execute("DELETE FROM filled WHERE id % 10 <> 1")
        emptied = rooms(owner)
        assert emptied["filled"].share > 0.75

        connection.execute("VACUUM filled")
        assert rooms(owner)["filled_pkey"].share > 0.6
        give_back(owner, list(rooms(owner).values()))
        assert "filled_pkey" not in rooms(owner), "written anew, it is small"
        with owner.reading(None) as tx:
            assert 0 < oldest_transactions(tx) < 1_000_000
    finally:
        connection.close()
        owner.dispose()


def test_the_right_to_measure_is_the_owners(empty_db: TestDatabase) -> None:
    """An administrator of a server of their own is given the same statements."""
    assert "pgstattuple" in rights_sql()
