"""Telling a server that is gone from a statement that is wrong."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from sqlalchemy.exc import DBAPIError

from appliance.database.errors import DatabaseFull, DatabaseUnavailable, DataDamaged, NotInitialised
from appliance.kernel.errors import HangJegyzetError

CONNECTION_LOST: Final = ("08", "57P", "53300")
"""SQLSTATEs of a server that is gone, going, starting or full (PostgreSQL documentation, appendix A)."""

DISK_FULL: Final = "53100"
"""The SQLSTATE of a statement that found no room to write."""

DATA_DAMAGED: Final = ("XX001", "XX002")
"""SQLSTATEs of a page or an index that failed its checksum or makes no sense."""

_MISSING: Final = re.compile(r'FATAL:\s+(?:database|role) "[^"]+" does not exist')


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turn a lost connection into the error that doors and workers know; other errors pass.

    Raises:
        DatabaseUnavailable, DatabaseFull, NotInitialised, DataDamaged: as the server's words say.
    """
    try:
        yield
    except DBAPIError as error:
        if told := _plain_error(error.orig, lost=error.connection_invalidated):
            raise told from error
        raise
    except psycopg.OperationalError as error:
        if told := _plain_error(error):
            raise told from error
        raise


def is_connection_loss(error: BaseException | None) -> bool:
    """Whether the server is gone or refuses connections, rather than a statement."""
    if not isinstance(error, psycopg.Error):
        return False
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate.startswith(CONNECTION_LOST)


def _plain_error(error: BaseException | None, *, lost: bool = False) -> HangJegyzetError | None:
    if isinstance(error, psycopg.Error) and error.sqlstate in DATA_DAMAGED:
        return DataDamaged(reason=error.diag.message_primary)
    if isinstance(error, psycopg.Error) and error.sqlstate == DISK_FULL:
        return DatabaseFull()
    if not (lost or is_connection_loss(error)):
        return None
    # A refused connection carries no SQLSTATE, only the server's words, which are English under our locale.
    return NotInitialised() if _MISSING.search(str(error)) else DatabaseUnavailable()
