"""The appliance's own certificate authority."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given
from hypothesis import strategies as st

from appliance.nodes.authority import (
    REQUEST_LIMIT_BYTES,
    Authority,
    fingerprint_of,
    new_key,
    request_for,
    requested_key,
    serial_text,
    valid_until,
)
from appliance.nodes.errors import AuthorityDamaged, RequestInvalid

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority(tmp_path / "nodes" / "authority.pem", tmp_path / "secrets" / "nodes.key")
    assert made.create(name="test", now=NOW)
    return made


def test_an_authority_is_made_once(authority: Authority) -> None:
    """A second run changes nothing: tokens and certificates stay good."""
    before = authority.fingerprint
    assert not authority.create(name="other", now=NOW)
    assert authority.fingerprint == before == fingerprint_of(authority.pem)


def test_its_key_is_for_root_alone(authority: Authority, tmp_path: Path) -> None:
    """Whoever reads the key can let in anybody."""
    assert (tmp_path / "secrets" / "nodes.key").stat().st_mode & 0o777 == 0o400


def test_a_certificate_says_who_and_for_how_long(authority: Authority) -> None:
    """It is signed by the authority, short-lived, and made out to a name and an address."""
    key = new_key()
    issued = authority.issue(key.public_key(), name="hangjegyzet_node_a", addresses=("10.0.0.2",), now=NOW, days=7)
    certificate = x509.load_pem_x509_certificate(issued.pem)
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.pem))
    assert certificate.subject.rfc4514_string() == "CN=hangjegyzet_node_a"
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    assert issued.serial == serial_text(certificate.serial_number)
    assert valid_until(issued.pem) - NOW <= timedelta(days=7)


def test_a_request_proves_that_its_sender_has_the_key() -> None:
    """The public key comes out; nothing else of a request is believed."""
    key = new_key()
    assert requested_key(request_for(key, name="whatever")) == key.public_key()


def test_another_kind_of_key_is_refused() -> None:
    """One kind everywhere, so that every library can use it."""
    for key, digest in (
        (ed25519.Ed25519PrivateKey.generate(), None),
        (ec.generate_private_key(ec.SECP384R1()), hashes.SHA256()),
    ):
        request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, digest)
        with pytest.raises(RequestInvalid):
            requested_key(request.public_bytes(serialization.Encoding.PEM))


def test_a_request_of_which_a_byte_was_changed_is_refused() -> None:
    """A signature over something else is none."""
    request = x509.load_pem_x509_csr(request_for(new_key(), name="abcdef"))
    forged = request.public_bytes(serialization.Encoding.DER).replace(b"abcdef", b"abcdeg")
    pem = x509.load_der_x509_csr(forged).public_bytes(serialization.Encoding.PEM)
    with pytest.raises(RequestInvalid):
        requested_key(pem)


@given(st.binary(max_size=REQUEST_LIMIT_BYTES + 10))
def test_whatever_a_visitor_sends_it_is_refused_in_words(junk: bytes) -> None:
    """Bytes from outside end in a refusal and in nothing else."""
    with pytest.raises(RequestInvalid):
        requested_key(junk)


def test_an_authority_without_its_key_signs_nothing(authority: Authority, tmp_path: Path) -> None:
    """It says what is missing and where it comes back from."""
    (tmp_path / "secrets" / "nodes.key").unlink()
    with pytest.raises(AuthorityDamaged) as damaged:
        authority.issue(new_key().public_key(), name="a", addresses=(), now=NOW, days=1)
    assert "backup" in damaged.value.remedy
