"""The three roles that the appliance uses, and the names they go by."""

from enum import StrEnum

DATABASE_NAME = "hangjegyzet"
"""The one database."""


class DatabaseRole(StrEnum):
    """Who a process is to PostgreSQL; none has BYPASSRLS or SUPERUSER."""

    OWNER = "hangjegyzet_owner"
    """Owns the tables and runs migrations; sees all rows."""
    WEB = "hangjegyzet_web"
    """Serves people: sees the rows of its transaction's tenant."""
    WORKER = "hangjegyzet_worker"
    """Works on jobs: as web, and finds work over all tenants."""
