"""The machine at a glance; the same before and after sign-in."""

from collections.abc import Sequence
from datetime import datetime

from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content

from appliance.health.model import Severity
from appliance.vitals.model import Glance, Gpu, Volume
from tui.formats import day, length, meter, moment, number, share, size
from tui.i18n import _, count
from tui.telling import told
from tui.widgets.facts import Facts, Value
from tui.widgets.severity import COLOURS, signed, word

BAR = 10
FULL_SOON_DAYS = 30
FULL_VERY_SOON_DAYS = 7
NEARLY_FULL = 0.85
FULL = 0.95


class GlanceView(Container):
    """Address, health, space, queue, version."""

    DEFAULT_CLASSES = "columns"

    def compose(self) -> ComposeResult:
        yield Facts(_("This machine"), id="where")
        yield Facts(_("Health"), id="how")
        yield Facts(_("Room"), id="room")
        yield Facts(_("Work"), id="work")

    async def show(self, glance: Glance, *, now: datetime) -> None:
        """Show it."""
        await self.query_one("#where", Facts).show(_where(glance))
        await self.query_one("#how", Facts).show(_how(glance))
        await self.query_one("#room", Facts).show(_room(glance))
        await self.query_one("#work", Facts).show(_work(glance, now))


def _where(glance: Glance) -> Sequence[tuple[str, Value]]:
    place = glance.place
    found: list[tuple[str, Value]] = [(_("Address"), Content.styled(place.address, "bold $bright"))]
    if place.fingerprint:
        found.append((_("Fingerprint"), halves(place.fingerprint)))
    else:
        found.append((_("Certificate"), Content.styled(_("none yet; the portal makes one when it starts"), "$warn")))
    found.append((_("Version"), glance.version))
    return found


def halves(fingerprint: str) -> str:
    """In two lines of sixteen bytes, as people compare it."""
    parts = fingerprint.split(":")
    return "\n".join(":".join(parts[at : at + 16]) for at in range(0, len(parts), 16))


def _how(glance: Glance) -> Sequence[tuple[str, Value]]:
    worst = glance.severity
    bad = [check for check in glance.checks if check.severity is not Severity.OK]
    if not glance.checks:
        return [(_("Checks"), _("none was made yet"))]
    if not bad:
        well = count("{number} check, all well", "{number} checks, all well", len(glance.checks))
        return [(_("Checks"), signed(worst, well))]
    names = sorted(bad, key=lambda check: -check.severity.rank)
    lines = [signed(check.severity, f"{told(check.title)}: {word(check.severity)}") for check in names]
    return [(_("Checks"), Content("\n").join(lines))]


def _room(glance: Glance) -> Sequence[tuple[str, Value]]:
    used = 1 - glance.memory_free_bytes / max(glance.memory_total_bytes, 1)
    found: list[tuple[str, Value]] = [
        (_("Processors"), f"{meter(min(1, glance.load), BAR)} {share(glance.load)}"),
        (_("Memory"), _metered(used, _("of {total}").format(total=size(glance.memory_total_bytes)))),
    ]
    several = len(glance.volumes) > 1
    found += [
        (_("Disk") if at == 0 else "", _volume(volume, named=several)) for at, volume in enumerate(glance.volumes)
    ]
    found += [(_("GPU") if at == 0 else "", _gpu(gpu)) for at, gpu in enumerate(glance.gpus)]
    if not glance.gpus:
        found.append((_("GPU"), Content.styled(_("none; everything is computed on the processors"), "$faint")))
    return found


def _metered(used: float, rest: str, colour: str = "") -> Content:
    colour = colour or ("$bad" if used >= FULL else "$warn" if used >= NEARLY_FULL else "$ok")
    return Content.assemble((meter(used, BAR), colour), f" {share(used)} {rest}")


def _volume(volume: Volume, *, named: bool) -> Content:
    rest = _("of {total}").format(total=size(volume.total_bytes))
    line = Content.assemble(_metered(volume.used_share, rest), ", ", _outlook(volume))
    return Content.assemble(line, ("\n" + volume.path, "$faint")) if named else line


def _outlook(volume: Volume) -> tuple[str, str]:
    left = volume.days_left
    if left is None:
        return (_("not filling"), "$faint") if volume.has_history else (_("trend after a day"), "$faint")
    text = count("full in {number} day", "full in {number} days", int(left))
    if left < FULL_VERY_SOON_DAYS:
        return text, "$bad"
    return text, "$warn" if left < FULL_SOON_DAYS else "$ink"


def _gpu(gpu: Gpu) -> Content:
    used = gpu.used_bytes / max(gpu.total_bytes, 1)
    more = [gpu.name]
    if gpu.busy_share is not None:
        more.append(_("{share} busy").format(share=share(gpu.busy_share)))
    if gpu.temperature_c is not None:
        more.append(f"{number(gpu.temperature_c)} °C")
    rest = _("of {total}").format(total=size(gpu.total_bytes))
    return Content.assemble(_metered(used, rest, "$ok"), "\n", ("  ".join(more), "$faint"))


def _work(glance: Glance, now: datetime) -> Sequence[tuple[str, Value]]:
    queue = glance.queue
    if queue is None:
        line: Value = Content.styled(_("not known: the database does not answer"), "$bad")
    elif queue.waiting == 0:
        line = _("nothing waits")
    else:
        line = count("{number} step waits", "{number} steps wait", queue.waiting)
        line += _(", the longest for {length}").format(length=length(queue.longest_wait_s))
    found: list[tuple[str, Value]] = [(_("Queue"), line)]
    if queue is not None and queue.given_up:
        failed = count("{number} job of the last day", "{number} jobs of the last day", queue.given_up)
        found.append((_("Failed"), Content.styled(failed, COLOURS[Severity.WARNING])))
    if glance.restore_proven_at is not None:
        ago = length((now - glance.restore_proven_at).total_seconds())
        found.append(
            (_("Last restore"), _("proven {day}, {ago} ago").format(day=day(glance.restore_proven_at), ago=ago))
        )
    found += [
        (_("Up since"), f"{moment_before(now, glance.up_s)} ({length(glance.up_s)})"),
    ]
    return found


def moment_before(now: datetime, seconds: float) -> str:
    """When that was."""
    return moment(datetime.fromtimestamp(now.timestamp() - seconds, tz=now.tzinfo))
