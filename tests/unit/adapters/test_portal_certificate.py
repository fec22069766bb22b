"""The certificate that the portal makes for itself."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from appliance.adapters.portal_certificate import LIFETIME, RENEW_BEFORE, CertificateUnusable, certificate_for
from appliance.settings import WebSettings

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def settings(**values: object) -> WebSettings:
    return WebSettings.model_validate(values)


def test_a_certificate_is_made_once(tmp_path: Path) -> None:
    """The second start uses the first one's, so that people trust it once."""
    first = certificate_for(settings(), tmp_path, now=NOW)
    second = certificate_for(settings(), tmp_path, now=NOW + timedelta(days=1))
    assert first == second
    assert len(first.fingerprint.split(":")) == 32


def test_it_is_made_again_before_it_runs_out(tmp_path: Path) -> None:
    """Thirty days ahead, so that a restart now and then is enough."""
    first = certificate_for(settings(), tmp_path, now=NOW)
    later = NOW + LIFETIME - RENEW_BEFORE + timedelta(seconds=1)
    second = certificate_for(settings(), tmp_path, now=later)
    assert second.fingerprint != first.fingerprint
    assert second.not_after > first.not_after


def test_it_is_made_again_for_a_new_name(tmp_path: Path) -> None:
    """A machine that is renamed, or given a public address, answers under it."""
    first = certificate_for(settings(), tmp_path, now=NOW)
    second = certificate_for(settings(public_url="https://jegyzet.példa.hu:8443/"), tmp_path, now=NOW)
    certificate = x509.load_pem_x509_certificate(second.chain.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "jegyzet.xn--plda-bpa.hu" in names.get_values_for_type(x509.DNSName)
    assert first.fingerprint != second.fingerprint
    assert certificate_for(settings(public_url="https://jegyzet.példa.hu:8443/"), tmp_path, now=NOW) == second


def test_the_key_is_for_the_owner_alone_and_in_the_form_that_the_server_takes(tmp_path: Path) -> None:
    """0600, PKCS#8; and both files load together."""
    made = certificate_for(settings(), tmp_path, now=NOW)
    assert made.private_key.stat().st_mode & 0o777 == 0o600
    assert b"BEGIN PRIVATE KEY" in made.private_key.read_bytes()
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(made.chain, made.private_key)


def test_a_damaged_pair_is_replaced(tmp_path: Path) -> None:
    """A crash or a full disk leaves no appliance without a portal."""
    made = certificate_for(settings(), tmp_path, now=NOW)
    made.chain.write_bytes(b"rubbish")
    again = certificate_for(settings(), tmp_path, now=NOW)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(again.chain, again.private_key)


def test_a_pair_that_does_not_match_is_replaced(tmp_path: Path) -> None:
    """Somebody restored one of the two files from a backup."""
    other = certificate_for(settings(), tmp_path / "other", now=NOW)
    made = certificate_for(settings(), tmp_path / "own", now=NOW)
    made.private_key.write_bytes(other.private_key.read_bytes())
    again = certificate_for(settings(), tmp_path / "own", now=NOW)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(again.chain, again.private_key)


def test_a_configured_certificate_is_used(tmp_path: Path) -> None:
    """One that the organisation's own authority has signed wins over ours."""
    theirs = certificate_for(settings(), tmp_path / "theirs", now=NOW)
    used = certificate_for(
        settings(certificate=theirs.chain, private_key=theirs.private_key), tmp_path / "ours", now=NOW
    )
    assert used == theirs
    assert not (tmp_path / "ours").exists()


def test_a_key_in_an_older_form_is_refused_with_the_remedy(tmp_path: Path) -> None:
    """The server would refuse it with a riddle."""
    theirs = certificate_for(settings(), tmp_path, now=NOW)
    key = serialization.load_pem_private_key(theirs.private_key.read_bytes(), None)
    older = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    theirs.private_key.write_bytes(older)
    with pytest.raises(CertificateUnusable, match="PKCS#8") as refusal:
        certificate_for(settings(certificate=theirs.chain, private_key=theirs.private_key), tmp_path, now=NOW)
    assert "web.private_key" in refusal.value.remedy


@pytest.mark.parametrize("given", ["certificate", "private_key"])
def test_half_a_pair_is_refused(tmp_path: Path, given: str) -> None:
    """A certificate without its key is a mistake that must not fall back to another certificate."""
    with pytest.raises(CertificateUnusable, match="together"):
        certificate_for(settings(**{given: tmp_path / "x.pem"}), tmp_path, now=NOW)
