"""How often somebody may try: token buckets on PostgreSQL, shared by every process.

Three buckets stand before a sign-in from a browser that never signed this account in: the network address, the account
from this address, and the account from everywhere. The last one would let strangers lock somebody out; so a browser
that did sign in before carries a device token and has a bucket of its own, which nobody else can empty (OWASP's "device
cookies"). An attempt takes a token; a success gives it back. The first refusal for want of a token is told to the audit
trail, and then no other of the same bucket for a quarter of an hour: nobody can write the trail full.
"""

import hashlib
import ipaddress
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from appliance.database.engine import Database, Tx
from appliance.identity.errors import TooManyAttempts
from appliance.identity.model import Client, email_key
from appliance.kernel.clock import Clock


@dataclass(frozen=True, slots=True)
class Rule:
    """A bucket's size, and how long one token takes to come back."""

    name: str
    capacity: int
    refill_s: float


PER_ADDRESS: Final = Rule("address", capacity=30, refill_s=10)
PER_ACCOUNT_AND_ADDRESS: Final = Rule("account+address", capacity=8, refill_s=60)
PER_ACCOUNT: Final = Rule("account", capacity=50, refill_s=60)
PER_DEVICE: Final = Rule("device", capacity=10, refill_s=30)
CODES_PER_ADDRESS: Final = Rule("codes", capacity=10, refill_s=60)

NOTED: Final = Rule("noted", capacity=1, refill_s=900)
"""How often the trail is told that one and the same bucket is empty: a flood is one event in a quarter of an hour."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """One rule for one somebody."""

    rule: Rule
    subject: str

    @property
    def key(self) -> bytes:
        """A digest: what people type as their address is sometimes their password."""
        return hashlib.sha256(f"{self.rule.name}\0{self.subject}".encode()).digest()


def sign_in_buckets(email: str, client: Client, *, device_is_known: bool) -> tuple[Bucket, ...]:
    """What an attempt to sign in is counted under."""
    account, network = email_key(email), network_of(client.address)
    if device_is_known:
        return (Bucket(PER_DEVICE, f"{account}\0{client.device_token}"),)
    return (
        Bucket(PER_ACCOUNT_AND_ADDRESS, f"{account}\0{network}"),
        Bucket(PER_ADDRESS, network),
        Bucket(PER_ACCOUNT, account),
    )


def code_buckets(client: Client) -> tuple[Bucket, ...]:
    """What an attempt to use a one-time code is counted under."""
    return (Bucket(CODES_PER_ADDRESS, network_of(client.address)),)


def network_of(address: str) -> str:
    """The address itself; for IPv6 its /64, which one household or host owns whole."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


class AttemptsLimited(Exception):
    """Which buckets are empty, for the trail; the one who tried learns only how long to wait."""

    def __init__(self, empty: tuple[Bucket, ...], wait_s: float) -> None:
        super().__init__(f"wait {wait_s} s")
        self.empty = empty
        self.told = TooManyAttempts(retry_after_s=math.ceil(wait_s))


_TAKE = text(
    """
    INSERT INTO rate_bucket AS b (key, tokens, updated_at) VALUES (:key, :capacity - 1, :at)
    ON CONFLICT (key) DO UPDATE SET
        tokens = least(:capacity, b.tokens + greatest(0, extract(epoch FROM :at - b.updated_at)) / :refill_s) - 1,
        updated_at = greatest(b.updated_at, :at)
    WHERE least(:capacity, b.tokens + greatest(0, extract(epoch FROM :at - b.updated_at)) / :refill_s) >= 1
    RETURNING tokens
    """
)

_MISSING = text(
    """
    SELECT 1 - (tokens + greatest(0, extract(epoch FROM :at - updated_at)) / :refill_s) FROM rate_bucket
    WHERE key = :key
    """
)

_GIVE_BACK = text("UPDATE rate_bucket SET tokens = least(:capacity, tokens + 1) WHERE key = :key")


class RateLimits:
    """Counts attempts, each in a transaction of its own, so that a failed attempt stays counted."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def admit(self, buckets: Sequence[Bucket]) -> None:
        """Take one token from every bucket.

        Raises:
            AttemptsLimited: some of them are empty.
        """
        with self._database.transaction(None) as tx:
            waits = [self._take(tx, bucket) for bucket in buckets]
        if wait_s := max(waits):
            empty = tuple(bucket for bucket, wait_s in zip(buckets, waits, strict=True) if wait_s)
            raise AttemptsLimited(empty, wait_s)

    def worth_noting(self, tx: Tx, empty: Iterable[Bucket]) -> list[Rule]:
        """The rules of those buckets whose emptiness the trail was not told lately; from ``tx``'s commit on it was."""
        return [bucket.rule for bucket in empty if not self._take(tx, Bucket(NOTED, bucket.key.hex()))]

    def forgive(self, buckets: Sequence[Bucket]) -> None:
        """Give the tokens of a successful attempt back."""
        with self._database.transaction(None) as tx:
            for bucket in buckets:
                tx.execute(_GIVE_BACK, {"key": bucket.key, "capacity": float(bucket.rule.capacity)})

    def _take(self, tx: Tx, bucket: Bucket) -> float:
        """Seconds to wait; 0 when a token was there."""
        rule = bucket.rule
        values = {
            "key": bucket.key,
            "at": self._clock.now(),
            "capacity": float(rule.capacity),
            "refill_s": float(rule.refill_s),
        }
        if tx.execute(_TAKE, values).first() is not None:
            return 0.0
        missing = tx.execute(_MISSING, {name: values[name] for name in ("key", "at", "refill_s")}).scalar_one()
        return max(1.0, float(missing) * rule.refill_s)
