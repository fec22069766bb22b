"""Words for the appliance's own names, in the reader's language: steps, roles, languages, times left."""

import math

from appliance.identity.permissions import Role
from appliance.models.model import Fitness
from appliance.transcripts.model import Reason
from web.formats import Formats
from web.i18n import translations
from web.request import Locale
from web.retelling import retold


class Texts:
    """One language's words."""

    def __init__(self, locale: Locale) -> None:
        self._catalogue = translations(locale)
        self.say = self._catalogue.gettext
        self.formats = Formats(locale)

    def step(self, name: str) -> str:
        """What a step of the work on a recording does; an unknown one is called by its name."""
        _ = self.say
        known = {
            "validate": _("Check the recording"),
            "transcribe": _("Write down the words"),
            "speakers": _("Tell the speakers apart"),
            "merge": _("Join words and speakers"),
            "minutes": _("Write the minutes"),
            "index": _("Make it searchable"),
            "notify": _("Announce the result"),
        }
        return known.get(name, name)

    def role(self, role: Role) -> str:
        """What a person is."""
        _ = self.say
        return {
            Role.ADMINISTRATOR: _("Administrator"),
            Role.MEMBER: _("Member"),
            Role.AUDITOR: _("Auditor"),
        }[role]

    def language(self, code: str) -> str:
        """The name of a language, as far as the portal has one."""
        _ = self.say
        return {"hu": _("Hungarian"), "en": _("English")}.get(code, code)

    def language_in_a_sentence(self, code: str) -> str:
        """The same between other words, where Hungarian writes it small."""
        name = self.language(code)
        return name.lower() if self.formats.locale == "hu" else name

    def every_language(self, *, alone: bool) -> str:
        """What stands for all languages that are not named."""
        _ = self.say
        return _("All languages") if alone else _("Other languages")

    def fitness(self, fitness: Fitness) -> str:
        """How far a model may be trusted with a language, in two words."""
        _ = self.say
        return {
            Fitness.FIT: _("fit"),
            Fitness.WEAK: _("needs corrections"),
            Fitness.UNFIT: _("not fit"),
            Fitness.UNKNOWN: _("not measured"),
        }[fitness]

    def speaker(self, label: str | None) -> str:
        """What to call a speaker: the machine's labels in the reader's language, a person's name as it is."""
        _ = self.say
        if label is None:
            return _("Unknown speaker")
        number = label.removeprefix("Speaker ")
        if number != label and number.isdigit():
            return _("Speaker %(number)s") % {"number": number}
        return label

    def time_left(self, seconds: float) -> str:
        """How long it still takes, rounded up as people say it."""
        _ = self.say
        if seconds < 60:
            return _("less than a minute left")
        minutes = math.ceil(seconds / 60)
        if minutes < 60:
            return self._catalogue.ngettext("about %(count)s minute left", "about %(count)s minutes left", minutes) % {
                "count": minutes
            }
        return _("about %(hours)s h %(minutes)s min left") % {"hours": minutes // 60, "minutes": minutes % 60}

    def count(self, singular: str, plural: str, number: int) -> str:
        """A number of things; both forms were marked for translation by the caller."""
        return self._catalogue.ngettext(singular, plural, number) % {"count": self.formats.number(number, "#,##0")}

    def removal(self, reason: Reason) -> str:
        """Why a passage was taken out of the transcript."""
        _ = self.say
        match reason:
            case Reason.NO_SPEECH:
                return _("Nobody is heard speaking here.")
            case Reason.HALLUCINATION:
                return _("A phrase that speech models are known to invent, where nobody is heard.")
            case Reason.REPETITION:
                return _("The model was caught in a loop and repeated itself.")
            case Reason.IMPLAUSIBLE:
                return _("The model itself thought this unlikely, or nobody can speak that fast.")

    def failure(self, code: str, text: str) -> str:
        """The text of a stored failure: message or remedy.

        It was written in English when it happened; its code leads back to the error and its translated templates.
        """
        return retold(code, text, self._catalogue)
