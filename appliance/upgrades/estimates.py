"""How long people will wait: from the rehearsal and from what earlier upgrades of this machine took. Pure."""

from appliance.upgrades.model import Kind, Record, Stage

GATE_LIMIT_S = 120.0

FIRST_TIME_S = {
    Stage.CLOSE: 3.0,
    Stage.DRAIN: 15.0,
    Stage.PACKAGES: 10.0,
    Stage.MARK: 5.0,
    Stage.FLIP: 1.0,
    Stage.APPLY: 30.0,
    Stage.GATE: 90.0,
    Stage.COMMIT: 2.0,
    Stage.OPEN: 6.0,
}
"""Where this machine has no history: what a small one took, rounded up."""
UPDATES_FIRST_TIME_S = {
    Stage.CLOSE: 3.0,
    Stage.DRAIN: 15.0,
    Stage.MARK: 5.0,
    Stage.PACKAGES: 60.0,
    Stage.RESTART: 20.0,
    Stage.GATE: 90.0,
    Stage.COMMIT: 2.0,
    Stage.OPEN: 6.0,
}
"""The same for security updates of the operating system."""
MARGIN = 1.3
"""A promise that is kept is worth more than a short one."""
MIGRATE_LEAST_S = 3.0


def expected_s(record: Record, last: Record | None) -> float:
    """Seconds that the portal will be away, with a margin.

    Args:
        record: its rehearsal says what the migrations take.
        last: the upgrade before, whose other stages are taken as the measure.
    """
    measured = {} if last is None else {one.stage: one.took_s for one in last.passed if one.took_s is not None}
    if record.kind is Kind.UPDATES:
        return round(sum(measured.get(stage) or first for stage, first in UPDATES_FIRST_TIME_S.items()) * MARGIN, 1)
    waiting = sum(measured.get(stage) or first for stage, first in FIRST_TIME_S.items())
    migrating = max(MIGRATE_LEAST_S, record.rehearsal.migrate_s if record.rehearsal else 0.0)
    return round((waiting + migrating) * MARGIN, 1)
