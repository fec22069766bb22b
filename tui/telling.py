"""What the house says, in the language that is spoken.

Findings and errors are English sentences made from templates; the template is found again by what it made, and said in
the other language with the same values. A sentence that no template makes is shown as it is.
"""

import re
import string
from collections.abc import Iterator
from functools import cache

from appliance.kernel.errors import HangJegyzetError
from tui.i18n import _, language
from tui.sentences import SENTENCES


def told(text: str) -> str:
    """A sentence of the house."""
    if language() == "en" or not text:
        return text
    if (whole := _(text)) != text:
        return whole
    for template, pattern in _patterns():
        if found := pattern.fullmatch(text):
            values = {name: told(value) for name, value in found.groupdict().items()}
            return _(template).format(**values)
    return text


def explained(error: BaseException) -> tuple[str, str]:
    """What went wrong, and what to do now."""
    if isinstance(error, HangJegyzetError):
        fields = {name: told(str(value)) for name, value in error.fields.items()}
        return _filled(error.message, fields, str(error)), _filled(error.hint, fields, error.remedy)
    if isinstance(error, TimeoutError):
        return _("It did not answer in time."), _("See what the machine is busy with, then try again: F5.")
    return (
        _("Something unexpected happened: {kind}.").format(kind=type(error).__name__),
        _("The journal says why: journalctl -t hangjegyzet"),
    )


def _filled(template: str, fields: dict[str, str], english: str) -> str:
    translated = _(template) if template else ""
    return english if translated == template else translated.format(**fields)


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Longest first: the one that says most is meant."""
    with_fields = [template for template in SENTENCES if "{" in template]
    return tuple((one, re.compile("".join(_parts(one)), re.DOTALL)) for one in sorted(with_fields, key=len)[::-1])


def _parts(template: str) -> Iterator[str]:
    seen: set[str] = set()
    for literal, name, _format, _conversion in string.Formatter().parse(template):
        yield re.escape(literal)
        if name:
            yield f"(?P={name})" if name in seen else f"(?P<{name}>.+?)"
            seen.add(name)
