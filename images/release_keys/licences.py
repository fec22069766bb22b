"""Licences as the maker issues them: signed by a vouched-for key, with all that it takes to check them."""

from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.licence.model import FORMAT, TYPE, Licence, LicenceFile, encoded, write
from appliance.releases.model import moment
from appliance.releases.trust import SignedDocument


def licence_for(
    customer: str,
    *,
    name: str,
    people: int | None,
    starts: datetime,
    days: int,
    grace_days: int,
    issued: datetime,
) -> Licence:
    """What is granted.

    Raises:
        ValueError: it cannot be granted so.
    """
    return Licence(
        id=name,
        customer=customer,
        people=people,
        valid_from=moment(starts),
        valid_until=moment(starts + timedelta(days=days)),
        grace_days=grace_days,
        issued_at=moment(issued),
    )


def sign_licence(licence: Licence, key: Ed25519PrivateKey, *, public: bytes, vouched: SignedDocument) -> bytes:
    """The file that a customer gets.

    Args:
        public: the licence key's own PEM.
        vouched: the statement about it, with the root keys' signatures.
    """
    signed = write(licence)
    return write(
        LicenceFile(
            format=FORMAT,
            type=TYPE,
            licence=encoded(signed),
            signature=encoded(key.sign(signed)),
            key=public.decode(),
            statement=encoded(vouched.data),
            statement_signatures={str(number): encoded(one) for number, one in sorted(vouched.signatures.items())},
        )
    )
