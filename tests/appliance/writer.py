"""Writes a row every few milliseconds where it can, and notes each that was acknowledged.

::

    python -m tests.appliance.writer ADDRESS FOLDER TABLE LOG

Runs as a program, because it has to start inside a box's network namespace. A row of which nobody knows whether it was
written is not noted: only an acknowledgement counts.
"""

import sys
import time
from pathlib import Path

import psycopg

PAUSE_S = 0.02
OPTIONS = "connect_timeout=3 keepalives_idle=2 keepalives_interval=1 keepalives_count=2 tcp_user_timeout=4000"


def main() -> None:
    """Write until the process is ended."""
    address, folder, table, log = sys.argv[1:]
    place = (
        f"host={address} port=5000 dbname=hangjegyzet user=hangjegyzet_owner sslmode=verify-full"
        f" sslrootcert={folder}/authority.pem sslcert={folder}/member.pem sslkey={folder}/member.key {OPTIONS}"
    )
    number = 0
    with Path(log).open("a", buffering=1, encoding="ascii") as acknowledged:
        while True:
            try:
                with psycopg.connect(place, autocommit=True) as connection:
                    connection.execute(f"CREATE TABLE IF NOT EXISTS {table} (n integer PRIMARY KEY)".encode())
                    while True:
                        number += 1
                        connection.execute(f"INSERT INTO {table} VALUES ({number})".encode())
                        acknowledged.write(f"{number} {time.time():.3f}\n")
                        time.sleep(PAUSE_S)
            except psycopg.Error:
                time.sleep(PAUSE_S)


if __name__ == "__main__":
    main()
