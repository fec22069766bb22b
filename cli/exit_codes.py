"""Exit codes: one per kind of error, so that a script can tell them apart."""

from enum import IntEnum

from appliance.kernel.errors import Conflict, Corrupt, HangJegyzetError, Invalid, NotFound, Refused, Unavailable


class ExitCode(IntEnum):
    """What the process answers to its caller."""

    OK = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    NOT_FOUND = 4
    UNAVAILABLE = 5
    CORRUPT = 6


_BY_KIND: tuple[tuple[type[HangJegyzetError], ExitCode], ...] = (
    (NotFound, ExitCode.NOT_FOUND),
    (Conflict, ExitCode.REFUSED),
    (Refused, ExitCode.REFUSED),
    (Invalid, ExitCode.USAGE),
    (Unavailable, ExitCode.UNAVAILABLE),
    (Corrupt, ExitCode.CORRUPT),
)


def exit_code_for(error: HangJegyzetError) -> ExitCode:
    """The exit code of an expected failure."""
    return next((code for kind, code in _BY_KIND if isinstance(error, kind)), ExitCode.FAILED)
