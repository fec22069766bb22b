"""Keys are overwritten before they are unlinked; what is left is found; the certificate is checked anywhere."""

import json
import os
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.entry import uninstall as uninstalling
from appliance.entry.approvals import this_host
from appliance.erasure import packages
from appliance.erasure.certificate import KIND, check_certificate, write_certificate
from appliance.erasure.errors import CertificateUnreadable, OtherBegun
from appliance.erasure.remains import DATA, remains, stays
from appliance.erasure.shredding import fingerprint, shred
from appliance.kernel.clock import FixedClock
from appliance.keyring.signing import Signer
from appliance.keyring.signing import fingerprint as key_name
from appliance.settings import Settings

SIGNER = Signer(Ed25519PrivateKey.generate(), FixedClock(datetime(2026, 11, 23, tzinfo=UTC)))


def test_a_key_is_overwritten_and_gone(tmp_path: Path):
    """Somebody who still holds the file open, as a forensic tool holds the blocks, finds other bytes, then none."""
    key = tmp_path / "root.key"
    content = os.urandom(32)
    key.write_bytes(content)
    seen = []
    with key.open("rb", buffering=0) as still_open:

        def watch(descriptor: int) -> None:
            seen.append(os.pread(still_open.fileno(), 100, 0))
            real(descriptor)

        real, os.fsync = os.fsync, watch
        try:
            (done,) = shred([key])
        finally:
            os.fsync = real
    assert not key.exists()
    assert len(seen) >= 3
    assert content not in seen
    assert all(len(one) in {0, 32} for one in seen[:3])
    assert done.bytes == 32
    assert done.fingerprint == fingerprint(content)


def test_what_is_not_there_or_no_file_is_passed_over(tmp_path: Path):
    """A second run finds nothing to do; a link is not followed to somebody's file."""
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    assert shred([tmp_path / "gone"]) == ()
    with pytest.raises(OSError, match="link"):
        shred([tmp_path / "link"])
    assert (tmp_path / "mine").read_text() == "mine"


def test_what_is_left_is_found(tmp_path: Path):
    """By the product's name, wherever roles put files; with data kept, data is not a leftover."""
    for path in ("etc/hangjegyzet/secrets/root.key", "etc/systemd/system/hangjegyzet-web.service", "etc/passwd"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    assert list(remains(root=tmp_path)) == ["/etc/hangjegyzet", "/etc/systemd/system/hangjegyzet-web.service"]
    assert list(remains(root=tmp_path, kept=DATA)) == ["/etc/systemd/system/hangjegyzet-web.service"]


def test_what_stays_is_named(tmp_path: Path):
    """The report of an uninstallation that keeps data says where it lies."""
    for path in ("etc/hangjegyzet/secrets", "var/lib/hangjegyzet", "var/lib/postgresql/15", "var/lib/other"):
        (tmp_path / path).mkdir(parents=True)
    assert list(stays(root=tmp_path)) == ["/etc/hangjegyzet", "/var/lib/hangjegyzet", "/var/lib/postgresql/15"]


@pytest.mark.parametrize("begun_keeping", [True, False])
def test_one_that_was_begun_does_not_turn_into_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, begun_keeping: bool
):
    """Cut off and repeated with another choice it would erase what two people signed to keep."""
    note = uninstalling.Note(
        datetime(2026, 11, 23, tzinfo=UTC), "anna", ("anna", "béla"), "nonce", {}, keep_data=begun_keeping
    )
    (tmp_path / "note.json").write_bytes(msgspec.json.encode(note))
    monkeypatch.setattr(uninstalling, "NOTE", tmp_path / "note.json")
    monkeypatch.setattr(uninstalling, "open_signer", lambda _: SIGNER)
    monkeypatch.setattr(uninstalling, "_erase_keys", lambda *_: pytest.fail("keys were erased"))
    monkeypatch.setattr(uninstalling, "_remove", lambda *_: pytest.fail("something was removed"))
    with pytest.raises(OtherBegun, match="keeps data" if begun_keeping else "erases") as refusal:
        uninstalling.uninstall(
            Settings(), confirmed_host=this_host().name, keep_data=not begun_keeping, certificate=None, tell=print
        )
    assert ("--keep-data" in refusal.value.remedy) is begun_keeping


def test_every_place_that_a_role_writes_to_is_looked_at():
    """A role that puts a file where nobody looks would leave it behind."""
    roles = Path(__file__).parents[3] / "ansible" / "roles"
    written = {
        line.split(":", 1)[1].strip().strip('"')
        for tasks in roles.glob("*/tasks/*.yml")
        if tasks.parts[-3] != "uninstall"
        for line in tasks.read_text().splitlines()
        if line.strip().startswith("dest: /") and "hangjegyzet" in line
    }
    places = ("/etc/", "/usr/local/bin/", "/opt/hangjegyzet", "/var/lib/hangjegyzet")
    assert len(written) > 10
    assert {path for path in written if not path.startswith(places) or path.count("/") > 6} == set()


class Apt:
    """A distribution of a few packages; ``needs`` tells which package needs which."""

    def __init__(self, installed: Sequence[str], needs: dict[str, str]) -> None:
        self.installed, self.needs, self.purged = installed, needs, []

    def __call__(self, command: Sequence[str]) -> str:
        if command[0] == "dpkg-query":
            return "".join(f"ii  {name}\n" for name in self.installed) + "un  gone\n"
        asked = {name for name in command if name in self.installed}
        going = asked | {name for name, needed in self.needs.items() if needed in asked}
        if "--simulate" in command:
            return "".join(f"Purg {name} [1.0]\n" for name in sorted(going))
        self.purged += sorted(going)
        return ""


def test_packages_that_came_with_it_go(tmp_path: Path):
    """What was there before stays, and so does what lets an administrator be root."""
    before = tmp_path / "packages.before"
    before.write_text("bash\nopenssl\n")
    apt = Apt(["bash", "openssl", "nftables", "postgresql", "sudo"], {})
    going = packages.removable(packages.ours(before, run=apt), run=apt)
    assert packages.purge(going, run=apt) == ""
    assert apt.purged == ["nftables", "postgresql"]


def test_a_package_that_somebody_needs_stays(tmp_path: Path):
    """An administrator's own program is not taken along."""
    apt = Apt(["python3", "nftables", "theirs"], {"theirs": "python3"})
    assert packages.removable(["nftables", "python3"], run=apt) == ["nftables"]


def test_without_notes_no_package_goes(tmp_path: Path):
    """Where nobody wrote down what was there before, nothing is guessed."""
    assert packages.ours(tmp_path / "missing", run=Apt(["bash"], {})) == ()


def test_a_package_that_refuses_is_told():
    """It holds no data, and stops nothing."""

    def refuses(command: Sequence[str]) -> str:
        raise subprocess.CalledProcessError(100, command, stderr="Refusing to remove\n")

    assert packages.purge(["sudo"], run=refuses) == "Refusing to remove"


def test_a_certificate_is_checked_anywhere(tmp_path: Path):
    """With the file alone; whose key it is, the fingerprint tells."""
    path = tmp_path / "certificate.json"
    path.write_bytes(write_certificate(SIGNER, {"host": "box"}))
    found = check_certificate(path, expected_key=key_name(SIGNER.public_key))
    assert found.statement.payload == {"host": "box"}
    with pytest.raises(CertificateUnreadable, match="another machine"):
        check_certificate(path, expected_key="0" * 64)


def test_another_document_of_the_machine_is_none(tmp_path: Path):
    """A signed egress report does not pass for an erasure."""
    path = tmp_path / "certificate.json"
    tail = write_certificate(SIGNER, {}).partition(b"\n")[2]
    path.write_bytes(SIGNER.sign("egress-report", {}) + tail)
    with pytest.raises(CertificateUnreadable):
        check_certificate(path)
    assert KIND != "egress-report"


@settings(max_examples=150)
@given(at=st.integers(0, 100_000), bit=st.integers(0, 7))
def test_no_bit_of_a_certificate_can_flip(tmp_path_factory: pytest.TempPathFactory, at: int, bit: int):
    """Neither what it says, nor the signature; another key in it is another fingerprint."""
    whole = write_certificate(SIGNER, {"host": "box", "keys": ["root"]})
    data = bytearray(whole)
    data[at % len(data)] ^= 1 << bit
    path = tmp_path_factory.mktemp("c") / "certificate.json"
    path.write_bytes(bytes(data))
    try:
        found = check_certificate(path, expected_key=key_name(SIGNER.public_key))
    except CertificateUnreadable:
        return
    assert found.statement.payload == {"host": "box", "keys": ["root"]}


@given(data=st.binary(max_size=300) | st.text(max_size=100).map(str.encode))
def test_no_bytes_break_the_reader_of_certificates(tmp_path_factory: pytest.TempPathFactory, data: bytes):
    """What is none is refused by name."""
    path = tmp_path_factory.mktemp("c") / "certificate.json"
    for each in (data, data + b"\n" + json.dumps({"public_key": data.hex()}).encode(), b"{}\n[]"):
        path.write_bytes(each)
        with pytest.raises(CertificateUnreadable):
            check_certificate(path)
