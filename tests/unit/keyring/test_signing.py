"""Signed documents: true to the byte, bound to one key and one kind, and checkable with openssl alone."""

import json
import re
import subprocess
import textwrap
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.kernel.clock import FixedClock
from appliance.kernel.errors import HangJegyzetError
from appliance.keyring import signing
from appliance.keyring.errors import EnvelopeForged, EnvelopeInvalid, EnvelopeOfAnotherKey, EnvelopeOfAnotherKind
from appliance.keyring.signing import Signer, fingerprint, new_private_key, read_private_key, verify, write_public_key

AT = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
KEY = read_private_key(new_private_key())
SIGNER = Signer(KEY, FixedClock(AT))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(st.text(), JSON, max_size=5)


@given(DOCUMENTS)
def test_what_was_signed_is_read_again(payload: dict[str, Any]) -> None:
    """Any JSON, with its kind, its time and the name of the key."""
    found = verify(SIGNER.sign("egress-report", payload), KEY.public_key(), kind="egress-report")
    assert found.payload == payload
    assert (found.kind, found.at, found.key) == ("egress-report", AT, fingerprint(KEY.public_key()))


@given(DOCUMENTS, st.data())
def test_every_changed_byte_is_found(payload: dict[str, Any], data: st.DataObject) -> None:
    """Wherever it is, in the document or in the signature; so is a cut at any place."""
    envelope = bytearray(SIGNER.sign("drill-report", payload))
    place = data.draw(st.integers(0, len(envelope) - 2))
    with pytest.raises(HangJegyzetError):
        verify(bytes(envelope[:place]), KEY.public_key())
    envelope[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(HangJegyzetError):
        verify(bytes(envelope), KEY.public_key())


@given(st.binary(max_size=400) | st.binary(max_size=200).map(lambda inner: b'{"signed":' + inner + b'"}'))
def test_any_bytes_are_refused_by_a_known_error(foreign: bytes) -> None:
    """A file from elsewhere never breaks the reader."""
    with pytest.raises(EnvelopeInvalid):
        verify(foreign, KEY.public_key())


@pytest.mark.parametrize(
    "statement",
    [
        b'{"at":1}',
        b'{"a":1,"a":1}',
        b"[" * 100_000,
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"at":"0000-00-00T00:00:00.000000Z","format":1,"key":"","kind":"x","payload":{}}',
        b'{"at":"2026-11-23T08:30:00.000000+01:00","format":1,"key":"","kind":"x","payload":{}}',
        b'{"at":"2026-11-23T08:30:00.000000Z","format":2,"key":"","kind":"x","payload":{}}',
        b'{"at":"2026-11-23T08:30:00.000000Z","format":true,"key":"","kind":"x","payload":{}}',
        b'{ "at":"2026-11-23T08:30:00.000000Z","format":1,"key":"","kind":"x","payload":{}}',
        b'{"at":"2026-11-23T08:30:00.000000Z","format":1,"key":"","kind":"x","payload":{"a":NaN}}',
    ],
    ids=["fields", "twice", "deep", "long", "no time", "elsewhere", "format", "boolean", "space", "no number"],
)
def test_a_statement_has_one_form(statement: bytes) -> None:
    """Two readers never see two things in one document, though the key had signed it."""
    envelope = b'{"signed":' + statement + b',"signature":"' + _base64(KEY.sign(statement)) + b'"}\n'
    with pytest.raises(EnvelopeInvalid):
        verify(envelope, KEY.public_key())


def test_another_machines_document_is_not_taken() -> None:
    """It says whose it is; one that only claims our name is a forgery."""
    other = Signer(read_private_key(new_private_key()), FixedClock(AT))
    theirs = other.sign("backup", {"a": 1})
    with pytest.raises(EnvelopeOfAnotherKey) as refusal:
        verify(theirs, KEY.public_key())
    assert refusal.value.fields["found"] == fingerprint(other.public_key)
    claimed = theirs.replace(fingerprint(other.public_key).encode(), fingerprint(KEY.public_key()).encode())
    with pytest.raises(EnvelopeForged):
        verify(claimed, KEY.public_key())


def test_a_document_of_another_kind_is_not_taken() -> None:
    """A drill's report is no proof of silence."""
    with pytest.raises(EnvelopeOfAnotherKind):
        verify(SIGNER.sign("drill-report", {}), KEY.public_key(), kind="egress-report")


@pytest.mark.parametrize("kind", ["", "Egress", "a b", "x" * 65])
def test_a_kind_is_a_plain_name(kind: str) -> None:
    """It becomes part of file names."""
    with pytest.raises(ValueError):
        SIGNER.sign(kind, {})


def test_a_signature_has_one_spelling() -> None:
    """The unused bits at the end of base64 cannot make a second envelope of the same document."""
    envelope = SIGNER.sign("backup", {})
    last = envelope[-6:-5]
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    sibling = alphabet[alphabet.index(last) ^ 1 :][:1]
    with pytest.raises(EnvelopeInvalid):
        verify(envelope[:-6] + sibling + envelope[-5:], KEY.public_key())


def test_an_endless_file_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is a limit before anything is parsed."""
    monkeypatch.setattr(signing, "MAX_ENVELOPE_BYTES", 10)
    with pytest.raises(EnvelopeInvalid) as refusal:
        verify(SIGNER.sign("backup", {}), KEY.public_key())
    assert refusal.value.fields["reason"] == "it is too large"


def test_openssl_alone_can_check_it(tmp_path: Path) -> None:
    """The very commands that the documentation gives, on a document that tries to confuse them."""
    payload = {"signature": "x", "text": '","signature":"eA=="}', "é": ['{"signed":', "\n"]}
    (tmp_path / "FILE").write_bytes(SIGNER.sign("egress-report", payload))
    (tmp_path / "appliance.pem").write_bytes(write_public_key(KEY.public_key()))
    commands = textwrap.dedent(str(signing.__doc__).partition("::\n")[2])
    said = subprocess.run(["sh", "-euc", commands], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert "Signature Verified Successfully" in said
    assert json.loads((tmp_path / "statement").read_bytes())["payload"] == payload
    sha256 = subprocess.run(["sha256sum", "appliance.pem"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert sha256.stdout.split()[0] == fingerprint(KEY.public_key())

    changed = re.sub(rb'"kind":"egress', b'"kind":"Egress', (tmp_path / "FILE").read_bytes())
    (tmp_path / "FILE").write_bytes(changed)
    refused = subprocess.run(["sh", "-euc", commands], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert refused.returncode != 0


def _base64(content: bytes) -> bytes:
    return subprocess.run(["base64", "--wrap=0"], input=content, capture_output=True, check=True).stdout
