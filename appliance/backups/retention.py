"""Which backups are kept: the last of each of so many days, weeks and months, and what those need. Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class Kept(Protocol):
    """What retention has to know of a backup."""

    @property
    def id(self) -> str:
        """Its name; later ones sort after earlier ones."""
        ...

    @property
    def ended_at(self) -> datetime:
        """Whose day, week and month it is of."""
        ...


@dataclass(frozen=True, slots=True)
class Retention:
    """How many days, weeks and months keep their last backup."""

    daily: int
    weekly: int
    monthly: int


def to_keep(sets: Iterable[Kept], retention: Retention) -> frozenset[str]:
    """Ids of the backups that stay.

    The newest always stays. Days, weeks and months without a backup do not count, so that a machine that was switched
    off for long loses none of its old ones by being switched on.
    """
    newest_first = sorted(sets, key=lambda one: (one.ended_at, one.id), reverse=True)
    periods: Sequence[tuple[int, Callable[[datetime], object]]] = (
        (retention.daily, lambda at: at.date()),
        (retention.weekly, lambda at: at.isocalendar()[:2]),
        (retention.monthly, lambda at: (at.year, at.month)),
    )
    kept = {one.id for one in newest_first[:1]}
    for count, period in periods:
        last_of: dict[object, str] = {}
        for one in newest_first:
            last_of.setdefault(period(one.ended_at), one.id)
        kept.update(list(last_of.values())[:count])
    return frozenset(kept)
