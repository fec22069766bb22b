"""Which wheels carry which files of the starter packs."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

CARRIERS = Path(__file__).with_name("carriers.toml")


@dataclass(frozen=True, slots=True)
class Part:
    """One member of one pinned wheel."""

    requirement: str
    member: str


@dataclass(frozen=True, slots=True)
class CarriedFile:
    """A pack's file and the parts that it is joined from, in order."""

    pack: str
    path: str
    parts: tuple[Part, ...]


def carried_files(source: Path = CARRIERS) -> tuple[CarriedFile, ...]:
    """Every file that setup puts together."""
    rows = tomllib.loads(source.read_text(encoding="utf-8"))["files"]
    return tuple(CarriedFile(row["pack"], row["path"], _parts(row["parts"], row.get("count", 1))) for row in rows)


def _parts(pattern: str, count: int) -> tuple[Part, ...]:
    requirement, member = pattern.split(" ", 1)
    return tuple(Part(requirement.format(n=n), member.format(n=n)) for n in range(1, count + 1))
