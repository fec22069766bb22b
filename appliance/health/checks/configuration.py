"""Whether the machine is what its configuration declares."""

from collections.abc import Callable, Sequence

from appliance.health.model import Check, Finding, Severity


def configuration(pending: Callable[[], Sequence[str]]) -> Check:
    """Whether what the file says has been applied; ``pending`` gives the keys that were not."""
    return Check("configuration", "Configuration", lambda: _look(pending()))


def drift(changed: Callable[[], Sequence[str]]) -> Check:
    """Whether somebody changed by hand what the configuration declares; ``changed`` gives what would be put back."""
    return Check("drift", "Drift", lambda: _look_at_drift(changed()), slow=True)


def _look(pending: Sequence[str]) -> Finding:
    if pending:
        return Finding(
            Severity.WARNING,
            f"{len(pending)} setting(s) in the file are not in force: {', '.join(pending)}.",
            {"pending": ", ".join(pending)},
            "See what would happen, then do it: hangjegyzet apply --check --diff, hangjegyzet apply",
        )
    return Finding(Severity.OK, "What the file says is in force.")


def _look_at_drift(changed: Sequence[str]) -> Finding:
    if changed:
        return Finding(
            Severity.WARNING,
            f"{len(changed)} thing(s) on this machine are not as declared.",
            {"drifted": "; ".join(changed)},
            "See how, then put it back: hangjegyzet apply --check --diff, hangjegyzet apply",
        )
    return Finding(Severity.OK, "Everything is as declared.")
