"""Run by Alembic: one connection of the owner role, one upgrade at a time, never waiting on locks for long."""

from alembic import context
from sqlalchemy import Connection, create_engine, pool, text
from sqlmodel import SQLModel

from appliance.migrations.comparison import compare_type, include_object
from appliance.migrations.models import import_tables
from appliance.migrations.settings import LOCK_KEY, LOCK_TIMEOUT_MS, STATEMENT_TIMEOUT_MS


def _migrate(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK_KEY})
    connection.execute(text(f"SET lock_timeout = {LOCK_TIMEOUT_MS}"))
    connection.execute(text(f"SET statement_timeout = {STATEMENT_TIMEOUT_MS}"))
    connection.commit()
    import_tables()
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        include_object=include_object,
        compare_type=compare_type,
        compare_server_default=False,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def run() -> None:
    """Migrate over the connection that the caller handed in, or over one of our own that ends here."""
    handed_in: Connection | None = context.config.attributes.get("connection")
    if handed_in is not None:
        _migrate(handed_in)
        return
    url = context.config.get_main_option("sqlalchemy.url")
    if url is None:
        raise RuntimeError("Alembic was started without an address; use: hangjegyzet db migrate")
    engine = create_engine(url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        _migrate(connection)


run()
