"""What the rooms above need from whoever runs PostgreSQL."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from appliance.database.roles import DATABASE_NAME, DatabaseRole


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """What is known about the server right now.

    ``kind`` is ``embedded`` or ``external``; ``pid`` is the postmaster of an embedded one; ``standing`` tells that it
    stays up when nobody uses it any more.
    """

    kind: str
    running: bool
    version: str
    place: str
    pid: int | None = None
    standing: bool = False


class DatabaseServer(Protocol):
    """A PostgreSQL that can be asked to be there."""

    def exists(self) -> bool:
        """Whether there is one at all; false on a machine that was never set up."""
        ...

    def running(self) -> AbstractContextManager[None]:
        """The server runs inside this block; the last one to leave stops it, if nobody asked it to stay."""
        ...

    def ensure(self) -> bool:
        """Start it again if it died; true when it had to. Cheap when it runs: call it every second."""
        ...

    def status(self) -> ServerStatus:
        """Whether it runs, and where."""
        ...

    def url(self, role: DatabaseRole, database: str = DATABASE_NAME) -> str:
        """The address for SQLAlchemy, as ``postgresql+psycopg://…``."""
        ...

    def client_command(self, program: str, role: DatabaseRole, database: str = DATABASE_NAME) -> list[str]:
        """The command line that connects one of PostgreSQL's own programs, such as ``psql``, as a role."""
        ...
