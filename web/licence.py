"""What people are told of the licence at the top of every page: whoever can do something about it, in time; everybody
else when it touches their work. It stands in nobody's way.
"""

from dataclasses import dataclass, replace
from typing import Final

from appliance.identity.permissions import Permission, allows
from appliance.kernel.actor import Actor
from appliance.licence.model import Licence, Standing, State
from appliance.releases.model import instant
from web.request import Locale
from web.texts import Texts

SOON_DAYS: Final = 30
"""Before its end, administrators are told; as health is."""
LAST_DAYS: Final = 7
"""Of its grace: whoever sends recordings is told that they will not be taken."""
INSTALL: Final = "hangjegyzet licence install FILE"


@dataclass(frozen=True, slots=True)
class Banner:
    """A line above a page, and what to type for whoever keeps the machine."""

    tone: str
    title: str
    text: str
    command: str = ""


def licence_banner(standing: Standing | None, actor: Actor, locale: Locale) -> Banner | None:
    """What this person is told now; mostly nothing."""
    if standing is None or standing.licence is None:
        return None
    words, is_keeper = _Words(standing.licence, locale), allows(actor, Permission.USER_MANAGE)
    match standing.state:
        case State.VALID if is_keeper and standing.days_left < SOON_DAYS:
            return words.ends_soon()
        case State.GRACE if is_keeper:
            return words.in_its_grace()
        case State.GRACE if standing.days_left < LAST_DAYS and allows(actor, Permission.MEETING_CREATE):
            return words.last_days()
        case State.ENDED if is_keeper:
            return words.ended_for_its_keeper()
        case State.ENDED if allows(actor, Permission.MEETING_CREATE):
            return words.ended()
    return None


class _Words:
    """The same facts for different readers."""

    def __init__(self, licence: Licence, locale: Locale) -> None:
        self._texts = Texts(locale)
        day = self._texts.formats.day
        self._days = {"end": day(instant(licence.valid_until)), "grace_end": day(licence.grace_until)}

    def ends_soon(self) -> Banner:
        title = self._texts.say("The licence ends on {end}.")
        text = self._texts.say("Everything works until {grace_end}; then new recordings are not taken. A new one:")
        return self._banner("info", title, text, INSTALL)

    def in_its_grace(self) -> Banner:
        title = self._texts.say("The licence ended on {end}.")
        text = self._texts.say("Everything works until {grace_end}; then new recordings are not taken. A new one:")
        return self._banner("warn", title, text, INSTALL)

    def last_days(self) -> Banner:
        title = self._texts.say("New recordings are taken until {grace_end}.")
        text = self._texts.say("The licence ended; what is here stays. Please tell an administrator.")
        return self._banner("warn", title, text)

    def ended(self) -> Banner:
        title = self._texts.say("New recordings are not taken.")
        text = self._texts.say("The licence ended on {end}. What is here can be read, exported and deleted as ever.")
        return self._banner("bad", title, text)

    def ended_for_its_keeper(self) -> Banner:
        told, more = self.ended(), self._texts.say("A new one:")
        return replace(told, text=f"{told.text} {more}", command=INSTALL)

    def _banner(self, tone: str, title: str, text: str, command: str = "") -> Banner:
        return Banner(tone, title.format(**self._days), text.format(**self._days), command)
