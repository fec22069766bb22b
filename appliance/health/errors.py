"""What can go wrong with looking at the machine's health."""

from appliance.kernel.errors import NotFound, Refused


class UnknownCheck(NotFound):
    code = "health.unknown_check"
    message = "There is no check {check}."
    hint = "They are: {known}"


class GuardRefuses(Refused):
    code = "health.guard_refuses"
    message = "The appliance must not start yet: {reasons}"
    hint = "Mend what it names (hangjegyzet health NAME), then again: hangjegyzet health --fix guard"


class NothingToFix(Refused):
    code = "health.nothing_to_fix"
    message = "{check} has no remedy that can be applied from here."
    hint = "{remedy}"
