"""What leaves a text before it is shown to anybody: secrets, people, addresses, and every word that is not ours.

Three sieves, one behind the other. What is known to be secret on this machine (keys, people's names and addresses) goes
first, wherever it stands. Then go forms that secrets have: tokens, keys, passwords beside their names, e-mail and
network addresses, ids. Of what is left in a sentence, only words of the release stay. Ids and addresses become
pseudonyms that mean the same throughout one bundle and nothing outside of it.
"""

import hashlib
import hmac
import re
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from appliance.support.vocabulary import WORD

_Replacement = Callable[[re.Match[str]], str]

_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL)
_AGE = re.compile(r"\bAGE-SECRET-KEY-1[0-9A-Z]+", re.IGNORECASE)
_NAMED = re.compile(
    r"(?P<name>[\w-]*(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|authorization|cookie|credential|jelsz[oó]\w*)"
    r"[\w-]*)(?P<mark>[\"']?\s*[:=]\s*)(?P<value>(?:bearer |basic )?(?:\"[^\"]*\"|'[^']*'|[^\s,;]+))",
    re.IGNORECASE,
)
_URL = re.compile(r"\b([a-z][a-z0-9+.-]*)://\S+", re.IGNORECASE)
_UNIT = r"(?![\w.:-]+@[\w.:-]*\.(?:service|timer|target|socket|mount|slice)\b)"
_EMAIL = re.compile(_UNIT + r"(?:[\w.+%'-]+@[\w-]+(?:\.[\w-]+)+|[\w.+%-]+@\w[\w-]*)")
_UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE)
_HEX = re.compile(r"\b(?:[0-9a-f]{16,}|(?:[0-9a-f]{2}:){7,}[0-9a-f]{2})\b", re.IGNORECASE)
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?:/\d{1,2})?(?![\w.]*\d\.)")
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?:/\d{1,3})?(?![\w:])", re.IGNORECASE)
_MAC = re.compile(r"\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b", re.IGNORECASE)
_TOKEN = re.compile(r"(?<![\w+/=-])(?=[\w+/=-]*\d)(?=[\w+/=-]*[A-Za-z])[A-Za-z0-9+/=_-]{20,}(?![\w+/=-])")
_DATE = re.compile(r"(?<!\d)20\d\d-[01]\d-[0-3]\d(?!\d)")
_NUMBER = re.compile(r"(?<![\w.])\+?\d(?:[ ()/-]?\d){6,}(?![\w.])")
_NEVER = "(?!)"
_IDENTIFIER = re.compile(r"[a-z][a-z0-9]*(?:[_.:@/-][a-z0-9]+)*")
_EVERYWHERE = ("127.", "0.0.0.0", "::/")  # noqa: S104  # what is looked for, not listened on
WITHHELD = "▒▒▒"
SHORTEST_NAME = 3
PRODUCT = "hangjegyzet"
"""An organisation that was never named is called so, and so is everything of ours."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known to be somebody's or secret on this machine: by kind, each as it would be written."""

    secrets: Collection[bytes] = ()
    names: Collection[str] = ()
    addresses: Collection[str] = ()

    def spellings(self) -> list[tuple[str, str]]:
        """Each text with its kind, longest first; secrets in the ways in which bytes are written down."""
        found = [("secret", text) for secret in self.secrets for text in _written(secret)]
        found += [("name", name) for name in self.names]
        found += [("name", part) for name in self.names for part in name.split()]
        found += [("email", address) for address in self.addresses]
        found += [("email", address.partition("@")[0]) for address in self.addresses]
        usable = {(kind, text) for kind, text in found if len(text) >= SHORTEST_NAME and text.casefold() != PRODUCT}
        return sorted(usable, key=lambda pair: (-len(pair[1]), pair))


@dataclass
class Redactor:
    """Takes out of texts what must not leave, and counts it by kind.

    Args:
        key: of this bundle alone; pseudonyms are made with it.
        vocabulary: words that may stay in a sentence.
        keep_addresses: network addresses stay, because they are what the trouble is about.
    """

    key: bytes = field(repr=False)
    vocabulary: frozenset[str] = field(repr=False)
    known: Known = field(default_factory=Known, repr=False)
    keep_addresses: bool = False
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        spellings = self.known.spellings()
        self._kinds = {text.casefold(): kind for kind, text in reversed(spellings)}
        alternatives = "|".join(re.escape(text) for _, text in spellings)
        self._known = re.compile(rf"(?<!\w)(?:{alternatives})(?!\w)" if spellings else _NEVER, re.IGNORECASE)
        secrets = "|".join(re.escape(text) for kind, text in spellings if kind == "secret")
        self._secrets = re.compile(secrets or _NEVER, re.IGNORECASE)

    def sentence(self, text: str) -> str:
        """A text of any origin: without what is secret, and of the rest only words of the release."""
        return _outside_of_marks(self.line(text), self._words)

    def line(self, text: str) -> str:
        """A text whose words are a program's own: without what is known to be secret or looks so."""
        text = self._secrets.sub(lambda _: self._mark("secret"), text)
        text = _PEM.sub(lambda _: self._mark("key"), text)
        text = _AGE.sub(lambda _: self._mark("key"), text)
        text = _NAMED.sub(lambda found: f"{found['name']}{found['mark']}{self._mark('secret')}", text)
        text = _URL.sub(lambda found: f"{found[1].lower()}://{self._mark('url')}", text)
        text = _EMAIL.sub(lambda found: self._pseudonym("email", found[0]), text)
        text = _replaced(self._known, self._named, text)
        text = _UUID.sub(lambda found: self._pseudonym("id", found[0]), text)
        for pattern in (_MAC, _IPV6, _IPV4):
            text = _replaced(pattern, self._address, text)
        for kind, pattern in (("hash", _HEX), ("token", _TOKEN)):
            text = _replaced(pattern, self._marker(kind), text)
        parts = _DATE.split(text)
        dates = [*_DATE.findall(text), ""]
        told = (_replaced(_NUMBER, self._marker("number"), part) for part in parts)
        return "".join(part + date for part, date in zip(told, dates, strict=True))

    def value(self, value: Any) -> Any:
        """A value of a structure: numbers and names of ours stay, ids become pseudonyms, other text is a sentence."""
        match value:
            case None | bool() | int() | float():
                return value
            case str():
                return self.identifier(value)
            case dict():
                return {self._key(str(name)): self.value(inner) for name, inner in value.items()}
            case list() | tuple():
                return [self.value(inner) for inner in value]
            case _:
                return self._mark("value")

    def identifier(self, text: str) -> str:
        """A word of ours such as ``job_finished``, as it is; anything else as a sentence."""
        if len(text) <= 80 and _IDENTIFIER.fullmatch(text) and self._is_ours(text) and not self._known.search(text):
            return text
        return self.sentence(text)

    def _key(self, name: str) -> str:
        """The name of a field: as it is, or one pseudonym for the whole of it, so that two stay two."""
        return name if self.identifier(name) == name else self._pseudonym("field", name)

    def withheld(self, text: str) -> str:
        """What stands for a text of which nothing may be told but its length."""
        self.counts["text"] += 1
        return f"[{len(text)} characters]"

    def _is_ours(self, text: str) -> bool:
        return all(word in self.vocabulary for word in re.findall(r"[a-z]{3,}", text))

    def _words(self, text: str) -> str:
        return WORD.sub(lambda found: found[0] if self._may_stay(found[0]) else self._foreign(), text)

    def _may_stay(self, word: str) -> bool:
        return len(word) < SHORTEST_NAME or word.casefold() in self.vocabulary

    def _foreign(self) -> str:
        self.counts["word"] += 1
        return WITHHELD

    def _named(self, found: re.Match[str]) -> str:
        kind = self._kinds.get(found[0].casefold(), "name")
        return self._mark(kind) if kind == "secret" else self._pseudonym(kind, found[0])

    def _address(self, found: re.Match[str]) -> str:
        text = found[0]
        if self.keep_addresses or text in {"::", "::1"} or text.startswith(_EVERYWHERE):
            return text
        host, _, prefix = text.partition("/")
        kind = _kind_of(host)
        return (self._pseudonym(kind, host) + (f"/{prefix}" if prefix else "")) if kind else text

    def _marker(self, kind: str) -> _Replacement:
        return lambda _: self._mark(kind)

    def _mark(self, kind: str) -> str:
        self.counts[kind] += 1
        return f"⟨{kind}⟩"

    def _pseudonym(self, kind: str, text: str) -> str:
        self.counts[kind] += 1
        return f"⟨{kind}:{hmac.new(self.key, text.casefold().encode(), hashlib.sha256).hexdigest()[:8]}⟩"


def _outside_of_marks(text: str, change: Callable[[str], str]) -> str:
    """The text with everything changed that is not a mark of ours already."""
    parts = re.split(r"(⟨[a-z0-9:-]+⟩)", text)
    return "".join(part if at % 2 else change(part) for at, part in enumerate(parts))


def _replaced(pattern: re.Pattern[str], replacement: _Replacement, text: str) -> str:
    return _outside_of_marks(text, lambda rest: pattern.sub(replacement, rest))


def _kind_of(address: str) -> str:
    """What sort of address it is; empty when it is none: a time, a version."""
    if address.count(":") == 5 and "::" not in address and all(len(part) == 2 for part in address.split(":")):
        return "mac"
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    place = "private" if found.is_private and not _is_documentation(found) else "public"
    return f"ip{found.version}-{place}"


_DOCUMENTATION = tuple(map(ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")))
"""Addresses that exist nowhere (RFC 5737, RFC 3849), which our own probes use."""


def _is_documentation(address: IPv4Address | IPv6Address) -> bool:
    return any(address in network for network in _DOCUMENTATION)


def _written(secret: bytes) -> Iterable[str]:
    """The ways in which bytes appear in a text."""
    yield secret.hex()
    yield b64encode(secret).decode().rstrip("=")
    yield b64encode(secret).decode().rstrip("=").translate(str.maketrans("+/", "-_"))
    try:
        text = secret.decode()
    except UnicodeDecodeError:
        return
    yield from (line.strip() for line in text.splitlines() if len(line.strip()) >= 8)
