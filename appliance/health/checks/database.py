"""Whether the database answers and fits this release."""

from collections.abc import Callable

from appliance.health.model import Check, Evidence, Finding, Severity


def database(state: Callable[[], tuple[bool, str, str, str]]) -> Check:
    """Whether it runs with the schema that this release needs.

    Args:
        state: gives whether it runs, its version, its schema's revision and the needed one.
    """
    return Check("database", "Database", lambda: _look(*state()))


def _look(running: bool, version: str, revision: str, needed: str) -> Finding:
    evidence: dict[str, Evidence] = {"running": running, "version": version, "revision": revision, "needed": needed}
    if not running:
        return Finding(
            Severity.CRITICAL,
            "It does not answer.",
            evidence,
            "Read why: journalctl -u 'postgresql@*'. Then: systemctl start postgresql",
        )
    if revision != needed:
        return Finding(
            Severity.CRITICAL,
            "Its schema is not the one that this release needs.",
            evidence,
            "Bring it to this release: hangjegyzet db migrate",
        )
    return Finding(Severity.OK, f"PostgreSQL {version} answers; the schema is {revision}.", evidence)
