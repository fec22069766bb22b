"""Numbers, times and lengths as the spoken language writes them."""

import unicodedata
from datetime import datetime

from appliance.kernel.units import format_bytes
from tui.i18n import _, count, language

FULL, EMPTY = "█", "░"
"""In every font of the Linux console."""


def number(value: float, digits: int = 0) -> str:
    """``1.5``, or ``1,5`` in Hungarian."""
    text = f"{value:.{digits}f}"
    return text.replace(".", ",") if language() == "hu" else text


def share(value: float) -> str:
    """``71 %``."""
    return f"{number(100 * value)} %" if language() == "hu" else f"{number(100 * value)}%"


def size(size_bytes: int) -> str:
    """``1.5 GiB``."""
    text = format_bytes(size_bytes)
    return text.replace(".", ",") if language() == "hu" else text


def day(at: datetime) -> str:
    """A day on the machine's own calendar."""
    return at.astimezone().strftime("%Y. %m. %d." if language() == "hu" else "%Y-%m-%d")


def moment(at: datetime) -> str:
    """A day and a minute on the machine's own clock."""
    return f"{day(at)} {at.astimezone():%H:%M}"


def second(at: datetime) -> str:
    """A time of day on the machine's own clock."""
    return f"{at.astimezone():%H:%M:%S}"


def length(seconds: float) -> str:
    """How long, in the one or two units that matter."""
    minutes = int(seconds // 60)
    if minutes < 1:
        return count("{number} second", "{number} seconds", int(seconds))
    if minutes < 60:
        return count("{number} minute", "{number} minutes", minutes)
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return _("{hours} h {minutes} min").format(hours=hours, minutes=minutes)
    days, hours = divmod(hours, 24)
    return _("{days} d {hours} h").format(days=days, hours=hours)


def about(seconds: float) -> str:
    """How long something will take, for people who wait: rounded up, so that it is a promise that can be kept."""
    return length(seconds if seconds < 60 else -(-seconds // 60) * 60)


def meter(value: float, width: int = 16) -> str:
    """A bar of ``width`` cells; anything above nothing shows, and nothing short of all is full."""
    cells = round(value * width)
    if value > 0:
        cells = max(1, cells)
    if value < 1:
        cells = min(width - 1, cells)
    return FULL * min(width, cells) + EMPTY * (width - min(width, cells))


def plain(text: str) -> str:
    """Without accents and capitals: not every keyboard has them."""
    return "".join(one for one in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(one))
