"""Requests, signatures and lists that somebody made up: each is refused by an error of ours, none is believed."""

import struct
from base64 import b64encode
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from appliance.adapters.ssh_signatures import SshKeygen
from appliance.approvals.approvers import read_approvers
from appliance.approvals.errors import ApproversInvalid, RequestInvalid, SignatureInvalid
from appliance.approvals.model import Host, Verb, read_request, write_request
from appliance.approvals.service import ApprovalService
from appliance.approvals.signatures import read_signature
from appliance.approvals.store import ApprovalStore
from appliance.kernel.clock import FixedClock
from tests.factories.approvers import Person, SecurityKeyPerson

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Person:
    return Person("anna", tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("store")
    store = ApprovalStore(folder, approvers_file=folder / "approvers")
    service = ApprovalService(store, SshKeygen(), FixedClock(NOW), host=Host("box", "0" * 32))
    request, path = service.request(Verb.PURGE, {"set": "20261101"}, reason="it is full", by="dora")
    assert path.read_bytes() == write_request(request)
    return write_request(request)


@pytest.fixture(scope="module")
def signature(person: Person, document: bytes) -> bytes:
    return person.sign(document)


@settings(max_examples=300)
@given(data=st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
@example(b"[" * 5000)
@example(b'{"format":1e400}')
@example(b"\xff\xfe{}")
def test_no_bytes_break_the_reader_of_requests(data: bytes):
    """What is no request is refused by name."""
    with pytest.raises(RequestInvalid):
        read_request(data)


@settings(max_examples=300)
@given(at=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_request_with_one_bit_changed_is_never_the_same(document: bytes, at: float, bit: int):
    """It cannot be read, or says something else: two files never mean one act."""
    data = bytearray(document)
    data[int(at * len(data))] ^= 1 << bit
    with suppress(RequestInvalid):
        assert write_request(read_request(bytes(data))) == bytes(data) != document


@settings(max_examples=400)
@given(data=st.binary(max_size=300))
def test_no_bytes_break_the_reader_of_signatures(data: bytes):
    """Armoured or not, with lengths that lie: refused by name."""
    wrapped = (
        b"-----BEGIN SSH SIGNATURE-----\n" + b64encode(b"SSHSIG\0\0\0\1" + data) + b"\n-----END SSH SIGNATURE-----\n"
    )
    for each in (data, wrapped):
        with pytest.raises(SignatureInvalid):
            read_signature(each)


@settings(max_examples=200)
@given(cut=st.floats(0, 1, exclude_max=True))
def test_a_signature_that_was_cut_off_is_refused(signature: bytes, cut: float):
    """Its end is part of it."""
    with pytest.raises(SignatureInvalid):
        read_signature(signature[: int(cut * (len(signature) - 1))])


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_no_bit_of_a_signature_can_flip(person: Person, document: bytes, signature: bytes, at: int, bit: int):
    """ssh-keygen refuses each that our reader lets through."""
    parts = read_signature(signature)
    data = bytearray(parts.armored)
    data[at % len(data)] ^= 1 << bit
    owner = read_approvers((person.line + SecurityKeyPerson("bela").line).encode()).owner_of(parts.key_blob)
    try:
        changed = read_signature(bytes(data))
    except SignatureInvalid:
        return
    if changed.armored != parts.armored:
        assert SshKeygen().check(document, changed.armored, by=owner)


@settings(max_examples=300)
@given(data=st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_no_bytes_break_the_reader_of_approvers(data: bytes):
    """What is no list of two people is refused by name."""
    with pytest.raises(ApproversInvalid):
        read_approvers(data)


@pytest.mark.parametrize(
    "line",
    [
        "* {key}",
        "*@example.com {key}",
        "anna,bela {key}",
        "bela cert-authority {key}",
        'bela namespaces="*" {key}',
        'bela valid-after="20200101" {key}',
        "!anna {key}",
        "../bela {key}",
        "ANNA {key}",
    ],
)
def test_a_line_that_could_be_more_than_one_person_is_refused(person: Person, line: str, tmp_path: Path):
    """Wildcards, authorities, lists of names and names in two spellings would let one stand for two."""
    key = " ".join(Person("bela", tmp_path).line.split()[1:])
    with pytest.raises(ApproversInvalid):
        read_approvers((person.line + line.format(key=key) + "\n").encode())


def test_one_key_with_two_owners_is_refused(person: Person):
    """Otherwise a single key would sign for two."""
    with pytest.raises(ApproversInvalid, match="twice"):
        read_approvers((person.line + person.line.replace("anna", "bela")).encode())


def test_a_list_of_one_is_refused(person: Person, tmp_path: Path):
    """One person with two keys is still alone."""
    spare = Person("anna", tmp_path, key="spare")
    with pytest.raises(ApproversInvalid, match="names 1 people"):
        read_approvers((person.line + spare.line).encode())


def test_a_length_that_promises_more_than_there_is_is_refused():
    """No memory is set aside for it."""
    blob = b"SSHSIG\0\0\0\1" + struct.pack(">I", 0xFFFFFFFF) + b"x"
    with pytest.raises(SignatureInvalid, match="cut off"):
        read_signature(b"-----BEGIN SSH SIGNATURE-----\n" + b64encode(blob) + b"\n-----END SSH SIGNATURE-----\n")


def test_rsa_keys_are_refused_with_what_to_do(tmp_path: Path, person: Person):
    """Their signatures do not fit into an event of the trail."""
    old = Person("bela", tmp_path, key_type="rsa")
    with pytest.raises(ApproversInvalid, match="ed25519"):
        read_approvers((person.line + old.line).encode())
