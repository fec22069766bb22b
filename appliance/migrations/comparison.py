"""What counts as a difference between the migrated schema and the rooms' tables."""

from typing import Any

from sqlalchemy import String
from sqlalchemy.types import TypeDecorator, TypeEngine

NOT_MODELLED = ("alembic_version", "huey")
"""Prefixes of tables that belong to Alembic and to the doorbell, and have no model."""


def include_object(_thing: object, name: str | None, kind: str, _reflected: bool, _compare_to: object) -> bool:
    """Whether Alembic compares this thing."""
    return not (kind == "table" and str(name).startswith(NOT_MODELLED))


def compare_type(
    _context: object, _inspected: object, _modelled: object, found: TypeEngine[Any], wanted: TypeEngine[Any]
) -> bool | None:
    """``text`` and ``varchar`` without a length are the same to PostgreSQL; the rest is left to Alembic."""
    plain = wanted.impl_instance if isinstance(wanted, TypeDecorator) else wanted
    if isinstance(found, String) and isinstance(plain, String) and found.length == plain.length:
        return False
    return None
