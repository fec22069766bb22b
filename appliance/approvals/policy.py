"""Which changes of settings two people have to approve: those that keep less, let more in, or let anything out.

A setting is known by its name, so that a new one of its kind needs no line here.
"""

from collections.abc import Callable, Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network
from json import dumps

from appliance.configuration.model import Change, Value

Network = IPv4Network | IPv6Network
Rule = Callable[[Value, Value], bool]


LEAVING = frozenset({"backups.targets", "backups.custodians", "nodes.workers", "cluster.members"})
"""Lists of places that something goes to, of keys that open backups, and of machines that are handed keys and work."""


def loosened(changes: Iterable[Change]) -> dict[str, str]:
    """The changes that need approval, as arguments of a request: each setting with what it becomes."""
    return {
        change.key: dumps(change.after, ensure_ascii=False)
        for change in changes
        if (rule := rule_for(change.key)) and rule(change.before, change.after)
    }


def rule_for(key: str) -> Rule | None:
    """What makes a change of this setting one for two people; None when nothing does."""
    name = key.rpartition(".")[2]
    if name.startswith(("keep_", "retain_", "retention")):
        return _shortened
    if name.endswith("_from"):
        return _widened
    if name.startswith(("egress", "allow_out")) or key.startswith("egress.") or key in LEAVING:
        return _opened
    return None


def _shortened(before: Value, after: Value) -> bool:
    """Whether something is kept for a shorter time, or less of it."""
    if isinstance(before, int | float) and isinstance(after, int | float):
        return after < before
    return before is None or after is not None


def _widened(before: Value, after: Value) -> bool:
    """Whether an address gets in that did not before."""
    old, new = _networks(before), _networks(after)
    return any(not any(_inside(network, other) for other in old) for network in new)


def _opened(before: Value, after: Value) -> bool:
    """Whether something may go out that did not before."""
    return bool(set(after) - set(before or ())) if isinstance(after, list) and isinstance(before, list) else bool(after)


def _networks(value: Value) -> tuple[Network, ...]:
    return tuple(ip_network(text) for text in value) if isinstance(value, list) else ()


def _inside(network: Network, other: Network) -> bool:
    if isinstance(network, IPv4Network):
        return isinstance(other, IPv4Network) and network.subnet_of(other)
    return isinstance(other, IPv6Network) and network.subnet_of(other)
