"""Attempts to leave, what stopped them, and what that proves: plain data, which the signed report holds as it is."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address


class Protocol(StrEnum):
    """What is tried."""

    TCP = "tcp"
    UDP = "udp"
    DNS = "dns"
    """A question to a name server; its name exists nowhere (RFC 6761, ``.invalid``)."""
    ICMP = "icmp"


class Outcome(StrEnum):
    """What became of an attempt, as the one who made it saw it."""

    NO_SOCKET = "no-socket"
    """The kernel gives this process no such socket."""
    REFUSED = "refused"
    """The kernel refused the packet: the firewall, or systemd's filter of addresses."""
    NO_ROUTE = "no-route"
    NO_ANSWER = "no-answer"
    SENT = "sent"
    """The kernel took the packet, and nothing of ours stopped it."""
    ANSWERED = "answered"
    BROKEN = "broken"
    """It could not be tried."""


class Verdict(StrEnum):
    """What it all proves."""

    SILENT = "silent"
    LEAKS = "leaks"
    """Something left, or nothing stands in its way."""
    UNPROVEN = "unproven"
    """Nothing was seen to leave, but not everything could be looked at."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing to try."""

    protocol: Protocol
    address: str
    port: int = 0

    @property
    def version(self) -> int:
        """Of the internet protocol."""
        return ip_address(self.address).version

    def __str__(self) -> str:
        place = f"[{self.address}]" if self.version == 6 else self.address
        return f"{self.protocol} {place}" + (f":{self.port}" if self.port else "")


EVERY_ADDRESS = ("0.0.0.0/0", "::/0")

PROBES = (
    Probe(Protocol.TCP, "192.0.2.1", 443),
    Probe(Protocol.TCP, "198.51.100.1", 80),
    Probe(Protocol.TCP, "203.0.113.1", 22),
    Probe(Protocol.UDP, "192.0.2.1", 443),
    Probe(Protocol.UDP, "203.0.113.1", 123),
    Probe(Protocol.DNS, "198.51.100.1", 53),
    Probe(Protocol.ICMP, "192.0.2.1"),
    Probe(Protocol.TCP, "2001:db8::1", 443),
    Probe(Protocol.UDP, "2001:db8::1", 443),
    Probe(Protocol.DNS, "2001:db8::53", 53),
    Probe(Protocol.ICMP, "2001:db8::1"),
)
"""Addresses that exist nowhere (RFC 5737, RFC 3849): a packet to them disturbs nobody, and its leaving is a leak."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A probe that somebody made. ``error`` is the kernel's name for why not."""

    asker: str
    probe: Probe
    outcome: Outcome
    error: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """The firewall, as the kernel has it now.

    Args:
        drops: our output chain is there and drops what no rule lets out.
        openings: rules of that chain that let out more than answers, the machine's own wire and neighbour discovery.
        as_declared: they are what the file of rules gives; None where that could not be compared.
        refused: packets that were not let out since the rules were loaded.
        sha256: of ``text``.
        text: all tables, as ``nft --stateless list ruleset`` writes them.
    """

    drops: bool
    openings: Sequence[str]
    as_declared: bool | None
    refused: int
    sha256: str
    text: str


@dataclass(frozen=True, slots=True)
class Confinement:
    """What a process of ours may reach by its unit, whatever the firewall says."""

    unit: str
    account: str
    families: str
    allowed: str
    denied: str

    @property
    def reaches_everything(self) -> bool:
        """Whether nothing but the firewall keeps it from the world."""
        has_sockets = self.families == "any" or "AF_INET" in self.families
        return has_sockets and (not self.denied or any(net in self.allowed.split() for net in EVERY_ADDRESS))


@dataclass(frozen=True, slots=True)
class Network:
    """How the machine is attached: interfaces besides the loopback, and where its default routes lead."""

    interfaces: Sequence[str]
    gateways: Sequence[str]


class Ground(StrEnum):
    """What a verdict rests on, and what an auditor should know besides; ``wording`` has the sentences."""

    DROPPING = "dropping"
    STOPPED = "stopped"
    FRAMES = "frames"
    GOT_OUT = "got-out"
    NO_TABLE = "no-table"
    NO_POLICY = "no-policy"
    UNWATCHED = "unwatched"
    UNCOUNTED = "uncounted"
    UNTRIED = "untried"
    NOTHING_TRIED = "nothing-tried"
    NOT_AS_DECLARED = "not-as-declared"
    FILTER_IDLE = "filter-idle"
    OPENING = "opening"
    NO_ROUTE = "no-route"
    FIREWALL_ALONE = "firewall-alone"


@dataclass(frozen=True, slots=True)
class Reason:
    """One of them, with who it is about and how often."""

    ground: Ground
    who: str = ""
    count: int = 0
    more: int = 0


@dataclass(frozen=True, slots=True)
class EgressReport:
    """All that was looked at and tried.

    Args:
        filter_enforced: systemd's filter of addresses works on this machine; None where it was not tried.
        frames: packets to the tried addresses that were seen on the wire; None where nobody could watch.
        counted: packets that the firewall refused meanwhile.
    """

    release: str
    host: str
    began_at: str
    took_s: float
    verdict: Verdict
    reasons: Sequence[Reason]
    remarks: Sequence[Reason]
    rules: Rules | None
    network: Network
    filter_enforced: bool | None
    units: Sequence[Confinement]
    attempts: Sequence[Attempt]
    frames: int | None
    counted: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """What follows from what was seen: the verdict, what it rests on, and what an auditor should know besides."""

    verdict: Verdict
    reasons: tuple[Reason, ...]
    remarks: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """What was looked at and tried, before anybody judges; fields as in the report."""

    rules: Rules | None
    attempts: Sequence[Attempt]
    frames: int | None
    counted: int
    filter_enforced: bool | None = None
    units: Sequence[Confinement] = ()


def judge(seen: Seen) -> Judgement:
    """Whether nothing leaves.

    An attempt that had no answer proves nothing by itself: its packet may be on its way. It counts as stopped when the
    firewall counted it and nobody saw it on the wire.
    """
    leaks, doubts, remarks = _leaks(seen), _doubts(seen), _remarks(seen)
    if leaks:
        return Judgement(Verdict.LEAKS, leaks, remarks + doubts)
    if doubts:
        return Judgement(Verdict.UNPROVEN, doubts, remarks)
    return Judgement(
        Verdict.SILENT, (Reason(Ground.DROPPING), Reason(Ground.STOPPED, count=len(seen.attempts))), remarks
    )


def _leaks(seen: Seen) -> tuple[Reason, ...]:
    found = [Reason(Ground.FRAMES, count=seen.frames)] if seen.frames else []
    out = Counter(one.asker for one in seen.attempts if one.outcome in (Outcome.SENT, Outcome.ANSWERED))
    found += [Reason(Ground.GOT_OUT, asker, count) for asker, count in out.items()]
    if seen.rules is None:
        found.append(Reason(Ground.NO_TABLE))
    elif not seen.rules.drops:
        found.append(Reason(Ground.NO_POLICY))
    return tuple(found)


def _doubts(seen: Seen) -> tuple[Reason, ...]:
    found = [Reason(Ground.UNWATCHED)] if seen.frames is None else []
    unanswered = sum(one.outcome is Outcome.NO_ANSWER for one in seen.attempts)
    if seen.rules is not None and seen.counted < unanswered:
        found.append(Reason(Ground.UNCOUNTED, count=unanswered, more=seen.counted))
    broken = Counter(one.asker for one in seen.attempts if one.outcome is Outcome.BROKEN)
    found += [Reason(Ground.UNTRIED, asker, count) for asker, count in broken.items()]
    if seen.rules is not None and seen.rules.as_declared is False:
        found.append(Reason(Ground.NOT_AS_DECLARED))
    if not seen.attempts:
        found.append(Reason(Ground.NOTHING_TRIED))
    return tuple(found)


def _remarks(seen: Seen) -> tuple[Reason, ...]:
    found = [Reason(Ground.FILTER_IDLE)] if seen.filter_enforced is False else []
    if seen.rules is not None:
        found += [Reason(Ground.OPENING, opening) for opening in seen.rules.openings]
    if seen.attempts and all(one.outcome in (Outcome.NO_ROUTE, Outcome.NO_SOCKET) for one in seen.attempts):
        found.append(Reason(Ground.NO_ROUTE))
    found += [Reason(Ground.FIREWALL_ALONE, unit.unit) for unit in seen.units if unit.reaches_everything]
    return tuple(found)
