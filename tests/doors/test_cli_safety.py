"""``support``, ``licence``, ``uninstall``, ``break-glass`` and ``key`` as somebody types them."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from structlog.testing import capture_logs
from typer import Typer
from typer.testing import CliRunner, Result

from appliance.configuration.errors import NeedsRoot
from appliance.entry import licences
from appliance.entry import support as support_entry
from appliance.erasure.certificate import CAVEATS, write_certificate
from appliance.erasure.errors import CertificateUnreadable
from appliance.kernel.clock import FixedClock
from appliance.keyring.signing import Signer, fingerprint
from appliance.licence.errors import LicenceForged
from appliance.support.errors import NoSuchItem, NothingCollected
from appliance.support.model import Collector
from appliance.support.redaction import Known
from cli.commands import break_glass, licence, support, uninstall
from cli.main import app
from tests.unit.licence.test_licence import MAKER, Site, file_of

SIGNER = Signer(Ed25519PrivateKey.generate(), FixedClock(datetime(2026, 11, 23, tzinfo=UTC)))


def run(command: Typer, *words: str) -> Result:
    with capture_logs():
        return CliRunner().invoke(command, list(words))


@pytest.fixture
def collected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which a small bundle was collected."""
    monkeypatch.setattr(support_entry, "FOLDER", tmp_path)
    part = Collector("units.txt", "States", lambda redactor: redactor.sentence("disk full, says Katalin") + "\n")
    with capture_logs():
        support_entry.open_support().collect((part,), known=Known(), vocabulary=frozenset({"disk", "full", "says"}))


@pytest.mark.usefixtures("collected")
def test_a_support_bundle_is_looked_at_before_it_leaves() -> None:
    """Part by part, to the letter, with what was taken out; forgotten when nobody needs it."""
    assert "1 word" in run(support.app, "preview").stdout
    assert run(support.app, "preview", "units.txt").stdout == "disk full, says ▒▒▒\n"
    (told,) = json.loads(run(support.app, "preview", "--json").stdout)["parts"]
    assert told["redacted"] == {"word": 1}
    assert isinstance(run(support.app, "preview", "other.txt").exception, NoSuchItem)
    assert run(support.app, "discard").exit_code == 0
    assert isinstance(run(support.app, "preview").exception, NothingCollected)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A machine that trusts the maker."""
    site = Site(tmp_path)
    monkeypatch.setattr(licences, "open_licence", lambda settings: site.service)
    monkeypatch.setattr(licences, "record_act", lambda *_, **__: True)
    return site


def test_a_licence_is_installed_and_shown(site: Site, tmp_path: Path) -> None:
    """From trial to valid; one that nobody vouched for changes nothing."""
    assert json.loads(run(licence.app, "show", "--json").stdout) == {"state": "trial"}
    file = tmp_path / "kekfa.json"
    file.write_bytes(file_of(MAKER, tmp_path / "keys"))
    assert "Kékfa Egyesület" in run(licence.app, "install", str(file)).output
    shown = json.loads(run(licence.app, "show", "--json").stdout)
    assert (shown["state"], shown["people"]) == ("valid", 20)
    file.write_bytes(file.read_bytes().replace(b'"signature": "', b'"signature": "AAAA'))
    assert isinstance(run(licence.app, "install", str(file)).exception, LicenceForged)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """What a machine left behind."""
    payload = {
        "host": "box", "version": "1.0.0", "began_at": "a", "ended_at": "b", "executor": "eva", "approved_by": ["anna"],
        "data_kept": False, "keys": [{"path": "/etc/hangjegyzet/secrets/root.key"}], "caveats": list(CAVEATS),
        "verified": {"files_left": [], "keys_left": []},
    }  # fmt: skip
    file = tmp_path / "certificate.json"
    file.write_bytes(write_certificate(SIGNER, payload))
    return file


def test_a_certificate_is_checked_on_any_machine(certificate: Path) -> None:
    """Without being root, and without a machine; another machine's key is refused."""
    key = fingerprint(SIGNER.public_key)
    told = run(uninstall.app, "--verify", str(certificate), "--key", key)
    assert told.exit_code == 0
    assert "nothing" in told.output
    assert "anna" in told.output
    assert "solid-state" in told.output
    refused = run(uninstall.app, "--verify", str(certificate), "--key", "0" * 64)
    assert isinstance(refused.exception, CertificateUnreadable)


@pytest.mark.parametrize(
    ("command", "words"), [(uninstall.app, ("--host", "box")), (break_glass.app, ("--reason", "full disk"))]
)
def test_only_root_begins_it(command: Typer, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody else is told so before anything is asked."""
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert isinstance(run(command, *words).exception, NeedsRoot)


def test_they_are_found_by_their_words() -> None:
    """As the manual writes them."""
    for words in (("break-glass", "--help"), ("key", "export", "--help"), ("approval", "request", "--help")):
        assert CliRunner().invoke(app, list(words)).exit_code == 0
