"""Looks for words where no word may be: in files of any kind, and in every row of a database.

A word may hide: in another case or encoding, escaped in JSON, as hexadecimal, in base64. Rows are read as well as
files, because PostgreSQL compresses long values, and a compressed word is not found by looking at bytes.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

_BLOCK_BYTES = 1 << 22
_SHORTEST = 7
"""Shorter words turn up in random bytes and in the names of things."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A word that was seen where it must not be."""

    word: str
    place: str


class Searcher:
    """Looks for all disguises of some words at once."""

    def __init__(self, words: Iterable[str]) -> None:
        self.words = tuple(sorted(set(words)))
        by_shape: dict[bytes, str] = {}
        for word in self.words:
            by_shape |= dict.fromkeys(disguises(word), word)
        self._by_shape: Mapping[bytes, str] = by_shape
        self._pattern = re.compile(b"|".join(re.escape(shape) for shape in sorted(by_shape, key=len, reverse=True)))
        self._longest = max(map(len, by_shape), default=1)

    def in_bytes(self, data: bytes, place: str) -> set[Sighting]:
        """The words that ``data`` holds."""
        return {Sighting(self._by_shape[found.group()], place) for found in self._pattern.finditer(data)}

    def in_folders(self, *folders: Path) -> set[Sighting]:
        """The words that files below ``folders`` hold, in their names too; special files are left out."""
        seen: set[Sighting] = set()
        for folder in folders:
            for path in sorted(folder.rglob("*")):
                seen |= self.in_bytes(str(path).encode(), f"name of {path}")
                if path.is_file() and not path.is_symlink():
                    seen |= self._in_file(path)
        return seen

    def in_database(self, connection: psycopg.Connection[Any]) -> set[Sighting]:
        """The words that any row of any table holds; the connection is a superuser's, whom no policy stops."""
        seen: set[Sighting] = set()
        for schema, table in _tables(connection):
            statement = sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(schema, table))
            for (row,) in connection.execute(statement):
                seen |= self.in_bytes(row.encode(), f"table {schema}.{table}")
        return seen

    def _in_file(self, path: Path) -> set[Sighting]:
        seen: set[Sighting] = set()
        tail = b""
        for block in _blocks(path):
            seen |= self.in_bytes(tail + block, str(path))
            tail = block[-self._longest :]
        return seen


def disguises(word: str) -> set[bytes]:
    """The shapes in which a word is most likely to be written down."""
    shapes: set[bytes] = set()
    for form in {word, word.lower(), word.upper(), word.capitalize()}:
        utf8 = form.encode()
        shapes |= {utf8, form.encode("utf-16-le"), json.dumps(form)[1:-1].encode(), utf8.hex().encode()}
        shapes |= {_inside_base64(utf8, lead) for lead in range(3)}
    return shapes


def words_of(*texts: str) -> set[str]:
    """The words that are long enough to be looked for."""
    return {word for text in texts for word in re.findall(r"[^\W\d_]+", text) if len(word) >= _SHORTEST}


def _inside_base64(data: bytes, lead: int) -> bytes:
    """The letters that ``data`` is sure to become when ``lead`` other bytes (modulo 3) stand before it."""
    encoded = base64.b64encode(b"\0" * lead + data)
    first = (lead * 8 + 5) // 6
    whole = (lead + len(data)) * 8 // 6
    return encoded[first:whole]


def _blocks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                yield block
    except FileNotFoundError:
        return  # gone between listing and reading: PostgreSQL recycles its log


def _tables(connection: psycopg.Connection[Any]) -> list[tuple[str, str]]:
    rows = connection.execute(
        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'm') AND n.nspname <> 'information_schema' ORDER BY 1, 2"
    )
    return [(str(schema), str(table)) for schema, table in rows]
