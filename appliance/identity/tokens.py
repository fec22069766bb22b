"""Secrets that people and browsers carry: session tokens, one-time codes, and what is stored of them.

All of them are random with at least 100 bits, so that a plain SHA-256 is enough to store: there is nothing to guess
through. Only passwords need a slow hash.
"""

import base64
import hashlib
import hmac
import secrets
from typing import Final

TOKEN_BYTES: Final = 32
CODE_CHARACTERS: Final = 20
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O or U, so that a code can be read out and typed."""
_MISREAD: Final = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})


def new_token() -> str:
    """A token of 256 random bits, safe in a cookie."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def token_hash(token: str) -> bytes:
    """What is stored of a token or a code."""
    return hashlib.sha256(token.encode()).digest()


def csrf_token(session_token: str) -> str:
    """The synchroniser token of a session: derived from its secret, so that it needs no storage and dies with it."""
    digest = hmac.digest(session_token.encode(), b"hangjegyzet csrf v1", "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def new_code() -> str:
    """A one-time code of 100 random bits, as ``4X7Q2-…``, four groups of five."""
    code = "".join(secrets.choice(_ALPHABET) for _ in range(CODE_CHARACTERS))
    return "-".join(code[i : i + 5] for i in range(0, CODE_CHARACTERS, 5))


def code_hash(typed: str) -> bytes:
    """What is stored of a code, however it was typed: case, blanks, dashes and look-alikes don't matter."""
    return token_hash(typed.upper().translate(_MISREAD))
