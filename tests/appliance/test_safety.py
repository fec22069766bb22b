"""What one person must not do alone, what undoes itself, what leaves the machine for its maker, and how it ends.

One box for the whole file; each test stands on the one before, and the last takes the appliance off.
"""

import io
import json
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.adapters.age import Age
from appliance.erasure.certificate import check_certificate
from tests.appliance.box import Box, bare_root
from tests.appliance.machines import Stick, finding, media_with, took, visit
from tests.appliance.visit import EMAIL, NAME
from tests.factories.approvers import Person

pytestmark = [pytest.mark.slow, pytest.mark.thorough, pytest.mark.models, pytest.mark.timeout(3600)]
UNDO_LIMIT_S = 600.0
SPOKEN = "Elbocsátjuk Keresztes Ödönt szilveszterkor"
SECRETS = ("NyolcPirosAlma77", "hjs_pXq7Rk2Vw9Zt4Lm1Nb8", "10.77.66.55")
SHARED = (
    "/var/lib/dpkg",
    "/var/lib/apt",
    "/var/cache",
    "/var/log",
    "/var/lib/systemd",
    "/var/lib/pam",
    "/var/lib/dbus/machine-id",
    "/etc/.pwd.lock",
)
"""What the distribution's own programs keep for themselves."""


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> tuple[Person, Person]:
    """Two who may approve, with keys on sticks of their own."""
    folder = tmp_path_factory.mktemp("keys")
    return Person("anna", folder), Person("bela", folder)


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The maker's age key."""
    key = tmp_path_factory.mktemp("maker") / "support.key"
    subprocess.run(["age-keygen", "-o", str(key)], check=True, capture_output=True)
    shown = subprocess.run(["age-keygen", "-y", str(key)], check=True, capture_output=True, text=True)
    return key, shown.stdout.strip()


@pytest.fixture(scope="module")
def box(stick: Stick, installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A machine in use."""
    with Box.new("hj-safety", tmp_path_factory.mktemp("boxes"), base=installed, media=media_with(stick)) as running:
        visit(running)
        yield running


def approve(box: Box, people: tuple[Person, Person], *words: str) -> str:
    """Ask, sign twice, hand in; the request's id."""
    asked = json.loads(box.run("hangjegyzet", "approval", "request", *words, "--json").stdout)
    document = (box.root / asked["file"].lstrip("/")).read_bytes()
    for person in people:
        signature = box.root / f"root/{person.name}.sig"
        signature.write_bytes(person.sign(document))
        box.run("hangjegyzet", "approval", "add", asked["id"], f"/root/{person.name}.sig")
        signature.unlink()
    return str(asked["id"])


def events(box: Box, beginning: str) -> list[str]:
    """Names in the trail, in order."""
    lines = box.run("hangjegyzet", "audit", "export").stdout.splitlines()[1:]
    return [name for line in lines if (name := str(json.loads(line)["name"])).startswith(beginning)]


def let_in(box: Box) -> str:
    """From where the kernel lets people reach the portal."""
    return box.run("nft", "list", "set", "inet", "hangjegyzet", "portal_from4").stdout


def test_what_loosens_takes_two_people(box: Box, people: tuple[Person, Person]) -> None:
    """One person narrows the firewall; to widen it again takes two others, and holds once."""
    assert finding(box, "approvals")["severity"] == "warning"
    (box.root / "srv/people").write_text("".join(person.line for person in people))
    box.run("hangjegyzet", "approval", "enrol", "/srv/people")
    assert finding(box, "approvals")["severity"] == "ok"
    box.run("hangjegyzet", "config", "set", "jobs.keep_finished_days", "30")
    refused = box.run("hangjegyzet", "apply", check=False, timeout_s=600)
    assert refused.returncode == 3
    assert "jobs.keep_finished_days=30" in refused.stderr
    approve(box, people, "loosen", "--reason", "the council decided so")
    started = time.monotonic()
    box.run("hangjegyzet", "apply", timeout_s=900)
    took["apply what two people approved"] = time.monotonic() - started
    assert events(box, "approvals:") == [
        "approvals:approvers:enrolled",
        "approvals:act:refused",
        "approvals:request:made",
        "approvals:request:signed",
        "approvals:request:signed",
        "approvals:request:used",
    ]


def test_who_cuts_themselves_off_is_let_in_again(box: Box) -> None:
    """The portal is closed to everybody but one address, nobody confirms, and the old state comes back."""
    box.run("hangjegyzet", "config", "set", "firewall.portal_from", '["192.0.2.7/32"]')
    told = box.run("hangjegyzet", "apply", timeout_s=900).stderr
    assert "hangjegyzet apply --confirm" in told
    assert "192.0.2.7" in let_in(box)
    started = time.monotonic()
    while "192.0.2.7" in let_in(box):
        assert time.monotonic() - started < UNDO_LIMIT_S
        time.sleep(2)
    took["cut off until let in again"] = time.monotonic() - started
    wait_until_undone(box)
    assert "192.0.2.7" in (box.root / "etc/hangjegyzet/appliance.toml.unconfirmed").read_text()
    assert events(box, "configuration:change")[-1] == "configuration:change:undone"
    visit(box)


def test_a_power_cut_lets_in_too(box: Box) -> None:
    """Killed in the middle of its run and switched on again, the machine has the state of before."""
    box.run("hangjegyzet", "config", "set", "firewall.portal_from", '["192.0.2.8/32"]')
    box.run("systemd-run", "--unit=cutting", "hangjegyzet", "apply")
    started = time.monotonic()
    while "192.0.2.8" not in let_in(box):
        assert time.monotonic() - started < UNDO_LIMIT_S
        time.sleep(0.2)
    box.power_cut()
    box.boot()
    wait_until_undone(box)
    took["power cut until let in again"] = time.monotonic() - started
    assert "0.0.0.0/0" in let_in(box)


def wait_until_undone(box: Box) -> None:
    """The note goes last."""
    started = time.monotonic()
    while (box.root / "var/lib/hangjegyzet-apply/unconfirmed.json").exists():
        assert time.monotonic() - started < UNDO_LIMIT_S
        time.sleep(2)


def test_a_support_bundle_holds_no_canary(box: Box, maker: tuple[Path, str], tmp_path: Path) -> None:
    """Planted in the journal, the notes of programs, the environment and errors; the maker opens it and finds none."""
    leak = f"{SPOKEN} {' '.join(SECRETS)} {EMAIL} password={SECRETS[0]}"
    event = f'level=error event=step_failed title="{leak}" exception="Traceback ValueError: {leak}"'
    for line in (leak, event, f"Traceback (most recent call last): {leak}"):
        # As one of our own processes would say it, were it to have a mistake.
        box.run("systemd-run", "--wait", "--quiet", "--unit=hangjegyzet-canary", "echo", line)
    state = {"step": "failed", "reason": leak, NAME: EMAIL}
    (box.root / "var/lib/hangjegyzet-upgrade").mkdir(exist_ok=True)
    (box.root / "var/lib/hangjegyzet-upgrade/canary.json").write_text(json.dumps(state))
    box.run("hangjegyzet", "config", "set", "support.recipient", maker[1])
    box.run("hangjegyzet", "config", "set", "web.public_url", "https://titkoshaz.kekfa.example")
    started = time.monotonic()
    box.run("hangjegyzet", "support", "bundle", timeout_s=900)
    took["collect a support bundle"] = time.monotonic() - started
    shown = box.run("hangjegyzet", "support", "preview", "journal.txt").stdout
    box.run("hangjegyzet", "support", "export", "/root")
    (sealed,) = (box.root / "root").glob("*.tar.age")
    with tarfile.open(fileobj=io.BytesIO(Age().open(sealed.read_bytes(), maker[0]))) as tar:
        inside = {member.name: part.read().decode() for member in tar.getmembers() if (part := tar.extractfile(member))}
    assert inside["journal.txt"] == shown
    assert "hangjegyzet-canary" in shown
    assert "event=step_failed" in shown
    whole = "\n".join(inside.values()).casefold()
    key = (box.root / "etc/hangjegyzet/secrets/root.key").read_bytes().hex()
    needles = (*SPOKEN.split(), *SECRETS, EMAIL, EMAIL.partition("@")[0], NAME, "titkoshaz", key)
    assert [needle for needle in needles if needle.casefold() in whole] == []
    assert leak in box.run("journalctl", "--no-pager", "--unit=hangjegyzet-canary").stdout
    for file in (box.root / "root").glob("hangjegyzet-support-*"):
        file.unlink()


def test_the_appliance_goes_and_a_certificate_stays(box: Box, people: tuple[Person, Person], tmp_path: Path) -> None:
    """Two people approve it; afterwards nothing of ours is on the disk, and the certificate is checked elsewhere."""
    root_key = (box.root / "etc/hangjegyzet/secrets/root.key").read_bytes()
    name = box.run("hostname").stdout.strip()
    assert box.run("hangjegyzet", "uninstall", "--host", name, check=False).returncode == 3
    assert box.run("hangjegyzet", "uninstall", "--host", "another", check=False).returncode == 3
    approve(box, people, "uninstall", "keep_data=no", "--reason", "the contract ended")
    (box.root / "srv/people").unlink()
    started = time.monotonic()
    box.run("hangjegyzet", "uninstall", "--host", name, "--certificate", "/srv/certificate.json", timeout_s=1500)
    took["uninstall"] = time.monotonic() - started
    found = check_certificate(box.root / "srv/certificate.json")
    payload = found.statement.payload
    assert payload["approved_by"] == ["anna", "bela"]
    assert payload["verified"] == {"account_left": False, "files_left": [], "keys_left": [], "rules_left": False}
    assert "/etc/hangjegyzet/secrets/root.key" in {key["path"] for key in payload["keys"]}
    assert payload["packages_trouble"] == ""
    assert root_key.hex() not in (box.root / "srv/certificate.json").read_text()
    assert strangers(box) == ["/srv/certificate.json"]
    assert box.run("getent", "passwd", "hangjegyzet", "postgres", check=False).stdout == ""
    assert box.run("test", "-e", "/usr/sbin/nft", check=False).returncode == 1


def strangers(box: Box) -> list[str]:
    """Files that a Debian just installed does not have, but for those of the distribution itself and of ``sudo``."""
    bare = bare_root()
    kept = box.run("dpkg-query", "--listfiles", "sudo", check=False).stdout.split()
    listed = subprocess.run(
        ["find", str(box.root), "-xdev", "-not", "-type", "d", "-printf", "/%P\n"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return sorted(
        path
        for path in listed
        if not path.startswith((*SHARED, "/run/", "/tmp/", "/proc/", "/sys/", "/dev/", "/media/"))
        and not (bare / path.lstrip("/")).is_symlink()
        and not (bare / path.lstrip("/")).exists()
        and path not in kept
        and "sudo" not in path
        and path not in {"/etc/machine-id", "/etc/hosts", "/etc/ld.so.cache"}
        and not path.startswith("/etc/passwd")
    )
