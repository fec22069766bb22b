"""Column types and the table base that rooms share."""

from typing import Any

from sqlalchemy import DateTime, LargeBinary
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field


def utc_column(**options: Any) -> Any:
    """A ``timestamptz`` field: always UTC, never naive."""
    options.setdefault("nullable", False)
    return Field(sa_type=DateTime(timezone=True), **options)


def bytes_column(**options: Any) -> Any:
    """A ``bytea`` field."""
    return Field(sa_type=LargeBinary, **options)


def json_column(**options: Any) -> Any:
    """A ``jsonb`` field; never holds content."""
    return Field(sa_type=JSONB, **options)
