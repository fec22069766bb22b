"""The six kinds of error that every door knows how to render.

A room subclasses one of the kinds in its own ``errors.py`` and gives it a stable ``code``, a ``message`` template whose
named fields are filled by keyword arguments, and a ``hint`` that says what to do now. Doors render it: the web
an HTTP status and a fragment, the CLI an exit code, a job a stored failure with its remedy.
"""

from typing import Any, ClassVar


class HangJegyzetError(Exception):
    """An expected failure, carrying data instead of prose.

    Raises:
        TypeError: the keyword arguments do not fill the message template; a programming error.
    """

    code: ClassVar[str] = "error"
    message: ClassVar[str] = "Something went wrong."
    hint: ClassVar[str] = ""

    def __init__(self, **fields: Any) -> None:
        self.fields = fields
        try:
            text = self.message.format(**fields)
        except KeyError as missing:
            raise TypeError(f"{type(self).__name__} needs the field {missing}") from missing
        super().__init__(text)

    @property
    def remedy(self) -> str:
        """What the reader can do now, with the same named fields filled in; empty when there is nothing to do."""
        return self.hint.format(**self.fields)


class NotFound(HangJegyzetError):
    """The named thing does not exist, or the asker may not know that it does."""

    code = "not_found"
    message = "There is no such thing."


class Conflict(HangJegyzetError):
    """Somebody else changed it first, or its state does not allow this now."""

    code = "conflict"
    message = "This was changed in the meantime."


class Refused(HangJegyzetError):
    """Understood, and not allowed: missing permission, policy, or a guard."""

    code = "refused"
    message = "This is not allowed."


class Invalid(HangJegyzetError):
    """The input cannot be accepted as it is."""

    code = "invalid"
    message = "The input is not valid."


class Unavailable(HangJegyzetError):
    """A resource is missing or full right now; trying later, or after the remedy, can succeed."""

    code = "unavailable"
    message = "This is not available right now."


class Corrupt(HangJegyzetError):
    """Stored data failed its own check: never continue silently."""

    code = "corrupt"
    message = "Stored data is damaged."
