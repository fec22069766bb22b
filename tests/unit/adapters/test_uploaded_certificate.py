"""A certificate that somebody brings: asked for, checked against its key and the clock, kept for the group alone."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from appliance.adapters.portal_certificate import CertificateUnusable, general_name
from appliance.adapters.uploaded_certificate import make_request, names_of, put_pair, read_pair

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
DAY = timedelta(days=1)
KEY = ec.generate_private_key(ec.SECP256R1())
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def certificate(key: Key = KEY, *, ends: timedelta = 90 * DAY, name: str = "hangjegyzet.example") -> bytes:
    """What an authority answers."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + ends)
        .add_extension(x509.SubjectAlternativeName([general_name(name), general_name("10.0.0.5")]), critical=False)
        .sign(KEY, hashes.SHA256())
    )
    return made.public_bytes(Encoding.PEM)


def pem(key: Key = KEY, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    """A key as a file."""
    return key.private_bytes(Encoding.PEM, form, NoEncryption())


def test_a_request_is_answered_and_put_into_place(tmp_path: Path) -> None:
    """openssl finds the names in it; its key waits, and becomes the portal's with the answer."""
    request = make_request(("hangjegyzet.example", "10.0.0.5"), organisation="Kékfa Egyesület", folder=tmp_path)
    told = subprocess.run(
        ["openssl", "req", "-noout", "-text", "-verify"], input=request, capture_output=True, check=True
    ).stdout.decode()
    assert "DNS:hangjegyzet.example, IP Address:10.0.0.5" in told
    waiting = (tmp_path / "asked.key").read_bytes()
    key = load_pem_private_key(waiting, password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    pair, kept = read_pair(certificate(key), waiting, now=NOW, source="answer.pem")
    chain_file, key_file = put_pair(pair, kept, folder=tmp_path)
    assert key_file.read_bytes() == waiting
    assert not (tmp_path / "asked.key").exists()
    assert {chain_file.stat().st_mode & 0o777, key_file.stat().st_mode & 0o777} == {0o640}
    assert names_of(pair[0]) == {"hangjegyzet.example", "10.0.0.5"}


def test_a_chain_in_another_order_is_put_right() -> None:
    """Browsers want the portal's own first, whatever order the authority sent."""
    authority = ec.generate_private_key(ec.SECP256R1())
    pair, _ = read_pair(certificate(authority, name="ca") + certificate(), pem(), now=NOW, source="x")
    assert [one.subject.rfc4514_string() for one in pair] == ["CN=hangjegyzet.example", "CN=ca"]


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_a_key_in_either_form_becomes_pkcs8(form: PrivateFormat) -> None:
    """The web server reads this one alone."""
    _, kept = read_pair(certificate(), pem(form=form), now=NOW, source="x")
    assert kept.startswith(b"-----BEGIN PRIVATE KEY-----")


LOCKED = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
SHORT = rsa.generate_private_key(65537, 1024)
ODD = ed25519.Ed25519PrivateKey.generate()


@pytest.mark.parametrize(
    ("chain", "key", "reason"),
    [
        (b"nonsense", pem(), "no chain"),
        (certificate(), b"nonsense", "cannot be read"),
        (certificate(), LOCKED, "without a password"),
        (certificate(), pem(ec.generate_private_key(ec.SECP256R1())), "another certificate"),
        (certificate(ends=-DAY / 2), pem(), "valid from"),
        (certificate(SHORT), pem(SHORT), "shorter than"),
        (certificate(ODD), pem(ODD), "browsers know no such key"),
        (certificate() + b"x" * (1 << 18), pem(), "too large"),
    ],
    ids=["no certificate", "no key", "locked", "another key", "ended", "short", "odd", "large"],
)
def test_what_cannot_serve_is_refused_before_anything_is_changed(chain: bytes, key: bytes, reason: str) -> None:
    """With why, and nothing of the key in it."""
    with pytest.raises(CertificateUnusable) as refusal:
        read_pair(chain, key, now=NOW, source="portal.pem")
    assert reason in str(refusal.value)
    assert "BEGIN" not in str(refusal.value)


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_no_file_breaks_the_reader(chain: bytes, key: bytes) -> None:
    """Whatever is uploaded."""
    for one, other in ((chain, pem()), (certificate(), key), (certificate() + chain, pem() + key)):
        try:
            read_pair(one, other, now=NOW, source="x")
        except CertificateUnusable:
            continue
