"""Stored failures in another language.

A job keeps why it failed as English text and a stable code. The code names the error class, the class has the template,
and the text gives back the values that the template was filled with; so the same sentence can be said in another
language.
"""

import re
import string
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final

from babel.support import NullTranslations

# Every room whose errors a job can end with; importing them makes their classes known.
import appliance.jobs.errors
import appliance.keyring.errors
import appliance.language.errors
import appliance.meetings.errors
import appliance.minutes.errors
import appliance.models.errors
import appliance.transcripts.errors  # noqa: F401  # imported for its error classes
from appliance.kernel.errors import HangJegyzetError

_VALUE: Final = "(?P<{name}>.*)"


def marked(text: str) -> str:
    """Names a text for the catalogue that is translated elsewhere."""
    return text


REASONS: Final = (
    marked("a name is not empty"),
    marked("a segment is split inside of its text"),
    marked("a segment starts before it ends, within the recording"),
    marked("a segment without text can only be deleted"),
    marked("another site sent it"),
    marked("it has {count} characters"),
    marked("it is empty"),
    marked("it may have at most {count} bytes."),
    marked("it needs at least {count} characters."),
    marked("it repeats too few different characters."),
    marked("its SHA-256 is not the one announced"),
    marked("most of it is your name, your address, a row of keys or a very common password."),
    marked("no segment is named"),
    marked("no GPU with a working driver is found"),
    marked("only neighbours can be merged"),
    marked("the text has more than {count} characters"),
    marked("the text to replace does not occur"),
    marked("there is no such speaker"),
    marked("there is nothing to look for"),
    marked("the GPU does not compute in {types}"),
    marked("the file has no usable name"),
    marked("the library {name} is not found"),
    marked("the language is not a code such as hu or en"),
    marked("the number of speakers is not between 1 and {count}"),
    marked("the size is negative"),
    marked("the token of your session is missing or wrong"),
)
"""What errors give as their ``reason``, where a person can meet it on a page."""

FOUND_IN_FILES: Final = (
    marked("Matroska content encryption"),
    marked("Windows Media DRM"),
    marked("a 7z archive"),
    marked("a MIDI score, which is notes and no sound"),
    marked("a PDF document"),
    marked("a concat script"),
    marked("a database"),
    marked("a gzip archive"),
    marked("a link"),
    marked("a picture"),
    marked("a pls playlist"),
    marked("a program"),
    marked("a rar archive"),
    marked("a session description"),
    marked("a streaming manifest"),
    marked("a text document"),
    marked("a zip archive or an office document"),
    marked("a zip archive with a password"),
    marked("a zstd archive"),
    marked("about {seconds} s"),
    marked("an encrypted volume"),
    marked("an m3u playlist"),
    marked("an old office document"),
    marked("an unknown length"),
    marked("copy protection of an mp4 (Common Encryption or FairPlay)"),
    marked("encrypted with OpenPGP"),
    marked("encrypted with OpenSSL"),
    marked("encrypted with age"),
    marked("in no audio or video format that the appliance knows"),
    marked("memory"),
    marked("nothing but zeros"),
    marked("of an unknown kind"),
    marked("text"),
    marked("time"),
    marked("{name} at {rate} samples a second"),
)
"""What the media decoder says a refused file is, is under, has or lacks."""

OF_THE_DATABASE: Final = (
    marked("PostgreSQL does not answer."),
    marked("See whether it runs: hangjegyzet db status. It is tried again by itself; nothing is lost."),
    marked("PostgreSQL has no room left on its disk."),
    marked("Free space there, or give it a larger disk. Work goes on by itself then; nothing is lost."),
    marked("PostgreSQL reports damaged data: {reason}"),
    marked("Stop the appliance and restore a backup; do not go on writing."),
)
"""What a running database can do to a page or a job; its other errors are met by who sets it up, on a command line."""


def retold(code: str, text: str, catalogue: NullTranslations) -> str:
    """``text`` in the catalogue's language; as it is when its template is not known or says something else."""
    return _said_again(text, _templates(code), catalogue)


def reason_told(reason: str, catalogue: NullTranslations) -> str:
    """A reason or a finding that an error carries as one of its values, in the catalogue's language."""
    return _said_again(reason, (*REASONS, *FOUND_IN_FILES), catalogue)


def _said_again(text: str, templates: Iterable[str], catalogue: NullTranslations) -> str:
    for template in templates:
        if found := _pattern(template).fullmatch(text):
            values = {name: reason_told(value, catalogue) for name, value in found.groupdict().items()}
            return _filled(catalogue.gettext(template), values)
    return text


def _templates(code: str) -> Iterator[str]:
    for error in _subclasses(HangJegyzetError):
        if error.code == code:
            yield from filter(None, (error.message, error.hint))


def _subclasses(kind: type[HangJegyzetError]) -> Iterator[type[HangJegyzetError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _subclasses(child)


@cache
def _pattern(template: str) -> re.Pattern[str]:
    """Matches what the template can become; a field that is named twice has the same value in both places."""
    parts: list[str] = []
    seen: set[str] = set()
    for literal, name, _, _ in string.Formatter().parse(template):
        parts.append(re.escape(literal))
        if name:
            parts.append(f"(?P={name})" if name in seen else _VALUE.format(name=name))
            seen.add(name)
    return re.compile("".join(parts), re.DOTALL)


def _filled(template: str, values: dict[str, str]) -> str:
    """The template with values that are text already, whatever number format it asks for."""
    parts: list[str] = []
    for literal, name, _, _ in string.Formatter().parse(template):
        parts += [literal, values.get(name, "")] if name else [literal]
    return "".join(parts)
