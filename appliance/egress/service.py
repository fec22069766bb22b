"""Look, try, watch, judge."""

import time
from collections.abc import Sequence

import structlog

from appliance.egress.model import PROBES, EgressReport, Probe, Seen, judge
from appliance.egress.ports import Askers, Firewall, Wire
from appliance.kernel.clock import Clock

log = structlog.get_logger()


class EgressService:
    """Proves that nothing leaves, or finds what does.

    Args:
        release: version, told in the report.
        host: name of the machine, told in the report.
    """

    def __init__(
        self,
        *,
        firewall: Firewall,
        askers: Askers,
        wire: Wire,
        clock: Clock,
        release: str,
        host: str,
        probes: Sequence[Probe] = PROBES,
    ) -> None:
        self._firewall = firewall
        self._askers = askers
        self._wire = wire
        self._clock = clock
        self._release = release
        self._host = host
        self._probes = tuple(probes)

    def examine(self, *, everybody: bool = True) -> EgressReport:
        """Make all attempts, and judge.

        Args:
            everybody: also as each account and in each process's sandbox, which takes some seconds; else as root alone.

        Raises:
            ProbeFailed: the attempts could not be made.
        """
        began_at, started = self._clock.now(), time.monotonic()
        before = self._firewall.rules()
        with self._wire.watch([probe.address for probe in self._probes]) as seen:
            attempts = self._askers.attempt(self._probes, everybody=everybody)
            frames = seen()
        rules = self._firewall.rules()
        counted = max(0, rules.refused - before.refused) if rules is not None and before is not None else 0
        enforced = self._askers.filter_enforced() if everybody else None
        units = self._askers.confinements() if everybody else ()
        judgement = judge(Seen(rules, attempts, frames, counted, enforced, units))
        log.info("egress_examined", verdict=judgement.verdict, attempts=len(attempts), counted=counted, frames=frames)
        return EgressReport(
            release=self._release,
            host=self._host,
            began_at=began_at.isoformat(timespec="seconds"),
            took_s=round(time.monotonic() - started, 1),
            verdict=judgement.verdict,
            reasons=judgement.reasons,
            remarks=judgement.remarks,
            rules=rules,
            network=self._wire.network(),
            filter_enforced=enforced,
            units=units,
            attempts=attempts,
            frames=frames,
            counted=counted,
        )
