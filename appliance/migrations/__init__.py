"""Alembic migrations: one chain, each step one intent, both ways."""
