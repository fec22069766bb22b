"""Make checks: each by itself, so that one that breaks hides no other."""

import time
from collections.abc import Collection, Sequence

import structlog

from appliance.health.errors import NothingToFix, UnknownCheck
from appliance.health.model import Check, Examined, Finding, Report, Severity
from appliance.kernel.clock import Clock
from appliance.kernel.errors import HangJegyzetError

log = structlog.get_logger()


class HealthService:
    """The machine's checks.

    Args:
        checks: in the order in which they are shown.
    """

    def __init__(self, checks: Sequence[Check], clock: Clock) -> None:
        self._checks = {check.id: check for check in checks}
        self._clock = clock

    def names(self) -> Sequence[str]:
        """The checks' names, in the order in which they are shown."""
        return tuple(self._checks)

    def examine(self, *only: str, quick: bool = False, without: Collection[str] = ()) -> Report:
        """Make the named checks, or all of them.

        Args:
            quick: leave out those that take long on a large installation.
            without: leave out these by name.

        Raises:
            UnknownCheck: a name is none of a check.
        """
        wanted = [self._check(name) for name in only] if only else list(self._checks.values())
        at = self._clock.now()
        return Report(
            at, tuple(_examine(check) for check in wanted if not (quick and check.slow) and check.id not in without)
        )

    def fix(self, name: str) -> tuple[str, Report]:
        """Apply a check's remedy; returns what was done, and what the check says then.

        Raises:
            UnknownCheck: the name is none of a check.
            NothingToFix: nobody but a person can mend it, or there is nothing to mend.
        """
        check = self._check(name)
        before = _examine(check).finding
        if check.fix is None or before.severity is Severity.OK:
            raise NothingToFix(check=name, remedy=before.remedy or "It is well.")
        done = check.fix()
        log.info("health_fixed", check=name)
        return done, self.examine(name)

    def _check(self, name: str) -> Check:
        try:
            return self._checks[name]
        except KeyError:
            raise UnknownCheck(check=name, known=", ".join(self._checks)) from None


def _examine(check: Check) -> Examined:
    started = time.monotonic()
    try:
        finding = check.look()
    except HangJegyzetError as error:
        finding = Finding(Severity.UNKNOWN, f"It could not be looked at: {error}", remedy=error.remedy)
    except Exception as error:  # one check that breaks must not hide the others; it is told, by its kind alone
        log.exception("health_check_broke", check=check.id)
        finding = Finding(
            Severity.UNKNOWN,
            f"It could not be looked at: {type(error).__name__}.",
            remedy="The journal says why: journalctl -t hangjegyzet-health",
        )
    return Examined(check, finding, time.monotonic() - started)
