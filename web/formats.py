"""Dates, durations, sizes and numbers as a reader of each language writes them.

A list shows dozens of rows and must be made in about a millisecond, so what Babel works out from CLDR is kept per
value. Times are shown in the machine's own time zone: the appliance stands where its people are.
"""

import unicodedata
from datetime import UTC, date, datetime
from functools import lru_cache

import babel
from babel.dates import format_skeleton
from babel.numbers import format_decimal, format_percent

from appliance.kernel.sorting import SortKey, hungarian_sort_key
from appliance.kernel.units import KIB
from web.request import Locale

_LOCALES = {"hu": babel.Locale("hu"), "en": babel.Locale("en", "GB")}


@lru_cache(maxsize=4096)
def _day(day: date, this_year: int, locale: Locale) -> str:
    skeleton = "MMMd" if day.year == this_year else "yMMMd"
    return format_skeleton(skeleton, day, locale=_LOCALES[locale])


@lru_cache(maxsize=256)
def _percent(share: float, locale: Locale) -> str:
    return format_percent(share, locale=_LOCALES[locale])


@lru_cache(maxsize=4096)
def _number(value: float, pattern: str, locale: Locale) -> str:
    return format_decimal(value, format=pattern, locale=_LOCALES[locale])


class Formats:
    """Ways to write a value in one language."""

    def __init__(self, locale: Locale) -> None:
        self.locale = locale

    def moment(self, at: datetime) -> str:
        """A day and a time, short; the year only when it is not this one: ``23 Nov, 14:05``."""
        local = at.astimezone()
        day = _day(local.date(), datetime.now(UTC).year, self.locale)
        separator = " " if self.locale == "hu" else ", "
        return f"{day}{separator}{local.hour:02d}:{local.minute:02d}"

    def day(self, at: datetime) -> str:
        """A day alone, short; the year only when it is not this one: ``23 Nov``."""
        return _day(at.astimezone().date(), datetime.now(UTC).year, self.locale)

    def machine(self, at: datetime) -> str:
        """For the ``datetime`` attribute: ISO 8601 in UTC."""
        return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"

    def clock(self, seconds: float) -> str:
        """A position or a length: ``4:07``, ``1:52:38``."""
        whole = int(seconds)
        hours, minutes = whole // 3600, whole % 3600 // 60
        return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"

    def number(self, value: float, pattern: str = "#,##0.##") -> str:
        """A number with this language's separators."""
        return _number(value, pattern, self.locale)

    def percent(self, share: float) -> str:
        """A share of one: ``0.42`` is ``42 %`` in Hungarian, ``42%`` in English."""
        return _percent(round(share, 2), self.locale)

    def size(self, size_bytes: int) -> str:
        """A size in binary units: ``1.5 GiB``."""
        value = float(size_bytes)
        for unit in ("B", "KiB", "MiB", "GiB"):
            if value < KIB:
                return f"{self.number(value, '0' if unit == 'B' or value >= 100 else '0.#')} {unit}"
            value /= KIB
        return f"{self.number(value, '0.#')} TiB"

    def sort_key(self, text: str) -> SortKey:
        """Orders names as a reader of this language expects."""
        if self.locale == "hu":
            return hungarian_sort_key(text)
        plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
        return tuple(map(ord, plain)), text
