"""``hangjegyzet bundle``: what a technician asks about a file on a stick, with exit codes that scripts tell apart."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from appliance.kernel.errors import HangJegyzetError
from appliance.releases import errors
from appliance.releases.model import Purpose
from cli.commands.bundle import app
from cli.exit_codes import ExitCode, exit_code_for
from tests.factories.bundles import Maker, archived

MAKER = Maker(not_before=datetime.now(UTC) - timedelta(days=1), days=2)


@pytest.fixture
def machine(tmp_path: Path) -> list[str]:
    """Options that stand for a machine which trusts the maker and has had release 7."""
    MAKER.signer(tmp_path / "trust")
    (tmp_path / "high_seq").write_text("7\n")
    return ["--trust-folder", str(tmp_path / "trust"), "--high-seq", str(tmp_path / "high_seq")]


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def code_of(result: Result) -> ExitCode:
    assert isinstance(result.exception, HangJegyzetError)
    return exit_code_for(result.exception)


def test_a_good_bundle_is_told_as_json(tmp_path: Path, machine: list[str]):
    """Version, number, size and who signed it; data alone on stdout."""
    found = run("verify", archived(MAKER.bundle(tmp_path / "bundle")), "--json", *machine)
    assert found.exit_code == 0
    told = json.loads(found.stdout)
    assert (told["version"], told["release_seq"], told["models"]) == ("0.2.0", 7, ["whisper-base"])
    assert told["root_keys"] == MAKER.trust.fingerprint
    assert told["release_key_grade"] == "production"


def test_sizes_are_for_people(tmp_path: Path, machine: list[str]):
    """Without --json, one thing a line."""
    found = run("verify", MAKER.bundle(tmp_path / "bundle"), *machine)
    assert "needs disk         1.0 GiB" in found.stdout
    assert "needs cpu flags    avx2" in found.stdout


def test_a_damaged_bundle_has_its_own_exit_code(tmp_path: Path, machine: list[str]):
    """Damaged is not refused: another copy may be right."""
    bundle = MAKER.bundle(tmp_path / "bundle")
    (bundle / "LICENSE").write_bytes(b"else")
    assert code_of(run("verify", bundle, *machine)) is ExitCode.CORRUPT


def test_a_replayed_bundle_is_refused(tmp_path: Path, machine: list[str]):
    """A machine remembers the newest release that it had."""
    (tmp_path / "high_seq").write_text("8\n")
    found = run("verify", MAKER.bundle(tmp_path / "bundle"), *machine)
    assert isinstance(found.exception, errors.ReleaseReplayed)
    assert code_of(found) is ExitCode.REFUSED


def test_a_machine_without_root_keys_wants_their_fingerprint(tmp_path: Path, machine: list[str]):
    """Nothing is trusted because it came along; a confirmed fingerprint is."""
    bundle = MAKER.bundle(tmp_path / "bundle")
    bare = ["--trust-folder", tmp_path / "none", *machine[2:]]
    assert isinstance(run("verify", bundle, *bare).exception, errors.TrustMissing)
    assert isinstance(run("verify", bundle, *bare, "--trust", "0" * 64).exception, errors.TrustMismatch)
    assert run("verify", bundle, *bare, "--trust", MAKER.trust.fingerprint).exit_code == 0


def test_a_fingerprint_does_not_replace_what_the_machine_trusts(tmp_path: Path, machine: list[str]):
    """On an installed machine the bundle's own keys never count, whatever is typed."""
    other = replace(Maker(), not_before=MAKER.not_before)
    found = run("verify", other.bundle(tmp_path / "bundle"), *machine, "--trust", other.trust.fingerprint)
    assert isinstance(found.exception, errors.TrustMismatch)


def test_showing_needs_no_trust_and_gives_none(tmp_path: Path):
    """What a bundle says of itself can be read before anybody decides."""
    bundle = MAKER.bundle(tmp_path / "bundle")
    (bundle / "LICENSE").write_bytes(b"else")
    found = run("show", archived(bundle), "--json")
    assert json.loads(found.stdout)["target"] == "debian 12 on amd64 with Python 3.11"
    assert "verify" in found.stderr
    assert code_of(run("show", tmp_path / "none")) is ExitCode.NOT_FOUND


def test_updates_are_checked_by_the_same_command(tmp_path: Path, machine: list[str]):
    """It sees by itself what kind of bundle it is; their numbers are counted apart from those of releases."""
    maker = replace(MAKER, purposes=(Purpose.UPDATES,))
    updates = archived(maker.updates(tmp_path / "updates"))
    (tmp_path / "updates_high_seq").write_text("2026112300\n")
    told = run("verify", updates, "--json", *machine, "--updates-high-seq", tmp_path / "updates_high_seq")
    assert json.loads(told.stdout)["packages"] == ["less 590-2 → 590-2.1 (takes effect at once)"]
    (tmp_path / "updates_high_seq").write_text("2026112301\n")
    replayed = run("verify", updates, *machine, "--updates-high-seq", tmp_path / "updates_high_seq")
    assert isinstance(replayed.exception, errors.UpdatesReplayed)
    assert "2026.11.23" in run("show", updates).stdout
