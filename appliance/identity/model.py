"""People, their sessions, and the rules for addresses, names and passwords."""

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from appliance.identity.errors import InvalidEmail, InvalidName, WeakPassword
from appliance.identity.permissions import Role
from appliance.kernel.actor import Actor
from appliance.kernel.ids import SessionId, TenantId, UserId

PASSWORD_MIN_CHARACTERS = 12
PASSWORD_MAX_BYTES = 256
NAME_MAX_CHARACTERS = 120
EMAIL_MAX_CHARACTERS = 254
"""RFC 5321, section 4.5.3.1.3, less the angle brackets."""

_EMAIL = re.compile(r"[^\s@<>\"(),:;\\\[\]\x00-\x1f]+@[^\s@<>\"(),:;\\\[\]\x00-\x1f]+")
_COMMON_PARTS = ("password", "jelszo", "jelszó", "qwert", "asdfgh", "letmein", "welcome", "hangjegyzet", "titkos")


class CodePurpose(StrEnum):
    """What a one-time code lets its bearer do."""

    FIRST_ADMINISTRATOR = "first_administrator"
    SET_PASSWORD = "set_password"  # noqa: S105  # a purpose, no secret


class Theme(StrEnum):
    """How the portal looks."""

    AUTO = "auto"
    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True, slots=True)
class UserView:
    """A person with an account."""

    id: UserId
    tenant_id: TenantId
    email: str
    name: str
    role: Role
    locale: str | None
    theme: Theme
    has_password: bool
    disabled_at: datetime | None
    created_at: datetime
    last_seen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SessionView:
    """One signed-in browser or script."""

    id: SessionId
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    """When it ends in any case."""
    origin: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who sends this request, as its session says."""

    actor: Actor
    user: UserView
    session: SessionView
    csrf_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session just opened: the only moment at which its token exists outside the browser."""

    signed_in: SignedIn
    token: str = field(repr=False)
    device_token: str = field(repr=False)
    """Marks this browser as one that has signed in before, so that strangers' attempts never lock it out."""


@dataclass(frozen=True, slots=True)
class OneTimeCode:
    """A code to hand over to a person, shown once."""

    code: str = field(repr=False)
    purpose: CodePurpose
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Client:
    """Where an attempt comes from."""

    address: str
    user_agent: str = ""
    device_token: str | None = field(default=None, repr=False)


def email_key(email: str) -> str:
    """The form in which two spellings of one address are the same."""
    return unicodedata.normalize("NFKC", email.strip()).casefold()


def checked_email(email: str) -> str:
    """The address without surrounding blanks.

    Raises:
        InvalidEmail: it has no single ``@`` with something on both sides, or is too long.
    """
    address = unicodedata.normalize("NFC", email.strip())
    if len(address) > EMAIL_MAX_CHARACTERS or not _EMAIL.fullmatch(address):
        raise InvalidEmail(email=address[:EMAIL_MAX_CHARACTERS])
    return address


def checked_name(name: str) -> str:
    """The display name in composed form, without surrounding blanks.

    Raises:
        InvalidName: it is empty, too long, or holds line breaks or other control characters.
    """
    clean = unicodedata.normalize("NFC", name.strip())
    if not 1 <= len(clean) <= NAME_MAX_CHARACTERS or any(unicodedata.category(c).startswith("C") for c in clean):
        raise InvalidName(longest=NAME_MAX_CHARACTERS)
    return clean


def password_bytes(password: str) -> bytes:
    """What is hashed: the same bytes whichever keyboard composed the accents (NFKC, as NIST SP 800-63B asks)."""
    return unicodedata.normalize("NFKC", password).encode()


def checked_password(password: str, *, email: str, name: str) -> bytes:
    """The password's bytes, when it is hard enough to guess.

    Length first, no rules about kinds of characters (NIST SP 800-63B, section 3.1.1.2): those make people write
    ``Password1!``.

    Raises:
        WeakPassword: with the reason in plain words.
    """
    secret = password_bytes(password)
    plain = secret.decode()
    if len(plain) < PASSWORD_MIN_CHARACTERS:
        raise WeakPassword(reason=f"it needs at least {PASSWORD_MIN_CHARACTERS} characters.")
    if len(secret) > PASSWORD_MAX_BYTES:
        raise WeakPassword(reason=f"it may have at most {PASSWORD_MAX_BYTES} bytes.")
    if len(set(plain.casefold())) < 5:
        raise WeakPassword(reason="it repeats too few different characters.")
    remainder = _without_guessable_parts(plain.casefold(), email=email, name=name)
    if len(remainder) < PASSWORD_MIN_CHARACTERS // 2:
        raise WeakPassword(reason="most of it is your name, your address, a row of keys or a very common password.")
    return secret


def _without_guessable_parts(plain: str, *, email: str, name: str) -> str:
    """What is left of a password when everything that a guesser tries first is taken away."""
    words = [*re.split(r"[@.\-_+]", email_key(email)), *name.casefold().split(), *_COMMON_PARTS]
    for word in sorted({word for word in words if len(word) >= 3}, key=len, reverse=True):
        plain = plain.replace(word, "")
    kept = [c for i, c in enumerate(plain) if i == 0 or abs(ord(c) - ord(plain[i - 1])) > 1]
    return "".join(kept)
